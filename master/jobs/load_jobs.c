/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs with their units, from the database into the schedule. What is told of
 * units is in several tables: each is read once, from its begin to its end,
 * all in the order of jobs and units, and side by side. What many units have
 * in common is looked at once.
 */
#include "master/jobs/dispatch.h"
#include "master/stages/stages.h"
#include "master/jobs/wants.h"
#include "base/error.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define MEMO_MAX ((size_t)8 << 20)

enum { UNITS, STEPS, EDGES, REFUSALS, CURSORS };

/* The same columns, of all open jobs and of one. */
static const enum sql of_open[CURSORS] = {
    SQL_UNIT_OPEN, SQL_STEP_OPEN, SQL_EDGE_OPEN, SQL_REFUSAL_OPEN};
static const enum sql of_one[CURSORS] = {
    SQL_UNIT_OF_JOB, SQL_STEP_ONE, SQL_EDGE_ONE, SQL_REFUSAL_ONE};

/* What units want, as the database has it. */
struct known {
	json_t *text; /* what wants points into */
	struct sched_wants wants;
	struct sched_class *class; /* of those that have been added */
};

/* One unit that was read. */
struct loaded {
	struct sched_unit_spec spec;
	struct known *known;
	struct loaded *next;
};

struct loading {
	struct master *m;
	const enum sql *cursors;
	int has[CURSORS]; /* 1: a row that wasn't used yet */
	struct arena job; /* of the one that is read */
	struct arena all, memo;
	struct map known;   /* wants and architecture to struct known */
	struct map expects; /* root and architecture to double; in memo */
};

/* ---- cursors ------------------------------------------------------------- */

static int
begin(struct loading *l, struct master *m, const enum sql *cursors, int64_t job,
    struct error *err)
{
	int i;

	memset(l, 0, sizeof(*l));
	l->m = m;
	l->cursors = cursors;
	map_init(&l->known, &l->all);
	map_init(&l->expects, &l->memo);
	for (i = 0; i < CURSORS; i++) {
		db_query(m->db, cursors[i], job ? ARGS(INT(job)) : NULL);
		l->has[i] = db_row(m->db, cursors[i], err);
		if (l->has[i] < 0)
			return -1;
	}
	return 0;
}

static void
finish(struct loading *l)
{
	size_t i;

	for (i = 0; i < CURSORS; i++)
		db_end(l->m->db, l->cursors[i]);
	for (i = 0; i < l->known.n; i++)
		json_decref(((struct known *)l->known.items[i].value)->text);
	arena_release(&l->job);
	arena_release(&l->all);
	arena_release(&l->memo);
}

static int64_t
number(const struct loading *l, int cursor, int column)
{
	return db_int(l->m->db, l->cursors[cursor], column);
}

static const char *
text(struct loading *l, int cursor, int column)
{
	return db_text(l->m->db, l->cursors[cursor], column, &l->job);
}

/* Is there a row of this job, and of this unit if it isn't 0? */
static bool
at(const struct loading *l, int cursor, int64_t job, int64_t unit)
{
	return l->has[cursor] > 0 && number(l, cursor, 0) == job &&
	    (unit == 0 || number(l, cursor, 1) == unit);
}

static int
next(struct loading *l, int cursor, struct error *err)
{
	l->has[cursor] = db_row(l->m->db, l->cursors[cursor], err);
	return l->has[cursor] < 0 ? -1 : 0;
}

/* ---- what many have in common -------------------------------------------- */

static struct known *
known_of(
    struct loading *l, const char *wants, const char *arch, struct error *err)
{
	const char *key = arena_printf(&l->job, "%s %s", arch, wants);
	struct known *k = map_gets(&l->known, key);

	if (k)
		return k;
	k = arena_new(&l->all, struct known);
	k->text = json_loads(wants, 0, NULL);
	wants_read(k->text, arena_strdup(&l->all, arch), &k->wants, &l->all);
	*map_puts(&l->known, arena_strdup(&l->all, key)) = k;
	return stages_know(l->m, &k->wants, err) < 0 ? NULL : k;
}

