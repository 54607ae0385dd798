/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/closure.h"
#include "plan/graph.h"
#include "base/arena.h"

#include <assert.h>
#include <string.h>

#define MET     UINT32_MAX
#define NOBODY  UINT32_MAX
#define AT_ONCE 16

/* Where the walk is with a draft. */
struct visit {
	uint32_t next, end; /* its edges that are still to be followed */
	uint32_t up;        /* the draft that it was reached from */
};

/*
 * A walk through the drafts, over a copy of what it needs of them: most of its
 * time it would wait for memory.
 */
struct walk {
	uint32_t *to; /* by edge */
	struct visit *visits;
	uint32_t *number; /* by draft: 0 not met, MET, or its step plus one */
	uint32_t *order;  /* by step: its draft */
	uint32_t nsteps;
};

static void
copy_edges(
    struct walk *w, struct arena *a, const struct draft *drafts, size_t n)
{
	size_t i, nedges = 0;
	uint32_t k, at = 0;

	for (i = 0; i < n; i++)
		nedges += drafts[i].nedges;
	w->to = arena_array(a, nedges, uint32_t);
	w->visits = arena_array(a, n, struct visit);
	for (i = 0; i < n; i++) {
		w->visits[i].next = at;
		for (k = 0; k < drafts[i].nedges; k++)
			w->to[at++] = drafts[i].edges[k].to;
		w->visits[i].end = at;
	}
}

static uint32_t
meet(struct walk *w, uint32_t draft, uint32_t up)
{
	struct visit *v = &w->visits[draft];
	uint32_t i;

	for (i = v->next; i < v->end; i++) {
		__builtin_prefetch(&w->number[w->to[i]]);
		__builtin_prefetch(&w->visits[w->to[i]]);
	}
	v->up = up;
	w->number[draft] = MET;
	return draft;
}

/* Follow the next edge of a draft, or be done with it; where the walk is. */
static uint32_t
advance(struct walk *w, uint32_t draft)
{
	struct visit *v = &w->visits[draft];
	uint32_t to;

	while (v->next < v->end) {
		to = w->to[v->next++];
		if (w->number[to] == 0)
			return meet(w, to, draft);
	}
	w->order[w->nsteps++] = draft;
	w->number[draft] = w->nsteps;
	return v->up;
}

/* An edge to what is no earlier step closes a cycle. */
static void
lead_to_steps(const struct walk *w, const struct draft *d, uint32_t step,
    struct closure *out)
{
	uint32_t i;

	for (i = 0; i < d->nedges; i++) {
		d->edges[i].to = w->number[d->edges[i].to] - 1;
		out->cyclic |= d->edges[i].to >= step;
	}
}

static void
make_step(const struct walk *w, const struct draft *d, struct path *path,
    struct closure *out)
{
	struct step *s = &out->steps[out->nsteps];

	lead_to_steps(w, d, (uint32_t)out->nsteps, out);
	path->cand = d->cand;
	s->cand = d->cand;
	s->meta = d->meta;
	s->path = path;
	s->edges = d->edges;
	s->nedges = d->nedges;
	s->var = d->var;
	out->nsteps++;
}

static void
make_steps(struct walk *w, struct arena *a, const struct path *above,
    const struct draft *drafts, struct closure *out)
{
	struct path *paths = arena_array(a, w->nsteps, struct path);
	const struct draft *d;
	uint32_t i, up;

	out->steps = arena_array(a, w->nsteps, struct step);
	for (i = 0; i < w->nsteps; i++) {
		if (i + 2 * AT_ONCE < w->nsteps) {
			__builtin_prefetch(&drafts[w->order[i + 2 * AT_ONCE]]);
			__builtin_prefetch(
			    &w->visits[w->order[i + 2 * AT_ONCE]]);
		}
		if (i + AT_ONCE < w->nsteps)
			__builtin_prefetch(
			    drafts[w->order[i + AT_ONCE]].edges, 1);
		d = &drafts[w->order[i]];
		up = w->visits[w->order[i]].up;
		paths[i].up = up == NOBODY ? above : &paths[w->number[up] - 1];
		paths[i].side = up == NOBODY && above;
		if (d->sides) {
			out->sided = arena_grow(
			    a, out->sided, out->nsided, sizeof(*out->sided));
			out->sided[out->nsided++] = i;
		}
		make_step(w, d, &paths[i], out);
	}
}

