/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "master/store/audit.h"
#include "master/store/db.h"
#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/autotua-db-XXXXXX";
static struct error err;

static void
test_open(void)
{
	struct db db;

	ok(db_open(&db, "/dev/null/db", true, &err) < 0 &&
		strstr(err.msg, "/dev/null/db"),
	    "a path that can't be is told");
	ok(db_open(&db, path, true, &err) == 0, "a new database: %s",
	    "all statements are right");
	db_close(&db);
	ok(db_open(&db, path, false, &err) == 0, "opened again");
	db_close(&db);
}

static void
test_newer(void)
{
	struct db db;

	db_open(&db, path, false, &err);
	sqlite3_exec(db.conn, "PRAGMA user_version=99", NULL, NULL, NULL);
	db_close(&db);
	ok(db_open(&db, path, false, &err) < 0 && strstr(err.msg, "newer"),
	    "a newer schema is refused");
	ok(db.conn == NULL, "and nothing stays open");
}

/* A database as the programs before migration n + 1 left it. */
static void
make_old(const char *file, int n, const char *rows)
{
	const char *const *s;
	char version[64];
	sqlite3 *conn;
	int i, bad = 0;

	sqlite3_open(file, &conn);
	for (i = 0; i < n; i++) {
		for (s = migrations[i]; *s; s++)
			bad |= sqlite3_exec(conn, *s, NULL, NULL, NULL);
	}
	snprintf(version, sizeof(version), "PRAGMA user_version=%d", n);
	bad |= sqlite3_exec(conn, rows, NULL, NULL, NULL);
	bad |= sqlite3_exec(conn, version, NULL, NULL, NULL);
	ok(!bad, "a database of schema %d", n);
	sqlite3_close(conn);
}

static void
count_trouble(void *ctx, const char *text)
{
	printf("# %s\n", text);
	++*(int *)ctx;
}

/* What the table "user" had is in "person", and what led to it still does. */
static void
test_person(void)
{
	char file[64];
	struct arena a = {0};
	int version = 0, trouble = 0;
	struct db db;

	snprintf(file, sizeof(file), "%s-old", path);
	make_old(file, 12,
	    "INSERT INTO user (id, name, created, rights)"
	    " VALUES (7, 'anna', 1, 'operate');"
	    "INSERT INTO user_key (fingerprint, user_id, armour, created)"
	    " VALUES ('F1', 7, 'text', 2);"
	    "INSERT INTO tree (id, name, url, created) VALUES (1, 't', 'u', 1);"
	    "INSERT INTO job (state, user_id, tree_id, root, revision, arches,"
	    " priority, parameters, reuse, request, signature, created)"
	    " VALUES ('queued', 7, 1, 'r', 'v', '[]', 0, '{}', 1, '', '', 3)");
	ok(db_open(&db, file, false, &err) == 0, "is migrated");
	ok(db_one(&db, SQL_USER_LIST, NULL, &err) == 1, "its user is there");
	is(db_text(&db, SQL_USER_LIST, 0, &a), "anna", "by name");
	is(db_text(&db, SQL_USER_LIST, 1, &a), "F1", "with the key");
	db_end(&db, SQL_USER_LIST);
	db_one(&db, SQL_USER_RIGHT, ARGS(TEXT("anna")), &err);
	is(db_text(&db, SQL_USER_RIGHT, 0, &a), "operate", "and rights");
	db_end(&db, SQL_USER_RIGHT);
	ok(db_one(&db, SQL_JOB_GET, ARGS(INT(1)), &err) == 1, "the job too");
	is(db_text(&db, SQL_JOB_GET, 1, &a), "anna", "which is hers");
	db_end(&db, SQL_JOB_GET);
	ok(db_run(&db, SQL_USER_KEY_ADD,
	       ARGS(TEXT("F2"), INT(8), TEXT(""), INT(1)), &err) < 0,
	    "a key of nobody is refused");
	db_close(&db);
	ok(db_examine(file, &version, count_trouble, &trouble, &err) == 0 &&
		version == migrations_count,
	    "all references are right");
	unlink(file);
	arena_release(&a);
}

