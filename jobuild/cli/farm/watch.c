/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The master's events say when to look; without them (an older master, a
 * broken line) it is looked once a second.
 */
#include "cli/farm/watch.h"
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/steps.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/farm/view.h"
#include "base/utf8.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATIENCE 60  /* seconds that a master may be away */
#define LOOK_GAP 0.2 /* seconds between two looks */
#define DRAW_GAP 1.0
#define TAIL     400 /* bytes, for the last line of a log */
#define TAILS    4   /* logs looked into for one picture */

struct watching {
	struct cli *cli;
	struct http *http, *events;
	int64_t job;
	json_t *last;
	bool terminal, stale; /* something has happened since the last look */
	size_t lines;         /* of the screen that are ours */
	double looked, drawn;
	int rc, away, tails, spool;
	/* of the stream of events */
	char line[256], id[64];
	size_t nline;
};

/* ---- the picture --------------------------------------------------------- */

static const char *
last_line(void *ctx, const json_t *unit, const json_t *step)
{
	struct watching *w = ctx;
	struct arena *a = &w->cli->arena;
	double size = member_number(step, "log_bytes");
	struct error ignored;
	char text[TAIL];
	ssize_t n, from, end;

	if (size <= 0 || w->tails++ >= TAILS || ftruncate(w->spool, 0) < 0 ||
	    lseek(w->spool, 0, SEEK_SET) < 0 ||
	    http_get(w->http,
		arena_printf(a, "/api/v1/units/%lld/log?step=%lld&offset=%lld",
		    (long long)member_number(unit, "unit"),
		    (long long)member_number(step, "step"),
		    size > TAIL ? (long long)size - TAIL : 0LL),
		w->spool, 1 << 20, &ignored) != 200)
		return "";
	end = lseek(w->spool, 0, SEEK_END);
	n = pread(w->spool, text, sizeof(text), end > TAIL ? end - TAIL : 0);
	for (end = n; end > 0 && strchr("\r\n", text[end - 1]); end--)
		continue;
	for (from = end; from > 0 && !strchr("\r\n", text[from - 1]); from--)
		continue;
	return end > from ? show(a, text + from, (size_t)(end - from)) : "";
}

static void
draw(struct watching *w, bool fresh)
{
	struct winsize size = {0};
	struct view v = {.cli = w->cli, .tail = last_line, .ctx = w};
	const char *text;
	size_t lines;

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	v.columns = size.ws_col ? size.ws_col : 80;
	v.rows = size.ws_row > 2 ? size.ws_row : 24;
	v.now = text_now();
	w->tails = fresh ? 0 : TAILS - 1;
	text = view_draw(&v, w->last, &lines);
	/* a screen that has shrunk meanwhile has scrolled some of it away */
	if (w->lines > v.rows - 1)
		w->lines = v.rows - 1;
	if (w->lines > 0)
		printf("\033[%zuA\r\033[J", w->lines);
	fputs(text, stdout);
	fflush(stdout);
	w->lines = lines;
	w->drawn = progress_clock();
}

/* ---- looking ---------------------------------------------------------------
 */

/* False when there is nothing more to wait for; rc is set. */
static bool
look(struct watching *w)
{
	json_t *answer;

	w->rc = client_call(w->cli, w->http, "GET",
	    arena_printf(
		&w->cli->arena, "/api/v1/jobs/%lld", (long long)w->job),
	    NULL, &answer);
	w->looked = progress_clock();
	/* a master that restarts comes back */
	if (w->rc == CLI_UNAVAILABLE && w->last && ++w->away < PATIENCE)
		return true;
	if (w->rc != CLI_OK)
		return false;
	w->away = 0;
	cli_overcome(w->cli);
	w->stale = false;
	if (w->cli->json)
		cli_json(w->cli, json_incref(answer));
	else if (!w->terminal)
		job_print_changes(w->cli, w->last, answer, stdout);
	json_decref(w->last);
	w->last = answer;
	if (w->terminal)
		draw(w, true);
	if (cli_flush(w->cli) < 0) {
		w->rc = CLI_FAILED;
		return false;
	}
	return !job_ended(answer);
}

