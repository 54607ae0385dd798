/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slaves that wait for work. A slave has one claim at a time: a new one means
 * that it doesn't listen to the old one any more.
 */
#include "master/api/api.h"
#include "master/jobs/dispatch.h"
#include "master/admin/slaves.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <string.h>

#define WAIT_MAX 55

struct claim {
	struct request *r;
	struct sched_slave *slave;
	int64_t free, deadline;
	struct claim *prev, *next;
};

/* In order of deadlines; nearly always the last one. */
static void
link_claim(struct master *m, struct claim *c)
{
	struct claim *at = m->last_claim;

	while (at && at->deadline > c->deadline)
		at = at->prev;
	c->prev = at;
	c->next = at ? at->next : m->claims;
	if (c->prev)
		c->prev->next = c;
	else
		m->claims = c;
	if (c->next)
		c->next->prev = c;
	else
		m->last_claim = c;
	c->slave->full = c->free == 0;
	sched_wait(&m->sched, c->slave, c);
}

static void
unlink_claim(struct master *m, struct claim *c)
{
	sched_wait(&m->sched, c->slave, NULL);
	sched_seen(&m->sched, c->slave, loop_now(&m->loop));
	if (c->prev)
		c->prev->next = c->next;
	else
		m->claims = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		m->last_claim = c->prev;
}

/* Keys that were revoked since the job was accepted are no signers. */
static int
drop_revoked(struct master *m, json_t *signers, struct error *err)
{
	enum sql q = SQL_USER_KEY_TRUSTED;
	const char *user, *fingerprint;
	json_t *list;
	size_t i;
	int rc;

	json_object_foreach(signers, user, list)
	{
		for (i = json_array_size(list); i-- > 0;) {
			fingerprint =
			    json_string_value(json_array_get(list, i));
			rc = db_one(m->db, q, ARGS(TEXT(fingerprint)), err);
			if (rc < 0)
				return -1;
			if (rc > 0)
				db_end(m->db, q);
			else
				json_array_remove(list, i);
		}
	}
	return 0;
}

/*
 * The steps whose artifacts and figures are known by their keys, as this slave
 * made them: no other may be reused. The last one never is.
 */
static int
mark_made(
    struct master *m, const struct sched_unit *u, json_t *o, struct error *err)
{
	enum sql q = SQL_MADE_STEPS;
	json_t *steps = json_object_get(o, "steps");
	int rc;

	if (json_array_size(steps) < 2)
		return 0;
	db_query(m->db, q, ARGS(INT(u->id), INT(u->lease->slave->id)));
	while ((rc = db_row(m->db, q, err)) > 0)
		json_object_set_new(
		    json_array_get(steps, (size_t)db_int(m->db, q, 0)), "made",
		    json_true());
	return rc;
}

/* The unit's capsule with what is new in this attempt; NULL with err. */
static json_t *
capsule_json(struct master *m, const struct sched_unit *u, int64_t lease,
    struct error *err)
{
	enum sql q = SQL_UNIT_CAPSULE;
	struct arena a = {0};
	json_t *o = NULL, *parameters;
	int rc = db_one(m->db, q, ARGS(INT(u->id)), err);

	if (rc <= 0)
		return NULL;
	o = json_loads(db_text(m->db, q, 0, &a), 0, NULL);
	parameters = json_loads(db_text(m->db, q, 2, &a), 0, NULL);
	db_end(m->db, q);
	if (drop_revoked(m, json_object_get(o, "signers"), err) < 0 ||
	    mark_made(m, u, o, err) < 0) {
		json_decref(o);
		json_decref(parameters);
		arena_release(&a);
		return NULL;
	}
	/* planned before formats had numbers: it is none of them */
	if (!json_object_get(o, "keys"))
		json_object_set_new(o, "keys", json_integer(0));
	json_object_set_new(o, "parameters", parameters);
	json_object_set_new(o, "lease", json_integer(lease));
	json_object_set_new(o, "job", json_integer(u->job->id));
	json_object_set_new(o, "unit", json_integer(u->id));
	json_object_set_new(o, "attempt", json_integer(u->attempt));
	json_object_set_new(o, "lease_seconds", json_integer(m->set->lease));
	arena_release(&a);
	return o;
}

json_t *
claims_events(struct master *m, const struct sched_slave *sl)
{
	json_t *list = json_array(), *more;
	struct sched_lease *l;

	slaves_release(m, sl, list);
	if (m->sched.nunwanted == 0)
		return list;
	for (l = m->sched.first_lease; l; l = l->next) {
		if (l->slave != sl || l->told)
			continue;
		more = api_lease_events(l->unit);
		json_array_extend(list, more);
		json_decref(more);
	}
	return list;
}

json_t *
claims_grant(
    struct master *m, struct sched_slave *sl, int64_t free, int64_t now)
{
	json_t *list = json_array(), *o;
	struct sched_unit *u;
	struct error err;
	int64_t lease;