static int64_t
earlier(struct db *db)
{
	int64_t id = 0;

	if (db_one(db, SQL_UNIT_EARLIER, ARGS(TEXT("K"), TEXT("a")), &err) > 0)
		id = db_int(db, SQL_UNIT_EARLIER, 0);
	db_end(db, SQL_UNIT_EARLIER);
	return id;
}

/* Which unit of a key stands for others is of when they ended. */
static void
test_passed(void)
{
	char file[64];
	struct db db;

	snprintf(file, sizeof(file), "%s-passed", path);
	make_old(file, 18,
	    "INSERT INTO person (id, name, created) VALUES (7, 'anna', 1);"
	    "INSERT INTO tree (id, name, url, created) VALUES (1, 't', 'u', 1);"
	    "INSERT INTO slave (name, fingerprint, state, created, last_seen)"
	    " VALUES ('one', 'S1', 'active', 1, 1),"
	    " ('two', 'S2', 'active', 1, 1);"
	    "INSERT INTO job (state, user_id, tree_id, root, revision, arches,"
	    " priority, parameters, reuse, request, signature, created)"
	    " VALUES ('passed', 7, 1, 'r', 'v', '[]', 0, '{}', 1, '', '', 3);"
	    "INSERT INTO unit (id, job_id, root, arch, state, slave_id, key,"
	    " pack, capsule, ended, reused_id) VALUES"
	    " (1, 1, 'r', 'a', 'leased', 1, 'K', '', '', NULL, NULL),"
	    " (2, 1, 'r', 'a', 'passed', 1, 'K', '', '', 9, NULL),"
	    " (3, 1, 'r', 'a', 'passed', 2, 'K', '', '', 7, NULL),"
	    " (4, 1, 'r', 'a', 'failed', 2, 'K', '', '', 6, NULL),"
	    " (5, 1, 'r', 'a', 'passed', 2, 'K', '', '', 5, 3),"
	    " (6, 1, 'r', 'a', 'passed', 2, 'L', '', '', 4, NULL)");
	ok(db_open(&db, file, false, &err) == 0, "is migrated");
	is_int(earlier(&db), 3, "the first that ran and passed");
	ok(db_run(&db, SQL_UNIT_PASSED, ARGS(INT(1)), &err) == 1 &&
		earlier(&db) == 3,
	    "one that passes later isn't it");
	db_run(&db, SQL_SLAVE_RETIRE, ARGS(TEXT("two")), &err);
	is_int(earlier(&db), 2, "without its slave it is the next");
	db_close(&db);
	unlink(file);
}

static int
refusals(struct db *db)
{
	int n = 0;

	db_query(db, SQL_REFUSAL_OPEN, NULL);
	while (db_row(db, SQL_REFUSAL_OPEN, &err) > 0)
		n++;
	return n;
}

/* What a slave lost it is known to have lost, whatever it refuses since. */
static void
test_losses(void)
{
	char file[64];
	struct db db;

	snprintf(file, sizeof(file), "%s-losses", path);
	make_old(file, 19,
	    "INSERT INTO person (id, name, created) VALUES (7, 'anna', 1);"
	    "INSERT INTO tree (id, name, url, created) VALUES (1, 't', 'u', 1);"
	    "INSERT INTO slave (name, fingerprint, state, created, last_seen)"
	    " VALUES ('one', 'S1', 'active', 1, 1);"
	    "INSERT INTO job (state, user_id, tree_id, root, revision, arches,"
	    " priority, parameters, reuse, request, signature, created)"
	    " VALUES ('queued', 7, 1, 'r', 'v', '[]', 0, '{}', 1, '', '', 3);"
	    "INSERT INTO unit (job_id, root, arch, state, key, pack, capsule)"
	    " VALUES (1, 'r', 'a', 'ready', 'K', '', '');"
	    "INSERT INTO refusal (unit_id, slave_id, kind, until, reason)"
	    " VALUES (1, 1, 'lost', 9, 'gone')");
	ok(db_open(&db, file, false, &err) == 0, "is migrated");
	is_int(refusals(&db), 1, "the loss is there");
	db_run(&db, SQL_REFUSAL_SET,
	    ARGS(INT(1), INT(1), TEXT("soft"), INT(5), TEXT("no room")), &err);
	is_int(refusals(&db), 2, "beside a refusal");
	db_run(&db, SQL_REFUSAL_SET,
	    ARGS(INT(1), INT(1), TEXT("hard"), INT(0), TEXT("never")), &err);
	is_int(refusals(&db), 2, "of which there is one");
	db_run(&db, SQL_REFUSAL_FORGET, ARGS(INT(1), INT(1)), &err);
	is_int(refusals(&db), 1, "which is forgotten");
	db_close(&db);
	unlink(file);
}

