/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/choice.h"
#include "plan/closure.h"
#include "base/arena.h"

/* Who has needs: the request, a jobuild, or a group's option. */
struct chooser {
	struct candidate *cand; /* NULL: none of the jobuilds */
	uint32_t first, n;      /* needs */
};

struct wish {
	const struct dep *dep;
	struct package *package; /* atoms */
	uint32_t option;         /* groups: chooser; 0: not chosen yet */
};

struct choice {
	struct pool *pool;
	struct arena scratch;
	struct chooser *choosers; /* in the order of being reached */
	struct wish *wishes;      /* in the order of their choosers */
	uint32_t nchoosers, nwishes;
	uint32_t nloaded; /* choosers whose wishes are there */
	uint32_t group;   /* wishes before it are no undecided groups */
	uint32_t ngroups;
	uint64_t steps, max_steps;
};

static uint32_t
new_chooser(struct choice *c, struct candidate *cand)
{
	c->choosers = arena_grow(
	    &c->scratch, c->choosers, c->nchoosers, sizeof(*c->choosers));
	c->choosers[c->nchoosers].cand = cand;
	return c->nchoosers++;
}

static bool
is_reached(const struct choice *c, const struct package *k)
{
	return k->round == c->pool->rounds;
}

/* The version that everybody gets; NULL: none has been chosen. */
static struct candidate *
chosen(const struct choice *c, const struct package *k)
{
	return is_reached(c, k) ? c->choosers[k->first].cand : NULL;
}

/* Choose the newest version, unless one is in; false: a conflict. */
static bool
take_version(struct choice *c, struct package *k, const struct atom *atom)
{
	struct candidate *cand = chosen(c, k);
	size_t i;

	if (cand)
		return candidate_fits(cand, atom);
	for (i = 0; i < k->n; i++) {
		c->steps++;
		if (!candidate_fits(&k->list[i], atom))
			continue;
		k->round = c->pool->rounds;
		k->first = new_chooser(c, &k->list[i]);
		return true;
	}
	return false;
}

static bool
add_wishes(struct choice *c, const struct dep *items, size_t n)
{
	struct wish *w;
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i].kind == DEP_ALLOF) {
			if (!add_wishes(c, items[i].items, items[i].n))
				return false;
			continue;
		}
		c->steps++;
		c->wishes = arena_grow(
		    &c->scratch, c->wishes, c->nwishes, sizeof(*c->wishes));
		w = &c->wishes[c->nwishes++];
		w->dep = &items[i];
		w->option = 0;
		if (items[i].kind == DEP_ANYOF)
			continue;
		w->package = pool_package(
		    c->pool, items[i].atom.id.user, items[i].atom.id.name);
		if (!take_version(c, w->package, &items[i].atom))
			return false;
	}
	return true;
}

/* The wishes of a chooser that are written in these items. */
static bool
load(struct choice *c, uint32_t number, const struct dep *items, size_t n)
{
	uint32_t first = c->nwishes;

	if (!add_wishes(c, items, n) || c->steps > c->max_steps)
		return false;
	c->choosers[number].first = first;
	c->choosers[number].n = c->nwishes - first;
	return true;
}

static bool
load_all(struct choice *c)
{
	struct candidate *cand;

	for (; c->nloaded < c->nchoosers; c->nloaded++) {
		cand = c->choosers[c->nloaded].cand;
		if (!cand) /* an option: loaded when it was chosen */
			continue;
		if (pool_peek(c->pool, cand) != CANDIDATE_READY)
			return false;
		if (!load(c, c->nloaded, cand->meta->depend.items,
			cand->meta->depend.n))
			return false;
	}
	return true;
}

/* Would the item be fulfilled by what is in? Groups nest 64 deep at most. */
static bool
item_is_in(struct choice *c, const struct dep *d)
{
	const struct candidate *cand;
	size_t i, in = 0;

	c->steps++;
	if (d->kind == DEP_ATOM) {
		cand = chosen(
		    c, pool_package(c->pool, d->atom.id.user, d->atom.id.name));
		return cand && candidate_fits(cand, &d->atom);
	}
	for (i = 0; i < d->n; i++)
		in += item_is_in(c, &d->items[i]);
	return d->kind == DEP_ALLOF ? in == d->n : in > 0;
}

