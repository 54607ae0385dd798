/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/dispatch.h"
#include "master/stages/stages.h"
#include "master/jobs/wants.h"
#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>

/* What was stored of one unit, for the schedule. */
struct stored {
	const json_t *o;
	int64_t id;
};

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int
write_steps(
    struct master *m, const struct stored *u, size_t *nsteps, struct error *err)
{
	json_t *step;
	size_t i;

	json_array_foreach(json_object_get(u->o, "steps"), i, step)
	{
		if (db_run(m->db, SQL_STEP_ADD,
			ARGS(INT(u->id), INT((int64_t)i),
			    TEXT(text(step, "atom")), TEXT(text(step, "key"))),
			err) < 0)
			return -1;
		++*nsteps;
	}
	return 0;
}

static int
write_unit(struct master *m, int64_t job, struct stored *u, int64_t now,
    struct error *err)
{
	char *wants = json_dumps(json_object_get(u->o, "wants"), JSON_COMPACT);
	char *capsule =
	    json_dumps(json_object_get(u->o, "capsule"), JSON_COMPACT);
	size_t needs = json_array_size(json_object_get(u->o, "needs"));

	u->id = db_insert(m->db, SQL_UNIT_ADD,
	    ARGS(INT(job), TEXT(text(u->o, "root")), TEXT(text(u->o, "arch")),
		TEXT(needs ? "blocked" : "ready"), TEXT(wants ? wants : "{}"),
		INT(needs ? 0 : now), TEXT(text(u->o, "key")),
		TEXT(text(u->o, "pack")), TEXT(capsule),
		INT(json_is_true(json_object_get(u->o, "reusable")))),
	    err);
	free(wants);
	free(capsule);
	return u->id < 0 ? -1 : 0;
}

static int
write_units(struct master *m, struct new_job *job, struct stored *units,
    int64_t now, struct error *err)
{
	json_t *need;
	size_t i, k;

	for (i = 0; i < job->nunits; i++) {
		if (write_unit(m, job->id, &units[i], now, err) < 0 ||
		    write_steps(m, &units[i], &job->nsteps, err) < 0)
			return -1;
		json_array_foreach(
		    json_object_get(units[i].o, "needs"), k, need)
		{
			if (json_integer_value(need) >= (json_int_t)i)
				return fail(err, "plan: units out of order");
			if (db_run(m->db, SQL_EDGE_ADD,
				ARGS(INT(units[i].id),
				    INT(units[json_integer_value(need)].id)),
				err) < 0)
				return -1;
		}
	}
	return 0;
}

static int
write_job(struct master *m, struct new_job *job, int64_t now, struct error *err)
{
	const json_t *w = job->wish;
	char *arches = json_dumps(json_object_get(w, "arches"), JSON_COMPACT);
	char *parameters = json_dumps(
	    json_object_get(w, "parameters"), JSON_COMPACT | JSON_SORT_KEYS);

	job->id = db_insert(m->db, SQL_JOB_ADD,
	    ARGS(INT(job->user), INT(job->tree), TEXT(text(job->plan, "root")),
		TEXT(text(job->plan, "revision")), TEXT(arches),
		INT(json_integer_value(json_object_get(w, "priority"))),
		TEXT(parameters ? parameters : "{}"),
		INT(!json_is_false(json_object_get(w, "reuse"))),
		TEXT(job->request), TEXT(job->signature), INT(now),
		INT(json_is_true(json_object_get(w, "security")))),
	    err);
	free(arches);
	free(parameters);
	return job->id < 0 ? -1 : 0;
}

static int
write_all(struct master *m, struct new_job *job, struct stored *units,
    int64_t now, struct error *err)
{
	char object[48];

	if (dispatch_nonce(m, job->nonce, now, err) < 0 ||
	    write_job(m, job, now, err) < 0 ||
	    write_units(m, job, units, now, err) < 0 ||
	    stages_there(m, job->id, err) < 0)
		return -1;
	snprintf(object, sizeof(object), "job %" PRId64, job->id);
	return audit(
	    m->db, now, job->user_name, "submit", object, job->origin, err);
}

static struct sched_unit_spec
spec_of(struct master *m, const struct sched_job *job, const struct stored *u,
    struct arena *tmp)
{
	const json_t *steps = json_object_get(u->o, "steps");
	struct sched_unit_spec spec = {.id = u->id,
	    .root = text(u->o, "root"),
	    .key = text(u->o, "key"),
	    .state = UNIT_BLOCKED,
	    .reuse =
		job->reuse && json_is_true(json_object_get(u->o, "reusable")),
	    .nlayers = json_array_size(steps)};
	const char **layers = arena_array(tmp, spec.nlayers, const char *);
	struct error err;
	size_t i;

	for (i = 0; i < spec.nlayers; i++)
		layers[i] = text(json_array_get(steps, i), "key");
	spec.layers = layers;
	wants_read(json_object_get(u->o, "wants"), text(u->o, "arch"),
	    &spec.wants, tmp);
	/* else they are looked at again when the database has changed */
	if (stages_know(m, &spec.wants, &err) < 0)
		log_err("%s", err.msg);
	spec.expect = dispatch_expects(m, spec.root, spec.wants.arch, tmp);
	return spec;
}

