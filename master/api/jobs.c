/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is shown of jobs, to everybody. */
#include "master/api/api.h"
#include "master/store/logs.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

#define LIST_DEFAULT 50
#define LIST_MAX     500

static json_t *
text_or_null(struct db *db, enum sql q, int column, struct arena *a)
{
	const char *s = db_text(db, q, column, a);

	return s ? json_string(s) : json_null();
}

static bool
is_job_state(const char *s)
{
	static const char *const states[] = {
	    "queued", "running", "passed", "failed", "cancelled"};
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(s, states[i]) == 0)
			return true;
	}
	return false;
}

void
api_jobs(struct master *m, struct request *r)
{
	const char *state = request_query(r, "state");
	enum sql q = SQL_JOB_LIST;
	int64_t limit = LIST_DEFAULT, before = INT64_MAX;
	json_t *list = json_array();
	struct arena *a = &r->arena;
	struct db *db = m->db;
	struct error err;
	int rc;

	if ((request_query(r, "limit") &&
		(limit = request_number(r, "limit")) < 0) ||
	    (request_query(r, "before") &&
		(before = request_number(r, "before")) < 0)) {
		json_decref(list);
		return;
	}
	if (state && !is_job_state(state)) {
		json_decref(list);
		request_problem(r, 400, "bad-query",
		    "state: expected queued, running, passed, failed or "
		    "cancelled");
		return;
	}
	db_query(db, q,
	    ARGS(INT(before), INT(limit < LIST_MAX ? limit : LIST_MAX),
		TEXT(request_query(r, "user")), TEXT(state),
		TEXT(request_query(r, "root"))));
	while ((rc = db_row(db, q, &err)) > 0)
		json_array_append_new(list,
		    json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I}",
			"job", (json_int_t)db_int(db, q, 0), "root",
			db_text(db, q, 1, a), "state", db_text(db, q, 2, a),
			"user", db_text(db, q, 3, a), "revision",
			db_text(db, q, 4, a), "created",
			api_time(db_int(db, q, 5)), "ended",
			api_time(db_int(db, q, 6)), "units",
			(json_int_t)db_int(db, q, 7), "done",
			(json_int_t)db_int(db, q, 8)));
	if (rc == 0) {
		request_json(r, 200, json_pack("{s:o}", "jobs", list));
		return;
	}
	json_decref(list);
	request_broken(r, &err);
}

/* ---- one job ---------------------------------------------------------------
 */

/* over: the unit ended with a step before this one. */
static const char *
step_state(
    const json_t *report, const struct sched_unit *u, int64_t step, bool over)
{
	const char *result =
	    json_string_value(json_object_get(report, "result"));

	if (result && strcmp(result, "passed") != 0 &&
	    strcmp(result, "skipped") != 0)
		return "failed";
	if (result)
		return result;
	if (u && u->state == UNIT_LEASED && u->lease->state &&
	    u->lease->step == step)
		return u->lease->state;
	return over ? "skipped" : "waiting";
}

static json_t *
step_json(struct master *m, int64_t unit, const struct sched_unit *u,
    int64_t step, const char *atom, const char *report, bool *over)
{
	json_t *o = report ? json_loads(report, 0, NULL) : NULL;
	const char *state = step_state(o, u, step, *over);

	*over |= o && strcmp(state, "passed") != 0;
	if (!o)
		o = json_object();
	if (u && u->state == UNIT_LEASED && !report)
		json_object_set_new(o, "log_bytes",
		    json_integer(logs_size(m->st, unit, u->attempt, step)));
	json_object_set_new(o, "step", json_integer(step));
	json_object_set_new(o, "atom", json_string(atom));
	json_object_set_new(o, "state", json_string(state));
	return o;
}

