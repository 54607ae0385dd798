/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a slave says about a lease that it holds. */
#include "master/api/api.h"
#include "master/jobs/dispatch.h"
#include "master/store/kept.h"
#include "master/store/logs.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <inttypes.h>
#include <string.h>

#define STEPS_MAX 100000

static const char *const live_states[] = {
    "fetching", "preparing", "setup", "unpack", "run", "collect", NULL};
static const char *const step_results[] = {
    "passed", "failed", "skipped", "infrastructure", "limit", NULL};

const char *
api_one_of(const char *s, const char *const *list)
{
	for (; s && *list; list++) {
		if (strcmp(s, *list) == 0)
			return *list;
	}
	return NULL;
}

int64_t
api_attempt(struct request *r, const json_t *o)
{
	return o ? api_need_number(r, o, "attempt", 0, INT32_MAX) : -1;
}

void
api_renew(struct master *m, struct request *r)
{
	const json_t *o = api_body(r), *step;
	int64_t attempt = api_attempt(r, o);
	struct sched_unit *u;
	const char *state;

	if (attempt < 0)
		return;
	state = api_one_of(api_text(o, "state", 20), live_states);
	step = json_object_get(o, "step");
	/* without a state it may still look whether it takes the unit */
	u = state ? api_work(m, r, attempt) : api_lease(m, r, attempt);
	if (!u)
		return;
	if (state && json_is_integer(step)) {
		if (state != u->lease->state ||
		    json_integer_value(step) != u->lease->step)
			events_step(m, u, json_integer_value(step), state);
		u->lease->state = state;
		u->lease->step = json_integer_value(step);
	}
	request_json(r, 200,
	    json_pack("{s:o, s:I}", "events", api_lease_events(u),
		"lease_seconds", (json_int_t)m->set->lease));
}

/* ---- the report of a step --------------------------------------------------
 */

struct report {
	int64_t unit, attempt, step, slave;
	const json_t *o; /* without the attempt */
	const char *missing;
};

static bool
has_passed(const json_t *o)
{
	const char *result = api_text(o, "result", 20);

	return result && strcmp(result, "passed") == 0;
}

static bool
is_reused(const json_t *o)
{
	return has_passed(o) && json_is_true(json_object_get(o, "reused"));
}

/* What the slave said itself: adopt() adds the rest. */
static json_t *
own_part(const json_t *o)
{
	json_t *own = json_copy((json_t *)o);

	if (is_reused(own)) {
		json_object_del(own, "artifacts");
		json_object_del(own, "figures");
		json_object_del(own, "messages");
	}
	return own;
}

static bool
is_same(const json_t *a, const json_t *b)
{
	json_t *x = own_part(a), *y = own_part(b);
	bool same = json_equal(x, y) == 1;

	json_decref(x);
	json_decref(y);
	return same;
}

/* 1: this very report is there, 0: none is, -1: another one, or err. */
static int
find_report(struct master *m, const struct report *p, struct error *err)
{
	enum sql q = SQL_REPORT_GET;
	struct arena a = {0};
	json_t *old;
	int rc;

	rc = db_one(
	    m->db, q, ARGS(INT(p->unit), INT(p->attempt), INT(p->step)), err);
	if (rc <= 0)
		return rc;
	old = json_loads(db_text(m->db, q, 0, &a), 0, NULL);
	db_end(m->db, q);
	if (!is_same(old, p->o))
		rc = fail(err, "differs");
	json_decref(old);
	arena_release(&a);
	return rc;
}

static bool
is_step(struct master *m, const struct report *p)
{
	struct error ignored;
	int64_t n = 0;

	if (db_one(m->db, SQL_STEP_COUNT, ARGS(INT(p->unit)), &ignored) > 0) {
		n = db_int(m->db, SQL_STEP_COUNT, 0);
		db_end(m->db, SQL_STEP_COUNT);
	}
	return p->step < n;
}

static bool
bad_artifact(struct request *r, size_t i, const char *what)
{
	request_problem(
	    r, 400, "bad-field", "\"artifacts\": number %zu: %s", i, what);
	return false;
}

/* Is the artifact here, of this size? false: answered. */
static bool
check_blob(struct master *m, struct request *r, size_t i, const json_t *o)
{
	const char *digest = api_text(o, "digest", 64);
	const json_t *said = json_object_get(o, "size");
	struct error err;
	int64_t size;
	int rc;

	if (!digest || strlen(digest) != 64 || !is_hex(digest, 64))
		return bad_artifact(
		    r, i, "\"digest\": expected 64 hexadecimal digits");
	rc = api_blob_size(m, digest, &size, &err);
	if (rc < 0)
		request_broken(r, &err);
	else if (rc == 0)
		request_problem(r, 409, "blob-missing",
		    "artifact %s was not uploaded", digest);
	else if (!json_is_integer(said) || json_integer_value(said) != size)
		return bad_artifact(r, i, "\"size\": it has another one");
	else
		return true;
	return false;
}

