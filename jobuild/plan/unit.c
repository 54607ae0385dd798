/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/unit.h"
#include "plan/explain.h"
#include "base/arena.h"

#include <string.h>

void
units_init(struct units *u, struct pool *p, uint64_t max_steps)
{
	memset(u, 0, sizeof(*u));
	u->pool = p;
	u->arena = p->work;
	u->max_steps = max_steps;
	map_init(&u->by_atom, p->work);
}

void
units_end(struct units *u)
{
	const struct closure *c;
	size_t i, k;

	for (i = 0; i < u->nresolved; i++) {
		c = &u->list[i]->closure;
		for (k = 0; k < c->nsided; k++)
			c->steps[c->sided[k]].cand->sides = NULL;
		for (k = 0; k < c->nsteps && u->knotted; k++)
			c->steps[k].cand->knot = NULL;
		if (c->nsteps > 0)
			c->steps[c->nsteps - 1].cand->package->units = NULL;
		if (u->list[i]->known)
			u->list[i]->known->sides = NULL;
	}
}

/* The unit of an atom, new if nobody has asked for it before. */
static struct unit *
unit_for(struct units *u, const struct dep *dep, const struct path *above)
{
	const char *key = atom_format(u->arena, &dep->atom);
	struct unit *unit = map_gets(&u->by_atom, key);

	if (unit)
		return unit;
	unit = arena_new(u->arena, struct unit);
	unit->dep = *dep;
	unit->above = above;
	causes_init(&unit->causes, u->pool->diags->arena);
	*map_puts(&u->by_atom, key) = unit;
	u->list = arena_grow(u->arena, u->list, u->n, sizeof(struct unit *));
	u->list[u->n++] = unit;
	return unit;
}

struct unit *
units_request(struct units *u, const struct atom *root)
{
	struct dep dep = {.kind = DEP_ATOM, .atom = *root};

	return unit_for(u, &dep, NULL);
}

/* Lists nest 64 deep at most, here and below. */
static struct want *
make_wants(
    struct units *u, const struct dep *items, size_t n, const struct path *path)
{
	struct want *wants = arena_array(u->arena, n, struct want);
	size_t i;

	for (i = 0; i < n; i++) {
		wants[i].dep = &items[i];
		wants[i].path = path;
		if (items[i].kind != DEP_ATOM)
			wants[i].items =
			    make_wants(u, items[i].items, items[i].n, path);
	}
	return wants;
}

/* A want counts: ask for its units; groups are decided later. */
static void
ask(struct units *u, struct want *w)
{
	size_t i;

	switch (w->dep->kind) {
	case DEP_ATOM:
		if (!w->unit)
			w->unit = unit_for(u, w->dep, w->path);
		break;
	case DEP_ANYOF:
		u->groups = arena_grow(
		    u->arena, u->groups, u->ngroups, sizeof(struct want *));
		u->groups[u->ngroups++] = w;
		break;
	case DEP_ALLOF:
		for (i = 0; i < w->dep->n; i++)
			ask(u, &w->items[i]);
		break;
	}
}

static void
ask_sides(struct units *u, struct candidate *c, const struct path *path)
{
	const struct dep_list *list;
	size_t i;

	if (c->sides)
		return;
	c->sides = arena_new(u->arena, struct sides);
	u->sides =
	    arena_grow(u->arena, u->sides, u->nsides, sizeof(struct sides *));
	u->sides[u->nsides++] = c->sides;
	list = &c->meta->sidepend;
	c->sides->nwants = list->n;
	c->sides->wants = make_wants(u, list->items, list->n, path);
	for (i = 0; i < list->n; i++)
		ask(u, &c->sides->wants[i]);
}

/* The newest version that fits and was read. */
static struct candidate *
find_known(struct units *u, const struct dep *dep)
{
	struct package *k = pool_package(u->pool, dep);
	struct range fit = package_range(k, &dep->atom);
	uint32_t i;

	for (i = fit.first; i < fit.end; i++) {
		if (k->list[i].state == CANDIDATE_READY)
			return &k->list[i];
	}
	return NULL;
}

/* Have the other causes found of a request that fails in any case. */
static void
ask_known(struct units *u, struct unit *unit)
{
	struct path *path;

	unit->known = find_known(u, &unit->dep);
	if (!unit->known)
		return;
	path = arena_new(u->arena, struct path);
	path->cand = unit->known;
	ask_sides(u, unit->known, path);
}

