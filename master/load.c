/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schedule as the database has it, at start. What slaves offered last is
 * good for explanations, but they get nothing before they say hello again;
 * leases that they hold stay theirs, for long enough to find us again.
 */
#include "master/api.h"
#include "master/dispatch.h"
#include "master/quarantine.h"
#include "master/slaves.h"
#include "master/stages.h"
#include "master/wants.h"
#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static int
load_slaves(struct master *m, struct error *err)
{
	enum sql q = SQL_SLAVE_LIST;
	struct arena a = {0};
	struct sched_slave *sl;
	const char *text;
	json_t *hello;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		sl = sched_slave(
		    &m->sched, db_int(m->db, q, 0), db_text(m->db, q, 1, &a));
		text = db_text(m->db, q, 3, &a);
		hello = text ? json_loads(text, 0, NULL) : NULL;
		if (hello)
			api_take_hello(&m->sched, sl, hello);
		json_decref(hello);
		if (strcmp(db_text(m->db, q, 2, &a), "retired") == 0)
			sched_slave_retire(&m->sched, sl);
	}
	arena_release(&a);
	return rc;
}

/* What is held against slaves: quarantine.h. */
static int
load_quarantine(struct master *m, struct error *err)
{
	enum sql q = SQL_SLAVE_HELD;
	int64_t now = now_us();
	struct sched_slave *sl;
	struct quarantine held;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		sl = ids_get(&m->sched.slave_ids, db_int(m->db, q, 0));
		held.strikes = db_int(m->db, q, 1);
		held.unit = db_int(m->db, q, 2);
		held.pauses = db_int(m->db, q, 3);
		held.until = db_int(m->db, q, 4);
		if (sl)
			quarantine_apply(m, sl, &held, now);
	}
	return rc;
}

/* Keys of the unit's steps, for finding where their layers are. */
static int
load_layers(struct master *m, struct sched_unit_spec *spec, struct arena *a,
    struct error *err)
{
	enum sql q = SQL_STEP_KEYS;
	const char **keys = NULL;
	int rc;

