/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk that decides which closure comes out (see resolve.h): over what has
 * been reached, not over what the solver has concluded, so that its shrewdness
 * makes no difference.
 */
#include "plan/resolve.h"
#include "base/arena.h"

#include <assert.h>
#include <string.h>

static void
reach(struct resolver *r, uint32_t var)
{
	if (r->nodes[var].reached)
		return;
	r->nodes[var].reached = true;
	r->queue =
	    arena_grow(r->arena, r->queue, r->walk.nqueue, sizeof(*r->queue));
	r->queue[r->walk.nqueue++] = var;
}

void
resolver_begin(struct resolver *r)
{
	reach(r, 0);
}

void
resolver_rewind(struct resolver *r)
{
	uint32_t level = r->sat.nlevels, i;

	if (level == r->level)
		return;
	if (r->entered > r->sat.levels[level])
		r->entered = r->sat.levels[level];
	r->level = level;
	if (level >= r->nwalked)
		return;
	for (i = r->saved[level].nqueue; i < r->walk.nqueue; i++)
		r->nodes[r->queue[i]].reached = false;
	r->walk = r->saved[level];
	r->nwalked = level;
}

void
resolver_guess_begin(struct resolver *r)
{
	r->hard = r->guessing = true;
	sat_guess_begin(&r->sat);
	resolver_rewind(r);
}

void
resolver_guess(struct resolver *r)
{
	if (!sat_guess(&r->sat, r->nwalked)) {
		sat_keep_model(&r->sat);
		sat_take_back(&r->sat, r->nwalked);
		r->guessing = false;
		r->nlearned = r->sat.nlearned;
		r->entered = 0; /* nothing was said about what came in */
	}
	if (r->sat.nlevels > r->level)
		r->level = r->sat.nlevels;
	else
		resolver_rewind(r);
}

static bool option_is_in(const struct resolver *r, uint32_t option);

/* Is the need fulfilled by what has been reached? */
static bool
is_in(const struct resolver *r, const struct need *n)
{
	uint32_t v;
	size_t i;

	if (n->kind == NEED_ATOM) {
		v = need_version(r, n);
		return v != SAT_NO_VARIABLE && r->nodes[v].reached;
	}
	for (i = 0; i < n->noptions; i++) {
		if (option_is_in(r, n->options[i]))
			return true;
	}
	return false;
}

static bool
option_is_in(const struct resolver *r, uint32_t option)
{
	const struct node *node = &r->nodes[option];
	size_t i;

	for (i = 0; i < node->nneeds; i++) {
		if (!is_in(r, &node->needs[i]))
			return false;
	}
	return true;
}

/* What fulfils the need for good, or SAT_NO_VARIABLE. */
static uint32_t
answer_to(const struct resolver *r, const struct need *n)
{
	size_t i;

	if (n->kind == NEED_ATOM)
		return need_version(r, n);
	for (i = 0; i < n->noptions; i++) {
		if (r->sat.vars[n->options[i]].value > 0)
			return n->options[i];
	}
	return SAT_NO_VARIABLE;
}

/*
 * The next undecided need of this kind, in the order of the walk. What fulfils
 * the others is reached; with groups that ends the search, for its atoms come
 * first.
 */
static const struct need *
next_need(
    struct resolver *r, struct cursor *c, enum need_kind kind, bool *again)
{
	const struct node *node;
	const struct need *n;
	uint32_t v;

	for (; c->at < r->walk.nqueue; c->at++, c->need = 0) {
		node = &r->nodes[r->queue[c->at]];
		for (; c->need < node->nneeds; c->need++) {
			n = &node->needs[c->need];
			if (n->kind != kind || !n->clause)
				continue;
			v = answer_to(r, n);
			if (v == SAT_NO_VARIABLE)
				return n;
			*again = !r->nodes[v].reached;
			reach(r, v);
			if (kind == NEED_GROUP && *again)
				return NULL;
		}
	}
	*again = false;
	return NULL;
}

/* The newest version that is still possible: there is one in the range. */
static uint32_t
pick_version(struct resolver *r, const struct need *n)
{
	uint32_t first = n->package->first;
	uint32_t at = sat_first_rung(&r->sat, first);

	r->sat.steps++;
	assert(at >= n->range.first && at < n->range.end);
	return first + at;
}

/* An option that is in, or else the leftmost that is still possible. */
static uint32_t
pick_option(const struct resolver *r, const struct need *n)
{
	uint32_t v, leftmost = SAT_NO_VARIABLE;
	size_t i;

	for (i = 0; i < n->noptions; i++) {
		v = n->options[i];
		if (r->sat.vars[v].value != 0)
			continue;
		if (option_is_in(r, v))
			return v;
		if (leftmost == SAT_NO_VARIABLE)
			leftmost = v;
	}
	return leftmost;
}

static void
save(struct resolver *r, const struct progress *walk)
{
	struct progress *bigger;

	if (r->level >= r->nsaved) {
		r->nsaved = r->nsaved ? r->nsaved * 2 : 64;
		bigger = arena_array(r->arena, r->nsaved, struct progress);
		if (r->level > 0)
			memcpy(bigger, r->saved, r->level * sizeof(*bigger));
		r->saved = bigger;
	}
	r->saved[r->level] = *walk;
}

/* The first need that is to be decided; NULL: there is none. */
static const struct need *
find_need(struct resolver *r)
{
	const struct need *n;
	bool again;

	do {
		n = next_need(r, &r->walk.plain, NEED_ATOM, &again);
		if (!n)
			n = next_need(r, &r->walk.group, NEED_GROUP, &again);
	} while (!n && again);
	return n;
}

bool
resolver_decide(struct resolver *r)
{
	const struct need *n = find_need(r);
	uint32_t v;

	if (!n)
		return false;
	v = n->kind == NEED_ATOM ? pick_version(r, n) : pick_option(r, n);
	if (n->kind == NEED_ATOM && resolver_look_ahead(r, v))
		return true;
	/* with none left, its clause would have been a conflict */
	assert(v != SAT_NO_VARIABLE);
	save(r, &r->walk);
	r->guessing = r->hard && !r->sat.vars[v].model;
	sat_decide(&r->sat, SAT_IS(v));
	r->level = r->nwalked = r->sat.nlevels;
	return true;
}
