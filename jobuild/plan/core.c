/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a contradiction is made of. The solver's own account of it may hold
 * needs that happened to be there; so they are left out one after another
 * for as long as the rest still contradicts itself.
 */
#include "plan/explain.h"
#include "base/arena.h"

#include <stdlib.h>

#define CORE_MAX   100   /* needs of a core that is made smaller */
#define CORE_STEPS 20000 /* of each try */

struct needs {
	struct arena *arena;
	const struct resolver *r;
	struct need **list;
	size_t n;
};

static void
take(void *ctx, void *origin)
{
	struct needs *all = ctx;

	if (origin == all->r)
		return; /* the request's own clause, always there */
	all->list =
	    arena_grow(all->arena, all->list, all->n, sizeof(struct need *));
	all->list[all->n++] = origin;
}

/* A solver over just some of the resolver's clauses. */
struct attempt {
	const struct resolver *r;
	struct arena arena;
	struct sat sat;
	uint32_t *var; /* by the resolver's variable; 0: none yet */
	uint32_t *lits;
};

static uint32_t
translate(struct attempt *t, uint32_t old)
{
	const struct node *node = &t->r->nodes[old];
	const struct package *k;

	if (node->kind == NODE_JOBUILD || node->kind == NODE_NEWER) {
		k = node->cand->package;
		if (t->var[k->first] == 0)
			t->var[k->first] = sat_ladder(&t->sat, k->n) + 1;
		return t->var[k->first] - 1 + old - k->first;
	}
	if (t->var[old] == 0)
		t->var[old] = sat_variable(&t->sat) + 1;
	return t->var[old] - 1;
}

static void
copy_clause(struct attempt *t, struct need *n, const struct clause *c)
{
	uint32_t i, old;

	t->lits = arena_array(&t->arena, c->n, uint32_t);
	for (i = 0; i < c->n; i++) {
		old = c->lits[i];
		t->lits[i] = SAT_IS(translate(t, SAT_VAR(old))) | (old & 1);
	}
	sat_add(&t->sat, n, t->lits, c->n);
}

static enum sat_answer
solve(struct sat *s)
{
	enum sat_answer answer;
	uint32_t v = 0, level = 0;

	for (;;) {
		answer = sat_propagate(s);
		if (answer != SAT_STABLE)
			return answer;
		if (s->nlevels < level)
			v = 0; /* decisions were taken back */
		for (; v < s->nvars && s->vars[v].value != 0; v++)
			;
		if (v == s->nvars)
			return SAT_STABLE;
		sat_decide(s, SAT_NOT(v));
		level = s->nlevels;
	}
}

/* Do the needs contradict each other still, without number skip? */
static bool
contradicts(const struct needs *all, size_t skip)
{
	struct attempt t = {.r = all->r};
	enum sat_answer answer;
	uint32_t lit;
	size_t i;

	sat_init(&t.sat, &t.arena, CORE_STEPS);
	t.var = arena_array(&t.arena, all->r->sat.nvars, uint32_t);
	lit = SAT_IS(translate(&t, 0));
	sat_add(&t.sat, &t, &lit, 1);
	for (i = 0; i < all->n; i++) {
		if (i == skip)
			continue;
		copy_clause(&t, all->list[i], all->list[i]->clause);
		if (all->list[i]->newest)
			copy_clause(&t, all->list[i], all->list[i]->newest);
	}
	answer = solve(&t.sat);
	arena_release(&t.arena);
	return answer == SAT_UNSOLVABLE;
}

static int
by_seq(const void *a, const void *b)
{
	const struct need *x = *(struct need *const *)a;
	const struct need *y = *(struct need *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

struct need **
conflict_core(struct resolver *r, size_t *n)
{
	struct needs all = {.arena = r->arena, .r = r};
	size_t i, k;

	sat_core(&r->sat, take, &all);
	if (all.n > 0)
		qsort(all.list, all.n, sizeof(struct need *), by_seq);
	/* one with two clauses may be there twice */
	for (i = k = 0; i < all.n; i++) {
		if (k == 0 || all.list[k - 1] != all.list[i])
			all.list[k++] = all.list[i];
	}
	all.n = k;
	/* from the last: what was asked first is likelier to be known */
	for (i = all.n; all.n <= CORE_MAX && i-- > 0;) {
		if (!contradicts(&all, i))
			continue;
		all.n--;
		for (k = i; k < all.n; k++)
			all.list[k] = all.list[k + 1];
	}
	*n = all.n;
	return all.list;
}