static double
expects(struct loading *l, const char *root, const char *arch)
{
	const char *key = arena_printf(&l->job, "%s %s", arch, root);
	double *seconds = map_gets(&l->expects, key);

	if (seconds)
		return *seconds;
	if (arena_size(&l->memo) > MEMO_MAX) {
		arena_release(&l->memo);
		map_init(&l->expects, &l->memo);
	}
	seconds = arena_new(&l->memo, double);
	*seconds = dispatch_expects(l->m, root, arch, &l->job);
	*map_puts(&l->expects, arena_strdup(&l->memo, key)) = seconds;
	return *seconds;
}

/* ---- one job ------------------------------------------------------------- */

/* Keys of the unit's steps, for finding where their layers are. */
static int
read_layers(struct loading *l, int64_t job, struct loaded *u, struct error *err)
{
	struct sched_unit_spec *spec = &u->spec;
	const char **keys = NULL;
	bool over = unit_state_is_over(spec->state);

	while (at(l, STEPS, job, spec->id)) {
		if (!over) {
			keys = arena_grow(
			    &l->job, keys, spec->nlayers, sizeof(*keys));
			keys[spec->nlayers++] = text(l, STEPS, 2);
		}
		if (next(l, STEPS, err) < 0)
			return -1;
	}
	spec->layers = keys;
	return 0;
}

static struct loaded *
read_unit(struct loading *l, const struct sched_job *job, struct error *err)
{
	struct loaded *u = arena_new(&l->job, struct loaded);
	struct sched_unit_spec *spec = &u->spec;
	int64_t now = loop_now(&l->m->loop);
	const char *arch = text(l, UNITS, 3);
	int state = unit_state_parse(text(l, UNITS, 4));

	spec->id = number(l, UNITS, 1);
	spec->root = text(l, UNITS, 2);
	spec->state = state < 0 ? UNIT_BLOCKED : (enum unit_state)state;
	/* it stands nowhere before sched_start() */
	if (spec->state == UNIT_READY)
		spec->state = UNIT_BLOCKED;
	spec->attempt = number(l, UNITS, 5);
	spec->tries = number(l, UNITS, 6);
	u->known = known_of(l, text(l, UNITS, 7), arch, err);
	if (!u->known)
		return NULL;
	spec->wants = u->known->wants;
	spec->ready = number(l, UNITS, 8);
	if (spec->ready > now)
		spec->ready = now; /* of a clock that was ahead */
	spec->reuse = job->reuse && number(l, UNITS, 9) != 0;
	spec->key = text(l, UNITS, 10);
	spec->expect = expects(l, spec->root, arch);
	return u;
}

static int
read_units(struct loading *l, const struct sched_job *job, struct loaded **list,
    struct error *err)
{
	struct loaded *u;

	while (at(l, UNITS, job->id, 0)) {
		u = read_unit(l, job, err);
		if (!u)
			return -1;
		*list = u;
		list = &u->next;
		if (next(l, UNITS, err) < 0 ||
		    read_layers(l, job->id, u, err) < 0)
			return -1;
	}
	return 0;
}

/* Pairs of units' numbers. */
static int
read_edges(struct loading *l, int64_t job, int64_t (**list)[2], size_t *n,
    struct error *err)
{
	*list = NULL;
	*n = 0;
	while (at(l, EDGES, job, 0)) {
		*list = arena_grow(&l->job, *list, *n, sizeof(**list));
		(*list)[*n][0] = number(l, EDGES, 1);
		(*list)[*n][1] = number(l, EDGES, 2);
		++*n;
		if (next(l, EDGES, err) < 0)
			return -1;
	}
	return 0;
}

static void
add_units(struct loading *l, struct sched_job *job, struct loaded *list,
    size_t nedges)
{
	size_t room = sched_needs_room(nedges);
	struct sched_unit *added;
	struct loaded *u;

	for (u = list; u; u = u->next)
		room += sched_unit_room(&u->spec);
	sched_job_reserve(job, room);
	for (u = list; u; u = u->next) {
		u->spec.class = u->known->class;
		added = sched_unit_add(&l->m->sched, job, &u->spec);
		u->known->class = added->class;
	}
}

static int
add_edges(struct loading *l, struct sched_job *job, int64_t (*pairs)[2],
    size_t n, struct error *err)
{
	struct sched *s = &l->m->sched;
	struct sched_edge *list = arena_array(&l->job, n, struct sched_edge);
	size_t i;

	for (i = 0; i < n; i++) {
		list[i].unit = sched_unit_get(s, pairs[i][0]);
		list[i].needed = sched_unit_get(s, pairs[i][1]);
		if (!list[i].needed || list[i].needed->job != job)
			return fail(err,
			    "database: unit %" PRId64 " needs unit %" PRId64
			    ", which is not of its job",
			    pairs[i][0], pairs[i][1]);
	}
	sched_needs(job, list, n);
	return 0;
}

