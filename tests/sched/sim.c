/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler on a farm that exists in memory only: time jumps from one
 * event to the next.
 *
 *	sim CASE
 *
 * See case.h. Each figure that the case asks for is printed; the status is 1
 * if one isn't as expected.
 */
#include "tests/sched/case.h"
#include "master/jobs/dispatch.h"
#include "master/store/db.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct moment {
	int64_t at;
	size_t run;
	struct sched_unit *unit; /* that ends; NULL: the job is submitted */
	struct sched_slave *slave;
};

struct sim {
	struct arena arena;
	struct sim_case the;
	struct master master;
	struct db db;
	uint64_t random;
	struct moment *heap;
	size_t nheap, nover;
	int64_t now, lease, units;
	double choosing;
};

_Noreturn void
die(const char *what)
{
	fprintf(stderr, "sim: %s\n", what);
	exit(1);
}

/* ---- the farm ------------------------------------------------------------ */

static void
push(struct sim *m, struct moment e)
{
	size_t i = m->nheap++, up;

	while (i > 0 && m->heap[up = (i - 1) / 2].at > e.at) {
		m->heap[i] = m->heap[up];
		i = up;
	}
	m->heap[i] = e;
}

static struct moment
pop(struct sim *m)
{
	struct moment first = m->heap[0], last = m->heap[--m->nheap];
	size_t i = 0, down;

	while ((down = 2 * i + 1) < m->nheap) {
		if (down + 1 < m->nheap &&
		    m->heap[down + 1].at < m->heap[down].at)
			down++;
		if (m->heap[down].at >= last.at)
			break;
		m->heap[i] = m->heap[down];
		i = down;
	}
	m->heap[i] = last;
	return first;
}

/* -1 to 1, of an even spread; the same in each run. */
static double
chance(struct sim *m)
{
	m->random ^= m->random >> 12;
	m->random ^= m->random << 25;
	m->random ^= m->random >> 27;
	return (double)(m->random * 0x2545f4914f6cdd1d >> 33) / (1u << 30) - 1;
}

/* How long units of the job will take, and that at least. */
static void
take_seconds(struct sim *m, struct run *run)
{
	struct graph *g = run->graph;
	const struct expect *e;
	size_t i;

	run->seconds = arena_array(&m->arena, g->n, double);
	for (i = 0; i < g->n; i++)
		run->seconds[i] =
		    g->nodes[i].seconds * (1 + m->the.vary * chance(m));
	for (e = m->the.expects; e; e = e->next) {
		if (e->figure == RATIO && &m->the.runs[e->job] == run) {
			run->bound = graph_bound(
			    g, run->seconds, m->the.slaves * m->the.slots);
			return;
		}
	}
}

static struct sched_unit *
add_unit(struct sim *m, struct sched_job *job, const struct run *run, size_t i)
{
	const struct node *n = &run->graph->nodes[i];
	struct arena tmp = {0};
	struct sched_unit_spec spec = {.id = run->first + (int64_t)i,
	    .root = arena_printf(&tmp, "sim/%s-1.0", n->name),
	    .state = UNIT_BLOCKED,
	    .wants = {.arch = "amd64", .stage = "", .exclusive = n->exclusive},
	    .expect = n->seconds};
	struct sched_unit *u;

	if (m->the.learn)
		spec.expect =
		    dispatch_expects(&m->master, spec.root, "amd64", &tmp);
	u = sched_unit_add(&m->master.sched, job, &spec);
	arena_release(&tmp);
	return u;
}

static void
submit(struct sim *m, struct run *run)
{
	const struct graph *g = run->graph;
	struct sched *s = &m->master.sched;
	struct arena tmp = {0};
	struct sched_unit **units =
	    arena_array(&tmp, g->n, struct sched_unit *);
	struct sched_edge *edges = NULL;
	struct sched_job *job;
	size_t i, k, nedges = 0;

	take_seconds(m, run);
	run->first = m->units + 1;
	m->units += (int64_t)g->n;
	job = sched_job_add(s, run - m->the.runs + 1, 0, run->user, m->now);
	for (i = 0; i < g->n; i++)
		units[i] = add_unit(m, job, run, i);
	for (i = 0; i < g->n; i++) {
		for (k = 0; k < g->nodes[i].nto; k++) {
			edges = arena_grow(&tmp, edges, nedges, sizeof(*edges));
			edges[nedges++] = (struct sched_edge){
			    units[i], units[g->nodes[i].to[k]]};
		}
	}
	sched_needs(job, edges, nedges);
	sched_job_rank(s, job);
	for (i = 0; i < g->n; i++)
		sched_start(s, units[i], m->now);
	arena_release(&tmp);
}

static double
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The user's unit was given to a slave now. */
static void
note_wait(struct sim *m, const struct sched_unit *u)
{
	double waited = (double)(m->now - u->ready) / 1e6;
	struct expect *e;

	for (e = m->the.expects; e; e = e->next) {
		if (e->figure == WAIT && waited > e->value &&
		    strcmp(e->user, u->job->user) == 0)
			e->value = waited;
	}
}