void
closure_order(struct arena *a, struct arena *scratch, const struct path *above,
    const struct draft *drafts, size_t n, struct closure *out)
{
	struct walk w = {.nsteps = 0};
	uint32_t at;

	assert(n > 0);
	memset(out, 0, sizeof(*out));
	copy_edges(&w, scratch, drafts, n);
	w.number = arena_array(scratch, n, uint32_t);
	w.order = arena_array(scratch, n, uint32_t);
	at = meet(&w, 0, NOBODY);
	while (at != NOBODY)
		at = advance(&w, at);
	make_steps(&w, a, above, drafts, out);
}

/* What the true variables come to. */
struct collector {
	struct resolver *r;
	struct draft *drafts;
	size_t ndrafts;
	size_t *place;   /* by variable: its draft, plus one; 0: none */
	size_t *targets; /* by variable: draft that has an edge to it, plus one
			  */
	struct plan_edge *edges;
	size_t nedges;
};

static size_t
draft_of(struct collector *c, uint32_t var)
{
	struct draft *d;

	if (c->place[var] > 0)
		return c->place[var] - 1;
	c->drafts =
	    arena_grow(c->r->arena, c->drafts, c->ndrafts, sizeof(*c->drafts));
	d = &c->drafts[c->ndrafts];
	d->cand = c->r->nodes[var].cand;
	d->meta = d->cand->meta;
	d->sides = d->meta && d->meta->sidepend.n > 0;
	d->var = var;
	c->place[var] = ++c->ndrafts;
	return c->ndrafts - 1;
}

static void
add_edge(struct collector *c, size_t from, uint32_t to, const struct dep *dep,
    uint32_t option)
{
	struct plan_edge *e;

	if (c->targets[to] == from + 1)
		return;
	c->targets[to] = from + 1;
	c->edges =
	    arena_grow(c->r->arena, c->edges, c->nedges, sizeof(*c->edges));
	e = &c->edges[c->nedges++];
	e->to = (uint32_t)draft_of(c, to);
	e->dep = dep;
	e->option = option;
}

/* The edges of what a variable asks for; groups nest 64 deep at most. */
static void
add_edges(struct collector *c, size_t from, uint32_t var, uint32_t option)
{
	const struct node *node = &c->r->nodes[var];
	const struct need *n;
	size_t i, k;

	for (i = 0; i < node->nneeds; i++) {
		n = &node->needs[i];
		if (n->kind == NEED_ATOM) {
			add_edge(
			    c, from, need_version(c->r, n), n->dep, option);
			continue;
		}
		for (k = 0; k < n->noptions; k++) {
			if (c->r->sat.vars[n->options[k]].value > 0)
				break;
		}
		add_edges(c, from, n->options[k], n->options[k]);
	}
}

void
closure_collect(struct resolver *r, struct closure *out)
{
	struct collector c = {.r = r};
	struct plan_edge *edges;
	size_t i, first;

	c.place = arena_array(r->arena, r->sat.nvars, size_t);
	c.targets = arena_array(r->arena, r->sat.nvars, size_t);
	draft_of(&c, need_version(r, &r->nodes[0].needs[0]));
	for (i = 0; i < c.ndrafts; i++) {
		first = c.nedges;
		add_edges(&c, i, c.drafts[i].var, SAT_NO_VARIABLE);
		c.drafts[i].nedges = (uint32_t)(c.nedges - first);
	}
	edges = c.edges; /* they stay where they are from here on */
	for (i = 0; i < c.ndrafts; i++) {
		c.drafts[i].edges = edges;
		edges += c.drafts[i].nedges;
	}
	closure_order(r->arena, r->arena, r->above, c.drafts, c.ndrafts, out);
}

/* The closure as numbers, and which edge is which. */
struct edges {
	struct graph g;
	uint32_t n;
	const struct plan_edge **list;
	uint32_t *from;
};