/* Form of the artifacts, and are they all here? false: answered. */
static bool
check_artifacts(struct master *m, struct request *r, const json_t *o)
{
	const json_t *list = json_object_get(o, "artifacts");
	const char *path;
	json_t *artifact;
	struct map seen;
	void **known;
	size_t i;

	if (list && !json_is_array(list)) {
		request_problem(
		    r, 400, "bad-field", "\"artifacts\": expected a list");
		return false;
	}
	map_init(&seen, &r->arena);
	json_array_foreach(list, i, artifact)
	{
		path = api_text(artifact, "path", 4096);
		if (!path || !file_is_below(path))
			return bad_artifact(r, i,
			    "\"path\": expected names with / between them, "
			    "no . or .., no control characters");
		known = map_puts(&seen, path);
		if (*known)
			return bad_artifact(
			    r, i, "\"path\": it was there before");
		*known = (void *)(uintptr_t)path;
		if (!check_blob(m, r, i, artifact))
			return false;
	}
	return true;
}

/*
 * A step that was reused has what its key made when it really ran on this
 * slave: layers stay where they are made, and no other slave's word counts for
 * them. Capsules name the steps of which that is known; a slave that reuses
 * others too left nothing to show.
 */
static int
adopt(struct master *m, const struct report *p, json_t *o, struct error *err)
{
	enum sql q = SQL_MADE_GET;
	struct arena a = {0};
	json_t *made = NULL;
	int rc = db_one(
	    m->db, q, ARGS(INT(p->unit), INT(p->step), INT(p->slave)), err);

	if (rc > 0)
		made = json_loads(db_text(m->db, q, 0, &a), 0, NULL);
	db_end(m->db, q);
	arena_release(&a);
	if (rc < 0)
		return -1;
	if (made) {
		json_object_set(
		    o, "artifacts", json_object_get(made, "artifacts"));
		json_object_set(o, "figures", json_object_get(made, "figures"));
	} else {
		json_object_set_new(o, "artifacts", json_array());
		json_object_set_new(o, "messages",
		    json_pack("[{s:s, s:s, s:s}]", "level", "warn", "text",
			"reused: its artifacts and figures are not known here",
			"phase", ""));
	}
	json_decref(made);
	return 0;
}

static int
write_report(struct master *m, const struct report *p, struct error *err)
{
	char *text = json_dumps(p->o, JSON_COMPACT);
	const char *type;
	json_t *artifact;
	size_t i;
	int rc;

	rc = db_run(m->db, SQL_REPORT_ADD,
	    ARGS(INT(p->unit), INT(p->attempt), INT(p->step), TEXT(text),
		INT(now_us())),
	    err);
	free(text);
	json_array_foreach(json_object_get(p->o, "artifacts"), i, artifact)
	{
		if (rc < 0)
			break;
		type = api_text(artifact, "type", 32);
		rc = db_run(m->db, SQL_ARTIFACT_ADD,
		    ARGS(INT(p->unit), INT(p->attempt), INT(p->step),
			TEXT(api_text(artifact, "path", 4096)),
			TEXT(type ? type : "file"),
			TEXT(api_text(artifact, "digest", 64))),
		    err);
		if (rc >= 0)
			rc = db_run(m->db, SQL_BLOB_NAMED,
			    ARGS(TEXT(api_text(artifact, "digest", 64))), err);
	}
	if (rc >= 0 && has_passed(p->o) && !is_reused(p->o))
		rc = db_run(m->db, SQL_MADE_SET,
		    ARGS(INT(p->unit), INT(p->attempt), INT(p->step),
			INT(p->slave)),
		    err);
	return rc < 0 ? -1 : 0;
}

