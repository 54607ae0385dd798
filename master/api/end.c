/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How leases end, by their slaves' word. With "done" may come what is left to
 * say about the last step, and the claim for what is next: a slave that is
 * busy with short work has one call a unit.
 */
#include "master/api/api.h"
#include "master/jobs/dispatch.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

#define REASON_MAX 4000

/* Has the lease ended before in the way that is told now? */
static bool
ended_so(struct master *m, struct request *r, int64_t attempt,
    const char *state, const char *result)
{
	enum sql q = SQL_LEASE_GET;
	struct arena a = {0};
	struct error err;
	bool same;

	if (db_one(m->db, q, ARGS(INT(r->id)), &err) <= 0)
		return false;
	same = db_int(m->db, q, 1) == attempt &&
	    db_int(m->db, q, 2) == r->slave &&
	    strcmp(db_text(m->db, q, 3, &a), state) == 0 &&
	    strcmp(db_text(m->db, q, 4, &a), result) == 0;
	db_end(m->db, q);
	arena_release(&a);
	return same;
}

/*
 * A unit that passed has a report of every step, one that failed of all up to
 * the last that has one: a master that was restored may have lost some, which
 * the slave has. One that can't deliver them says so.
 */
static bool
is_complete(struct master *m, struct request *r, const struct sched_unit *u,
    const json_t *o, const char *result)
{
	int64_t steps = -1, reports = -1, last = -1;
	struct error err;

	if (strcmp(result, "infrastructure") == 0 ||
	    strcmp(result, "cancelled") == 0 ||
	    (strcmp(result, "passed") != 0 &&
		json_is_true(json_object_get(o, "spoilt"))))
		return true;

	if (db_one(m->db, SQL_STEP_COUNT, ARGS(INT(u->id)), &err) > 0) {
		steps = db_int(m->db, SQL_STEP_COUNT, 0);
		db_end(m->db, SQL_STEP_COUNT);
	}
	if (db_one(m->db, SQL_REPORT_COUNT, ARGS(INT(u->id), INT(u->attempt)),
		&err) > 0) {
		reports = db_int(m->db, SQL_REPORT_COUNT, 0);
		last = db_int(m->db, SQL_REPORT_COUNT, 1);
		db_end(m->db, SQL_REPORT_COUNT);
	}
	if (strcmp(result, "passed") != 0)
		steps = last;
	if (steps == reports)
		return true;
	request_problem(r, 409, "step-missing",
	    "%" PRId64 " of %" PRId64 " steps were reported", reports, steps);
	return false;
}

static const char *
reason_of(struct request *r, const json_t *o)
{
	const char *s = json_string_value(json_object_get(o, "reason"));

	return s ? arena_strndup(&r->arena, s, strnlen(s, REASON_MAX)) : "";
}

/* What else the call brings; answered if something is wrong with it. */
static void
take_rest(struct master *m, struct request *r, const struct sched_unit *u,
    const json_t *o)
{
	const json_t *log = json_object_get(o, "log");
	const json_t *report = json_object_get(o, "report");

	if (log)
		api_take_log(m, r, u, log);
	if (report && !r->answer)
		api_take_report(m, r, u, report);
}

/* The answer, with what a claim in the call gets. */
static void
answer_done(struct master *m, struct request *r, int64_t free)
{
	struct sched_slave *sl;

	if (free < 0) {
		request_json(r, 200, json_object());
		return;
	}
	sl = sched_slave(&m->sched, r->slave, r->slave_name);
	request_json(r, 200,
	    json_pack("{s:o, s:o}", "capsules",
		claims_grant(m, sl, free, loop_now(&m->loop)), "events",
		claims_events(m, sl)));
}

static void
end_lease(struct master *m, struct request *r, const json_t *o, int64_t attempt,
    const char *result)
{
	struct sched_unit *u = api_work(m, r, attempt);
	struct error err;

	if (!u)
		return;
	if (strcmp(result, "cancelled") == 0 && !u->job->cancelled)
		result = "infrastructure";
	take_rest(m, r, u, o);
	if (r->answer || !is_complete(m, r, u, o, result))
		return;
	if (dispatch_done(
		m, u, result, reason_of(r, o), loop_now(&m->loop), &err) < 0)
		request_broken(r, &err);
}

void
api_done(struct master *m, struct request *r)
{
	static const char *const results[] = {"passed", "failed", "skipped",
	    "infrastructure", "limit", "cancelled", NULL};
	const json_t *o = api_body(r), *claim = json_object_get(o, "claim");
	int64_t attempt = api_attempt(r, o), free = -1;
	const char *result;

	if (attempt < 0)
		return;
	result = api_one_of(api_text(o, "result", 20), results);
	if (!result) {
		request_problem(r, 400, "bad-field",
		    "\"result\": expected passed, failed, skipped, "
		    "infrastructure or limit");
		return;
	}
	if (claim &&
	    (free = api_need_number(r, claim, "free", 0, CLAIM_FREE_MAX)) < 0)
		return;
	if (sched_leased(&m->sched, r->id) ||
	    !ended_so(m, r, attempt, "done", result))
		end_lease(m, r, o, attempt, result);
	if (!r->answer)
		answer_done(m, r, free);
}

void
api_refuse(struct master *m, struct request *r)
{
	const json_t *o = api_body(r);
	int64_t attempt = api_attempt(r, o);
	struct sched_unit *u;
	const char *kind;
	struct error err;
	bool hard;

	if (attempt < 0)
		return;
	kind = api_text(o, "kind", 8);
	hard = kind && strcmp(kind, "hard") == 0;
	if (!hard && !(kind && strcmp(kind, "soft") == 0)) {
		request_problem(
		    r, 400, "bad-field", "\"kind\": expected soft or hard");
		return;
	}
	if (!sched_leased(&m->sched, r->id) &&
	    ended_so(m, r, attempt, "refused", "")) {
		request_json(r, 200, json_object());
		return;
	}
	u = api_lease(m, r, attempt);
	if (!u)
		return;
	if (dispatch_refused(
		m, u, hard, reason_of(r, o), loop_now(&m->loop), &err) < 0)
		request_broken(r, &err);
	else
		request_json(r, 200, json_object());
}