/* Rows of the audit from before it was a chain are in it at once. */
static void
test_sealed(void)
{
	struct audit_head head;
	char file[64];
	struct db db;

	snprintf(file, sizeof(file), "%s-sealed", path);
	make_old(file, 5,
	    "INSERT INTO audit (created, who, what, object, origin) VALUES"
	    " (1, 'uid 0', 'user add', 'anna', 'command'),"
	    " (2, 'anna', 'submit', 'job 1', '192.0.2.1')");
	ok(db_open(&db, file, false, &err) == 0, "is migrated");
	ok(audit_verify(&db, NULL, &head, &err) == 0 && head.id == 2,
	    "what it had is right");
	db_close(&db);
	unlink(file);
}

/* Reports of before tell what later steps may be reused for. */
static void
test_made(void)
{
	char file[64];
	struct arena a = {0};
	struct db db;

	snprintf(file, sizeof(file), "%s-made", path);
	make_old(file, 14,
	    "INSERT INTO person (id, name, created) VALUES (7, 'anna', 1);"
	    "INSERT INTO tree (id, name, url, created) VALUES (1, 't', 'u', 1);"
	    "INSERT INTO job (state, user_id, tree_id, root, revision, arches,"
	    " priority, parameters, reuse, request, signature, created)"
	    " VALUES ('passed', 7, 1, 'r', 'v', '[]', 0, '{}', 1, '', '', 3);"
	    "INSERT INTO unit (job_id, root, arch, state, attempt, key, pack,"
	    " capsule) VALUES (1, 'r', 'a', 'passed', 2, 'K2', '', '');"
	    "INSERT INTO step (unit_id, step, atom, key) VALUES"
	    " (1, 0, 'r0', 'K0'), (1, 1, 'r1', 'K1'), (1, 2, 'r2', 'K2');"
	    "INSERT INTO slave (name, fingerprint, state, created, last_seen)"
	    " VALUES ('one', 'S1', 'active', 1, 1),"
	    " ('two', 'S2', 'active', 1, 1);"
	    "INSERT INTO lease (unit_id, attempt, slave_id, state, granted)"
	    " VALUES (1, 1, 1, 'expired', 3), (1, 2, 2, 'done', 5);"
	    "INSERT INTO report (unit_id, attempt, step, body, created) VALUES"
	    " (1, 1, 0, '{\"result\":\"passed\",\"reused\":false}', 4),"
	    " (1, 2, 0, '{\"result\":\"passed\",\"reused\":true}', 5),"
	    " (1, 2, 1, '{\"result\":\"passed\",\"reused\":false}', 6),"
	    " (1, 2, 2, '{\"result\":\"failed\",\"reused\":false}', 7)");
	ok(db_open(&db, file, false, &err) == 0, "is migrated");
	ok(db_one(&db, SQL_MADE_STEPS, ARGS(INT(1), INT(2)), &err) == 1 &&
		db_int(&db, SQL_MADE_STEPS, 0) == 1 &&
		db_row(&db, SQL_MADE_STEPS, &err) == 0,
	    "one step ran in the attempt that passed");
	db_end(&db, SQL_MADE_STEPS);
	ok(db_one(&db, SQL_MADE_STEPS, ARGS(INT(1), INT(1)), &err) == 0,
	    "on the slave that had it");
	db_one(&db, SQL_MADE_GET, ARGS(INT(1), INT(1), INT(2)), &err);
	is(db_text(&db, SQL_MADE_GET, 0, &a),
	    "{\"result\":\"passed\",\"reused\":false}", "this is its report");
	db_end(&db, SQL_MADE_GET);
	db_run(&db, SQL_MADE_RETIRE, ARGS(TEXT("one")), &err);
	ok(db_one(&db, SQL_MADE_STEPS, ARGS(INT(1), INT(2)), &err) == 1,
	    "it stays when another slave is retired");
	db_end(&db, SQL_MADE_STEPS);
	db_run(&db, SQL_MADE_RETIRE, ARGS(TEXT("two")), &err);
	ok(db_one(&db, SQL_MADE_STEPS, ARGS(INT(1), INT(2)), &err) == 0,
	    "and goes with its own");
	db_close(&db);
	unlink(file);
	arena_release(&a);
}

