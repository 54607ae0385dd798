/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/choice.h"
#include "plan/closure.h"
#include "base/arena.h"

/*
 * A draft here is who asks: the request (number 0), a jobuild, or an option
 * of a group. The latter two are no steps: their cand is NULL. An edge leads
 * to draft to + 1, which makes the root 0 for closure_order(); that of a group
 * has its option's draft there once it is chosen, and GROUP as its option.
 */
#define GROUP   0
#define AT_ONCE 16

struct choice {
	struct pool *pool;
	struct arena scratch;
	struct draft *drafts; /* in the order of being reached */
	uint32_t ndrafts, nloaded;
	struct plan_edge **groups; /* in the order of their drafts */
	uint32_t ngroups, nchosen;
	uint64_t steps, max_steps;
};

static uint32_t
new_draft(struct choice *c, struct candidate *cand)
{
	c->drafts =
	    arena_grow(&c->scratch, c->drafts, c->ndrafts, sizeof(*c->drafts));
	c->drafts[c->ndrafts].cand = cand;
	c->drafts[c->ndrafts].var = SAT_NO_VARIABLE;
	return c->ndrafts++;
}

static bool
is_reached(const struct choice *c, const struct package *k)
{
	return k->round == c->pool->rounds;
}

/* Does the version that everybody gets fit? */
static bool
fits_chosen(
    const struct choice *c, const struct package *k, const struct atom *atom)
{
	return atom->op == ATOM_ANY ||
	    candidate_fits(c->drafts[k->first].cand, atom);
}

/* Choose the newest version, unless one is in; false: a conflict. */
static bool
take_version(struct choice *c, struct package *k, const struct atom *atom)
{
	size_t i;

	if (is_reached(c, k))
		return fits_chosen(c, k, atom);
	for (i = 0; i < k->n; i++) {
		c->steps++;
		if (!candidate_fits(&k->list[i], atom))
			continue;
		k->round = c->pool->rounds;
		k->first = new_draft(c, &k->list[i]);
		return true;
	}
	return false;
}

/* Edges for these items: of groups in which all are wanted, for each item. */
static size_t
count_edges(const struct dep *items, size_t n)
{
	size_t i, sum = 0;

	for (i = 0; i < n; i++)
		sum += items[i].kind == DEP_ALLOF
		    ? count_edges(items[i].items, items[i].n)
		    : 1;
	return sum;
}

static struct plan_edge *
put_edges(
    struct choice *c, struct plan_edge *e, const struct dep *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i].kind == DEP_ALLOF) {
			e = put_edges(c, e, items[i].items, items[i].n);
			continue;
		}
		e->dep = &items[i];
		e->option = GROUP;
		if (items[i].kind == DEP_ATOM) {
			e->option = SAT_NO_VARIABLE;
			e->to = pool_hash(c->pool, &items[i].atom.id);
		}
		e++;
	}
	return e;
}

/* Follow an edge that has the hash of what it wants, if that is an atom. */
static bool
lead(struct choice *c, struct plan_edge *e)
{
	const struct atom *atom = &e->dep->atom;
	struct package *k;

	if (e->option == GROUP) {
		c->groups = arena_grow(&c->scratch, c->groups, c->ngroups,
		    sizeof(struct plan_edge *));
		c->groups[c->ngroups++] = e;
		return true;
	}
	k = pool_find(c->pool, &atom->id, e->to);
	if (!take_version(c, k, atom))
		return false;
	e->to = k->first - 1;
	return true;
}

/* What a draft asks for is written in these items; not looked up yet. */
static void
put(struct choice *c, uint32_t draft, const struct dep *items, size_t n)
{
	size_t count = count_edges(items, n);
	struct plan_edge *edges =
	    arena_array(c->pool->arena, count, struct plan_edge);

	c->drafts[draft].edges = edges;
	c->drafts[draft].nedges = (uint32_t)count;
	put_edges(c, edges, items, n);
}

/* Look up what the drafts from first to end want; false: a conflict. */
static bool
lead_all(struct choice *c, uint32_t first, uint32_t end)
{
	struct plan_edge *edges;
	uint32_t i, k;

	for (i = first; i < end; i++) {
		edges = c->drafts[i].edges;
		for (k = 0; k < c->drafts[i].nedges; k++) {
			if (edges[k].option != GROUP)
				pool_expect(c->pool, edges[k].to);
		}
	}
	for (i = first; i < end; i++) {
		edges = c->drafts[i].edges;
		for (k = 0; k < c->drafts[i].nedges; k++) {
			if (!lead(c, &edges[k]))
				return false;
		}
		c->steps += c->drafts[i].nedges;
	}
	return c->steps <= c->max_steps;
}

