/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/admin/jobs.h"
#include "master/api/api.h"
#include "master/commands.h"
#include "master/jobs/dispatch.h"
#include "master/jobs/wish.h"
#include "base/error.h"
#include "base/log.h"
#include "base/show.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 50

struct order {
	int64_t id, job, value;
	char what[16];
};

/* ---- in the running master ----------------------------------------------- */

static int
obey(struct master *m, const struct order *o, int64_t now, struct error *err)
{
	struct sched_job *job = sched_job_get(&m->sched, o->job);
	const struct change change = {
	    .job = o->job, .user = "administrator", .now = now};
	size_t n;

	if (strcmp(o->what, "retry") == 0 && !(job && job->cancelled)) {
		if (dispatch_retry(m, &change, &n, err) < 0)
			return -1;
		return n > 0 ? 0 : fail(err, "nothing of it has failed");
	}
	if (!job || job->cancelled)
		return fail(err, "it is over, or being cancelled");
	if (strcmp(o->what, "cancel") == 0)
		return dispatch_cancel(m, job, &change, err);
	return dispatch_priority(m, job, o->value, &change, err);
}

/* The next one; 0: there is none. */
static int
next_order(struct master *m, struct order *o, struct error *err)
{
	enum sql q = SQL_ORDER_NEXT;
	struct arena a = {0};
	int rc = db_one(m->db, q, NULL, err);

	if (rc > 0) {
		o->id = db_int(m->db, q, 0);
		o->job = db_int(m->db, q, 1);
		o->value = db_int(m->db, q, 3);
		snprintf(
		    o->what, sizeof(o->what), "%s", db_text(m->db, q, 2, &a));
	}
	db_end(m->db, q);
	arena_release(&a);
	return rc;
}

int
orders_load(struct master *m, struct error *err)
{
	struct error why;
	struct order o;
	int rc;

	while ((rc = next_order(m, &o, err)) > 0) {
		rc = obey(m, &o, loop_now(&m->loop), &why);
		if (rc < 0 && (error_is_full(&why) || db_is_halted(m->db))) {
			*err = why; /* it stays, for when there is room */
			return -1;
		}
		if (rc < 0)
			log_warn("job=%" PRId64 " %s by an administrator: %s",
			    o.job, o.what, why.msg);
		if (db_run(m->db, SQL_ORDER_DROP, ARGS(INT(o.id)), err) < 0)
			return -1;
	}
	return rc;
}

/* ---- the commands --------------------------------------------------------
 */

static int
list(struct db *db, bool json, struct arena *a, struct error *err)
{
	enum sql q = SQL_JOB_LIST;
	json_t *all = json_array(), *o;
	int rc;

	db_query(db, q,
	    ARGS(INT(INT64_MAX), INT(LIST_MAX), TEXT(NULL), TEXT(NULL),
		TEXT(NULL)));
	while ((rc = db_row(db, q, err)) > 0) {
		o = json_pack("{s:I, s:s, s:s, s:s, s:o, s:I, s:I}", "job",
		    (json_int_t)db_int(db, q, 0), "root", db_text(db, q, 1, a),
		    "state", db_text(db, q, 2, a), "user", db_text(db, q, 3, a),
		    "created", api_time(db_int(db, q, 5)), "units",
		    (json_int_t)db_int(db, q, 7), "done",
		    (json_int_t)db_int(db, q, 8));
		json_array_append_new(all, o);
		if (!json)
			printf("%" PRId64 " %s %s %s %" PRId64 "/%" PRId64 "\n",
			    db_int(db, q, 0), db_text(db, q, 1, a),
			    db_text(db, q, 2, a), db_text(db, q, 3, a),
			    db_int(db, q, 8), db_int(db, q, 7));
	}
	if (rc == 0 && json)
		return cmd_json(all);
	json_decref(all);
	return rc;
}

/* For people; a reason may be anybody's words. */
static const char *
shown(struct arena *a, const char *s)
{
	return s && *s ? show(a, s, strlen(s)) : "-";
}

static int
show_units(struct db *db, int64_t job, json_t *all, bool json, struct arena *a,
    struct error *err)
{
	enum sql q = SQL_UNIT_LIST;
	int rc;