static void
reset_version(void)
{
	char sql[64];
	sqlite3 *conn;

	sqlite3_open(path, &conn);
	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", migrations_count);
	sqlite3_exec(conn, sql, NULL, NULL, NULL);
	sqlite3_close(conn);
}

static void
test_rows(void)
{
	struct arena a = {0};
	struct db db;
	int n = 0;

	db_open(&db, path, false, &err);
	is_int(db_run(&db, SQL_META_SET, ARGS(TEXT("k"), TEXT("v")), &err), 1,
	    "one row changed");
	ok(db_one(&db, SQL_META_GET, ARGS(TEXT("k")), &err) == 1, "found");
	is(db_text(&db, SQL_META_GET, 0, &a), "v", "its value");
	db_end(&db, SQL_META_GET);
	is_int(
	    db_one(&db, SQL_META_GET, ARGS(TEXT("x")), &err), 0, "not found");
	is_int(db_run(&db, SQL_TREE_ADD,
		   ARGS(TEXT("t"), TEXT("/t"), INT(1), INT(0)), &err),
	    1, "a tree");
	ok(db_run(&db, SQL_TREE_ADD,
	       ARGS(TEXT("t"), TEXT("/u"), INT(2), INT(0)), &err) < 0 &&
		db_is_duplicate(&db),
	    "the same name again is a duplicate");
	db_query(&db, SQL_TREE_LIST, NULL);
	while (db_row(&db, SQL_TREE_LIST, &err) > 0)
		n++;
	is_int(n, 1, "one row in the list");
	db_close(&db);
	arena_release(&a);
}

static void
test_transactions(void)
{
	struct db one, two;

	db_open(&one, path, false, &err);
	db_open(&two, path, false, &err);
	db_begin(&one, &err);
	db_run(&one, SQL_META_SET, ARGS(TEXT("a"), TEXT("1")), &err);
	is_int(db_one(&two, SQL_META_GET, ARGS(TEXT("a")), &err), 0,
	    "not seen before the commit");
	db_rollback(&one);
	is_int(db_one(&one, SQL_META_GET, ARGS(TEXT("a")), &err), 0,
	    "rolled back");
	db_begin(&one, &err);
	db_run(&one, SQL_META_SET, ARGS(TEXT("a"), TEXT("1")), &err);
	ok(db_commit(&one, &err) == 0, "committed");
	is_int(db_one(&two, SQL_META_GET, ARGS(TEXT("a")), &err), 1,
	    "seen by another connection");
	db_end(&two, SQL_META_GET);
	db_rollback(&one);
	ok(true, "a rollback without a transaction is harmless");
	ok(db_run(&one, SQL_EDGE_ADD, ARGS(INT(1), INT(2)), &err) < 0,
	    "a reference to nothing is refused");
	db_close(&one);
	db_close(&two);
}

