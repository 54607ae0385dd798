/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of maintainers that are replaced or not trusted any more: by a
 * statement of the maintainer, or by the administrator alone. A revoked key
 * stays in the database, so that it can't come back by an old statement.
 */
#include "master/commands.h"
#include "master/serve/loop.h"
#include "master/store/state.h"
#include "tree/sign/statement.h"
#include "tree/sign/verifier.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <string.h>
#include <time.h>

static const char usage[] =
    "key list | key accept FILE | key rotate NAME OLD KEYFILE |\n"
    "       key revoke NAME FINGERPRINT [REASON] | "
    "key restore NAME FINGERPRINT";

static int
revoke(struct db *db, const char *user, const char *fingerprint,
    const char *reason, struct error *err)
{
	int n = db_run(db, SQL_USER_KEY_REVOKE,
	    ARGS(TEXT(fingerprint), TEXT(user), INT(now_us()), TEXT(reason)),
	    err);

	if (n == 0)
		return fail(err,
		    "no trusted key %s of %s here (autotua-master key list)",
		    fingerprint, user ? user : "anybody");
	return n < 0 ? -1 : 0;
}

/* Revoke the old key and, if there is a new one, enter it. */
static int
change(struct state *st, const struct statement *s, const char *armour,
    struct error *err)
{
	const char *reason =
	    s->action == STATEMENT_ROTATE ? "replaced" : s->reason;
	struct db *db = &st->db;

	if (db_begin(db, err) < 0)
		return -1;
	if (revoke(db, s->user, s->old, reason, err) < 0 ||
	    (s->new[0] &&
		user_key_write(db, s->user, s->new, armour, err) < 0)) {
		db_rollback(db);
		return -1;
	}
	if (cmd_finish(
		db, s->new[0] ? "key rotate" : "key revoke", s->old, err) < 0)
		return -1;
	printf("%s revoked\n", s->old);
	if (s->new[0])
		printf("%s %s\n", s->user, s->new);
	return 0;
}

static int
accept_file(struct state *st, const char *file, struct error *err)
{
	struct arena a = {0};
	struct statement s;
	struct buf b;
	int rc = -1;

	buf_init(&b, STATEMENT_MAX);
	if (statement_load(&s, file, &b, time(NULL), &a, err) < 0)
		goto out;
	rc = change(st, &s,
	    s.new[0] ? arena_strndup(&a, s.new_key.text, s.new_key.len) : NULL,
	    err);
out:
	buf_release(&b);
	arena_release(&a);
	return rc;
}

/* The administrator says so, without a statement. */
static int
rotate(struct state *st, const char *name, const char *old, const char *file,
    struct error *err)
{
	struct statement s = {.action = STATEMENT_ROTATE, .user = name};
	struct buf b;
	int rc = -1;

	snprintf(s.old, sizeof(s.old), "%s", old);
	buf_init(&b, STATEMENT_MAX);
	if (file_read(file, &b, err) == 0) {
		if (key_fingerprint(b.data ? b.data : "", b.len, s.new, err) <
		    0)
			fail_in(err, "%s", file);
		else
			rc = change(st, &s, b.data, err);
	}
	buf_release(&b);
	return rc;
}

static int
revoke_alone(struct state *st, const char *name, const char *fingerprint,
    const char *reason, struct error *err)
{
	struct statement s = {
	    .action = STATEMENT_REVOKE, .user = name, .reason = reason};

	if (!statement_reason(reason))
		return fail(err,
		    "reason \"%s\": expected superseded, compromised, retired "
		    "or unspecified",
		    reason);
	snprintf(s.old, sizeof(s.old), "%s", fingerprint);
	return change(st, &s, NULL, err);
}

static int
restore(struct state *st, const char *name, const char *fingerprint,
    struct error *err)
{
	struct db *db = &st->db;
	int n;

	if (db_begin(db, err) < 0)
		return -1;
	n = db_run(
	    db, SQL_USER_KEY_RESTORE, ARGS(TEXT(fingerprint), TEXT(name)), err);
	if (n == 0)
		fail(err, "no revoked key %s of %s here", fingerprint, name);
	if (n < 1) {
		db_rollback(db);
		return -1;
	}
	return cmd_finish(db, "key restore", fingerprint, err);
}

static int
run(struct state *st, int argc, char *argv[], struct error *err)
{
	if (strcmp(argv[0], "list") == 0)
		return user_show_all(st, err);
	if (strcmp(argv[0], "accept") == 0)
		return accept_file(st, argv[1], err);
	if (strcmp(argv[0], "rotate") == 0)
		return rotate(st, argv[1], argv[2], argv[3], err);
	if (strcmp(argv[0], "revoke") == 0)
		return revoke_alone(st, argv[1], argv[2],
		    argc == 4 ? argv[3] : "unspecified", err);
	return restore(st, argv[1], argv[2], err);
}

int
cmd_key(const char *path, int argc, char *argv[])
{
	static const struct {
		const char *name;
		int min, max;
	} forms[] = {{"list", 1, 1}, {"accept", 2, 2}, {"rotate", 4, 4},
	    {"revoke", 3, 4}, {"restore", 3, 3}};
	bool known = false;
	struct state st;
	struct error err;
	size_t i;
	int rc;

	for (i = 0; argc > 0 && i < sizeof(forms) / sizeof(forms[0]); i++)
		known |= strcmp(argv[0], forms[i].name) == 0 &&
		    argc >= forms[i].min && argc <= forms[i].max;
	if (!known)
		return cmd_usage(usage);
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = run(&st, argc, argv, &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}