static int
take_refusals(struct loading *l, int64_t job, struct error *err)
{
	struct sched *s = &l->m->sched;
	int64_t now = loop_now(&l->m->loop);
	struct sched_unit *u;
	const char *kind;

	while (at(l, REFUSALS, job, 0)) {
		u = sched_unit_get(s, number(l, REFUSALS, 1));
		kind = text(l, REFUSALS, 3);
		if (u && !unit_state_is_over(u->state))
			sched_refuse(s, u, number(l, REFUSALS, 2),
			    dispatch_refused_until(
				kind, number(l, REFUSALS, 4), now),
			    strcmp(kind, "lost") == 0, text(l, REFUSALS, 5));
		if (next(l, REFUSALS, err) < 0)
			return -1;
	}
	return 0;
}

static int
load_units(struct loading *l, struct sched_job *job, struct error *err)
{
	struct sched *s = &l->m->sched;
	struct loaded *list = NULL;
	int64_t(*edges)[2];
	struct sched_unit *u;
	size_t n;

	if (read_units(l, job, &list, err) < 0 ||
	    read_edges(l, job->id, &edges, &n, err) < 0)
		return -1;
	add_units(l, job, list, n);
	if (add_edges(l, job, edges, n, err) < 0)
		return -1;
	sched_job_rank(s, job);
	if (take_refusals(l, job->id, err) < 0)
		return -1;
	for (u = job->units; u; u = u->next) {
		if (!unit_state_is_over(u->state) && u->state != UNIT_LEASED)
			sched_start(s, u, u->ready ? u->ready : job->created);
	}
	return 0;
}

/* The job in the row of a query, with its units. */
static int
load_row(struct loading *l, enum sql q, struct error *err)
{
	struct db *db = l->m->db;
	struct sched_job *job;
	const char *state;
	int rc;

	state = db_text(db, q, 2, &l->job);
	job = sched_job_add(&l->m->sched, db_int(db, q, 0), db_int(db, q, 1),
	    db_text(db, q, 3, &l->job), db_int(db, q, 4));
	job->security = db_int(db, q, 5) != 0;
	job->reuse = db_int(db, q, 6) != 0;
	job->cancelled = strcmp(state, "cancelled") == 0;
	job->started = strcmp(state, "queued") != 0;
	rc = load_units(l, job, err);
	arena_reset(&l->job);
	return rc;
}

int
dispatch_load_job(struct master *m, int64_t job, struct error *err)
{
	enum sql q = SQL_JOB_ONE;
	struct loading l;
	int rc;

	rc = db_one(m->db, q, ARGS(INT(job)), err);
	if (rc > 0) {
		rc = begin(&l, m, of_one, job, err);
		if (rc == 0)
			rc = load_row(&l, q, err);
		finish(&l);
	}
	db_end(m->db, q);
	return rc < 0 ? -1 : 0;
}

/* Jobs that are over while slaves still have units of them. */
static int
load_held(struct master *m, struct error *err)
{
	enum sql q = SQL_JOB_HELD;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		if (dispatch_load_job(m, db_int(m->db, q, 0), err) < 0) {
			rc = -1;
			break;
		}
	}
	db_end(m->db, q);
	return rc;
}

int
dispatch_load_jobs(struct master *m, struct error *err)
{
	enum sql q = SQL_UNIT_OPEN_COUNT;
	struct loading l;
	int rc;

	if (db_one(m->db, q, NULL, err) < 0)
		return -1;
	ids_reserve(&m->sched.units, (size_t)db_int(m->db, q, 0));
	db_end(m->db, q);
	q = SQL_JOB_OPEN;
	db_query(m->db, q, NULL);
	rc = db_row(m->db, q, err);
	if (rc > 0) {
		rc = begin(&l, m, of_open, 0, err);
		while (rc >= 0) {
			rc = load_row(&l, q, err);
			if (rc < 0 || (rc = db_row(m->db, q, err)) <= 0)
				break;
		}
		finish(&l);
	}
	db_end(m->db, q);
	return rc < 0 ? -1 : load_held(m, err);
}
