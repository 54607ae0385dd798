/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statement.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "recipe/atom.h"
#include "tree/sign/verifier.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "AutotuA key statement 1"
#define LINE_MAX   128
#define DAY        86400

static const char *const actions[] = {
    [STATEMENT_ROTATE] = "rotate", [STATEMENT_REVOKE] = "revoke"};

static const char *const reasons[] = {
    "unspecified", "superseded", "compromised", "retired"};

struct reader {
	const char *p, *end;
	int line;
	struct arena *arena;
	struct error *err;
};

bool
statement_reason(const char *s)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (strcmp(s, reasons[i]) == 0)
			return true;
	}
	return false;
}

const char *
statement_reason_name(unsigned reason)
{
	return reasons[reason < 4 ? reason : 0];
}

/* The next line without its end; NULL when there is none that fits. */
static const char *
next_line(struct reader *r)
{
	const char *eol = memchr(r->p, '\n', (size_t)(r->end - r->p));
	const char *line;
	size_t n, i;

	r->line++;
	if (!eol || eol - r->p > LINE_MAX)
		goto odd;
	n = (size_t)(eol - r->p);
	if (n > 0 && eol[-1] == '\r') {
		fail(r->err,
		    "line %d ends with a carriage return: give the text as it "
		    "was made, with line feeds alone",
		    r->line);
		return NULL;
	}
	for (i = 0; i < n; i++) {
		if (r->p[i] < ' ' || r->p[i] > '~')
			goto odd;
	}
	line = arena_strndup(r->arena, r->p, n);
	r->p = eol + 1;
	return line;
odd:
	fail(r->err,
	    "line %d: the statement is cut off, or the line is not plain text",
	    r->line);
	return NULL;
}

/* The value of the line "name: VALUE", or NULL. */
static const char *
field(struct reader *r, const char *name)
{
	const char *line = next_line(r);
	size_t n = strlen(name);

	if (!line)
		return NULL;
	if (strncmp(line, name, n) == 0 && strncmp(line + n, ": ", 2) == 0)
		return line + n + 2;
	fail(r->err, "line %d: expected \"%s: ...\"", r->line, name);
	return NULL;
}

static int
read_action(struct reader *r, struct statement *s)
{
	const char *value = field(r, "action");

	if (!value)
		return -1;
	if (strcmp(value, actions[STATEMENT_ROTATE]) == 0)
		s->action = STATEMENT_ROTATE;
	else if (strcmp(value, actions[STATEMENT_REVOKE]) == 0)
		s->action = STATEMENT_REVOKE;
	else
		return fail(r->err,
		    "line %d: the action is \"rotate\" or \"revoke\"", r->line);
	return 0;
}

static int
read_fingerprint(struct reader *r, const char *name, char out[FINGERPRINT_MAX])
{
	const char *value = field(r, name);
	size_t n;

	if (!value)
		return -1;
	n = strlen(value);
	if ((n != 40 && n != 64) || strspn(value, "0123456789ABCDEF") != n)
		return fail(r->err,
		    "line %d: a fingerprint has 40 or 64 hexadecimal digits in "
		    "upper case",
		    r->line);
	memcpy(out, value, n + 1);
	return 0;
}

static int
read_date(struct reader *r, struct statement *s)
{
	const char *value = field(r, "date");
	struct tm tm = {0};
	char again[32];

	if (!value)
		return -1;
	/* what is written back must be the same: no other form is read */
	if (!strptime(value, "%Y-%m-%dT%H:%M:%SZ", &tm) ||
	    (s->date = timegm(&tm)) < 0 || !gmtime_r(&s->date, &tm) ||
	    !strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%SZ", &tm) ||
	    strcmp(again, value) != 0)
		return fail(r->err,
		    "line %d: expected a date as 2026-01-31T12:00:00Z",
		    r->line);
	return 0;
}

static int
read_head(struct reader *r, struct statement *s)
{
	const char *line = next_line(r);

	if (!line)
		return -1;
	if (strcmp(line, FIRST_LINE) != 0)
		return fail(r->err,
		    "is not a key statement: the first line would be \"%s\"",
		    FIRST_LINE);
	s->reason = "";
	if (read_action(r, s) < 0 || (s->user = field(r, "user")) == NULL)
		return -1;
	if (!user_valid(s->user, strlen(s->user)))
		return fail(r->err,
		    "line %d: \"%s\" is not a maintainer's name", r->line,
		    s->user);
	if (read_fingerprint(r, "old", s->old) < 0)
		return -1;
	if (s->action == STATEMENT_ROTATE)
		return read_fingerprint(r, "new", s->new) < 0 ? -1
							      : read_date(r, s);
	s->reason = field(r, "reason");
	if (!s->reason)
		return -1;
	if (!statement_reason(s->reason))
		return fail(r->err,
		    "line %d: the reason is superseded, compromised, retired "
		    "or unspecified",
		    r->line);
	return read_date(r, s);
}

/* An armoured block of this label, from where the reader is. */
static int
read_block(struct reader *r, const char *label, struct block *b)
{
	char begin[64], end[64];
	const char *stop;
	size_t n;

	n = (size_t)snprintf(
	    begin, sizeof(begin), "-----BEGIN %s-----\n", label);
	snprintf(end, sizeof(end), "\n-----END %s-----\n", label);
	if ((size_t)(r->end - r->p) < n || memcmp(r->p, begin, n) != 0)
		return fail(r->err, "expected an armoured block \"%s\"", label);
	stop = memmem(r->p, (size_t)(r->end - r->p), end, strlen(end));
	if (!stop)
		return fail(r->err, "the block \"%s\" has no end", label);
	b->text = r->p;
	r->p = stop + strlen(end);
	b->len = (size_t)(r->p - b->text);
	return 0;
}