static void
make_graph(struct arena *a, const struct closure *c, struct edges *out)
{
	uint32_t *first = arena_array(a, c->nsteps + 1, uint32_t), *to, i, k;

	for (i = 0; i < c->nsteps; i++)
		first[i + 1] = first[i] + c->steps[i].nedges;
	out->n = first[c->nsteps];
	to = arena_array(a, out->n, uint32_t);
	out->list = arena_array(a, out->n, const struct plan_edge *);
	out->from = arena_array(a, out->n, uint32_t);
	for (i = 0; i < c->nsteps; i++) {
		for (k = 0; k < c->steps[i].nedges; k++) {
			to[first[i] + k] = c->steps[i].edges[k].to;
			out->list[first[i] + k] = &c->steps[i].edges[k];
			out->from[first[i] + k] = i;
		}
	}
	out->g = (struct graph){
	    .arena = a, .n = (uint32_t)c->nsteps, .first = first, .to = to};
}

/* Which steps are reached with no group's choice on the way? */
static bool *
reach_plainly(struct arena *a, const struct closure *c)
{
	bool *reached = arena_array(a, c->nsteps, bool);
	size_t *queue = arena_array(a, c->nsteps, size_t);
	size_t at = 0, end = 0, i;
	const struct plan_edge *e;

	/* the root ends the depth-first walk, whatever cycles there are */
	queue[end++] = c->nsteps - 1;
	reached[c->nsteps - 1] = true;
	while (at < end) {
		const struct step *s = &c->steps[queue[at++]];

		for (i = 0; i < s->nedges; i++) {
			e = &s->edges[i];
			if (e->option != SAT_NO_VARIABLE || reached[e->to])
				continue;
			reached[e->to] = true;
			queue[end++] = e->to;
		}
	}
	return reached;
}

static void
make_loop(struct arena *a, const struct edges *all, const struct cycle *cycle,
    struct loop *out)
{
	size_t i;

	out->n = cycle->n;
	out->from = arena_array(a, cycle->n, size_t);
	out->edges = arena_array(a, cycle->n, const struct plan_edge *);
	for (i = 0; i < cycle->n; i++) {
		out->from[i] = all->from[cycle->edges[i]];
		out->edges[i] = all->list[cycle->edges[i]];
	}
}

/* Is there a cycle among those, with no group's choice on it? */
static bool
loops_plainly(struct arena *a, const struct closure *c, const bool *reached)
{
	uint32_t *first = arena_array(a, c->nsteps + 1, uint32_t), *to, *knot;
	uint32_t i, k, n = 0;
	struct graph g;

	for (i = 0; i < c->nsteps; i++)
		n += c->steps[i].nedges;
	to = arena_array(a, n, uint32_t);
	knot = arena_array(a, c->nsteps, uint32_t);
	for (i = n = 0; i < c->nsteps; i++) {
		const struct step *s = &c->steps[i];

		for (k = 0; reached[i] && k < s->nedges; k++) {
			if (s->edges[k].option == SAT_NO_VARIABLE)
				to[n++] = s->edges[k].to;
		}
		first[i + 1] = n;
	}
	g = (struct graph){
	    .arena = a, .n = (uint32_t)c->nsteps, .first = first, .to = to};
	return graph_knots(&g, knot) > 0;
}

void
closure_loops(struct arena *a, const struct closure *c, struct loops *out)
{
	uint32_t *knot;
	struct cycle *cycles;
	struct edges all;
	size_t i;

	memset(out, 0, sizeof(*out));
	out->unavoidable = loops_plainly(a, c, reach_plainly(a, c));
	if (out->unavoidable)
		return;
	make_graph(a, c, &all);
	out->nedges = all.n;
	knot = arena_array(a, c->nsteps, uint32_t);
	out->n = graph_knots(&all.g, knot);
	out->list = arena_array(a, out->n, struct loop);
	cycles = graph_cycles(&all.g, knot, (uint32_t)out->n);
	for (i = 0; i < out->n; i++)
		make_loop(a, &all, &cycles[i], &out->list[i]);
}