/* About once a second while events are waited for. */
static bool
on_tick(void *ctx)
{
	struct watching *w = ctx;
	double now = progress_clock();

	if (client_stopped())
		return true;
	if (w->stale && now - w->looked >= LOOK_GAP && !look(w))
		return true;
	if (w->terminal && w->last && now - w->drawn >= DRAW_GAP)
		draw(w, false);
	return false;
}

/* A line of the stream: true when an event is complete. */
static bool
take_line(struct watching *w)
{
	w->line[w->nline] = '\0';
	if (strncmp(w->line, "id: ", 4) == 0)
		snprintf(w->id, sizeof(w->id), "%.63s", w->line + 4);
	return strncmp(w->line, "data:", 5) == 0;
}

static bool
take_events(void *ctx, const char *p, size_t n)
{
	struct watching *w = ctx;

	for (; n > 0; n--, p++) {
		if (*p != '\n') {
			if (w->nline + 1 < sizeof(w->line))
				w->line[w->nline++] = *p;
			continue;
		}
		w->stale |= take_line(w);
		w->nline = 0;
	}
	if (!w->stale || progress_clock() - w->looked < LOOK_GAP)
		return !client_stopped();
	return look(w) && !client_stopped();
}

static int
follow(struct watching *w)
{
	const char *path = arena_printf(
	    &w->cli->arena, "/api/v1/events?job=%lld", (long long)w->job);
	struct error ignored;
	bool on = true;

	while (on && !client_stopped()) {
		w->nline = 0;
		/* what happens from here on is told by the next look at most */
		on = look(w);
		if (on)
			http_stream(
			    w->events, path, w->id, take_events, w, &ignored);
		if (w->last && job_ended(w->last))
			break;
		on = on && client_pause();
	}
	if (w->last && job_ended(w->last))
		return CLI_OK;
	return w->rc;
}

static int
finish(struct watching *w)
{
	struct cli *c = w->cli;

	if (w->lines > 0)
		printf("\033[%zuA\r\033[J", w->lines);
	if (!c->json)
		job_print(c, w->last, c->color_out, stdout);
	return job_status(w->last);
}

int
watch_job(struct cli *c, struct http *h, int64_t job)
{
	struct watching w = {.cli = c,
	    .http = h,
	    .job = job,
	    .terminal = !c->json && terminal_is(STDOUT_FILENO)};
	int rc;

	rc = client_open_ticking(c, on_tick, &w, &w.events);
	if (rc != CLI_OK)
		return rc;
	w.spool = memfd_create("log", MFD_CLOEXEC);
	client_catch_signals();
	rc = follow(&w);
	if (rc == CLI_OK && w.last && job_ended(w.last))
		rc = finish(&w);
	else if (client_stopped()) {
		cli_note(c, "job %lld goes on: jobuild watch %lld",
		    (long long)job, (long long)job);
		rc = CLI_INTERRUPTED;
	}
	json_decref(w.last);
	if (w.spool >= 0)
		close(w.spool);
	http_close(w.events);
	return rc;
}

/* ---- the command -----------------------------------------------------------
 */

static const struct opt options[] = {
    CLIENT_OPTIONS,
    {0},
};

static int
watch_main(struct cli *c, const void *opts, int n, char *args[])
{
	struct http *h;
	int64_t job;
	int rc;

	(void)opts;
	(void)n;
	rc = client_open_job(c, args[0], &job, &h);
	if (rc != CLI_OK)
		return rc;
	rc = watch_job(c, h, job);
	http_close(h);
	return rc;
}

const struct command watch_command = {
    .name = "watch",
    .arguments = "JOB",
    .summary = "look at a job's units until it ends",
    .options = options,
    .min = 1,
    .max = 1,
    .run = watch_main,
};
