/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cycles over all units: a node is a step of a unit, for the same jobuild may
 * have other dependencies in another unit. Knots that share a jobuild are
 * told as one.
 */
#include "plan/unit.h"
#include "plan/explain.h"
#include "plan/graph.h"
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct net {
	struct arena *arena;
	struct unit **units;
	size_t nunits;
	uint32_t nnodes, nlinks;
	uint32_t *first, *to; /* see struct graph */
	struct map
	    *told; /* told_cycle by the knot's jobuild; NULL: not brief */
};

/* An edge from a step: to a step of its unit, or to a unit's root. */
struct link {
	const struct step *from, *to;
	const struct dep *dep;
	struct want *option; /* that a SIDEPEND's group chose */
	bool side;
};

/* What is known of a knot that was told to a brief request. */
struct told_cycle {
	struct candidate *first;
	struct place at;
	const char *text;
};

/* Number the steps and count the edges. */
static void
measure(struct net *n)
{
	const struct closure *c;
	size_t i, k;

	for (i = 0; i < n->nunits; i++) {
		c = &n->units[i]->closure;
		n->units[i]->base = n->nnodes;
		n->nnodes += (uint32_t)c->nsteps;
		for (k = 0; k < c->nsteps; k++)
			n->nlinks += c->steps[k].nedges;
		for (k = 0; k < c->nsided; k++)
			n->nlinks += (uint32_t)c->steps[c->sided[k]]
					 .cand->sides->ntargets;
	}
}

static const struct step *
unit_root(const struct unit *unit)
{
	return &unit->closure.steps[unit->closure.nsteps - 1];
}

/* The edges to units that have a closure. */
static void
add_sides(struct net *n, const struct sides *sides)
{
	const struct unit *unit;
	size_t i;

	for (i = 0; i < sides->ntargets; i++) {
		unit = sides->targets[i].unit;
		if (!unit->unresolved)
			n->to[n->nlinks++] =
			    (uint32_t)(unit->base + unit->closure.nsteps - 1);
	}
}

static void
add_unit(struct net *n, const struct unit *unit)
{
	const struct closure *c = &unit->closure;
	const struct step *s;
	uint32_t i, k, sided = 0;

	for (i = 0; i < c->nsteps; i++) {
		s = &c->steps[i];
		for (k = 0; k < s->nedges; k++)
			n->to[n->nlinks++] =
			    (uint32_t)unit->base + s->edges[k].to;
		if (sided < c->nsided && c->sided[sided] == i) {
			add_sides(n, s->cand->sides);
			sided++;
		}
		n->first[unit->base + i + 1] = n->nlinks;
	}
}

static void
make_net(struct net *n)
{
	size_t i;

	measure(n);
	n->first = arena_array(n->arena, n->nnodes + 1, uint32_t);
	n->to = arena_array(n->arena, n->nlinks, uint32_t);
	n->nlinks = 0;
	for (i = 0; i < n->nunits; i++)
		add_unit(n, n->units[i]);
}

/* Which node an edge leaves. */
static uint32_t
edge_node(const struct net *n, uint32_t edge)
{
	uint32_t from = 0, end = n->nnodes, middle;

	while (end - from > 1) {
		middle = from + (end - from) / 2;
		if (n->first[middle] <= edge)
			from = middle;
		else
			end = middle;
	}
	return from;
}

/* What an edge stands for: few are asked, all would take much memory. */
static struct link
net_link(const struct net *n, uint32_t edge)
{
	uint32_t node = edge_node(n, edge), at = edge - n->first[node];
	const struct unit *unit;
	const struct target *t;
	struct link l = {0};
	size_t i = n->nunits;

	do
		unit = n->units[--i];
	while (node < unit->base);
	l.from = &unit->closure.steps[node - unit->base];
	if (at < l.from->nedges) {
		l.to = &unit->closure.steps[l.from->edges[at].to];
		l.dep = l.from->edges[at].dep;
		return l;
	}
	at -= l.from->nedges;
	for (t = l.from->cand->sides->targets; t->unit->unresolved || at > 0;
	     t++)
		at -= !t->unit->unresolved;
	l.to = unit_root(t->unit);
	l.dep = t->dep;
	l.option = t->option;
	l.side = true;
	return l;
}

/* The one that stands for all jobuilds which share knots with c. */
static struct candidate *
knot_of(struct candidate *c)
{
	while (c->knot != c)
		c = c->knot = c->knot->knot;
	return c;
}

static void
join_knots(const struct net *n, const uint32_t *knot, size_t nknots)
{
	struct candidate **first =
	    arena_array(n->arena, nknots + 1, struct candidate *);
	struct candidate *c;
	uint32_t at = 0;
	size_t i, k;

	for (i = 0; i < n->nunits; i++) {
		for (k = 0; k < n->units[i]->closure.nsteps; k++, at++) {
			c = n->units[i]->closure.steps[k].cand;
			if (knot[at] == 0)
				continue;
			if (!c->knot)
				c->knot = c;
			if (first[knot[at]])
				knot_of(c)->knot = knot_of(first[knot[at]]);
			else
				first[knot[at]] = c;
		}
	}
}

