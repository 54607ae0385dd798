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

#define CACHE_LINE 64
#define EXPECT_MAX 1024 /* bytes of one list */

/* A call of what does nothing but prefetch is left out by GCC as useless. */
#define INLINE inline __attribute__((always_inline))

struct choice {
	struct pool *pool;
	struct arena scratch;
	struct draft *drafts; /* in the order of being reached */
	uint32_t ndrafts, nasked, nloaded;
	struct plan_edge **groups; /* in the order of their drafts */
	uint32_t ngroups, nchosen;
	uint64_t steps, max_steps;
};

static uint32_t
new_draft(struct choice *c, struct candidate *cand)
{
	struct draft *d;

	c->drafts =
	    arena_grow(&c->scratch, c->drafts, c->ndrafts, sizeof(*c->drafts));
	d = &c->drafts[c->ndrafts];
	*d = (struct draft){.cand = cand, .var = SAT_NO_VARIABLE};
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
		k->asker = 0;
		k->first = new_draft(c, &k->list[i]);
		return true;
	}
	return false;
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
			e->to = pool_hash(c->pool, &items[i]);
		}
		e++;
	}
	return e;
}

static void
put_group(struct choice *c, struct plan_edge *e)
{
	c->groups = arena_grow(
	    &c->scratch, c->groups, c->ngroups, sizeof(struct plan_edge *));
	c->groups[c->ngroups++] = e;
}

/* What a draft asks for is written in these items; not looked up yet. */
static void
put(struct choice *c, uint32_t draft, const struct dep *items, size_t n)
{
	size_t count = count_needs(items, n);
	struct plan_edge *edges =
	    arena_array(c->pool->work, count, struct plan_edge);

	c->drafts[draft].edges = edges;
	c->drafts[draft].nedges = (uint32_t)count;
	put_edges(c, edges, items, n);
}

/*
 * Follow the edges of a draft, which have the hash of what they want. A second
 * one to the same draft is dropped: here unless there are groups, for those
 * are known by the place of their edge.
 */
static bool
lead(struct choice *c, uint32_t draft)
{
	struct plan_edge *edges = c->drafts[draft].edges, *e;
	uint32_t n = c->drafts[draft].nedges, ngroups = c->ngroups, i, kept = 0;
	struct package *k;

	for (i = 0; i < n; i++) {
		if (edges[i].option == GROUP)
			put_group(c, &edges[i]);
	}
	for (i = 0; i < n; i++) {
		e = &edges[i];
		if (e->option != GROUP) {
			k = pool_find(c->pool, &e->dep->atom.id, e->to);
			if (!take_version(c, k, &e->dep->atom))
				return false;
			if (k->asker == draft + 1 && c->ngroups == ngroups)
				continue;
			k->asker = draft + 1;
			e->to = k->first - 1;
		}
		if (kept < i)
			edges[kept] = *e;
		kept++;
	}
	c->drafts[draft].nedges = kept;
	c->drafts[draft].grouped = c->ngroups > ngroups;
	c->steps += n;
	return true;
}

/* Look up what the drafts from first to end want; false: a conflict. */
static bool
lead_all(struct choice *c, uint32_t first, uint32_t end)
{
	const struct plan_edge *edges;
	struct draft *d;
	uint32_t i, k;

	for (i = first; i < end; i++) {
		edges = c->drafts[i].edges;
		for (k = 0; k < c->drafts[i].nedges; k++) {
			if (edges[k].option != GROUP)
				pool_expect(c->pool, edges[k].to);
		}
	}
	for (i = first; i < end; i++) {
		if (!lead(c, i))
			return false;
	}
	for (; c->nasked < c->ndrafts; c->nasked++) {
		d = &c->drafts[c->nasked];
		if (!d->cand)
			continue;
		pool_ask(c->pool, d->cand);
		d->meta = d->cand->meta;
	}
	return c->steps <= c->max_steps;
}

static INLINE void
expect(const void *p, size_t size)
{
	size_t i;

	for (i = 0; i < size && i < EXPECT_MAX; i += CACHE_LINE)
		__builtin_prefetch((const char *)p + i);
}

/* The names that these items begin with; groups are few. */
static INLINE void
expect_names(const struct dep_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (list->items[i].kind != DEP_ATOM)
			continue;
		__builtin_prefetch(list->items[i].atom.id.user);
		__builtin_prefetch(list->items[i].atom.id.name);
	}
}

/*
 * What will be looked at when drafts from next on are loaded: a recipe two
 * turns before, what it asks for one turn before.
 */
static INLINE void
expect_drafts(const struct choice *c, uint32_t next)
{
	const struct draft *d = &c->drafts[next], *end;
	uint32_t left = c->ndrafts - next;

	end = d + (left < AT_ONCE ? left : AT_ONCE);
	left = left < 2 * AT_ONCE ? left : 2 * AT_ONCE;
	for (; d < end; d++) {
		if (d->meta)
			expect(d->meta->depend.items,
			    d->meta->depend.n * sizeof(struct dep));
	}
	for (end = c->drafts + next + left; d < end; d++) {
		__builtin_prefetch(&d->meta->depend);
		__builtin_prefetch(&d->meta->narch);
		__builtin_prefetch(d->cand, 1);
	}
}

/*
 * Some at once, since each waits for memory most of its time: what the next
 * loop looks at is on its way while this one goes on.
 */
static bool
load_some(struct choice *c)
{
	uint32_t first = c->nloaded, end = c->ndrafts, i;
	const struct dep_list *list;
	struct draft *d;

	if (end - first > AT_ONCE)
		end = first + AT_ONCE;
	expect_drafts(c, end);
	for (i = first; i < end; i++) {
		d = &c->drafts[i];
		if (pool_peek(c->pool, d->cand) != CANDIDATE_READY)
			return false;
		d->sides = d->meta->sidepend.n > 0;
		expect_names(&d->meta->depend);
	}
	for (i = first; i < end; i++) {
		list = &c->drafts[i].meta->depend;
		put(c, i, list->items, list->n);
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
		k = pool_package(c->pool, d);
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

/* How many edges, duplicates included. */
static size_t
flat_size(const struct draft *drafts, const struct draft *d)
{
	size_t n = d->nedges;
	uint32_t i;

	for (i = 0; i < d->nedges; i++) {
		if (d->edges[i].option == GROUP)
			n += flat_size(drafts, &drafts[d->edges[i].to + 1]);
	}
	return n;
}

static void
flatten_all(struct choice *c)
{
	struct flattener f = {.drafts = c->drafts};
	struct plan_edge *edges;
	struct draft *d;

	if (c->ngroups == 0)
		return;
	f.seen = arena_array(&c->scratch, c->ndrafts, uint32_t);
	for (f.from = 1; f.from < c->ndrafts; f.from++) {
		d = &c->drafts[f.from];
		if (!d->cand || !d->grouped)
			continue;
		edges = arena_array(
		    c->pool->work, flat_size(c->drafts, d), struct plan_edge);
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
		closure_order(p->work, &c.scratch, above, c.drafts + 1,
		    c.ndrafts - 1, out);
	}
	if (good && out->cyclic && c.ngroups > 0)
		good = false;
	if (good)
		pool_tell(p, out);
	arena_release(&c.scratch);
	return good;
}