static int
read_pair(struct reader *r, struct block *key, struct block *signature)
{
	if (read_block(r, "PGP PUBLIC KEY BLOCK", key) < 0)
		return -1;
	return read_block(r, "PGP SIGNATURE", signature);
}

int
statement_parse(struct statement *s, const char *text, size_t len,
    struct arena *a, struct error *err)
{
	struct reader r = {
	    .p = text, .end = text + len, .arena = a, .err = err};

	memset(s, 0, sizeof(*s));
	if (len > STATEMENT_MAX)
		return fail(err, "is larger than %d bytes", STATEMENT_MAX);
	if (read_head(&r, s) < 0)
		return -1;
	s->head = (struct block){text, (size_t)(r.p - text)};
	if (r.p == r.end || *r.p++ != '\n')
		return fail(err, "line %d: expected an empty line", r.line + 1);
	if (read_pair(&r, &s->old_key, &s->old_signature) < 0)
		return fail_in(err, "the old key's part");
	if (s->action == STATEMENT_ROTATE &&
	    read_pair(&r, &s->new_key, &s->new_signature) < 0)
		return fail_in(err, "the new key's part");
	if (r.p != r.end)
		return fail(err, "has text behind its last block");
	if (strcmp(s->old, s->new) == 0)
		return fail(err, "old and new key are the same");
	return 0;
}

static int
check_signature(const struct statement *s, const struct block *key,
    const struct block *sig, const char *fingerprint, time_t now,
    struct error *err)
{
	struct verifier *v;
	int rc = -1;

	if (verifier_open(&v, key->text, key->len, err) < 0)
		return -1;
	if (strcmp(verifier_fingerprint(v), fingerprint) != 0)
		fail(err, "the block has the key %s, not %s",
		    verifier_fingerprint(v), fingerprint);
	else
		rc = verifier_check(v, s->head.text, s->head.len, sig->text,
		    sig->len, NOTATION_STATEMENT, actions[s->action], now, err);
	verifier_close(v);
	return rc;
}

static int
check(const struct statement *s, time_t now, struct error *err)
{
	if (s->date > now + 60)
		return fail(err,
		    "the statement is dated in the future (a wrong clock?)");
	if (s->date < now - STATEMENT_DAYS * DAY)
		return fail(err,
		    "the statement is older than %d days: its maintainer can "
		    "make a new one",
		    STATEMENT_DAYS);
	if (check_signature(
		s, &s->old_key, &s->old_signature, s->old, now, err) < 0)
		return fail_in(err, "the old key's signature");
	if (s->action == STATEMENT_ROTATE &&
	    check_signature(
		s, &s->new_key, &s->new_signature, s->new, now, err) < 0)
		return fail_in(err, "the new key's signature");
	return 0;
}

static int
read_revoked_key(struct statement *s, const char *text, size_t len, time_t now,
    struct error *err)
{
	const struct pubkey_part *p;
	struct verifier *v;
	int rc = -1;

	memset(s, 0, sizeof(*s));
	if (verifier_open(&v, text, len, err) < 0)
		return -1;
	p = &verifier_key(v)->parts[0];
	if (p->revoked) {
		s->action = STATEMENT_REVOKE;
		memcpy(s->old, p->fingerprint, sizeof(s->old));
		s->reason = statement_reason_name(p->reason);
		s->date = now;
		rc = 0;
	} else {
		fail(err,
		    "is a key that isn't revoked; what can be accepted is a "
		    "statement (jobuild key rotate, jobuild key revoke) or a "
		    "revoked key");
	}
	verifier_close(v);
	return rc;
}

int
statement_read(struct statement *s, const char *text, size_t len, time_t now,
    struct arena *a, struct error *err)
{
	static const char key[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

	if (len >= strlen(key) && memcmp(text, key, strlen(key)) == 0)
		return read_revoked_key(s, text, len, now, err);
	if (statement_parse(s, text, len, a, err) < 0)
		return -1;
	return check(s, now, err);
}

int
statement_load(struct statement *s, const char *path, struct buf *b, time_t now,
    struct arena *a, struct error *err)
{
	if (file_read_argument(path, b, err) < 0)
		return -1;
	if (statement_read(s, b->data ? b->data : "", b->len, now, a, err) < 0)
		return fail_in(err, "%s", file_argument(path));
	return 0;
}

int
statement_head(const struct statement *s, struct buf *out, struct error *err)
{
	struct tm tm;
	char date[32];
	bool rotate = s->action == STATEMENT_ROTATE;

	if (!gmtime_r(&s->date, &tm) ||
	    !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return fail(err, "the date can't be written");
	if (buf_addf(out,
		"%s\naction: %s\nuser: %s\nold: %s\n%s: %s\ndate: %s\n",
		FIRST_LINE, actions[s->action], s->user, s->old,
		rotate ? "new" : "reason", rotate ? s->new : s->reason,
		date) < 0)
		return fail(err, "the statement is too large");
	return 0;
}
