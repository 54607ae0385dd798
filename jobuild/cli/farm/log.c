/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PIECE_MAX ((int64_t)1 << 30) /* bytes of one answer */
#define PATIENCE  60                 /* seconds that a master may be away */
#define FAR       (1LL << 50)        /* an offset that no log has */

struct log_options {
	const char *step, *offset;
	bool follow;
};

static const struct opt options[] = {
    {"follow", 'f', OPT_FLAG, offsetof(struct log_options, follow), NULL,
	"go on until the log is complete"},
    {"step", 's', OPT_TEXT, offsetof(struct log_options, step), "K",
	"only this step, as \"jobuild status\" numbers them"},
    {"offset", 'o', OPT_TEXT, offsetof(struct log_options, offset), "N",
	"from this byte of a step on; below 0 from its end"},
    CLIENT_OPTIONS,
    {0},
};

struct reader {
	struct cli *cli;
	struct http *http;
	int64_t unit;
	long step;
	int64_t from; /* where to begin; below 0 it's counted from the end */
	int64_t offset;
	char attempt[24]; /* whose log it is */
	bool filtered;    /* for a terminal */
	struct filter filter;
	bool lines;      /* --json --follow: an object a line */
	struct buf text; /* --json: what came of the step, or of its line */
	json_t *steps;   /* --json: those that are through; else NULL */
	int spool;
	bool follow, reached; /* reached: the master has answered */
	int away;             /* calls in a row that it hasn't */
	bool more;            /* the last piece had bytes */
	bool closed;          /* nothing more comes */
};

/* An exit status, as what follows. */
static int
empty_spool(struct reader *r)
{
	if (ftruncate(r->spool, 0) < 0 || lseek(r->spool, 0, SEEK_SET) < 0)
		return cli_errorf(
		    r->cli, CLI_FAILED, "log: %s", strerror(errno));
	return CLI_OK;
}

/* As JSON has it; what is no UTF-8 becomes U+FFFD. */
static json_t *
text_json(const struct buf *b)
{
	struct buf clean;
	json_t *out;
	size_t i, n;

	buf_init(&clean, 3 * (size_t)PIECE_MAX);
	for (i = 0; i < b->len; i += n ? n : 1) {
		n = utf8_valid(b->data + i, b->len - i);
		if (n > 0)
			buf_add(&clean, b->data + i, n);
		else
			buf_adds(&clean, "\xef\xbf\xbd");
	}
	out = json_stringn(clean.data ? clean.data : "", clean.len);
	buf_release(&clean);
	return out;
}

static void
print_object(struct reader *r)
{
	json_t *o = json_pack("{s:I, s:s, s:o}", "step", (json_int_t)r->step,
	    "attempt", r->attempt, "line", text_json(&r->text));

	json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(o);
	r->text.len = 0;
}

static void
emit_lines(struct reader *r, const char *p, size_t n)
{
	const char *end;
	size_t len;

	for (; n > 0; n -= len, p += len) {
		end = memchr(p, '\n', n);
		len = end ? (size_t)(end - p) + 1 : n;
		buf_add(&r->text, p, len - (end != NULL));
		if (end)
			print_object(r);
	}
}

/* Bytes of the log, for whoever reads them. */
static void
emit(struct reader *r, const char *p, size_t n)
{
	if (r->lines)
		emit_lines(r, p, n);
	else if (r->steps)
		buf_add(&r->text, p, n);
	else if (r->filtered)
		filter_write(&r->filter, p, n, stdout);
	else
		fwrite(p, 1, n, stdout);
}

/* The step is through, or begins anew. */
static void
emit_end(struct reader *r, bool anew)
{
	if (r->lines && r->text.len > 0 && !anew)
		print_object(r);
	else if (r->steps && !r->lines && !anew)
		json_array_append_new(r->steps,
		    json_pack("{s:I, s:s, s:b, s:o}", "step",
			(json_int_t)r->step, "attempt", r->attempt, "complete",
			(int)r->closed, "text", text_json(&r->text)));
	else if (r->filtered)
		filter_end(&r->filter, stdout);
	r->text.len = 0;
}