	db_query(db, q, ARGS(INT(job)));
	while ((rc = db_row(db, q, err)) > 0) {
		const char *root = db_text(db, q, 1, a);
		const char *arch = db_text(db, q, 2, a);
		const char *state = db_text(db, q, 3, a);
		const char *slave = db_text(db, q, 5, a);
		const char *result = db_text(db, q, 7, a);
		const char *reason = db_text(db, q, 8, a);

		json_array_append_new(all,
		    json_pack("{s:I, s:s, s:s, s:s, s:I, s:s?, s:s, s:s}",
			"unit", (json_int_t)db_int(db, q, 0), "root", root,
			"arch", arch, "state", state, "attempt",
			(json_int_t)db_int(db, q, 4), "slave", slave, "result",
			result, "reason", reason));
		if (!json)
			printf("  %" PRId64 " %s %s %s %s %s\n",
			    db_int(db, q, 0), root, arch, state,
			    shown(a, slave), shown(a, reason));
	}
	return rc;
}

static int
show_job(
    struct db *db, int64_t job, bool json, struct arena *a, struct error *err)
{
	enum sql q = SQL_JOB_GET;
	json_t *o, *units = json_array();
	const char *root, *state, *user, *revision;
	int rc = db_one(db, q, ARGS(INT(job)), err);

	if (rc <= 0) {
		db_end(db, q);
		json_decref(units);
		return rc < 0 ? -1 : fail(err, "there is no job %" PRId64, job);
	}
	state = db_text(db, q, 0, a);
	user = db_text(db, q, 1, a);
	root = db_text(db, q, 3, a);
	revision = db_text(db, q, 4, a);
	o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "job",
	    (json_int_t)job, "root", root, "state", state, "user", user,
	    "revision", revision, "priority", (json_int_t)db_int(db, q, 9),
	    "created", api_time(db_int(db, q, 6)), "ended",
	    api_time(db_int(db, q, 8)), "units", units);
	if (!json)
		printf("%" PRId64 " %s %s %s %.12s priority %" PRId64 "\n", job,
		    root, state, user, revision, db_int(db, q, 9));
	db_end(db, q);
	rc = show_units(db, job, units, json, a, err);
	if (rc == 0 && json)
		return cmd_json(o);
	json_decref(o);
	return rc;
}

static int
give(struct db *db, const char *what, int64_t job, int64_t value,
    struct error *err)
{
	char said[32], object[32];
	int rc = db_one(db, SQL_JOB_GET, ARGS(INT(job)), err);

	db_end(db, SQL_JOB_GET);
	if (rc <= 0)
		return rc < 0 ? -1 : fail(err, "there is no job %" PRId64, job);
	if (db_begin(db, err) < 0)
		return -1;
	if (db_run(db, SQL_ORDER_ADD,
		ARGS(INT(job), TEXT(what), INT(value), INT(now_us())),
		err) < 0) {
		db_rollback(db);
		return -1;
	}
	snprintf(said, sizeof(said), "job %s", what);
	snprintf(object, sizeof(object), "job %" PRId64, job);
	return cmd_finish(db, said, object, err);
}

static bool
number(const char *s, int64_t min, int64_t max, int64_t *out)
{
	char *end;

	/* strtoll() takes blanks and "+" as well */
	if (*s != '-' && (*s < '0' || *s > '9'))
		return false;
	errno = 0;
	*out = strtoll(s, &end, 10);
	return !errno && end != s && !*end && *out >= min && *out <= max;
}

int
cmd_job(const char *path, int argc, char *argv[])
{
	static const char usage[] =
	    "job list [--json] | job show N [--json] | job cancel|retry N | "
	    "job priority N -1000..1000";
	bool json = argc > 1 && strcmp(argv[argc - 1], "--json") == 0;
	const char *what = argc > 0 ? argv[0] : "";
	bool reads = strcmp(what, "list") == 0 || strcmp(what, "show") == 0;
	int words = strcmp(what, "list") == 0 ? 1
	    : strcmp(what, "priority") == 0   ? 3
					      : 2;
	int64_t job = 0, value = 0;
	struct arena a = {0};
	struct state st;
	struct error err;
	int rc;

	if (argc - json != words || (json && !reads) ||
	    (!reads && strcmp(what, "cancel") != 0 &&
		strcmp(what, "retry") != 0 && strcmp(what, "priority") != 0) ||
	    (words > 1 && !number(argv[1], 1, INT64_MAX, &job)) ||
	    (words > 2 &&
		!number(argv[2], -PRIORITY_MAX, PRIORITY_MAX, &value)))
		return cmd_usage(usage);
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	if (strcmp(what, "list") == 0)
		rc = list(&st.db, json, &a, &err);
	else if (reads)
		rc = show_job(&st.db, job, json, &a, &err);
	else
		rc = give(&st.db, what, job, value, &err);
	state_close(&st);
	arena_release(&a);
	return rc < 0 ? cmd_failed(&err) : 0;
}
