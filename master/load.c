/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The schedule as the database has it, at start. What slaves offered last is
 * good for explanations, but they get nothing before they say hello again;
 * leases that they hold stay theirs, for long enough to find us again.
 */
#include "master/api.h"
#include "master/dispatch.h"
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
			api_take_hello(sl, hello);
		json_decref(hello);
		sl->retired = strcmp(db_text(m->db, q, 2, &a), "retired") == 0;
	}
	arena_release(&a);
	return rc;
}

static void
set_requires(struct sched_unit_spec *spec, const char *text, json_t **list,
    struct arena *a)
{
	const char **words;
	size_t i;

	*list = json_loads(text, 0, NULL);
	spec->nrequires = json_array_size(*list);
	words = arena_array(a, spec->nrequires, const char *);
	for (i = 0; i < spec->nrequires; i++)
		words[i] = json_string_value(json_array_get(*list, i));
	spec->requires = words;
}

static int
load_units(struct master *m, struct sched_job *job, struct error *err)
{
	enum sql q = SQL_UNIT_OPEN;
	struct sched_unit_spec spec;
	struct arena a = {0};
	json_t *list;
	int rc, state;

	db_query(m->db, q, ARGS(INT(job->id)));
	while ((rc = db_row(m->db, q, err)) > 0) {
		memset(&spec, 0, sizeof(spec));
		spec.id = db_int(m->db, q, 0);
		spec.root = db_text(m->db, q, 1, &a);
		spec.arch = db_text(m->db, q, 2, &a);
		state = unit_state_parse(db_text(m->db, q, 3, &a));
		spec.state = state < 0 ? UNIT_BLOCKED : (enum unit_state)state;
		spec.attempt = db_int(m->db, q, 4);
		spec.tries = db_int(m->db, q, 5);
		spec.exclusive = db_int(m->db, q, 6) != 0;
		set_requires(&spec, db_text(m->db, q, 7, &a), &list, &a);
		sched_unit_add(&m->sched, job, &spec);
		json_decref(list);
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
		sched_refuse(u, db_int(m->db, q, 0), db_int(m->db, q, 2),
		    strcmp(kind, "lost") == 0, db_text(m->db, q, 3, &a));
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
	for (u = job->units; u; u = u->next) {
		if (unit_state_is_over(u->state))
			continue;
		if (load_refusals(m, u, err) < 0)
			return -1;
		if (u->state != UNIT_LEASED)
			sched_start(&m->sched, u);
	}
	return 0;
}

static int
load_jobs(struct master *m, struct error *err)
{
	enum sql q = SQL_JOB_OPEN;
	struct arena a = {0};
	struct sched_job *job;
	const char *state;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		job = sched_job_add(&m->sched, db_int(m->db, q, 0),
		    db_int(m->db, q, 1), db_text(m->db, q, 3, &a));
		state = db_text(m->db, q, 2, &a);
		job->cancelled = strcmp(state, "cancelled") == 0;
		job->started = strcmp(state, "queued") != 0;
		if (load_job(m, job, err) < 0) {
			db_end(m->db, q);
			rc = -1;
			break;
		}
	}
	arena_release(&a);
	return rc;
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
		sched_lease(
		    &m->sched, u, sl, db_int(m->db, q, 0), now, expires);
	}
	return rc;
}

int
dispatch_load(struct master *m, struct error *err)
{
	if (load_slaves(m, err) < 0 || load_jobs(m, err) < 0 ||
	    load_leases(m, err) < 0)
		return -1;
	log_info("schedule rebuilt ready=%zu leased=%zu", m->sched.nready,
	    m->sched.nleased);
	return 0;
}