static int
store_report(struct master *m, const struct report *p, struct error *err)
{
	if (db_begin(m->db, err) < 0)
		return -1;
	/* what the report says about the log must be true after a power cut */
	if (kept_log(m, p->unit, p->attempt, p->step, err) < 0 ||
	    write_report(m, p, err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	return db_commit(m->db, err);
}

static int
store_whole(struct master *m, const struct report *p, struct error *err)
{
	struct report whole = *p;
	json_t *o;
	int rc;

	if (!is_reused(p->o))
		return store_report(m, p, err);
	o = json_copy((json_t *)p->o);
	whole.o = o;
	rc = adopt(m, p, o, err);
	if (rc == 0)
		rc = store_report(m, &whole, err);
	json_decref(o);
	return rc;
}

/* The same report again is fine, also when the lease is over by now. */
static bool
is_known_report(struct master *m, struct request *r, struct report *p)
{
	enum sql q = SQL_LEASE_GET;
	struct error err;
	bool mine;

	if (db_one(m->db, q, ARGS(INT(r->id)), &err) <= 0)
		return false;
	p->unit = db_int(m->db, q, 0);
	mine = db_int(m->db, q, 1) == p->attempt &&
	    db_int(m->db, q, 2) == r->slave;
	db_end(m->db, q);
	return mine && find_report(m, p, &err) == 1;
}

static void
tell(struct master *m, const struct report *p)
{
	const struct sched_unit *u = sched_unit_get(&m->sched, p->unit);
	const char *result = api_text(p->o, "result", 20);

	if (u && sched_lease_of(u))
		u->lease->counted = false;
	if (u)
		events_step(m, u, p->step, api_one_of(result, step_results));
}

static void
take_report(struct master *m, struct request *r, struct report *p)
{
	struct error err = {0};
	int found;

	if (!is_step(m, p)) {
		request_problem(r, 400, "bad-field",
		    "\"step\": the unit has no step %" PRId64, p->step);
		return;
	}
	found = find_report(m, p, &err);
	if (found < 0 && strcmp(err.msg, "differs") == 0) {
		request_problem(r, 409, "report-differs",
		    "another report for step %" PRId64 " is stored", p->step);
		return;
	}
	if (found == 0 && !check_artifacts(m, r, p->o))
		return;
	if (found < 0 || (found == 0 && store_whole(m, p, &err) < 0))
		request_broken(r, &err);
	else if (found == 0)
		tell(m, p);
}

/* Step, result and length of the log of p->o; false: answered. */
static bool
read_report(struct request *r, struct report *p)
{
	p->step = api_need_number(r, p->o, "step", 0, STEPS_MAX);
	if (p->step < 0 ||
	    (json_object_get(p->o, "log_bytes") &&
		api_need_number(r, p->o, "log_bytes", 0, INT64_MAX) < 0))
		return false;
	if (api_one_of(api_text(p->o, "result", 20), step_results))
		return true;
	request_problem(r, 400, "bad-field",
	    "\"result\": expected passed, failed, skipped, "
	    "infrastructure or limit");
	return false;
}

void
api_take_report(struct master *m, struct request *r, const struct sched_unit *u,
    const json_t *report)
{
	struct report p = {.unit = u->id,
	    .attempt = u->attempt,
	    .slave = r->slave,
	    .o = report};

	if (read_report(r, &p))
		take_report(m, r, &p);
}

void
api_take_log(struct master *m, struct request *r, const struct sched_unit *u,
    const json_t *log)
{
	struct log_piece l = {
	    .step = api_need_number(r, log, "step", 0, STEPS_MAX)};
	const json_t *text = json_object_get(log, "text");

	if (l.step < 0 ||
	    (l.offset =
		    api_need_number(r, log, "offset", 0, (int64_t)1 << 53)) < 0)
		return;
	if (!json_is_string(text)) {
		request_problem(
		    r, 400, "bad-field", "\"log\": expected a \"text\"");
		return;
	}
	l.data = json_string_value(text);
	l.len = json_string_length(text);
	(void)logs_append(m, r, u, &l);
}

void
api_step(struct master *m, struct request *r)
{
	json_t *o = api_body(r), *log;
	struct report p = {
	    .attempt = api_attempt(r, o), .slave = r->slave, .o = o};
	struct sched_unit *u;

	if (p.attempt < 0 || !read_report(r, &p))
		return;
	json_object_del(o, "attempt");
	log = json_incref(json_object_get(o, "log"));
	json_object_del(o, "log");
	if (!sched_leased(&m->sched, r->id) && is_known_report(m, r, &p)) {
		request_json(r, 200, json_pack("{s:[]}", "events"));
		goto out;
	}
	u = api_work(m, r, p.attempt);
	if (!u)
		goto out;
	p.unit = u->id;
	if (log)
		api_take_log(m, r, u, log);
	if (!r->answer)
		take_report(m, r, &p);
	if (!r->answer)
		request_json(
		    r, 200, json_pack("{s:o}", "events", api_lease_events(u)));
out:
	json_decref(log);
}