/* The user's unit had a slot from then until now. */
static void
note_share(struct sim *m, const char *user, int64_t granted)
{
	double begin, end;
	struct expect *e;

	for (e = m->the.expects; e; e = e->next) {
		if (e->figure != SHARE)
			continue;
		begin = (double)granted > e->from ? (double)granted : e->from;
		end = (double)m->now < e->to ? (double)m->now : e->to;
		if (end <= begin)
			continue;
		e->all += end - begin;
		if (strcmp(e->user, user) == 0)
			e->value += end - begin;
	}
}

/* Give the slave all that it can have. */
static void
serve(struct sim *m, struct sched_slave *sl)
{
	struct sched *s = &m->master.sched;
	struct sched_unit *u;
	struct run *run;
	double begin;

	for (;;) {
		begin = clock_us();
		u = sched_pick(s, sl, m->now);
		m->choosing += clock_us() - begin;
		if (!u)
			break;
		note_wait(m, u);
		run = &m->the.runs[u->job->id - 1];
		sched_lease(s, u, sl, ++m->lease, m->now, UNTIL_EVER - 1);
		push(m,
		    (struct moment){m->now +
			    (int64_t)(run->seconds[u->id - run->first] * 1e6),
			(size_t)(run - m->the.runs), u, sl});
	}
	sched_wait(s, sl, sl->leased < sl->slots ? sl : NULL);
}

static void
end_unit(struct sim *m, const struct moment *e)
{
	struct sched *s = &m->master.sched;
	struct sched_job *job = e->unit->job;
	struct error err;

	note_share(m, job->user, e->unit->lease->granted);
	if (m->the.learn &&
	    dispatch_learn(&m->master, e->unit, m->now, &err) < 0)
		die(err.msg);
	sched_end(s, e->unit, UNIT_PASSED, m->now);
	if (job->nopen == 0) {
		m->the.runs[e->run].ended = m->now;
		m->nover++;
		sched_job_drop(s, job);
	}
}

static void
add_slaves(struct sim *m)
{
	struct sched *s = &m->master.sched;
	struct sched_slave *sl;
	long i;

	for (i = 0; i < m->the.slaves; i++) {
		sl = sched_slave(s, i + 1, "s");
		sl->known = true;
		sl->seen = INT64_MAX / 2;
		sched_slave_reset(sl, m->the.slots);
		sched_slave_arch(sl, "amd64");
		sched_slave_ready(s, sl);
		serve(m, sl);
	}
}

static void
run(struct sim *m)
{
	struct sched_slave *sl;
	struct moment e;
	size_t i;

	m->heap = arena_array(&m->arena,
	    m->the.nruns + (size_t)(m->the.slaves * m->the.slots),
	    struct moment);
	for (i = 0; i < m->the.nruns; i++)
		push(m, (struct moment){.at = m->the.runs[i].at, .run = i});
	add_slaves(m);
	while (m->nheap > 0) {
		e = pop(m);
		m->now = e.at;
		if (e.unit) {
			end_unit(m, &e);
			serve(m, e.slave);
		} else {
			submit(m, &m->the.runs[e.run]);
		}
		while ((sl = sched_turn(&m->master.sched, m->now)) != NULL)
			serve(m, sl);
	}
	if (m->nover < m->the.nruns)
		die("units were left over");
}

/* ---- what came of it ----------------------------------------------------- */

static double
value_of(const struct sim *m, const struct expect *e)
{
	const struct run *r = &m->the.runs[e->job];
	double took = (double)(r->ended - r->at) / 1e6;

	switch (e->figure) {
	case RATIO:
		return took / r->bound;
	case TOOK:
		return took;
	case SHARE:
		return e->all > 0 ? e->value / e->all : -1;
	case CHOICE:
		return m->choosing / (double)m->lease;
	case WAIT:
	case FIGURES:
		break;
	}
	return e->value;
}

/* How many are not as expected. */
static int
report(const struct sim *m)
{
	const struct expect *e;
	double value;
	int missed = 0;
	bool good;

	for (e = m->the.expects; e; e = e->next) {
		value = value_of(m, e);
		good = e->most ? value <= e->limit : value >= e->limit;
		good = good && value >= 0;
		missed += !good;
		printf("%s: %.4g%s\n", e->text, value, good ? "" : " (missed)");
	}
	return missed;
}

int
main(int argc, char *argv[])
{
	static struct sim m = {
	    .the.half_life = 86400, .random = 88172645463325252};
	struct error err;
	int missed;

	if (argc != 2)
		die("usage: sim CASE");
	case_read(&m.the, argv[1]);
	m.master.db = &m.db;
	if (db_open(&m.db, ":memory:", true, &err) < 0)
		die(err.msg);
	sched_init(
	    &m.master.sched, INT64_MAX / 2, (int64_t)(m.the.half_life * 1e6));
	run(&m);
	missed = report(&m);
	sched_release(&m.master.sched);
	db_close(&m.db);
	arena_release(&m.arena);
	arena_release(&m.the.arena);
	return missed > 0;
}
