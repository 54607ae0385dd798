/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short logs that are kept until their files last. */
#include "tap.h"
#include "tests/unit/syncs.h"
#include "master/master.h"
#include "master/store/logs.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static char top[] = "/tmp/autotua-kept-XXXXXX";
static struct arena a;
static struct state st;
static struct master m;
static int64_t now = 1000 * SECOND;

static int
run(const char *sql)
{
	return sqlite3_exec(st.db.conn, sql, NULL, NULL, NULL);
}

static void
add(int64_t unit, const char *text)
{
	struct error err;

	ok(db_run(m.db, SQL_KEPT_ADD,
	       ARGS(INT(unit), INT(1), INT(0), TEXT(text)), &err) == 1,
	    "unit %d's log is kept", (int)unit);
}

static bool
is_kept(int64_t unit)
{
	struct error err;
	bool kept = db_one(m.db, SQL_KEPT_GET, ARGS(INT(unit), INT(1), INT(0)),
			&err) == 1;

	db_end(m.db, SQL_KEPT_GET);
	return kept;
}

static bool
says(int64_t unit, const char *text)
{
	char found[100];
	int64_t n = logs_read(&st, unit, 1, 0, found, sizeof(found));

	return n == (int64_t)strlen(text) &&
	    memcmp(found, text, (size_t)n) == 0;
}

/* A turn that syncs, with the end of its child. */
static void
sync_all(void)
{
	kept_turn(&m, now);
	now += 60 * SECOND;
	loop_children(&m.loop, clock_us());
	while (m.kept.working)
		loop_turn(&m.loop, 100);
}

/* What comes on standard error meanwhile. */
static int saved_err;

static void
hear(void)
{
	int fd = open(arena_printf(&a, "%s/heard", top),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	saved_err = dup(2);
	dup2(fd, 2);
	close(fd);
}

static bool
heard(const char *text)
{
	char found[4096] = "";
	int fd = open(arena_printf(&a, "%s/heard", top), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, found, sizeof(found) - 1);

	close(fd);
	dup2(saved_err, 2);
	close(saved_err);
	return n > 0 && strstr(found, text) != NULL;
}

static void
test_failing(void)
{
	const char *bad = arena_printf(&a, "%s/logs/7", top);
	struct error err;

	add(6, "six");
	add(7, "seven");
	add(8, "eight");
	ok(file_create(bad, "", 0, 0600, &err) == 0,
	    "where the second's folder would be is a file");
	hear();
	ok(kept_restore(&m, &err) == 0 && says(6, "six") && says(8, "eight"),
	    "the others are written");
	ok(heard("logs/7"), "and which one isn't is told");
	ok(!is_synced(arena_printf(&a, "%s/logs/6/1", top), "0.log"),
	    "nothing is synced for itself");
	hear();
	sync_all();
	ok(!is_kept(6) && is_kept(7) && !is_kept(8),
	    "a sync drops what has its file, and nothing else");
	add(9, "nine");
	sync_all();
	ok(heard("logs/7") && is_kept(7) && !is_kept(9), "nor does the next");
	ok(unlink(bad) == 0, "when it can be written");
	hear();
	sync_all();
	ok(!heard("logs") && says(7, "seven") && !is_kept(7),
	    "it is, and dropped");
}

static void
test_unread(void)
{
	struct error err;

	add(10, "ten");
	hear();
	ok(run("ALTER TABLE kept_log RENAME COLUMN text TO texts") ==
		    SQLITE_OK &&
		kept_restore(&m, &err) < 0,
	    "the table can't be read");
	run("ALTER TABLE kept_log RENAME COLUMN texts TO text");
	(void)heard("");
	ok(!says(10, "ten"), "so nothing is written");
	sync_all();
	ok(says(10, "ten") && !is_kept(10), "until it can be");
}

static void
test_bytes(void)
{
	struct error err;
	const char *folder = arena_printf(&a, "%s/logs/11/1", top);

	file_mkdirs(folder, 0700, &err);
	file_create(
	    arena_printf(&a, "%s/0.log", folder), "caf\xe9", 4, 0600, &err);
	ok(kept_log(&m, 11, 1, 0, &err) == 0 && !is_kept(11) &&
		is_synced(folder, "0.log"),
	    "what isn't UTF-8 is synced, not kept");
	file_create(
	    arena_printf(&a, "%s/1.log", folder), "caf\xc3\xa9", 5, 0600, &err);
	ok(kept_log(&m, 11, 1, 1, &err) == 0 && !is_synced(folder, "1.log"),
	    "other text is kept");
}

static void
test_stop(void)
{
	add(12, "twelve");
	hear();
	kept_turn(&m, now);
	loop_children(&m.loop, clock_us());
	m.loop.stop = true;
	loop_close(&m.loop);
	ok(!heard("kept") && is_kept(12), "a stop meanwhile is no error");
}

int
main(void)
{
	struct error err;

	st.path = mkdtemp(top);
	if (!ok(db_open(&st.db, arena_printf(&a, "%s/db", top), true, &err) ==
			0 &&
		    run("PRAGMA foreign_keys = OFF") == SQLITE_OK &&
		    file_mkdirs(arena_printf(&a, "%s/logs", top), 0700, &err) ==
			0 &&
		    loop_open(&m.loop, &err) == 0,
		"a master"))
		return tap_done();
	m.st = &st;
	m.db = &st.db;
	m.loop.max_children = 1;
	test_failing();
	test_unread();
	test_bytes();
	test_stop();
	db_close(&st.db);
	file_remove_tree(AT_FDCWD, top, &err);
	arena_release(&a);
	return tap_done();
}