/* Some at once, since each waits for memory most of its time. */
static bool
load_some(struct choice *c)
{
	uint32_t first = c->nloaded, end = c->ndrafts, i;
	struct candidate *cand;

	if (end - first > AT_ONCE)
		end = first + AT_ONCE;
	for (i = first; i < end; i++) {
		if (pool_peek(c->pool, c->drafts[i].cand) != CANDIDATE_READY)
			return false;
	}
	for (i = first; i < end; i++) {
		cand = c->drafts[i].cand;
		put(c, i, cand->meta->depend.items, cand->meta->depend.n);
	}
	c->nloaded = end;
	return lead_all(c, first, end);
}

/* A draft that is none of the jobuilds. */
static bool
load_one(struct choice *c, const struct dep *d, uint32_t *draft)
{
	*draft = new_draft(c, NULL);
	put(c, *draft, d, 1);
	c->nloaded = c->ndrafts;
	return lead_all(c, *draft, *draft + 1);
}

static bool
load_all(struct choice *c)
{
	while (c->nloaded < c->ndrafts) {
		if (!load_some(c))
			return false;
	}
	return true;
}

/* Would the item be fulfilled by what is in? Groups nest 64 deep at most. */
static bool
item_is_in(struct choice *c, const struct dep *d)
{
	const struct package *k;
	size_t i, in = 0;

	c->steps++;
	if (d->kind == DEP_ATOM) {
		k = pool_package(c->pool, &d->atom.id);
		return is_reached(c, k) && fits_chosen(c, k, &d->atom);
	}
	for (i = 0; i < d->n; i++)
		in += item_is_in(c, &d->items[i]);
	return d->kind == DEP_ALLOF ? in == d->n : in > 0;
}

static bool
choose_option(struct choice *c, struct plan_edge *group)
{
	const struct dep *d = group->dep;
	uint32_t option;
	size_t i, at = 0;

	for (i = 0; i < d->n; i++) {
		if (item_is_in(c, &d->items[i])) {
			at = i;
			break;
		}
	}
	if (!load_one(c, &d->items[at], &option))
		return false;
	group->to = option - 1;
	return true;
}

static bool
walk(struct choice *c)
{
	while (load_all(c)) {
		if (c->nchosen == c->ngroups)
			return true;
		if (!choose_option(c, c->groups[c->nchosen++]))
			return false;
	}
	return false;
}

/* ---- what it comes to -----------------------------------------------------
 */

/* Puts the edges of chosen options in the place of their groups. */
struct flattener {
	const struct draft *drafts;
	uint32_t *seen; /* by edge's end: the last draft that has it, plus one
			 */
	uint32_t from;
	struct plan_edge *out;
};

/* out may be the draft's own edges if none of them is a group's. */
static void
flatten(struct flattener *f, const struct draft *d, uint32_t option)
{
	struct plan_edge e;
	uint32_t i;

	for (i = 0; i < d->nedges; i++) {
		e = d->edges[i];
		if (e.option == GROUP) {
			flatten(f, &f->drafts[e.to + 1], e.to + 1);
			continue;
		}
		if (f->seen[e.to] == f->from)
			continue;
		f->seen[e.to] = f->from;
		e.option = option;
		*f->out++ = e;
	}
}

/* How many edges, duplicates included; sets *groups if there are any. */
static size_t
flat_size(const struct draft *drafts, const struct draft *d, bool *groups)
{
	size_t n = d->nedges;
	uint32_t i;

	for (i = 0; i < d->nedges; i++) {
		if (d->edges[i].option != GROUP)
			continue;
		*groups = true;
		n += flat_size(drafts, &drafts[d->edges[i].to + 1], groups);
	}
	return n;
}

static void
flatten_all(struct choice *c)
{
	struct flattener f = {.drafts = c->drafts};
	struct plan_edge *edges;
	struct draft *d;
	bool groups;
	size_t n;

	f.seen = arena_array(&c->scratch, c->ndrafts, uint32_t);
	for (f.from = 1; f.from < c->ndrafts; f.from++) {
		d = &c->drafts[f.from];
		if (!d->cand)
			continue;
		groups = false;
		n = flat_size(c->drafts, d, &groups);
		edges = groups
		    ? arena_array(c->pool->arena, n, struct plan_edge)
		    : d->edges;
		f.out = edges;
		flatten(&f, d, SAT_NO_VARIABLE);
		d->edges = edges;
		d->nedges = (uint32_t)(f.out - edges);
	}
}

bool
choice_walk(struct pool *p, const struct dep *root, const struct path *above,
    uint64_t max_steps, struct closure *out)
{
	struct choice c = {.pool = p, .max_steps = max_steps};
	uint32_t request;
	bool good;

	p->rounds++;
	good = load_one(&c, root, &request) && walk(&c);
	if (good) {
		flatten_all(&c);
		closure_order(p->arena, &c.scratch, above, c.drafts + 1,
		    c.ndrafts - 1, out);
	}
	if (good && out->cyclic && c.ngroups > 0)
		good = false;
	if (good)
		pool_tell(p, out);
	arena_release(&c.scratch);
	return good;
}