/* Print what the spool has, and empty it. */
static int
drain(struct reader *r)
{
	char chunk[65536];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(r->spool, chunk, sizeof(chunk), at)) > 0) {
		emit(r, chunk, (size_t)n);
		at += n;
	}
	if (n < 0)
		return cli_errorf(
		    r->cli, CLI_FAILED, "log: %s", strerror(errno));
	if (cli_flush(r->cli) < 0)
		return CLI_FAILED;
	r->offset += at;
	r->more = at > 0;
	return empty_spool(r);
}

/* A unit that was given to another slave begins a new log. */
static bool
is_other_attempt(struct reader *r)
{
	const char *attempt = http_header(r->http, "X-Log-Attempt");
	bool other = *r->attempt && strcmp(r->attempt, attempt) != 0;

	snprintf(r->attempt, sizeof(r->attempt), "%s", attempt);
	return other;
}

static void
begin_anew(struct reader *r)
{
	emit_end(r, true);
	cli_note(r->cli, "--- attempt %s: from the start ---", r->attempt);
	r->offset = 0;
}

static int
take_piece(struct reader *r)
{
	r->closed = strcmp(http_header(r->http, "X-Log-State"), "closed") == 0;
	if (!is_other_attempt(r))
		return drain(r);
	begin_anew(r);
	r->more = true;
	return empty_spool(r);
}

/* Bytes as they come; the offset always is what was printed. */
static bool
take_live(void *ctx, const char *p, size_t n)
{
	struct reader *r = ctx;

	if (is_other_attempt(r)) {
		begin_anew(r);
		return false;
	}
	emit(r, p, n);
	r->offset += (int64_t)n;
	return cli_flush(r->cli) == 0 && !client_stopped();
}

/*
 * The log as it is written, for as long as the line holds; how it ended does
 * not matter: the next look at the log is from where we are.
 */
static void
follow_live(struct reader *r)
{
	struct error ignored = {0};

	http_stream(r->http,
	    arena_printf(&r->cli->arena,
		"/api/v1/units/%lld/log?step=%ld&offset=%lld&follow=1",
		(long long)r->unit, r->step, (long long)r->offset),
	    NULL, take_live, r, &ignored);
}

/* Nothing was answered: is it worth another try? A restart ends. */
static bool
comes_back(struct reader *r)
{
	return r->follow && r->reached && ++r->away < PATIENCE &&
	    client_pause();
}

static void
note_reached(struct reader *r)
{
	r->reached = true;
	r->away = 0;
	cli_overcome(r->cli);
}

/* All that is there at the moment; an exit status. */
static int
read_pieces(struct reader *r)
{
	const char *path;
	int rc;

	do {
		path = arena_printf(&r->cli->arena,
		    "/api/v1/units/%lld/log?step=%ld&offset=%lld",
		    (long long)r->unit, r->step, (long long)r->offset);
		rc = client_get(r->cli, r->http, path, r->spool, PIECE_MAX);
		if (rc != CLI_OK)
			return rc;
		note_reached(r);
		rc = take_piece(r);
		if (rc != CLI_OK)
			return rc;
	} while (r->more);
	return CLI_OK;
}

/* Ask for what can't be there: 404, or the headers say how long it is. */
static int
ask_size(struct reader *r, int64_t *out)
{
	struct error ignored = {0};
	int status;

	do {
		status = http_get(r->http,
		    arena_printf(&r->cli->arena,
			"/api/v1/units/%lld/log?step=%ld&offset=%lld",
			(long long)r->unit, r->step, FAR),
		    r->spool, PIECE_MAX, &ignored);
		empty_spool(r);
	} while (status < 0 && comes_back(r));
	if (status >= 0)
		note_reached(r);
	*out = status == 200
	    ? strtoll(http_header(r->http, "X-Log-Size"), NULL, 10)
	    : 0;
	return status;
}