/* Up to most, which is enough of it. */
static size_t
path_length(const struct path *p, size_t most)
{
	size_t n = 0;

	for (; p && n < most; p = p->up)
		n++;
	return n;
}

static int
compare(const struct candidate *a, const struct candidate *b)
{
	int c = strcmp(a->package->label, b->package->label);

	return c ? c
		 : version_compare(candidate_version(a), candidate_version(b));
}

/* The link of the cycle that leaves the jobuild with the least name. */
static size_t
find_first(const struct net *n, const struct cycle *c)
{
	struct candidate *least = net_link(n, c->edges[0]).from->cand, *cand;
	size_t i, first = 0;

	for (i = 1; i < c->n; i++) {
		cand = net_link(n, c->edges[i]).from->cand;
		if (compare(cand, least) < 0) {
			least = cand;
			first = i;
		}
	}
	return first;
}

/* The link of the cycle that leaves the jobuild nearest to the root. */
static size_t
find_entry(const struct net *n, const struct cycle *c)
{
	size_t i, entry = 0, length, least = SIZE_MAX;

	if (n->told)
		return find_first(n, c);
	for (i = 0; i < c->n; i++) {
		length =
		    path_length(net_link(n, c->edges[i]).from->path, least);
		if (length < least) {
			least = length;
			entry = i;
		}
	}
	return entry;
}

static const char *
cycle_text(const struct net *n, const struct cycle *c, size_t entry)
{
	struct path *p, *last = NULL;
	struct link l;
	bool side = false;
	size_t i;

	for (i = 0; i <= c->n; i++) {
		l = net_link(n, c->edges[(entry + i) % c->n]);
		p = arena_new(n->arena, struct path);
		p->up = last;
		p->cand = l.from->cand;
		p->side = side;
		side = l.side;
		last = p;
	}
	return path_text(n->arena, last);
}

static void
put(struct map *m, struct candidate *c, struct told_cycle *told)
{
	struct candidate **key = arena_new(m->arena, struct candidate *);

	*key = c;
	*map_put(m, (char *)key, sizeof(*key)) = told;
}

static struct told_cycle *
get(const struct map *m, struct candidate *c)
{
	return map_get(m, (char *)&c, sizeof(c));
}

static void
keep(const struct net *n, struct candidate *first, const struct diag *g)
{
	struct told_cycle *told = arena_new(n->arena, struct told_cycle);

	told->first = first;
	told->at = g->at;
	told->text = g->text;
	put(n->told, knot_of(first), told);
}

static void
tell_cycle(const struct net *n, const struct cycle *c, struct causes *causes)
{
	size_t i, entry = find_entry(n, c);
	struct link l = net_link(n, c->edges[entry]);
	const struct path *above = l.from->path->up;
	struct diag *g;

	g = cause_add(causes,
	    arena_printf(n->arena, "cycle %s",
		candidate_name(n->arena, knot_of(l.from->cand))),
	    l.dep->at, "cycle", "dependency cycle: %s",
	    cycle_text(n, c, entry));
	if (!g)
		return;
	if (n->told)
		keep(n, l.from->cand, g);
	for (i = 0; i < c->n; i++) {
		l = net_link(n, c->edges[(entry + i) % c->n]);
		diag_note(&causes->diags, g, l.dep->at, "%s needs %s (%s)",
		    candidate_name(n->arena, l.from->cand),
		    candidate_name(n->arena, l.to->cand),
		    l.side ? "SIDEPEND" : "DEPEND");
	}
	if (above && !n->told)
		diag_note(&causes->diags, g, g->at, "reached from %s",
		    path_text(n->arena, above));
	diag_hint(&causes->diags, g,
	    "drop one of these, or split a jobuild into what the others need "
	    "and what needs the others");
}

/* Bar the alternative that closes this cycle, if a group chose it. */
static bool
bar(const struct net *n, const struct cycle *c)
{
	struct want *option;
	size_t i;

	for (i = 0; i < c->n; i++) {
		option = net_link(n, c->edges[i]).option;
		if (option)
			return option->barred = true;
	}
	return false;
}

/* Of each union of knots tell the shortest cycle. */
static void
tell_cycles(const struct net *n, const struct cycle *cycles, size_t ncycles,
    struct causes *causes)
{
	size_t longest = 0, length, i;

	for (i = 0; i < ncycles; i++) {
		if (cycles[i].n > longest)
			longest = cycles[i].n;
	}
	for (length = 1; length <= longest; length++) {
		for (i = 0; i < ncycles; i++) {
			if (cycles[i].n == length)
				tell_cycle(n, &cycles[i], causes);
		}
	}
}

