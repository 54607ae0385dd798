/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "master/db.h"
#include "base/arena.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/autotua-db-XXXXXX";
static struct error err;

static void
test_open(void)
{
	struct db db;

	ok(db_open(&db, "/nonexistent/db", true, &err) < 0 &&
		strstr(err.msg, "/nonexistent/db"),
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
	test_rows();
	test_transactions();
	unlink(path);
	snprintf(extra, sizeof(extra), "%s-wal", path);
	unlink(extra);
	snprintf(extra, sizeof(extra), "%s-shm", path);
	unlink(extra);
	return tap_done();
}
