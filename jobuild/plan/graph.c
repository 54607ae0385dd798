/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/graph.h"
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What is known of a node: index from 1, 0 is new. */
struct mark {
	uint32_t index, low, edge;
	bool on_stack;
};

/* Tarjan's algorithm with its stack of calls in an array. */
struct tarjan {
	const struct graph *g;
	struct mark *marks; /* by node */
	uint32_t *calls, ncalls;
	uint32_t *stack, nstack;
	uint32_t time;
	uint32_t *knot, nknots;
};

static void
enter(struct tarjan *t, uint32_t v)
{
	struct mark *m = &t->marks[v];

	m->index = m->low = ++t->time;
	m->edge = t->g->first[v];
	m->on_stack = true;
	t->calls[t->ncalls++] = v;
	t->stack[t->nstack++] = v;
}

static bool
has_loop(const struct graph *g, uint32_t v)
{
	uint32_t e;

	for (e = g->first[v]; e < g->first[v + 1]; e++) {
		if (g->to[e] == v)
			return true;
	}
	return false;
}

/* v is the root of a component: take it off the stack. */
static void
pop_component(struct tarjan *t, uint32_t v)
{
	bool cyclic = t->stack[t->nstack - 1] != v || has_loop(t->g, v);
	uint32_t u;

	t->nknots += cyclic;
	do {
		u = t->stack[--t->nstack];
		t->marks[u].on_stack = false;
		t->knot[u] = cyclic ? t->nknots : 0;
	} while (u != v);
}

static void
leave(struct tarjan *t, uint32_t v)
{
	const struct mark *m = &t->marks[v];
	struct mark *up;

	t->ncalls--;
	if (m->low == m->index)
		pop_component(t, v);
	if (t->ncalls == 0)
		return;
	up = &t->marks[t->calls[t->ncalls - 1]];
	if (m->low < up->low)
		up->low = m->low;
}

static void
walk(struct tarjan *t, uint32_t root)
{
	struct mark *m;
	uint32_t v, u;

	enter(t, root);
	while (t->ncalls > 0) {
		v = t->calls[t->ncalls - 1];
		m = &t->marks[v];
		if (m->edge == t->g->first[v + 1]) {
			leave(t, v);
			continue;
		}
		u = t->g->to[m->edge++];
		if (t->marks[u].index == 0)
			enter(t, u);
		else if (t->marks[u].on_stack && t->marks[u].index < m->low)
			m->low = t->marks[u].index;
	}
}

/* Number the knots anew, in the order of their least nodes. */
static void
renumber(const struct graph *g, uint32_t *knot, uint32_t nknots)
{
	uint32_t *number = arena_array(g->arena, nknots + 1, uint32_t);
	uint32_t i, n = 0;

	for (i = 0; i < g->n; i++) {
		if (knot[i] == 0)
			continue;
		if (number[knot[i]] == 0)
			number[knot[i]] = ++n;
		knot[i] = number[knot[i]];
	}
}

uint32_t
graph_knots(const struct graph *g, uint32_t *knot)
{
	struct tarjan t = {.g = g, .knot = knot};
	uint32_t i;

	t.marks = arena_array(g->arena, g->n, struct mark);
	t.calls = arena_array(g->arena, g->n, uint32_t);
	t.stack = arena_array(g->arena, g->n, uint32_t);
	for (i = 0; i < g->n; i++) {
		if (t.marks[i].index == 0)
			walk(&t, i);
	}
	renumber(g, knot, t.nknots);
	return t.nknots;
}

#define WORK_MAX 50000000 /* edges looked at for the cycles of one graph */

/* How the search got to a node; valid if stamp is this round's. */
struct arrival {
	uint32_t stamp;
	uint32_t depth; /* from 1 */
	uint32_t by;    /* the edge that led there */
	uint32_t from;  /* and where that starts */
};

/* Breadth first from one node, inside of its knot. */
struct search {
	const struct graph *g;
	const uint32_t *knot;
	struct arrival *arrivals; /* by node */
	uint32_t *queue;
	uint32_t round;
	size_t work;
};

static void
keep_cycle(struct search *s, uint32_t start, uint32_t last, uint32_t edge,
    struct cycle *best)
{
	uint32_t n = s->arrivals[last].depth, v;

	if (!best->edges)
		best->edges = arena_array(s->g->arena, n, uint32_t);
	best->n = n;
	best->edges[--n] = edge;
	for (v = last; v != start; v = s->arrivals[v].from)
		best->edges[--n] = s->arrivals[v].by;
}

/*
 * Follow v's edges; true when one of them closes a shorter cycle. Where a
 * cycle can't be shorter any more there is no need to go.
 */
static bool
follow(struct search *s, uint32_t start, uint32_t v, uint32_t *end,
    struct cycle *best)
{
	uint32_t depth = s->arrivals[v].depth + 1, e, u;
	bool last = best->edges && depth >= best->n;

	for (e = s->g->first[v]; e < s->g->first[v + 1]; e++) {
		u = s->g->to[e];
		s->work++;
		if (u == start) {
			keep_cycle(s, start, v, e, best);
			return true;
		}
		if (last || s->knot[u] != s->knot[start] ||
		    s->arrivals[u].stamp == s->round)
			continue;
		s->arrivals[u] = (struct arrival){s->round, depth, e, v};
		s->queue[(*end)++] = u;
	}
	return false;
}

/* The shortest cycle through start, if it is shorter than best. */
static void
search_from(struct search *s, uint32_t start, struct cycle *best)
{
	uint32_t at = 0, end = 0, v;

	s->round++;
	s->arrivals[start] = (struct arrival){s->round, 1, 0, start};
	s->queue[end++] = start;
	while (at < end) {
		v = s->queue[at++];
		if (best->edges && s->arrivals[v].depth >= best->n)
			return;
		if (follow(s, start, v, &end, best))
			return;
	}
}

struct cycle *
graph_cycles(const struct graph *g, const uint32_t *knot, uint32_t nknots)
{
	struct cycle *cycles = arena_array(g->arena, nknots, struct cycle);
	struct search s = {.g = g, .knot = knot};
	struct cycle *best;
	uint32_t i, v;

	s.arrivals = arena_array(g->arena, g->n, struct arrival);
	s.queue = arena_array(g->arena, g->n, uint32_t);
	for (i = 0; i < g->n; i++) {
		v = g->order ? g->order[i] : i;
		if (knot[v] == 0)
			continue;
		best = &cycles[knot[v] - 1];
		if (!best->edges || (best->n > 1 && s.work < WORK_MAX))
			search_from(&s, v, best);
	}
	return cycles;
}
