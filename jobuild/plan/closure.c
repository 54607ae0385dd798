/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/closure.h"
#include "plan/graph.h"
#include "base/arena.h"

#include <string.h>

/* A walk through the closure; steps in the order in which they are met. */
struct walk {
	struct resolver *r;
	struct step *met;
	size_t nmet;
	size_t *place;   /* by variable: in met, plus one; 0: not met */
	size_t *number;  /* by place: in the final order, plus one */
	size_t *at;      /* by place: the next edge to follow */
	size_t *targets; /* by variable: place that has an edge to it */
	size_t *stack, nstack;
	size_t ndone;
	bool cyclic;
};

static void
add_edge(struct walk *w, size_t place, uint32_t to, const struct dep *dep,
    uint32_t option)
{
	struct step *s = &w->met[place];
	struct edge *e;

	if (w->targets[to] == place + 1)
		return;
	w->targets[to] = place + 1;
	s->edges =
	    arena_grow(w->r->arena, s->edges, s->nedges, sizeof(*s->edges));
	e = &s->edges[s->nedges++];
	e->to = to;
	e->dep = dep;
	e->option = option;
}

/* The edges of what a variable asks for; groups nest 64 deep at most. */
static void
add_edges(struct walk *w, size_t place, uint32_t var, uint32_t option)
{
	const struct node *node = &w->r->nodes[var];
	const struct need *n;
	size_t i, k;

	for (i = 0; i < node->nneeds; i++) {
		n = &node->needs[i];
		if (n->kind == NEED_ATOM) {
			add_edge(
			    w, place, need_version(w->r, n), n->dep, option);
			continue;
		}
		for (k = 0; k < n->noptions; k++) {
			if (w->r->sat.vars[n->options[k]].value > 0)
				break;
		}
		add_edges(w, place, n->options[k], n->options[k]);
	}
}

static void
meet(struct walk *w, uint32_t var, const struct path *up, bool side)
{
	struct path *path = arena_new(w->r->arena, struct path);
	size_t place = w->nmet++;
	struct step *s;

	path->up = up;
	path->cand = w->r->nodes[var].cand;
	path->side = side;
	w->met = arena_grow(w->r->arena, w->met, place, sizeof(*w->met));
	s = &w->met[place];
	memset(s, 0, sizeof(*s));
	s->cand = w->r->nodes[var].cand;
	s->path = path;
	s->var = var;
	w->place[var] = place + 1;
	w->stack[w->nstack++] = place;
	add_edges(w, place, var, SAT_NO_VARIABLE);
}

/* Follow the next edge of the step on top, or be done with it. */
static void
advance(struct walk *w)
{
	size_t place = w->stack[w->nstack - 1], there;
	const struct step *s = &w->met[place];
	uint32_t to;

	if (w->at[place] == s->nedges) {
		w->number[place] = ++w->ndone;
		w->nstack--;
		return;
	}
	to = (uint32_t)s->edges[w->at[place]++].to;
	there = w->place[to];
	if (there == 0)
		meet(w, to, s->path, false);
	else if (w->number[there - 1] == 0)
		w->cyclic = true;
}

static void
finish(struct walk *w, struct closure *out)
{
	struct step *s;
	size_t i, k;

	out->steps = arena_array(w->r->arena, w->nmet, struct step);
	out->nsteps = w->nmet;
	out->cyclic = w->cyclic;
	for (i = 0; i < w->nmet; i++) {
		s = &w->met[i];
		for (k = 0; k < s->nedges; k++)
			s->edges[k].to =
			    w->number[w->place[s->edges[k].to] - 1] - 1;
		out->steps[w->number[i] - 1] = *s;
	}
}

void
closure_collect(struct resolver *r, struct closure *out)
{
	struct walk w = {.r = r};
	size_t n = r->sat.nvars;
	uint32_t root = need_version(r, &r->nodes[0].needs[0]);

	w.place = arena_array(r->arena, n, size_t);
	w.number = arena_array(r->arena, n, size_t);
	w.at = arena_array(r->arena, n, size_t);
	w.targets = arena_array(r->arena, n, size_t);
	w.stack = arena_array(r->arena, n, size_t);
	meet(&w, root, r->above, r->above != NULL);
	while (w.nstack > 0)
		advance(&w);
	finish(&w, out);
}

/* The closure as numbers, and which edge is which. */
struct edges {
	struct graph g;
	size_t n;
	const struct edge **list;
	size_t *from;
};

static void
make_graph(struct arena *a, const struct closure *c, struct edges *out)
{
	size_t *first = arena_array(a, c->nsteps + 1, size_t), *to, i, k;

	for (i = 0; i < c->nsteps; i++)
		first[i + 1] = first[i] + c->steps[i].nedges;
	out->n = first[c->nsteps];
	to = arena_array(a, out->n, size_t);
	out->list = arena_array(a, out->n, const struct edge *);
	out->from = arena_array(a, out->n, size_t);
	for (i = 0; i < c->nsteps; i++) {
		for (k = 0; k < c->steps[i].nedges; k++) {
			to[first[i] + k] = c->steps[i].edges[k].to;
			out->list[first[i] + k] = &c->steps[i].edges[k];
			out->from[first[i] + k] = i;
		}
	}
	out->g.arena = a;
	out->g.n = c->nsteps;
	out->g.first = first;
	out->g.to = to;
}

/* Which steps are reached with no group's choice on the way? */
static bool *
reach_plainly(struct arena *a, const struct closure *c)
{
	bool *reached = arena_array(a, c->nsteps, bool);
	size_t *queue = arena_array(a, c->nsteps, size_t);
	size_t at = 0, end = 0, i;
	const struct edge *e;

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
	out->edges = arena_array(a, cycle->n, const struct edge *);
	for (i = 0; i < cycle->n; i++) {
		out->from[i] = all->from[cycle->edges[i]];
		out->edges[i] = all->list[cycle->edges[i]];
	}
}

static bool
is_unavoidable(const struct loop *l, const bool *reached)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (l->edges[i]->option != SAT_NO_VARIABLE)
			return false;
	}
	return reached[l->from[0]];
}

void
closure_loops(struct arena *a, const struct closure *c, struct loops *out)
{
	size_t *knot = arena_array(a, c->nsteps, size_t), i;
	bool *reached = reach_plainly(a, c);
	struct cycle *cycles;
	struct edges all;

	memset(out, 0, sizeof(*out));
	make_graph(a, c, &all);
	out->nedges = all.n;
	out->n = graph_knots(&all.g, knot);
	out->list = arena_array(a, out->n, struct loop);
	cycles = graph_cycles(&all.g, knot, out->n);
	for (i = 0; i < out->n; i++) {
		make_loop(a, &all, &cycles[i], &out->list[i]);
		out->unavoidable |= is_unavoidable(&out->list[i], reached);
	}
}