static bool
choose_option(struct choice *c, uint32_t wish)
{
	const struct dep *d = c->wishes[wish].dep;
	uint32_t option;
	size_t i, at = 0;

	c->ngroups++;
	for (i = 0; i < d->n; i++) {
		if (item_is_in(c, &d->items[i])) {
			at = i;
			break;
		}
	}
	option = new_chooser(c, NULL);
	c->wishes[wish].option = option;
	return load(c, option, &d->items[at], 1);
}

/* Choose from the next group; false when that fails or there is none. */
static bool
next_group(struct choice *c, bool *none)
{
	for (; c->group < c->nwishes; c->group++) {
		if (c->wishes[c->group].dep->kind == DEP_ANYOF)
			return choose_option(c, c->group++);
	}
	*none = true;
	return false;
}

static bool
walk(struct choice *c)
{
	bool none = false;

	while (load_all(c)) {
		if (!next_group(c, &none))
			return none;
	}
	return false;
}

/* Jobuilds and edges as closure_order() wants them. */
struct draft_maker {
	struct choice *c;
	uint32_t *number; /* draft by chooser, plus one; 0: none */
	uint32_t *seen;   /* by chooser: the last that has an edge to it */
	struct draft *drafts;
	size_t ndrafts;
	struct edge *edges;
	size_t nedges;
};

static void
add_edges(struct draft_maker *m, uint32_t from, const struct chooser *at,
    uint32_t option)
{
	const struct wish *w = &m->c->wishes[at->first];
	struct edge *e;
	uint32_t i, to;

	for (i = 0; i < at->n; i++, w++) {
		if (w->dep->kind == DEP_ANYOF) {
			add_edges(
			    m, from, &m->c->choosers[w->option], w->option);
			continue;
		}
		to = w->package->first;
		if (m->seen[to] == from)
			continue;
		m->seen[to] = from;
		e = &m->edges[m->nedges++];
		e->to = m->number[to] - 1;
		e->dep = w->dep;
		e->option = option;
	}
}

/* The request is chooser 0, the root 1. */
static void
make_drafts(struct draft_maker *m)
{
	const struct chooser *all = m->c->choosers;
	uint32_t i, n = m->c->nchoosers;
	struct draft *d;

	for (i = 1; i < n; i++) {
		if (all[i].cand)
			m->number[i] = (uint32_t)++m->ndrafts;
	}
	m->drafts = arena_array(&m->c->scratch, m->ndrafts, struct draft);
	for (i = 1; i < n; i++) {
		if (!all[i].cand)
			continue;
		d = &m->drafts[m->number[i] - 1];
		d->cand = all[i].cand;
		d->var = SAT_NO_VARIABLE;
		d->first = m->nedges;
		add_edges(m, i, &all[i], SAT_NO_VARIABLE);
		d->n = m->nedges - d->first;
	}
}

static void
finish(struct choice *c, const struct path *above, struct closure *out)
{
	struct draft_maker m = {.c = c};

	m.number = arena_array(&c->scratch, c->nchoosers, uint32_t);
	m.seen = arena_array(&c->scratch, c->nchoosers, uint32_t);
	m.edges = arena_array(c->pool->arena, c->nwishes, struct edge);
	make_drafts(&m);
	closure_order(c->pool->arena, &c->scratch, above, m.drafts, m.ndrafts,
	    m.edges, out);
}

bool
choice_walk(struct pool *p, const struct dep *root, const struct path *above,
    uint64_t max_steps, struct closure *out)
{
	struct choice c = {.pool = p, .max_steps = max_steps};
	bool good;

	p->rounds++;
	new_chooser(&c, NULL);
	good = load(&c, 0, root, 1) && walk(&c);
	if (good)
		finish(&c, above, out);
	if (good && out->cyclic && c.ngroups > 0)
		good = false;
	if (good)
		pool_tell(p, out);
	arena_release(&c.scratch);
	return good;
}