static void
schedule_units(struct master *m, struct sched_job *job, const struct new_job *j,
    const struct stored *units, struct arena *tmp)
{
	struct sched_unit_spec *specs =
	    arena_array(tmp, j->nunits, struct sched_unit_spec);
	struct sched_unit **added =
	    arena_array(tmp, j->nunits, struct sched_unit *);
	struct sched_edge *edges;
	size_t i, k, n = 0, room = 0;
	const json_t *need;

	for (i = 0; i < j->nunits; i++) {
		specs[i] = spec_of(m, job, &units[i], tmp);
		room += sched_unit_room(&specs[i]);
		n += json_array_size(json_object_get(units[i].o, "needs"));
	}
	sched_job_reserve(job, room + sched_needs_room(n));
	edges = arena_array(tmp, n, struct sched_edge);
	n = 0;
	for (i = 0; i < j->nunits; i++)
		added[i] = sched_unit_add(&m->sched, job, &specs[i]);
	for (i = 0; i < j->nunits; i++) {
		json_array_foreach(json_object_get(units[i].o, "needs"), k,
		    need) edges[n++] = (struct sched_edge){
		    added[i], added[json_integer_value(need)]};
	}
	sched_needs(job, edges, n);
}

static void
schedule(struct master *m, const struct new_job *j, const struct stored *units,
    int64_t now)
{
	struct sched *s = &m->sched;
	struct unit_ids ready = {0};
	struct arena tmp = {0};
	struct sched_job *job;
	size_t i;

	job = sched_job_add(s, j->id, j->priority, j->user_name, j->created);
	job->security = json_is_true(json_object_get(j->wish, "security"));
	job->reuse = !json_is_false(json_object_get(j->wish, "reuse"));
	schedule_units(m, job, j, units, &tmp);
	sched_job_rank(s, job);
	for (i = 0; i < j->nunits; i++) {
		struct sched_unit *u = sched_unit_get(s, units[i].id);

		sched_start(s, u, now);
		if (u->state == UNIT_READY)
			unit_ids_add(&ready, u);
	}
	arena_release(&tmp);
	events_job(m, j->id, "queued");
	dispatch_settle(m, &ready, now);
}

/* Labels are the job's: each of its units wants them. */
static void
add_labels(json_t *wants, const json_t *wish)
{
	json_t *labels = json_object_get(wish, "labels");

	if (labels)
		json_object_set(wants, "labels", labels);
}

static struct stored *
units_of(struct new_job *job, struct arena *tmp)
{
	const json_t *list = json_object_get(job->plan, "units");
	struct stored *units;
	size_t i;

	job->nunits = json_array_size(list);
	job->nsteps = 0;
	units = arena_array(tmp, job->nunits, struct stored);
	for (i = 0; i < job->nunits; i++) {
		units[i].o = json_array_get(list, i);
		add_labels(json_object_get(units[i].o, "wants"), job->wish);
	}
	return units;
}

int
dispatch_job(
    struct master *m, struct new_job *job, int64_t now, struct error *err)
{
	struct arena tmp = {0};
	struct stored *units = units_of(job, &tmp);
	int rc = -1;

	job->priority =
	    json_integer_value(json_object_get(job->wish, "priority"));
	job->created = now;
	if (db_begin(m->db, err) < 0)
		goto out;
	if (write_all(m, job, units, now, err) < 0) {
		db_rollback(m->db);
		goto out;
	}
	if (db_commit(m->db, err) < 0)
		goto out;
	m->count.jobs++;
	log_info("job stored job=%" PRId64 " root=%s by=%s units=%zu", job->id,
	    text(job->plan, "root"), job->user_name, job->nunits);
	schedule(m, job, units, now);
	rc = 0;
out:
	arena_release(&tmp);
	return rc;
}

/* ---- another revision ---------------------------------------------------- */

static int
write_repin(struct master *m, struct new_job *job, struct stored *units,
    int64_t now, struct error *err)
{
	static const enum sql drops[] = {SQL_EDGE_DROP, SQL_STEP_DROP,
	    SQL_REFUSAL_DROP, SQL_LEASE_DROP, SQL_UNIT_DROP};
	char object[100];
	size_t i;
	int n;

	if (dispatch_nonce(m, job->nonce, now, err) < 0)
		return -1;
	for (i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
		if (db_run(m->db, drops[i], ARGS(INT(job->id)), err) < 0)
			return -1;
	}
	n = db_run(m->db, SQL_JOB_REPIN,
	    ARGS(INT(job->id), TEXT(text(job->plan, "root")),
		TEXT(text(job->plan, "revision"))),
	    err);
	if (n == 0)
		return fail(err, "database: the job isn't queued");
	if (n < 0 || write_units(m, job, units, now, err) < 0 ||
	    stages_there(m, job->id, err) < 0)
		return -1;
	snprintf(object, sizeof(object), "job %" PRId64 " %s", job->id,
	    text(job->plan, "revision"));
	return audit(
	    m->db, now, job->user_name, "repin", object, job->origin, err);
}

int
dispatch_repin(
    struct master *m, struct new_job *job, int64_t now, struct error *err)
{
	struct sched_job *old = sched_job_get(&m->sched, job->id);
	struct arena tmp = {0};
	struct stored *units = units_of(job, &tmp);
	int rc = -1;

	job->priority = old->priority;
	job->created = old->created;
	if (db_begin(m->db, err) < 0)
		goto out;
	if (write_repin(m, job, units, now, err) < 0) {
		db_rollback(m->db);
		goto out;
	}
	if (db_commit(m->db, err) < 0)
		goto out;
	log_info("job repinned job=%" PRId64 " by=%s revision=%s", job->id,
	    job->user_name, text(job->plan, "revision"));
	job->user_name = arena_strdup(&tmp, old->user);
	sched_job_drop(&m->sched, old);
	schedule(m, job, units, now);
	rc = 0;
out:
	arena_release(&tmp);
	return rc;
}
