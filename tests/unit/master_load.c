/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What users had, as a master that starts has it of its database. */
#include "tap.h"
#include "master/master.h"
#include "master/serve/turn.h"
#include "base/error.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/autotua-load-XXXXXX";
static struct settings set = {.lease = 60, .half_life = 86400};
static struct error err;
static struct state st;

/* A lease of job n's user; times are of now, in seconds. */
static void
had(int n, int64_t granted, int64_t ended)
{
	int64_t now = now_us();
	char *sql = sqlite3_mprintf(
	    "INSERT INTO lease (unit_id, attempt, slave_id, state, granted,"
	    " ended) VALUES (%d, (SELECT count(*) FROM lease), 1, 'done',"
	    " %lld, %lld)",
	    n, now + granted * SECOND, now + ended * SECOND);

	ok(sqlite3_exec(st.db.conn, sql, NULL, NULL, NULL) == SQLITE_OK,
	    "user %d had a slot from %d to %d", n, (int)granted, (int)ended);
	sqlite3_free(sql);
}

static bool
is_about(const struct master *m, const char *user, double seconds)
{
	double has = sched_usage(&m->sched, user, loop_now(&m->loop));

	printf("# %s: %f\n", user, has);
	return has > seconds * 0.99 - 1 && has < seconds * 1.01 + 1;
}

int
main(void)
{
	struct master m = {.st = &st, .db = &st.db, .set = &set};

	close(mkstemp(path));
	if (!ok(db_open(&st.db, path, true, &err) == 0 &&
		    loop_open(&m.loop, &err) == 0,
		"a master"))
		return tap_done();
	sqlite3_exec(st.db.conn,
	    "INSERT INTO person (id, name, created) VALUES (1, 'anna', 1),"
	    " (2, 'bert', 1), (3, 'carl', 1);"
	    "INSERT INTO slave (name, fingerprint, state, created, last_seen)"
	    " VALUES ('one', 'S1', 'active', 1, 1);"
	    "INSERT INTO tree (id, name, url, created) VALUES (1, 't', 'u', 1);"
	    "INSERT INTO job (state, user_id, tree_id, root, revision, arches,"
	    " priority, parameters, reuse, request, signature, created, ended)"
	    " SELECT 'passed', id, 1, 'r', 'v', '[]', 0, '{}', 1, '', '', 3, 4"
	    " FROM person;"
	    "INSERT INTO unit (job_id, root, arch, state, key, pack, capsule)"
	    " SELECT id, 'r', 'a', 'passed', '', '', '' FROM job",
	    NULL, NULL, NULL);
	had(1, -100, 0);
	had(2, 864000, 864100);
	had(3, -100, 0);
	had(3, 3600, 0);
	ok(turn_schedule(&m, &err) == 0, "it starts");
	ok(is_about(&m, "anna", 100), "what a user had counts");
	ok(is_about(&m, "bert", 100),
	    "no more does what a clock has that was ahead");
	ok(is_about(&m, "carl", 100),
	    "nor less what ended, by the clock, before it began");
	sched_release(&m.sched);
	plans_release(&m.plans);
	loop_close(&m.loop);
	db_close(&st.db);
	unlink(path);
	return tap_done();
}