	if (db_is_halted(m->db) || !sl->known)
		free = 0;
	for (; free > 0; free--) {
		/* one of its kind may have passed since it became ready */
		while ((u = sched_pick(&m->sched, sl, now)) != NULL &&
		    dispatch_reuse(m, u, now, &err) > 0)
			continue;
		if (!u)
			break;
		lease = dispatch_lease(m, u, sl, now, &err);
		if (lease < 0) {
			log_err(
			    "lease unit=%lld: %s", (long long)u->id, err.msg);
			break;
		}
		o = capsule_json(m, u, lease, &err);
		if (!o) {
			log_err(
			    "capsule unit=%lld: %s", (long long)u->id, err.msg);
			break;
		}
		json_array_append_new(list, o);
	}
	return list;
}

/* Answer with what there is; false if there is nothing and must isn't set. */
static bool
serve(struct master *m, struct request *r, struct sched_slave *sl, int64_t free,
    int64_t now, bool must)
{
	json_t *events = claims_events(m, sl), *capsules;

	capsules = claims_grant(m, sl, free, now);
	if (!must && json_array_size(events) == 0 &&
	    json_array_size(capsules) == 0) {
		json_decref(events);
		json_decref(capsules);
		return false;
	}
	request_json(r, 200,
	    json_pack("{s:o, s:o}", "capsules", capsules, "events", events));
	return true;
}

void
api_claim(struct master *m, struct request *r)
{
	const json_t *o = api_body(r);
	struct sched_slave *sl;
	int64_t free, wait, now = loop_now(&m->loop);
	struct claim *c;

	if (!o ||
	    (free = api_need_number(r, o, "free", 0, CLAIM_FREE_MAX)) < 0 ||
	    (wait = api_need_number(r, o, "wait", 0, 3600)) < 0)
		return;
	sl = sched_slave(&m->sched, r->slave, r->slave_name);
	if (!sl->known) {
		request_problem(r, 409, "hello-again",
		    "this master doesn't know what the slave offers");
		return;
	}
	claims_drop(m, sl);
	if (serve(m, r, sl, free, now, wait == 0))
		return;
	c = arena_new(&r->arena, struct claim);
	c->r = r;
	c->slave = sl;
	c->free = free;
	c->deadline = clock_us() + (wait < WAIT_MAX ? wait : WAIT_MAX) * SECOND;
	link_claim(m, c);
	request_wait(r);
}

/* Answer that there is no work. */
static void
answer_with(struct master *m, struct claim *c, json_t *events)
{
	struct request *r = c->r;

	unlink_claim(m, c);
	request_json(
	    r, 200, json_pack("{s:[], s:o}", "capsules", "events", events));
	request_resume(r);
}

/* Answer that nothing has come. */
static void
answer_empty(struct master *m, struct claim *c)
{
	answer_with(m, c, json_array());
}

void
claims_drop(struct master *m, const struct sched_slave *sl)
{
	if (sl->waiting)
		answer_empty(m, sl->waiting);
}

void
claims_again(struct master *m, const struct sched_slave *sl)
{
	if (sl->waiting)
		answer_with(m, sl->waiting,
		    json_pack("[{s:s}]", "event", "claim-again"));
}

/* Serve one that waits; false when there was nothing for it. */
static bool
serve_waiting(struct master *m, struct claim *c, int64_t now)
{
	struct request *r = c->r;

	/* don't lease to somebody who has gone */
	if (!request_is_alive(r)) {
		answer_empty(m, c);
		return true;
	}
	if (!serve(m, r, c->slave, c->free, now, false))
		return false;
	unlink_claim(m, c);
	request_resume(r);
	return true;
}

/* Slaves that wait while they have something that nobody wants any more. */
static void
tell_unwanted(struct master *m, int64_t now)
{
	struct sched_lease *l;

	m->sched.untold = false;
	for (l = m->sched.first_lease; l; l = l->next) {
		const struct sched_unit *u = l->unit;

		if (((u->job->cancelled && !l->told) ||
			(l->slave->ruled && !l->released)) &&
		    l->slave->waiting)
			serve_waiting(m, l->slave->waiting, now);
	}
}

void
claims_turn(struct master *m, int64_t now)
{
	int64_t clock = clock_us();
	struct sched_slave *sl;

	while (m->claims && clock >= m->claims->deadline)
		answer_empty(m, m->claims);
	if (db_is_halted(m->db))
		return;
	if (m->sched.untold)
		tell_unwanted(m, now);
	while ((sl = sched_turn(&m->sched, now)) != NULL) {
		/* the database refused the lease: the slave may ask again */
		if (!serve_waiting(m, sl->waiting, now))
			answer_empty(m, sl->waiting);
	}
}

void
claims_close(struct master *m)
{
	while (m->claims)
		answer_empty(m, m->claims);
}

size_t
claims_count(const struct master *m)
{
	const struct claim *c;
	size_t n = 0;

	for (c = m->claims; c; c = c->next)
		n++;
	return n;
}
