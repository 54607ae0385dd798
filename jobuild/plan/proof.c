/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a contradiction back to the caller's clauses that it comes from. */
#include "plan/sat.h"
#include "base/arena.h"

#include <string.h>

static void *
copy(struct sat *s, const void *list, size_t n, size_t size)
{
	void *p = arena_alloc(s->arena, n, size);

	if (n > 0)
		memcpy(p, list, n * size);
	return p;
}

struct proof *
sat_proof(struct sat *s, uint32_t nfrom, uint32_t nfixed)
{
	struct proof *p = arena_new(s->arena, struct proof);

	p->from = copy(s, s->from, nfrom, sizeof(struct clause *));
	p->fixed = copy(s, s->fixed, nfixed, sizeof(*s->fixed));
	p->nfrom = nfrom;
	p->nfixed = nfixed;
	return p;
}

/* Clauses and variables that are still to be followed back. */
struct core {
	struct sat *sat;
	struct clause *clauses;
	uint32_t *vars;
	uint32_t nvars;
};

static void
mark_var(struct core *k, uint32_t v)
{
	if (k->sat->vars[v].seen)
		return;
	k->sat->vars[v].seen = true;
	k->vars[k->nvars++] = v;
}

static void
mark_clause(struct core *k, struct clause *c)
{
	if (c->marked)
		return;
	c->marked = true;
	c->todo = k->clauses;
	k->clauses = c;
}

/* A clause that was false, or fixed a variable, with no decision. */
static void
mark_fixed(struct core *k, struct clause *c)
{
	uint32_t i;

	mark_clause(k, c);
	for (i = 0; i < c->n; i++)
		mark_var(k, SAT_VAR(c->lits[i]));
}

static void
follow_clause(struct core *k, const struct proof *p)
{
	uint32_t i;

	if (!p)
		return;
	for (i = 0; i < p->nfrom; i++)
		mark_clause(k, p->from[i]);
	for (i = 0; i < p->nfixed; i++)
		mark_var(k, p->fixed[i]);
}

static void
follow_var(struct core *k, const struct sat_var *v)
{
	if (v->reason)
		mark_fixed(k, v->reason);
	else if (v->cause != SAT_NO_LITERAL)
		mark_var(k, SAT_VAR(v->cause));
}

void
sat_core(struct sat *s, void (*each)(void *ctx, void *origin), void *ctx)
{
	struct core k = {.sat = s, .vars = s->out};
	struct clause *c;

	mark_fixed(&k, s->final);
	while (k.clauses || k.nvars > 0) {
		if (k.nvars > 0) {
			follow_var(&k, &s->vars[k.vars[--k.nvars]]);
			continue;
		}
		c = k.clauses;
		k.clauses = c->todo;
		if (c->origin)
			each(ctx, c->origin);
		follow_clause(&k, c->proof);
	}
}