/* As another process sees it: the value of a name, or -1. */
static int
elsewhere(const char *name)
{
	struct arena a = {0};
	struct db db;
	int n = -1;

	db_open(&db, path, false, &err);
	if (db_one(&db, SQL_META_GET, ARGS(TEXT(name)), &err) == 1)
		n = (int)strtol(db_text(&db, SQL_META_GET, 0, &a), NULL, 10);
	db_end(&db, SQL_META_GET);
	db_close(&db);
	arena_release(&a);
	return n;
}

static int
set(struct db *db, const char *name, const char *value)
{
	return db_run(db, SQL_META_SET, ARGS(TEXT(name), TEXT(value)), &err);
}

static void
test_turn(void)
{
	struct db db;

	db_open(&db, path, false, &err);
	db_turns(&db);
	ok(!db_is_pending(&db) && db_turn_end(&db, &err) == 0,
	    "a turn without writing is nothing");
	ok(db_begin(&db, &err) == 0 && set(&db, "turn-a", "1") == 1 &&
		db_commit(&db, &err) == 0,
	    "a transaction in a turn");
	ok(db_begin(&db, &err) == 0 && set(&db, "turn-b", "2") == 1,
	    "another one");
	db_rollback(&db);
	ok(set(&db, "turn-c", "3") == 1, "a statement outside of one");
	ok(db_is_pending(&db), "what was written is pending");
	is_int(elsewhere("turn-a"), -1, "nobody else sees it");
	ok(db_turn_end(&db, &err) == 0 && !db_is_pending(&db), "the end");
	is_int(elsewhere("turn-a"), 1, "everybody sees the first");
	is_int(elsewhere("turn-b"), -1, "not what was taken back");
	is_int(elsewhere("turn-c"), 3, "and the third");
	db_close(&db);
}

static void
limit_pages(struct db *db, bool on)
{
	sqlite3_exec(db->conn,
	    on ? "PRAGMA max_page_count=1" : "PRAGMA max_page_count=1000000",
	    NULL, NULL, NULL);
}

/* No page can be had: what a full disk does to a turn. */
static void
test_lost(void)
{
	static char big[100000];
	struct db db;

	memset(big, 'x', sizeof(big) - 1);
	db_open(&db, path, false, &err);
	db_turns(&db);
	limit_pages(&db, true);
	ok(set(&db, "d", "4") == 1, "something small");
	ok(db_begin(&db, &err) == 0 && set(&db, "e", big) < 0 &&
		err.code == ENOSPC,
	    "what doesn't fit fails as on a full disk");
	db_rollback(&db);
	if (db.turn == TURN_LOST)
		ok(set(&db, "f", "5") < 0, "the turn is lost");
	else
		ok(set(&db, "f", "5") == 1, "the turn goes on");
	sqlite3_exec(db.conn, "ROLLBACK", NULL, NULL, NULL);
	ok(db_turn_end(&db, &err) < 0 && db_is_halted(&db),
	    "a turn that can't be committed halts");
	ok(!db_is_pending(&db) && set(&db, "g", "6") < 0 &&
		err.code == EAGAIN && db_begin(&db, &err) < 0,
	    "nothing is written then");
	is_int(elsewhere("d"), -1, "nothing of the turn is there");
	limit_pages(&db, false);
	ok(db_revive(&db, &err) == 0 && !db_is_halted(&db), "revived");
	ok(set(&db, "g", "7") == 1 && db_turn_end(&db, &err) == 0,
	    "it writes again");
	is_int(elsewhere("g"), 7, "and that is there");
	db_close(&db);
}

int
main(void)
{
	int fd = mkstemp(path);
	char extra[64];

	if (fd < 0)
		return 1;
	close(fd);
	test_open();
	test_newer();
	reset_version();
	test_person();
	test_made();
	test_sealed();
	test_losses();
	test_passed();
	test_rows();
	test_transactions();
	test_turn();
	test_lost();
	unlink(path);
	snprintf(extra, sizeof(extra), "%s-wal", path);
	unlink(extra);
	snprintf(extra, sizeof(extra), "%s-shm", path);
	unlink(extra);
	return tap_done();
}