static json_t *
steps_json(struct master *m, struct arena *a, int64_t unit,
    const struct sched_unit *u, struct error *err)
{
	enum sql q = SQL_STEP_LIST;
	json_t *list = json_array();
	bool over = false;
	int rc;

	db_query(m->db, q, ARGS(INT(unit)));
	while ((rc = db_row(m->db, q, err)) > 0)
		json_array_append_new(list,
		    step_json(m, unit, u, db_int(m->db, q, 0),
			db_text(m->db, q, 1, a), db_text(m->db, q, 2, a),
			&over));
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

static void
add_number(json_t *o, const char *key, int64_t n)
{
	if (n > 0)
		json_object_set_new(o, key, json_integer(n));
}

json_t *
api_reason(const struct sched_reason *r)
{
	json_t *o = json_pack(
	    "{s:s, s:s}", "kind", reason_kind_names[r->kind], "text", r->text);

	if (r->name)
		json_object_set_new(o, "name", json_string(r->name));
	if (r->state)
		json_object_set_new(o, "state", json_string(r->state));
	add_number(o, "unit", r->unit);
	add_number(o, "job", r->job);
	add_number(o, "count", r->count);
	if (r->until > 0)
		json_object_set_new(
		    o, "until", json_real((double)r->until / 1e6));
	return o;
}

static json_t *
reasons_json(struct master *m, struct arena *a, const struct sched_unit *u)
{
	json_t *list = json_array();
	struct sched_reason *r;
	size_t n;

	if (!u)
		return list;
	n = sched_reasons(&m->sched, u, loop_now(&m->loop), a, &r);
	for (; n > 0; n--, r++)
		json_array_append_new(list, api_reason(r));
	return list;
}

/* All of a unit's steps were done before; a cancelled one made nothing. */
static void
mark_steps(struct master *m, json_t *steps, const char *state)
{
	bool reused = !db_is_null(m->db, SQL_UNIT_LIST, 11);
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
	{
		if (reused)
			json_object_set_new(step, "reused", json_true());
		if (strcmp(state, "cancelled") == 0)
			json_object_del(step, "artifacts");
	}
}

static json_t *
unit_json(struct master *m, struct arena *a, struct error *err)
{
	enum sql q = SQL_UNIT_LIST;
	int64_t id = db_int(m->db, q, 0);
	const struct sched_unit *u = sched_unit_get(&m->sched, id);
	json_t *steps = steps_json(m, a, id, u, err), *o;

	if (!steps)
		return NULL;
	mark_steps(m, steps, db_text(m->db, q, 3, a));
	o = json_pack(
	    "{s:I, s:s, s:s, s:s, s:I, s:o, s:s, s:s, s:s, s:[], s:o, s:o}",
	    "unit", (json_int_t)id, "root", db_text(m->db, q, 1, a), "arch",
	    db_text(m->db, q, 2, a), "state", db_text(m->db, q, 3, a),
	    "attempt", (json_int_t)db_int(m->db, q, 4), "slave",
	    text_or_null(m->db, q, 5, a), "key", db_text(m->db, q, 6, a),
	    "result", db_text(m->db, q, 7, a), "reason",
	    db_text(m->db, q, 8, a), "needs", "reasons", reasons_json(m, a, u),
	    "steps", steps);
	json_object_set_new(o, "started", api_time(db_int(m->db, q, 10)));
	json_object_set_new(o, "ended", api_time(db_int(m->db, q, 9)));
	if (!db_is_null(m->db, q, 11))
		json_object_set_new(o, "reused",
		    json_pack("{s:I, s:I}", "unit",
			(json_int_t)db_int(m->db, q, 11), "job",
			(json_int_t)db_int(m->db, q, 12)));
	return o;
}

static const char *
state_of(const json_t *unit)
{
	const char *s = json_string_value(json_object_get(unit, "state"));

	return s ? s : "";
}

/* Of the units of one architecture, counted by state. */
static const char *
arch_state(const json_t *counts)
{
	if (json_object_get(counts, "blocked") ||
	    json_object_get(counts, "ready") ||
	    json_object_get(counts, "leased"))
		return "running";
	if (json_object_get(counts, "failed") ||
	    json_object_get(counts, "dep-failed"))
		return "failed";
	return json_object_get(counts, "cancelled") ? "cancelled" : "passed";
}

static json_t *
find_unit(json_t *units, int64_t id)
{
	size_t low = 0, high = json_array_size(units), mid;
	int64_t at;

	/* they are sorted by id */
	while (low < high) {
		mid = low + (high - low) / 2;
		at = json_integer_value(
		    json_object_get(json_array_get(units, mid), "unit"));
		if (at == id)
			return json_array_get(units, mid);
		if (at < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int
add_needs(struct master *m, int64_t job, json_t *units, struct error *err)
{
	enum sql q = SQL_EDGE_JOB;
	json_t *unit;
	int rc;

	db_query(m->db, q, ARGS(INT(job)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		unit = find_unit(units, db_int(m->db, q, 0));
		json_array_append_new(json_object_get(unit, "needs"),
		    json_integer(db_int(m->db, q, 1)));
	}
	return rc;
}

/*
 * Why a unit that couldn't run couldn't: those that it needs, up to the one
 * that ended otherwise. Needed ones come before it in the list.
 */
static void
add_chain(json_t *units, json_t *unit)
{
	json_t *list = json_array(), *need, *number, *at = unit;
	const char *state;
	size_t i;

	while (at && strcmp(state_of(at), "dep-failed") == 0) {
		need = NULL;
		json_array_foreach(json_object_get(at, "needs"), i, number)
		{
			need = find_unit(units, json_integer_value(number));
			state = state_of(need);
			if (strcmp(state, "failed") == 0 ||
			    strcmp(state, "skipped") == 0 ||
			    strcmp(state, "dep-failed") == 0)
				break;
			need = NULL;
		}
		at = need;
		if (at)
			json_array_append_new(list,
			    json_pack("{s:O, s:O, s:O}", "unit",
				json_object_get(at, "unit"), "root",
				json_object_get(at, "root"), "state",
				json_object_get(at, "state")));
	}
	json_object_set_new(unit, "chain", list);
}

static void
add_chains(json_t *units)
{
	json_t *unit;
	size_t i;

	json_array_foreach(units, i, unit)
	{
		if (strcmp(state_of(unit), "dep-failed") == 0)
			add_chain(units, unit);
	}
}

/* How it stands for each architecture: {"amd64": {"state", "passed": 2}}. */
static json_t *
results_json(const json_t *units)
{
	json_t *all = json_object(), *unit, *o;
	const char *arch, *state;
	size_t i;

	json_array_foreach(units, i, unit)
	{
		arch = json_string_value(json_object_get(unit, "arch"));
		state = state_of(unit);
		o = json_object_get(all, arch);
		if (!o) {
			o = json_object();
			json_object_set_new(all, arch, o);
		}
		json_object_set_new(o, state,
		    json_integer(
			json_integer_value(json_object_get(o, state)) + 1));
	}
	json_object_foreach(all, arch, o)
	{
		json_object_set_new(o, "state", json_string(arch_state(o)));
	}
	return all;
}

static json_t *
units_json(struct master *m, struct arena *a, int64_t job, struct error *err)
{
	enum sql q = SQL_UNIT_LIST;
	json_t *list = json_array(), *o;
	int rc;

	db_query(m->db, q, ARGS(INT(job)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		o = unit_json(m, a, err);
		if (!o) {
			db_end(m->db, q);
			rc = -1;
			break;
		}
		json_array_append_new(list, o);
	}
	if (rc == 0 && add_needs(m, job, list, err) == 0) {
		add_chains(list);
		return list;
	}
	json_decref(list);
	return NULL;
}

/* As they were asked for. */
static json_t *
labels_json(const char *request)
{
	json_t *o = json_loads(request, 0, NULL);
	json_t *list = json_incref(json_object_get(o, "labels"));

	json_decref(o);
	return list ? list : json_array();
}

static json_t *
job_json(struct master *m, struct arena *a, int64_t job, json_t *units)
{
	enum sql q = SQL_JOB_GET;
	struct db *db = m->db;

	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o,"
			 " s:I, s:o, s:b, s:b, s:o, s:o, s:o}",
	    "job", (json_int_t)job, "state", db_text(db, q, 0, a), "user",
	    db_text(db, q, 1, a), "tree", db_text(db, q, 2, a), "root",
	    db_text(db, q, 3, a), "revision", db_text(db, q, 4, a), "arches",
	    json_loads(db_text(db, q, 5, a), 0, NULL), "created",
	    api_time(db_int(db, q, 6)), "started", api_time(db_int(db, q, 7)),
	    "ended", api_time(db_int(db, q, 8)), "priority",
	    (json_int_t)db_int(db, q, 9), "parameters",
	    json_loads(db_text(db, q, 10, a), 0, NULL), "reuse",
	    (int)db_int(db, q, 11), "security", (int)db_int(db, q, 12),
	    "labels", labels_json(db_text(db, q, 13, a)), "results",
	    results_json(units), "units", units);
}

void
api_job(struct master *m, struct request *r)
{
	struct arena *a = &r->arena;
	json_t *units;
	struct error err;
	int rc;

	rc = db_one(m->db, SQL_JOB_GET, ARGS(INT(r->id)), &err);
	if (rc < 0) {
		request_broken(r, &err);
		return;
	}
	if (rc == 0) {
		request_problem(r, 404, "not-found", "there is no such job");
		return;
	}
	units = units_json(m, a, r->id, &err);
	if (units)
		request_json(r, 200, job_json(m, a, r->id, units));
	else
		request_broken(r, &err);
	db_end(m->db, SQL_JOB_GET);
}