static void
resolve_unit(struct units *u, struct unit *unit)
{
	struct closure *c = &unit->closure;
	struct package *k;
	size_t i;

	if (resolve(u->pool, &unit->dep, unit->above, u->max_steps, c,
		&unit->causes) < 0) {
		unit->unresolved = unit->failed = true;
		if (unit == u->list[0])
			ask_known(u, unit);
		return;
	}
	k = c->steps[c->nsteps - 1].cand->package;
	unit->next = k->units;
	k->units = unit;
	for (i = 0; i < c->nsided; i++)
		ask_sides(
		    u, c->steps[c->sided[i]].cand, c->steps[c->sided[i]].path);
}

static bool
want_failed(const struct want *w)
{
	size_t i, failed = 0;

	if (w->barred)
		return true;
	if (w->dep->kind == DEP_ATOM)
		return w->unit && w->unit->failed;
	for (i = 0; i < w->dep->n; i++)
		failed += want_failed(&w->items[i]);
	return w->dep->kind == DEP_ALLOF ? failed > 0 : failed == w->dep->n;
}

static bool
any_failed(const struct sides *s)
{
	size_t i;

	for (i = 0; i < s->nwants; i++) {
		if (want_failed(&s->wants[i]))
			return true;
	}
	return false;
}

static bool
side_failed(const struct closure *c)
{
	size_t i;

	for (i = 0; i < c->nsided; i++) {
		if (any_failed(c->steps[c->sided[i]].cand->sides))
			return true;
	}
	return false;
}

bool
units_are_lost(const struct units *u)
{
	const struct unit *root = u->list[0];

	if (!root->unresolved)
		return root->failed;
	return !root->known || any_failed(root->known->sides);
}

/* Who needs a failed unit has failed; the last asked for are looked at first.
 */
static bool
spread_failures(struct units *u)
{
	struct unit *unit;
	bool any = false, changed;
	size_t i;

	do {
		changed = false;
		for (i = u->n; i-- > 0;) {
			unit = u->list[i];
			unit->failed =
			    unit->failed || side_failed(&unit->closure);
			if (unit->failed && !unit->state) {
				unit->state = 1;
				changed = any = true;
			}
		}
	} while (changed);
	return any;
}

/* A unit that has not failed and does what d (an atom) wants, or NULL. */
static struct unit *
find_unit(struct units *u, const struct dep *d)
{
	const struct closure *c;
	struct unit *unit, *found = NULL;

	unit = pool_package(u->pool, d)->units;
	for (; unit; unit = unit->next) {
		c = &unit->closure;
		if (!unit->failed &&
		    candidate_fits(c->steps[c->nsteps - 1].cand, &d->atom))
			found = unit; /* the first asked for is the last here */
	}
	return found;
}

static bool
want_is_in(struct units *u, const struct want *w)
{
	size_t i, in = 0;

	if (w->barred)
		return false;
	if (w->dep->kind == DEP_ATOM)
		return find_unit(u, w->dep) != NULL;
	for (i = 0; i < w->dep->n; i++)
		in += want_is_in(u, &w->items[i]);
	return w->dep->kind == DEP_ALLOF ? in == w->dep->n : in > 0;
}

/* Let what is in serve for a want that counts from now on. */
static void
take_what_is_in(struct units *u, struct want *w)
{
	size_t i;

	if (w->dep->kind == DEP_ATOM)
		w->unit = find_unit(u, w->dep);
	for (i = 0; w->dep->kind == DEP_ALLOF && i < w->dep->n; i++)
		take_what_is_in(u, &w->items[i]);
}

/* Choose from a group; false when nothing had to be or could be chosen. */
static bool
choose(struct units *u, struct want *group)
{
	struct want *w, *leftmost = NULL;
	size_t i;

	if (group->chosen && !want_failed(group->chosen))
		return false;
	group->chosen = NULL;
	for (i = 0; i < group->dep->n && !group->chosen; i++) {
		w = &group->items[i];
		if (want_failed(w))
			continue;
		if (!leftmost)
			leftmost = w;
		if (want_is_in(u, w))
			group->chosen = w;
	}
	if (group->chosen)
		take_what_is_in(u, group->chosen);
	else
		group->chosen = leftmost;
	if (group->chosen)
		ask(u, group->chosen);
	return group->chosen != NULL;
}

/* Choose from the groups, up to one that asks for new units. */
static bool
choose_all(struct units *u)
{
	bool any = false;
	size_t i;

	for (i = 0; i < u->ngroups && u->nresolved == u->n; i++)
		any |= choose(u, u->groups[i]);
	return any;
}

