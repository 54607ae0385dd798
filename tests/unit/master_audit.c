/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "master/store/db.h"
#include "master/store/audit.h"
#include "master/store/reserve.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/autotua-audit-XXXXXX";
static struct error err;
static struct db db;
static struct audit_head head;

static int
run(const char *sql)
{
	return sqlite3_exec(db.conn, sql, NULL, NULL, NULL);
}

/* As somebody who has the file and no scruples. */
static void
forge(const char *sql)
{
	run("SAVEPOINT forged");
	run("DROP TRIGGER audit_unchanged");
	run("DROP TRIGGER audit_kept");
	ok(run(sql) == SQLITE_OK, "forged: %s", sql);
}

static void
undo(void)
{
	run("ROLLBACK TO forged");
	run("RELEASE forged");
	ok(audit_verify(&db, NULL, &head, &err) == 0, "undone");
}

static void
refused(const struct audit_head *noted, const char *what)
{
	err.msg[0] = '\0';
	ok(audit_verify(&db, noted, &head, &err) < 0 &&
		strstr(err.msg, what) != NULL,
	    "found: %s", err.msg);
	undo();
}

static void
test_chain(void)
{
	int i;

	ok(audit_verify(&db, NULL, &head, &err) == 0 && head.id == 0,
	    "an empty one is right");
	for (i = 1; i <= 5; i++)
		audit(&db, 1000 + i, "alpha", "submit", i == 3 ? "x" : "y",
		    "192.0.2.1", &err);
	ok(audit_verify(&db, NULL, &head, &err) == 0 && head.id == 5,
	    "five rows");
	ok(run("UPDATE audit SET who = 'beta' WHERE id = 2") != SQLITE_OK,
	    "no statement changes a row");
	ok(run("DELETE FROM audit WHERE id = 2") != SQLITE_OK,
	    "or deletes one");
}

static void
test_forged(void)
{
	struct audit_head noted;

	audit_head(&db, &noted, &err);
	forge("UPDATE audit SET object = 'z' WHERE id = 3");
	refused(NULL, "row 3 (submit, z)");
	forge("UPDATE audit SET created = 1 WHERE id = 1");
	refused(NULL, "row 1 ");
	forge("UPDATE audit SET who = 'alphas', what = 'ubmit' WHERE id = 2");
	refused(NULL, "row 2 ");
	forge("DELETE FROM audit WHERE id = 4");
	refused(NULL, "row 4 is missing");
	forge("UPDATE audit SET digest = '' WHERE id = 5");
	refused(NULL, "row 5 ");
	forge("DELETE FROM audit WHERE id = 5");
	ok(audit_verify(&db, NULL, &head, &err) == 0,
	    "a chain that is cut is one");
	refused(&noted, "cut off");
	forge("DELETE FROM audit WHERE id >= 5");
	audit(&db, 2000, "alpha", "cancel", "y", "192.0.2.1", &err);
	ok(audit_verify(&db, NULL, &head, &err) == 0,
	    "so is one that was written anew");
	refused(&noted, "another than the one noted");
	ok(audit_verify(&db, &noted, &head, &err) == 0,
	    "what was noted is in it");
}

/* Rows of a schema that had no digests. */
static void
test_sealed(void)
{
	forge("UPDATE audit SET digest = ''");
	ok(audit_verify(&db, NULL, &head, &err) < 0, "rows without digests");
	audit(&db, 3000, "alpha", "retry", "y", "192.0.2.1", &err);
	ok(audit_verify(&db, NULL, &head, &err) == 0 && head.id == 6,
	    "the next row seals them");
	undo();
}

static void
test_reserve(void)
{
	ok(reserve_bytes(NULL, (int64_t)1 << 40) == (int64_t)1 << 30,
	    "1G of a large disk");
	ok(reserve_bytes(NULL, 2000) == 100, "a twentieth of a small one");
	ok(reserve_bytes("25%", 2000) == 500, "a part");
	ok(reserve_bytes("1K", 2000) == 1024, "a size");
	ok(reserve_valid("5%") && reserve_valid("2G") && !reserve_valid("%") &&
		!reserve_valid("500%") && !reserve_valid("5 %") &&
		!reserve_valid("much"),
	    "forms");
}

int
main(void)
{
	int fd = mkstemp(path);

	close(fd);
	if (db_open(&db, path, true, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		return 1;
	}
	test_chain();
	test_forged();
	test_sealed();
	test_reserve();
	db_close(&db);
	unlink(path);
	return tap_done();
}
