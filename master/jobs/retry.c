/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has ended in vain begins again: units that failed, couldn't run or
 * were cancelled. What has passed stays. A unit that was skipped stays too,
 * and those that need it.
 */
#include "master/jobs/dispatch.h"
#include "master/stages/stages.h"
#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>

struct again {
	struct master *m;
	const struct change *change;
	struct arena arena;
	struct map units; /* by id: struct unit */
	struct unit {
		int64_t id;
		enum unit_state state;
		bool again, lost; /* lost: will never pass */
		size_t waits;     /* needs that haven't passed */
	} * *list;
	size_t n, nagain;
};

static int
read_units(struct again *g, struct error *err)
{
	enum sql q = SQL_UNIT_STATES;
	struct db *db = g->m->db;
	struct unit *u;
	int rc, state;

	db_query(db, q, ARGS(INT(g->change->job)));
	while ((rc = db_row(db, q, err)) > 0) {
		u = arena_new(&g->arena, struct unit);
		u->id = db_int(db, q, 0);
		state = unit_state_parse(db_text(db, q, 1, &g->arena));
		u->state = state < 0 ? UNIT_SKIPPED : (enum unit_state)state;
		u->lost = u->state == UNIT_SKIPPED;
		u->again = u->state == UNIT_FAILED ||
		    u->state == UNIT_DEP_FAILED || u->state == UNIT_CANCELLED;
		g->list =
		    arena_grow(&g->arena, g->list, g->n, sizeof(struct unit *));
		g->list[g->n++] = u;
		*map_put(&g->units, (const char *)&u->id, sizeof(u->id)) = u;
	}
	return rc;
}

/* Edges come by unit, and units after what they need. */
static int
read_edges(struct again *g, struct error *err)
{
	enum sql q = SQL_EDGE_JOB;
	struct db *db = g->m->db;
	struct unit *unit, *need;
	int64_t id, needs;
	int rc;

	db_query(db, q, ARGS(INT(g->change->job)));
	while ((rc = db_row(db, q, err)) > 0) {
		id = db_int(db, q, 0);
		needs = db_int(db, q, 1);
		unit = map_get(&g->units, (const char *)&id, sizeof(id));
		need = map_get(&g->units, (const char *)&needs, sizeof(needs));
		unit->waits += need->state != UNIT_PASSED;
		if (need->lost && unit->state != UNIT_PASSED) {
			unit->lost = true;
			unit->again = false;
		}
	}
	return rc;
}

static int
write_again(struct again *g, struct error *err)
{
	const struct change *ch = g->change;
	struct db *db = g->m->db;
	const struct unit *u;
	char object[48];
	size_t i;

	if ((ch->nonce && dispatch_nonce(g->m, ch->nonce, ch->now, err) < 0) ||
	    stages_there(g->m, ch->job, err) < 0)
		return -1;
	for (i = 0; i < g->n; i++) {
		u = g->list[i];
		if (u->again &&
		    (db_run(db, SQL_UNIT_AGAIN,
			 ARGS(INT(u->id), TEXT(u->waits ? "blocked" : "ready"),
			     INT(u->waits ? 0 : ch->now)),
			 err) < 0 ||
			db_run(db, SQL_REFUSAL_FORGET_UNIT, ARGS(INT(u->id)),
			    err) < 0))
			return -1;
	}
	if (db_run(db, SQL_JOB_AGAIN, ARGS(INT(ch->job)), err) < 0)
		return -1;
	if (!ch->nonce)
		return 0;
	snprintf(object, sizeof(object), "job %" PRId64, ch->job);
	return audit(db, ch->now, ch->user, "retry", object, ch->origin, err);
}

/* The same in the schedule, where an open job is and one that is over isn't. */
static int
schedule_again(struct again *g, struct sched_job *job, struct error *err)
{
	struct sched *s = &g->m->sched;
	struct unit_ids ready = {0};
	const struct sched_job *open;
	struct sched_unit *u;
	size_t i;

	if (!job && dispatch_load_job(g->m, g->change->job, err) < 0)
		return -1;
	open = sched_job_get(s, g->change->job);
	events_job(
	    g->m, g->change->job, open && open->started ? "running" : "queued");
	for (i = 0; i < g->n; i++) {
		u = sched_unit_get(s, g->list[i]->id);
		if (!g->list[i]->again || !u)
			continue;
		if (job) {
			sched_reopen(s, u);
			sched_start(s, u, g->change->now);
		}
		if (u->state == UNIT_READY)
			unit_ids_add(&ready, u);
	}
	dispatch_settle(g->m, &ready, g->change->now);
	return 0;
}

static int
again(struct again *g, struct error *err)
{
	struct sched_job *job = sched_job_get(&g->m->sched, g->change->job);
	size_t i;

	map_init(&g->units, &g->arena);
	if (read_units(g, err) < 0 || read_edges(g, err) < 0)
		return -1;
	for (i = 0; i < g->n; i++)
		g->nagain += g->list[i]->again;
	if (g->nagain == 0)
		return 0;
	if (db_begin(g->m->db, err) < 0)
		return -1;
	if (write_again(g, err) < 0) {
		db_rollback(g->m->db);
		return -1;
	}
	if (db_commit(g->m->db, err) < 0)
		return -1;
	log_info("job retried job=%" PRId64 " by=%s units=%zu", g->change->job,
	    g->change->user, g->nagain);
	return schedule_again(g, job, err);
}

int
dispatch_retry(
    struct master *m, const struct change *change, size_t *n, struct error *err)
{
	struct again g = {.m = m, .change = change};
	int rc = again(&g, err);

	*n = g.nagain;
	arena_release(&g.arena);
	return rc;
}