void
units_settle(struct units *u)
{
	bool again;

	do {
		while (u->nresolved < u->n)
			resolve_unit(u, u->list[u->nresolved++]);
		again = spread_failures(u);
		again |= choose_all(u);
	} while (again);
}

static void
add_target(
    struct units *u, struct sides *s, struct want *w, struct want *option)
{
	struct target *t;

	s->targets = arena_grow(u->arena, s->targets, s->ntargets, sizeof(*t));
	t = &s->targets[s->ntargets++];
	t->unit = w->unit;
	t->dep = w->dep;
	t->option = option;
}

/* The units of a want; of a group that failed, all that were tried. */
static void
add_targets(
    struct units *u, struct sides *s, struct want *w, struct want *option)
{
	size_t i;

	if (w->dep->kind == DEP_ATOM) {
		if (w->unit)
			add_target(u, s, w, option);
	} else if (w->dep->kind == DEP_ANYOF && w->chosen) {
		add_targets(u, s, w->chosen, w->chosen);
	} else {
		for (i = 0; i < w->dep->n; i++)
			add_targets(u, s, &w->items[i],
			    w->dep->kind == DEP_ANYOF ? &w->items[i] : option);
	}
}

static void
add_need(struct units *u, struct unit *unit, struct unit *need)
{
	if (need->state == 2)
		return;
	need->state = 2;
	unit->needs = arena_grow(
	    u->arena, unit->needs, unit->nneeds, sizeof(struct unit *));
	unit->needs[unit->nneeds++] = need;
}

static void
add_needs(struct units *u, struct unit *unit, const struct sides *s)
{
	size_t i;

	for (i = 0; i < s->ntargets; i++)
		add_need(u, unit, s->targets[i].unit);
}

static void
link_unit(struct units *u, struct unit *unit)
{
	const struct closure *c = &unit->closure;
	size_t i;

	unit->nneeds = 0;
	unit->needs = NULL;
	for (i = 0; i < c->nsided; i++)
		add_needs(u, unit, c->steps[c->sided[i]].cand->sides);
	if (unit->known)
		add_needs(u, unit, unit->known->sides);
	for (i = 0; i < unit->nneeds; i++)
		unit->needs[i]->state = 0;
}

void
units_link(struct units *u)
{
	struct sides *s;
	size_t i, k;

	for (i = 0; i < u->nsides; i++) {
		s = u->sides[i];
		s->ntargets = 0;
		s->targets = NULL;
		for (k = 0; k < s->nwants; k++)
			add_targets(u, s, &s->wants[k], NULL);
	}
	for (i = 0; i < u->n; i++)
		u->list[i]->state = 0;
	for (i = 0; i < u->n; i++)
		link_unit(u, u->list[i]);
}

bool
units_are_ordered(struct units *u)
{
	size_t *nusers = arena_array(u->arena, u->n, size_t), left = u->n, i, k;
	struct unit **ready = arena_array(u->arena, u->n, struct unit *);
	size_t nready = 0;

	for (i = 0; i < u->n; i++) {
		if (u->list[i]->closure.cyclic)
			return false;
		u->list[i]->index = i;
	}
	for (i = 0; i < u->n; i++) {
		for (k = 0; k < u->list[i]->nneeds; k++)
			nusers[u->list[i]->needs[k]->index]++;
	}
	for (i = 0; i < u->n; i++) {
		if (nusers[i] == 0)
			ready[nready++] = u->list[i];
	}
	for (; nready > 0; left--) {
		struct unit *unit = ready[--nready];

		for (k = 0; k < unit->nneeds; k++) {
			if (--nusers[unit->needs[k]->index] == 0)
				ready[nready++] = unit->needs[k];
		}
	}
	return left == 0;
}

struct unit **
units_in_use(struct units *u, size_t *n)
{
	struct unit **list = arena_array(u->arena, u->n, struct unit *);
	struct unit *unit;
	size_t at = 0, end = 0, i;

	for (i = 0; i < u->n; i++)
		u->list[i]->state = 0;
	u->list[0]->state = 1;
	list[end++] = u->list[0];
	while (at < end) {
		unit = list[at++];
		for (i = 0; i < unit->nneeds; i++) {
			if (unit->needs[i]->state == 0) {
				unit->needs[i]->state = 1;
				list[end++] = unit->needs[i];
			}
		}
	}
	*n = end;
	return list;
}
