/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a whole job waits for, and who has which lock. */
#include "master/api/api.h"
#include "base/error.h"

#include <string.h>

/* ---- jobs/J/waiting --------------------------------------------------------
 */

struct causes {
	struct map by_text; /* to the cause's JSON */
	json_t *list;
	size_t running, waiting;
	int64_t ends; /* about, when all goes well; 0: nobody knows */
	bool never;   /* as things are it doesn't end */
};

static void
add_cause(struct causes *c, const struct sched_unit *u,
    const struct sched_reason *why)
{
	json_t *o = map_gets(&c->by_text, why->text);

	if (!o) {
		o = api_reason(why);
		json_object_set_new(o, "units", json_array());
		json_array_append_new(c->list, o);
		*map_puts(&c->by_text, why->text) = o;
	}
	json_array_append_new(json_object_get(o, "units"),
	    json_pack("{s:I, s:s, s:s}", "unit", (json_int_t)u->id, "root",
		sched_root(u), "arch", sched_arch(u)));
}

/* Units come newest first; people count from the other end. */
static struct sched_unit **
in_order(const struct sched_job *job, struct arena *a, size_t *n)
{
	struct sched_unit **list, *u;
	size_t i;

	for (*n = 0, u = job->units; u; u = u->next)
		++*n;
	list = arena_array(a, *n, struct sched_unit *);
	for (i = *n, u = job->units; u; u = u->next)
		list[--i] = u;
	return list;
}

/* Does it run by and by, if nobody does anything about it? */
static bool
will_run(const struct sched_reason *why, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		switch (why[i].kind) {
		case REASON_NEEDS:
		case REASON_LOCK:
		case REASON_BUSY:
		case REASON_ROOM:
		case REASON_EXCLUSIVE:
		case REASON_RESERVED:
		case REASON_TURN:
		case REASON_SAME:
			return true;
		case REASON_ARCH:
		case REASON_REQUIREMENT:
		case REASON_STAGE:
		case REASON_LABEL:
		case REASON_RESOURCE:
		case REASON_MATCH:
		case REASON_REFUSED:
		case REASON_CLOSED:
		case REASON_QUARANTINE:
		case REASON_OFFLINE:
		case REASON_KINDS:
			break;
		}
	}
	return n == 0;
}

static void
look_at(struct master *m, struct causes *c, const struct sched_unit *u,
    int64_t now, struct arena *a)
{
	const struct sched_lease *l = sched_lease_of(u);
	struct sched_reason *why;
	int64_t ends;
	size_t i, n;

	if (unit_state_is_over(u->state))
		return;
	ends = (l ? l->granted : now) + (int64_t)(u->rank * 1e6);
	if (ends > c->ends)
		c->ends = ends;
	c->running += l != NULL;
	c->waiting += l == NULL;
	n = sched_reasons(&m->sched, u, now, a, &why);
	c->never |= !will_run(why, n);
	for (i = 0; i < n; i++)
		add_cause(c, u, &why[i]);
}

/* The state of a job; NULL: answered. */
static const char *
job_state(struct master *m, struct request *r)
{
	enum sql q = SQL_JOB_GET;
	const char *state = NULL;
	struct error err;
	int rc = db_one(m->db, q, ARGS(INT(r->id)), &err);

	if (rc > 0)
		state = db_text(m->db, q, 0, &r->arena);
	db_end(m->db, q);
	if (rc < 0)
		request_broken(r, &err);
	else if (rc == 0)
		request_problem(r, 404, "not-found", "there is no such job");
	return state;
}

void
api_waiting(struct master *m, struct request *r)
{
	const struct sched_job *job = sched_job_get(&m->sched, r->id);
	const char *state = job_state(m, r);
	struct causes c = {.list = json_array()};
	struct sched_unit **units;
	int64_t now = loop_now(&m->loop);
	size_t i, n = 0;

	if (!state) {
		json_decref(c.list);
		return;
	}
	map_init(&c.by_text, &r->arena);
	units = job ? in_order(job, &r->arena, &n) : NULL;
	for (i = 0; i < n; i++)
		look_at(m, &c, units[i], now, &r->arena);
	if (c.never)
		c.ends = 0;
	else if (c.ends > 0 && c.ends < now)
		c.ends = now;
	request_json(r, 200,
	    json_pack("{s:I, s:s, s:I, s:I, s:o, s:o}", "job",
		(json_int_t)r->id, "state", state, "running",
		(json_int_t)c.running, "waiting", (json_int_t)c.waiting, "ends",
		api_time(c.ends), "causes", c.list));
}

/* ---- locks -----------------------------------------------------------------
 */

static json_t *
uses_json(const struct lock_list *list)
{
	json_t *all = json_array(), *o;
	const struct lock_use *x;

	for (x = list->first; x; x = x->next) {
		const struct sched_unit *u = x->unit;
		const struct sched_lease *l = sched_lease_of(u);

		o = json_pack("{s:I, s:I, s:s, s:s, s:b, s:o}", "unit",
		    (json_int_t)u->id, "job", (json_int_t)u->job->id, "root",
		    sched_root(u), "user", u->job->user, "shared",
		    (int)x->shared, "since",
		    api_time(l ? l->granted : u->ready));
		if (l)
			json_object_set_new(
			    o, "slave", json_string(l->slave->name));
		json_array_append_new(all, o);
	}
	return all;
}

void
api_locks(struct master *m, struct request *r)
{
	json_t *list = json_array();
	const struct sched_lock *l;
	size_t i;

	for (i = 0; i < m->sched.locks.n; i++) {
		l = m->sched.locks.items[i].value;
		if (!l->holders.first && !l->waiting.first)
			continue;
		json_array_append_new(list,
		    json_pack("{s:s, s:b, s:o, s:o}", "lock", l->name,
			"per_slave", (int)l->per_slave, "holders",
			uses_json(&l->holders), "queue",
			uses_json(&l->waiting)));
	}
	request_json(r, 200, json_pack("{s:o}", "locks", list));
}