/* ---- brief requests ------------------------------------------------------ */

struct named_node {
	struct candidate *cand;
	uint32_t node;
};

static int
by_name(const void *a, const void *b)
{
	const struct named_node *x = a, *y = b;
	int c = compare(x->cand, y->cand);

	return c ? c : (x->node > y->node) - (x->node < y->node);
}

/* The jobuild of each node. */
static struct named_node *
name_nodes(const struct net *n)
{
	struct named_node *list =
	    arena_array(n->arena, n->nnodes, struct named_node);
	uint32_t at = 0;
	size_t i, k;

	for (i = 0; i < n->nunits; i++) {
		for (k = 0; k < n->units[i]->closure.nsteps; k++, at++) {
			list[at].cand = n->units[i]->closure.steps[k].cand;
			list[at].node = at;
		}
	}
	return list;
}

/* An order of searching that doesn't depend on the root. */
static const uint32_t *
order_by_name(const struct net *n)
{
	struct named_node *list = name_nodes(n);
	uint32_t *order = arena_array(n->arena, n->nnodes, uint32_t), i;

	qsort(list, n->nnodes, sizeof(*list), by_name);
	for (i = 0; i < n->nnodes; i++)
		order[i] = list[i].node;
	return order;
}

/* Keep for each jobuild of a knot what was told of it. */
static void
remember(struct units *u, const struct net *n, const uint32_t *knot)
{
	const struct named_node *list = name_nodes(n);
	struct told_cycle *told, *copy;
	size_t i;

	for (i = 0; i < n->nnodes; i++) {
		told = knot[i] ? get(n->told, knot_of(list[i].cand)) : NULL;
		if (!told)
			continue;
		copy = get(&u->pool->cycles, told->first);
		if (!copy) {
			copy = arena_new(u->pool->arena, struct told_cycle);
			*copy = *told;
			copy->text = arena_strdup(u->pool->arena, told->text);
			if (copy->at.file)
				copy->at.file =
				    arena_strdup(u->pool->arena, copy->at.file);
			put(&u->pool->cycles, told->first, copy);
		}
		put(&u->pool->cycles, list[i].cand, copy);
	}
}

/* Could another choice from a group be a way out of a knot? */
static bool
has_option(const struct net *n, const uint32_t *knot)
{
	uint32_t i, e;

	for (i = 0; i < n->nnodes; i++) {
		for (e = n->first[i]; knot[i] && e < n->first[i + 1]; e++) {
			if (knot[n->to[e]] == knot[i] && net_link(n, e).option)
				return true;
		}
	}
	return false;
}

/* Is every knot known, and none begins with the root? Then tell them. */
static bool
remind(const struct units *u, const struct net *n, const uint32_t *knot,
    size_t nknots, struct causes *causes)
{
	struct told_cycle **known = arena_array(
			      n->arena, nknots + 1, struct told_cycle *),
			  *told;
	const struct closure *c = &u->list[0]->closure;
	const struct named_node *list = name_nodes(n);
	size_t i;

	if (has_option(n, knot))
		return false;
	for (i = 0; i < n->nnodes; i++) {
		if (knot[i] == 0)
			continue;
		told = get(&u->pool->cycles, list[i].cand);
		if (!told || (known[knot[i]] && known[knot[i]] != told) ||
		    (c->nsteps > 0 &&
			told->first == c->steps[c->nsteps - 1].cand))
			return false;
		known[knot[i]] = told;
	}
	for (i = 1; i <= nknots; i++)
		(void)cause_add(causes,
		    arena_printf(n->arena, "cycle %s",
			candidate_name(n->arena, known[i]->first)),
		    known[i]->at, "cycle", "%s", known[i]->text);
	return true;
}

bool
units_find_cycles(struct units *u, struct causes *causes)
{
	struct net n = {.arena = u->arena};
	struct graph g = {.arena = u->arena};
	struct cycle *cycles;
	uint32_t *knot, nknots, i;
	struct map told;
	bool barred = false;

	if (units_are_ordered(u))
		return false;
	n.units = units_in_use(u, &n.nunits);
	make_net(&n);
	g.n = n.nnodes;
	g.first = n.first;
	g.to = n.to;
	knot = arena_array(u->arena, g.n, uint32_t);
	nknots = graph_knots(&g, knot);
	if (nknots == 0)
		return false;
	if (u->brief) {
		if (remind(u, &n, knot, nknots, causes))
			return false;
		map_init(&told, u->arena);
		n.told = &told;
		g.order = order_by_name(&n);
	}
	u->knotted = true;
	cycles = graph_cycles(&g, knot, nknots);
	join_knots(&n, knot, nknots);
	tell_cycles(&n, cycles, nknots, causes);
	for (i = 0; i < nknots; i++)
		barred |= bar(&n, &cycles[i]);
	if (u->brief && !barred)
		remember(u, &n, knot);
	return barred;
}
