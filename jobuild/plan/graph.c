/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/graph.h"
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Tarjan's algorithm with its stack of calls in an array. */
struct tarjan {
	const struct graph *g;
	size_t *index, *low, *edge; /* by node; index from 1, 0 is new */
	size_t *calls, ncalls;
	size_t *stack, nstack;
	bool *on_stack;
	size_t time;
	size_t *knot, nknots;
};

static void
enter(struct tarjan *t, size_t v)
{
	t->index[v] = t->low[v] = ++t->time;
	t->edge[v] = t->g->first[v];
	t->calls[t->ncalls++] = v;
	t->stack[t->nstack++] = v;
	t->on_stack[v] = true;
}

static bool
has_loop(const struct graph *g, size_t v)
{
	size_t e;

	for (e = g->first[v]; e < g->first[v + 1]; e++) {
		if (g->to[e] == v)
			return true;
	}
	return false;
}

/* v is the root of a component: take it off the stack. */
static void
pop_component(struct tarjan *t, size_t v)
{
	bool cyclic = t->stack[t->nstack - 1] != v || has_loop(t->g, v);
	size_t u;

	t->nknots += cyclic;
	do {
		u = t->stack[--t->nstack];
		t->on_stack[u] = false;
		t->knot[u] = cyclic ? t->nknots : 0;
	} while (u != v);
}

static void
leave(struct tarjan *t, size_t v)
{
	size_t up;

	t->ncalls--;
	if (t->low[v] == t->index[v])
		pop_component(t, v);
	if (t->ncalls == 0)
		return;
	up = t->calls[t->ncalls - 1];
	if (t->low[v] < t->low[up])
		t->low[up] = t->low[v];
}

static void
walk(struct tarjan *t, size_t root)
{
	size_t v, u;

	enter(t, root);
	while (t->ncalls > 0) {
		v = t->calls[t->ncalls - 1];
		if (t->edge[v] == t->g->first[v + 1]) {
			leave(t, v);
			continue;
		}
		u = t->g->to[t->edge[v]++];
		if (t->index[u] == 0)
			enter(t, u);
		else if (t->on_stack[u] && t->index[u] < t->low[v])
			t->low[v] = t->index[u];
	}
}

/* Number the knots anew, in the order of their least nodes. */
static void
renumber(const struct graph *g, size_t *knot, size_t nknots)
{
	size_t *number = arena_array(g->arena, nknots + 1, size_t);
	size_t i, n = 0;

	for (i = 0; i < g->n; i++) {
		if (knot[i] == 0)
			continue;
		if (number[knot[i]] == 0)
			number[knot[i]] = ++n;
		knot[i] = number[knot[i]];
	}
}

size_t
graph_knots(const struct graph *g, size_t *knot)
{
	struct tarjan t = {.g = g, .knot = knot};
	size_t i;

	t.index = arena_array(g->arena, g->n, size_t);
	t.low = arena_array(g->arena, g->n, size_t);
	t.edge = arena_array(g->arena, g->n, size_t);
	t.calls = arena_array(g->arena, g->n, size_t);
	t.stack = arena_array(g->arena, g->n, size_t);
	t.on_stack = arena_array(g->arena, g->n, bool);
	for (i = 0; i < g->n; i++) {
		if (t.index[i] == 0)
			walk(&t, i);
	}
	renumber(g, knot, t.nknots);
	return t.nknots;
}

#define WORK_MAX 50000000 /* edges looked at for the cycles of one graph */

/* Breadth first from one node, inside of its knot. */
struct search {
	const struct graph *g;
	const size_t *knot;
	size_t *depth; /* by node: from 1, valid if stamp is this round's */
	size_t *by;    /* the edge that led there */
	size_t *from;  /* and where that starts */
	size_t *stamp, round;
	size_t *queue;
	size_t work;
};

static void
keep_cycle(struct search *s, size_t start, size_t last, size_t edge,
    struct cycle *best)
{
	size_t n = s->depth[last], v;

	if (!best->edges)
		best->edges = arena_array(s->g->arena, n, size_t);
	best->n = n;
	best->edges[--n] = edge;
	for (v = last; v != start; v = s->from[v])
		best->edges[--n] = s->by[v];
}

/* Follow v's edges; true when one of them closes a shorter cycle. */
static bool
follow(
    struct search *s, size_t start, size_t v, size_t *end, struct cycle *best)
{
	size_t e, u;

	for (e = s->g->first[v]; e < s->g->first[v + 1]; e++) {
		u = s->g->to[e];
		s->work++;
		if (u == start) {
			keep_cycle(s, start, v, e, best);
			return true;
		}
		if (s->knot[u] != s->knot[start] || s->stamp[u] == s->round)
			continue;
		s->stamp[u] = s->round;
		s->depth[u] = s->depth[v] + 1;
		s->by[u] = e;
		s->from[u] = v;
		s->queue[(*end)++] = u;
	}
	return false;
}

/* The shortest cycle through start, if it is shorter than best. */
static void
search_from(struct search *s, size_t start, struct cycle *best)
{
	size_t at = 0, end = 0, v;

	s->round++;
	s->stamp[start] = s->round;
	s->depth[start] = 1;
	s->queue[end++] = start;
	while (at < end) {
		v = s->queue[at++];
		if (best->edges && s->depth[v] >= best->n)
			return;
		if (follow(s, start, v, &end, best))
			return;
	}
}

struct cycle *
graph_cycles(const struct graph *g, const size_t *knot, size_t nknots)
{
	struct cycle *cycles = arena_array(g->arena, nknots, struct cycle);
	struct search s = {.g = g, .knot = knot};
	struct cycle *best;
	size_t i;

	s.depth = arena_array(g->arena, g->n, size_t);
	s.by = arena_array(g->arena, g->n, size_t);
	s.from = arena_array(g->arena, g->n, size_t);
	s.stamp = arena_array(g->arena, g->n, size_t);
	s.queue = arena_array(g->arena, g->n, size_t);
	for (i = 0; i < g->n; i++) {
		if (knot[i] == 0)
			continue;
		best = &cycles[knot[i] - 1];
		if (!best->edges || (best->n > 1 && s.work < WORK_MAX))
			search_from(&s, i, best);
	}
	return cycles;
}