static void
begin_step(struct reader *r)
{
	int64_t size;

	r->attempt[0] = '\0';
	memset(&r->filter, 0, sizeof(r->filter));
	r->offset = r->from;
	if (r->from < 0) {
		ask_size(r, &size);
		r->offset = size + r->from > 0 ? size + r->from : 0;
	}
}

static int
read_step(struct reader *r)
{
	time_t began;
	int rc;

	begin_step(r);
	for (;;) {
		rc = read_pieces(r);
		if (rc == CLI_UNAVAILABLE && comes_back(r))
			continue;
		if (rc != CLI_OK || r->closed || !r->follow)
			break;
		began = time(NULL);
		follow_live(r);
		/* one that broke at once, or a master that doesn't stream */
		if (client_stopped() ||
		    (time(NULL) - began < 1 && !client_pause()))
			rc = CLI_INTERRUPTED;
		if (rc != CLI_OK)
			break;
	}
	if (rc == CLI_OK || *r->attempt)
		emit_end(r, false);
	return rc;
}

/* One step's log, or those of all steps in their order. */
static int
read_all(struct reader *r, const struct log_options *o)
{
	int64_t size;
	int rc;

	if (o->step)
		return read_step(r);
	for (r->step = 0;; r->step++) {
		if (r->step > 0 && ask_size(r, &size) == 404)
			return CLI_OK;
		cli_note(r->cli, "--- step %ld ---", r->step);
		rc = read_step(r);
		if (rc != CLI_OK)
			return rc;
	}
}

static int
log_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct log_options *o = opts;
	struct reader r = {.cli = c,
	    .filtered = !c->json && isatty(STDOUT_FILENO),
	    .follow = o->follow};
	char *end = NULL;
	int rc;

	(void)n;
	r.unit = client_number(c, "unit", args[0]);
	if (r.unit < 0)
		return CLI_USAGE;
	if (o->step) {
		r.step = strtol(o->step, &end, 10);
		if (*o->step < '0' || *o->step > '9' || *end || r.step > 100000)
			return cli_errorf(c, CLI_USAGE,
			    "--step %s: expected a number, 0 for the first",
			    o->step);
	}
	if (o->offset) {
		errno = 0;
		r.from = strtoll(o->offset, &end, 10);
		if (errno || end == o->offset || *end)
			return cli_errorf(c, CLI_USAGE,
			    "--offset %s: expected a number of bytes",
			    cli_show(c, o->offset));
	}
	rc = client_open(c, &r.http);
	if (rc != CLI_OK)
		return rc;
	client_catch_signals();
	buf_init(&r.text, (size_t)PIECE_MAX);
	r.lines = c->lines = c->json && o->follow;
	r.steps = c->json ? json_array() : NULL;
	r.spool = memfd_create("log", MFD_CLOEXEC);
	if (r.spool < 0)
		rc = cli_errorf(c, CLI_TEMPORARY, "no memory for the log");
	else
		rc = read_all(&r, o);
	if (c->json && !r.lines)
		cli_json(c,
		    json_pack("{s:I, s:O}", "unit", (json_int_t)r.unit, "steps",
			r.steps));
	json_decref(r.steps);
	buf_release(&r.text);
	if (rc == CLI_NOT_FOUND)
		cli_note(c, "\"jobuild status JOB\" shows units and steps");
	if (r.spool >= 0)
		close(r.spool);
	http_close(r.http);
	return rc;
}

const struct command log_command = {
    .name = "log",
    .arguments = "UNIT",
    .summary = "print what a unit's phases wrote",
    .options = options,
    .size = sizeof(struct log_options),
    .min = 1,
    .max = 1,
    .run = log_main,
};