	db_query(m->db, q, ARGS(INT(spec->id)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		keys = arena_grow(a, keys, spec->nlayers, sizeof(*keys));
		keys[spec->nlayers++] = db_text(m->db, q, 0, a);
	}
	spec->layers = keys;
	return rc;
}

static int
load_units(struct master *m, struct sched_job *job, struct error *err)
{
	enum sql q = SQL_UNIT_OPEN;
	struct sched_unit_spec spec;
	struct arena a = {0};
	json_t *wants;
	const char *arch;
	int rc, state;

	db_query(m->db, q, ARGS(INT(job->id)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		memset(&spec, 0, sizeof(spec));
		spec.id = db_int(m->db, q, 0);
		spec.root = db_text(m->db, q, 1, &a);
		arch = db_text(m->db, q, 2, &a);
		state = unit_state_parse(db_text(m->db, q, 3, &a));
		spec.state = state < 0 ? UNIT_BLOCKED : (enum unit_state)state;
		spec.attempt = db_int(m->db, q, 4);
		spec.tries = db_int(m->db, q, 5);
		wants = json_loads(db_text(m->db, q, 6, &a), 0, NULL);
		spec.ready = db_int(m->db, q, 7);
		spec.reuse = job->reuse && db_int(m->db, q, 8) != 0;
		spec.key = db_text(m->db, q, 9, &a);
		wants_read(wants, arch, &spec.wants, &a);
		rc = stages_know(m, &spec.wants, err);
		spec.expect = dispatch_expects(m, spec.root, arch, &a);
		if (rc >= 0 && !unit_state_is_over(spec.state))
			rc = load_layers(m, &spec, &a, err);
		sched_unit_add(&m->sched, job, &spec);
		json_decref(wants);
		if (rc < 0) {
			db_end(m->db, q);
			break;
		}
	}
	arena_release(&a);
	return rc;
}

static int
load_edges(struct master *m, struct sched_job *job, struct error *err)
{
	enum sql q = SQL_EDGE_JOB;
	struct sched_unit *unit, *needed;
	int rc;

	db_query(m->db, q, ARGS(INT(job->id)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		unit = sched_unit_get(&m->sched, db_int(m->db, q, 0));
		needed = sched_unit_get(&m->sched, db_int(m->db, q, 1));
		sched_need(unit, needed);
	}
	return rc;
}

static int
load_refusals(struct master *m, struct sched_unit *u, struct error *err)
{
	enum sql q = SQL_REFUSAL_LIST;
	struct arena a = {0};
	const char *kind;
	int rc;

	db_query(m->db, q, ARGS(INT(u->id)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		kind = db_text(m->db, q, 1, &a);
		sched_refuse(&m->sched, u, db_int(m->db, q, 0),
		    db_int(m->db, q, 2), strcmp(kind, "lost") == 0,
		    db_text(m->db, q, 3, &a));
	}
	arena_release(&a);
	return rc;
}

static int
load_job(struct master *m, struct sched_job *job, struct error *err)
{
	struct sched_unit *u;

	if (load_units(m, job, err) < 0 || load_edges(m, job, err) < 0)
		return -1;
	sched_job_rank(&m->sched, job);
	for (u = job->units; u; u = u->next) {
		if (unit_state_is_over(u->state))
			continue;
		if (load_refusals(m, u, err) < 0)
			return -1;
		if (u->state != UNIT_LEASED)
			sched_start(
			    &m->sched, u, u->ready ? u->ready : job->created);
	}
	return 0;
}

/* The job in the row of a query, with its units. */
static int
load_row(struct master *m, enum sql q, struct error *err)
{
	struct arena a = {0};
	struct sched_job *job;
	const char *state;
	int rc;

	job = sched_job_add(&m->sched, db_int(m->db, q, 0), db_int(m->db, q, 1),
	    db_text(m->db, q, 3, &a), db_int(m->db, q, 4));
	job->security = db_int(m->db, q, 5) != 0;
	job->reuse = db_int(m->db, q, 6) != 0;
	state = db_text(m->db, q, 2, &a);
	job->cancelled = strcmp(state, "cancelled") == 0;
	job->started = strcmp(state, "queued") != 0;
	rc = load_job(m, job, err);
	arena_release(&a);
	return rc;
}

static int
load_jobs(struct master *m, struct error *err)
{
	enum sql q = SQL_JOB_OPEN;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		if (load_row(m, q, err) < 0) {
			db_end(m->db, q);
			return -1;
		}
	}
	return rc;
}

int
dispatch_load_job(struct master *m, int64_t job, struct error *err)
{
	enum sql q = SQL_JOB_ONE;
	int rc = db_one(m->db, q, ARGS(INT(job)), err);

	if (rc > 0)
		rc = load_row(m, q, err);
	db_end(m->db, q);
	return rc < 0 ? -1 : 0;
}

static int
load_leases(struct master *m, struct error *err)
{
	enum sql q = SQL_LEASE_HELD;
	struct sched_unit *u;
	struct sched_slave *sl;
	int64_t now = now_us();
	int64_t expires = now + (m->set->lease + m->set->grace) * SECOND;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		u = sched_unit_get(&m->sched, db_int(m->db, q, 1));
		sl = ids_get(&m->sched.slave_ids, db_int(m->db, q, 2));
		if (!u || !sl || u->state != UNIT_LEASED) {
			db_end(m->db, q);
			return fail(err,
			    "database: a lease of a unit that isn't leased");
		}
		sched_lease(&m->sched, u, sl, db_int(m->db, q, 0),
		    db_int(m->db, q, 3), expires);
	}
	return rc;
}

/* What people had lately; after ten half-lives nothing is left of it. */
static int
load_usage(struct master *m, struct error *err)
{
	enum sql q = SQL_LEASE_USAGE;
	struct arena a = {0};
	int64_t since = now_us() - 10 * m->sched.half_life;
	int rc;

	db_query(m->db, q, ARGS(INT(since)));
	while ((rc = db_row(m->db, q, err)) > 0)
		sched_charge(&m->sched, db_text(m->db, q, 0, &a),
		    (double)db_int(m->db, q, 2) / 1e6, db_int(m->db, q, 1));
	arena_release(&a);
	return rc;
}

int
dispatch_load(struct master *m, struct error *err)
{
	if (load_slaves(m, err) < 0 || load_quarantine(m, err) < 0 ||
	    slaves_load(m, err) < 0 || load_usage(m, err) < 0 ||
	    load_jobs(m, err) < 0 || load_leases(m, err) < 0)
		return -1;
	log_info("schedule rebuilt ready=%zu leased=%zu", m->sched.nready,
	    m->sched.nleased);
	return 0;
}
