/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two watched literals a clause, in lists that run through the clauses
 * themselves. A clause that is added while decisions stand may fix a variable
 * at an older level than the newest: such a literal keeps its place on the
 * trail when the newer levels are taken back (see sat_take_back()). Learning
 * stops at the first unique implication point. Each learned clause remembers
 * what it was made of, so that in the end the caller's clauses behind a
 * contradiction can be told.
 */
#include "plan/sat.h"
#include "base/arena.h"

#include <assert.h>
#include <string.h>

#define CLIMBS 8 /* on a ladder: as much work as one visit */

void
sat_init(struct sat *s, struct arena *a, uint64_t max_steps)
{
	memset(s, 0, sizeof(*s));
	s->arena = a;
	s->max_steps = max_steps;
	s->bump = 1;
	s->pending_end = &s->pending;
}

uint32_t
sat_variable(struct sat *s)
{
	struct arena *a = s->arena;
	uint32_t v = s->nvars;

	s->vars = arena_grow(a, s->vars, v, sizeof(*s->vars));
	s->trail = arena_grow(a, s->trail, v, sizeof(*s->trail));
	s->levels = arena_grow(a, s->levels, v, sizeof(*s->levels));
	s->out = arena_grow(a, s->out, v, sizeof(*s->out));
	s->fixed = arena_grow(a, s->fixed, v, sizeof(*s->fixed));
	s->from = arena_grow(a, s->from, v, sizeof(struct clause *));
	s->heap = arena_grow(a, s->heap, v, sizeof(*s->heap));
	memset(&s->vars[v], 0, sizeof(s->vars[v]));
	s->vars[v].cause = SAT_NO_LITERAL;
	s->nvars++;
	guess_open(s, v);
	return v;
}

uint32_t
sat_ladder(struct sat *s, uint32_t n)
{
	struct ladder *l = arena_new(s->arena, struct ladder);
	uint32_t i, v;

	l->first = s->nvars;
	l->n = n;
	if (n > 1)
		l->step = arena_array(s->arena, n, struct clause *);
	for (i = 0; i < 2 * n - 1; i++) {
		v = sat_variable(s);
		s->vars[v].ladder = n > 1 ? l : NULL;
	}
	return l->first;
}

static uint32_t
up_to(const struct ladder *l, uint32_t k)
{
	return k == 0 ? l->first : l->first + l->n + k - 1;
}

uint32_t
sat_up_to(const struct sat *s, uint32_t first, uint32_t k)
{
	const struct ladder *l = s->vars[first].ladder;

	return SAT_IS(l ? up_to(l, k) : first);
}

uint32_t
sat_first_rung(const struct sat *s, uint32_t first)
{
	const struct ladder *l = s->vars[first].ladder;
	uint32_t from = 0, end = l ? l->n : 1, middle;

	while (from < end) {
		middle = from + (end - from) / 2;
		if (sat_value(s, sat_up_to(s, first, middle)) < 0)
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

static struct clause *
new_clause(struct sat *s, void *origin, const uint32_t *lits, uint32_t n)
{
	struct clause *c =
	    arena_alloc(s->arena, 1, sizeof(*c) + n * sizeof(*lits));

	c->origin = origin;
	c->n = n;
	memcpy(c->lits, lits, n * sizeof(*lits));
	return c;
}

struct clause *
sat_add(struct sat *s, void *origin, const uint32_t *lits, uint32_t n)
{
	struct clause *c = new_clause(s, origin, lits, n);

	assert(n > 0 && origin);
	*s->pending_end = c;
	s->pending_end = &c->todo;
	return c;
}

int
sat_value(const struct sat *s, uint32_t lit)
{
	int value = s->vars[SAT_VAR(lit)].value;

	return lit & 1 ? -value : value;
}

static uint32_t
level_of(const struct sat *s, uint32_t lit)
{
	return s->vars[SAT_VAR(lit)].level;
}

static void
assign(struct sat *s, uint32_t lit, uint32_t level, struct clause *reason,
    uint32_t cause)
{
	struct sat_var *v = &s->vars[SAT_VAR(lit)];

	assert(v->value == 0);
	v->value = lit & 1 ? -1 : 1;
	v->level = level;
	v->reason = reason;
	v->cause = cause;
	s->trail[s->ntrail++] = lit;
}

void
sat_decide(struct sat *s, uint32_t lit)
{
	s->levels[s->nlevels++] = s->ntrail;
	assign(s, lit, s->nlevels, NULL, SAT_NO_LITERAL);
}

static void
watch(struct sat *s, struct clause *c, int which)
{
	uint32_t lit = c->lits[which];
	struct clause **list = &s->vars[SAT_VAR(lit)].watch[lit & 1];

	c->next[which] = *list;
	*list = c;
}

static void
forget(struct sat *s, uint32_t lit)
{
	s->vars[SAT_VAR(lit)].was = !(lit & 1);
	s->vars[SAT_VAR(lit)].value = 0;
	guess_open(s, SAT_VAR(lit));
}

void
sat_take_back(struct sat *s, uint32_t level)
{
	uint32_t i, keep, lit;

	if (level >= s->nlevels)
		return;
	s->head = keep = s->levels[level];
	for (i = keep; i < s->ntrail; i++) {
		lit = s->trail[i];
		if (level_of(s, lit) <= level)
			s->trail[keep++] = lit;
		else
			forget(s, lit);
	}
	s->ntrail = keep;
	s->nlevels = level;
}

static void
swap(struct clause *c, uint32_t i, uint32_t k)
{
	uint32_t lit = c->lits[i];

	c->lits[i] = c->lits[k];
	c->lits[k] = lit;
}

/* How good a literal is to watch: not false, or false only since lately. */
static uint64_t
watch_rank(const struct sat *s, uint32_t lit)
{
	return sat_value(s, lit) >= 0 ? UINT64_MAX : level_of(s, lit);
}

/* Put the two literals in front that are best to watch. */
static void
choose_watches(struct sat *s, struct clause *c)
{
	uint32_t i, k, best;

	for (i = 0; i < 2 && i < c->n; i++) {
		best = i;
		for (k = i + 1; k < c->n; k++) {
			if (watch_rank(s, c->lits[k]) >
			    watch_rank(s, c->lits[best]))
				best = k;
		}
		swap(c, i, best);
	}
}

/* A literal is true whatever is decided, perhaps it was already. */
static void
fix(struct sat *s, struct clause *c)
{
	struct sat_var *v = &s->vars[SAT_VAR(c->lits[0])];

	if (v->value == 0) {
		assign(s, c->lits[0], 0, c, SAT_NO_LITERAL);
	} else {
		v->level = 0;
		v->reason = c;
		v->cause = SAT_NO_LITERAL;
	}
}

/* Begin to heed a clause; itself when all of its literals are false. */
static struct clause *
attach(struct sat *s, struct clause *c)
{
	choose_watches(s, c);
	if (c->n > 1) {
		watch(s, c, 0);
		watch(s, c, 1);
	}
	if (sat_value(s, c->lits[0]) < 0)
		return c;
	if (c->n == 1)
		fix(s, c);
	else if (sat_value(s, c->lits[0]) == 0 && sat_value(s, c->lits[1]) < 0)
		assign(
		    s, c->lits[0], level_of(s, c->lits[1]), c, SAT_NO_LITERAL);
	return NULL;
}

/* from is true and makes lit so; a clause when lit is false. */
static struct clause *
imply(struct sat *s, uint32_t from, uint32_t lit)
{
	uint32_t both[2] = {lit, from ^ 1};
	int value = sat_value(s, lit);

	if (value < 0)
		return new_clause(s, NULL, both, 2);
	if (value == 0)
		assign(s, lit, level_of(s, from), NULL, from);
	return NULL;
}

/* "Not up to k, or up to k - 1, or k": for 0 < k < n. */
static struct clause *
take_step(struct sat *s, const struct ladder *l, uint32_t k)
{
	uint32_t lits[3] = {SAT_NOT(up_to(l, k)), SAT_IS(up_to(l, k - 1)),
	    SAT_IS(l->first + k)};
	uint32_t open = SAT_NO_LITERAL, level = 0, i;
	int value;

	for (i = 0; i < 3; i++) {
		value = sat_value(s, lits[i]);
		if (value > 0 || (value == 0 && open != SAT_NO_LITERAL))
			return NULL;
		if (value == 0)
			open = lits[i];
		else if (level_of(s, lits[i]) > level)
			level = level_of(s, lits[i]);
	}
	if (!l->step[k])
		l->step[k] = new_clause(s, NULL, lits, 3);
	if (open == SAT_NO_LITERAL)
		return l->step[k];
	assign(s, open, level, l->step[k], SAT_NO_LITERAL);
	return NULL;
}

/* What follows from "up to k", or "not up to k". */
static struct clause *
climb(struct sat *s, const struct ladder *l, uint32_t k, uint32_t lit)
{
	struct clause *c = NULL;

	if (lit & 1) {
		if (k > 0)
			c = imply(s, lit, SAT_NOT(up_to(l, k - 1)));
		if (!c && k > 0)
			c = imply(s, lit, SAT_NOT(l->first + k));
		if (!c && k + 1 < l->n)
			c = take_step(s, l, k + 1);
		return c;
	}
	if (k + 1 < l->n) {
		c = imply(s, lit, SAT_IS(up_to(l, k + 1)));
		if (!c)
			c = imply(s, lit, SAT_NOT(l->first + k + 1));
	}
	if (!c && k > 0)
		c = take_step(s, l, k);
	return c;
}

/* A variable of a ladder is known. */
static struct clause *
follow_ladder(struct sat *s, uint32_t lit)
{
	const struct ladder *l = s->vars[SAT_VAR(lit)].ladder;
	uint32_t at = SAT_VAR(lit) - l->first;
	struct clause *c;

	s->steps += (lit >> 1) % CLIMBS == 0;
	if (at == 0)
		return climb(s, l, 0, lit);
	if (at >= l->n)
		return climb(s, l, at - l->n + 1, lit);
	if (lit & 1)
		return take_step(s, l, at);
	c = imply(s, lit, SAT_IS(up_to(l, at)));
	return c ? c : imply(s, lit, SAT_NOT(up_to(l, at - 1)));
}

/* Watch another literal than number which, if there is one not false. */
static bool
move_watch(struct sat *s, struct clause *c, int which)
{
	uint32_t k;

	for (k = 2; k < c->n; k++) {
		s->steps++;
		if (sat_value(s, c->lits[k]) >= 0) {
			swap(c, (uint32_t)which, k);
			watch(s, c, which);
			return true;
		}
	}
	return false;
}

static uint32_t
highest_level(const struct sat *s, const uint32_t *lits, uint32_t n)
{
	uint32_t i, level = 0;

	for (i = 0; i < n; i++) {
		if (level_of(s, lits[i]) > level)
			level = level_of(s, lits[i]);
	}
	return level;
}

/* All of c but its watched literal number open is false: that one is true. */
static void
conclude(struct sat *s, struct clause *c, int open)
{
	uint32_t level = highest_level(s, c->lits + 2, c->n - 2);

	if (level < level_of(s, c->lits[!open]))
		level = level_of(s, c->lits[!open]);
	assign(s, c->lits[open], level, c, SAT_NO_LITERAL);
}

/* lit became false: look at the clauses that watch it. */
static struct clause *
visit(struct sat *s, uint32_t lit)
{
	struct clause **at = &s->vars[SAT_VAR(lit)].watch[lit & 1];
	struct clause *c, *next;
	int which, other;

	while ((c = *at) != NULL) {
		s->steps++;
		which = c->lits[1] == lit;
		other = sat_value(s, c->lits[!which]);
		next = c->next[which];
		if (other <= 0 && move_watch(s, c, which)) {
			*at = next;
			continue;
		}
		if (other < 0)
			return c;
		if (other == 0)
			conclude(s, c, !which);
		at = &c->next[which];
	}
	return NULL;
}

static struct clause *
next_conflict(struct sat *s)
{
	struct clause *c = NULL;
	uint32_t lit;

	while (!c) {
		if (s->head < s->ntrail) {
			lit = s->trail[s->head++];
			if (s->vars[SAT_VAR(lit)].ladder)
				c = follow_ladder(s, lit);
			if (!c)
				c = visit(s, lit ^ 1);
		} else if (s->pending) {
			c = s->pending;
			s->pending = c->todo;
			c->todo = NULL;
			if (!s->pending)
				s->pending_end = &s->pending;
			c = attach(s, c);
		} else {
			break;
		}
	}
	return c;
}

struct learning {
	uint32_t nout, nfixed, nfrom;
	uint32_t open; /* literals of the newest level still to resolve */
};

static void
take_literal(struct sat *s, struct learning *l, uint32_t lit)
{
	struct sat_var *v = &s->vars[SAT_VAR(lit)];

	s->steps++;
	if (v->seen)
		return;
	v->seen = true;
	guess_bump(s, SAT_VAR(lit));
	if (v->level == 0)
		s->fixed[l->nfixed++] = SAT_VAR(lit);
	else if (v->level == s->nlevels)
		l->open++;
	else
		s->out[l->nout++] = lit;
}

/* Take what made lit true (or, for the conflict, all of c's literals). */
static void
resolve_with(struct sat *s, struct learning *l, const struct sat_var *v,
    struct clause *c, uint32_t lit)
{
	uint32_t i;

	if (!c) {
		take_literal(s, l, v->cause ^ 1);
		return;
	}
	if (c->origin || c->proof)
		s->from[l->nfrom++] = c;
	for (i = 0; i < c->n; i++) {
		if (c->lits[i] != lit)
			take_literal(s, l, c->lits[i]);
	}
}

/* Resolve from the conflict back to the first unique implication point. */
static uint32_t
find_point(struct sat *s, struct learning *l, struct clause *conflict)
{
	uint32_t i = s->ntrail, lit, first = SAT_NO_LITERAL;
	struct sat_var *v = NULL;

	s->out[l->nout++] = 0;
	for (;;) {
		resolve_with(s, l, v, v ? v->reason : conflict, first);
		do {
			lit = s->trail[--i];
			v = &s->vars[SAT_VAR(lit)];
		} while (!v->seen || v->level != s->nlevels);
		first = lit;
		v->seen = false;
		if (--l->open == 0)
			return lit;
	}
}

static struct clause *
learned_clause(struct sat *s, const struct learning *l)
{
	struct clause *c = new_clause(s, NULL, s->out, l->nout);

	c->proof = sat_proof(s, l->nfrom, l->nfixed);
	return c;
}

/* Does lit, of an older level, follow from others of what was learned? */
static bool
is_implied(const struct sat *s, uint32_t lit)
{
	const struct sat_var *v = &s->vars[SAT_VAR(lit)], *other;
	uint32_t i;

	if (!v->reason) {
		if (v->cause == SAT_NO_LITERAL)
			return false;
		other = &s->vars[SAT_VAR(v->cause)];
		return other->seen || other->level == 0;
	}
	for (i = 0; i < v->reason->n; i++) {
		other = &s->vars[SAT_VAR(v->reason->lits[i])];
		if (other != v && !other->seen && other->level > 0)
			return false;
	}
	return true;
}

/* Leave out what follows from the rest: it goes to the end of out. */
static void
shorten(struct sat *s, struct learning *l)
{
	uint32_t i, n = l->nout, kept = 1, lit;
	const struct sat_var *v;

	for (i = 1; i < n; i++) {
		lit = s->out[i];
		v = &s->vars[SAT_VAR(lit)];
		if (is_implied(s, lit)) {
			resolve_with(s, l, v, v->reason, lit ^ 1);
			continue;
		}
		s->out[i] = s->out[kept];
		s->out[kept++] = lit;
	}
	l->nout = kept;
}

/* Learn from a conflict and go back to where what was learned counts. */
static int
learn(struct sat *s, struct clause *conflict)
{
	struct learning l = {0};
	struct clause *c;
	uint32_t i, n, level = highest_level(s, conflict->lits, conflict->n);

	if (level == 0) {
		s->final = conflict;
		return -1;
	}
	sat_take_back(s, level);
	s->out[0] = find_point(s, &l, conflict) ^ 1;
	n = l.nout;
	shorten(s, &l);
	for (i = 1; i < n; i++)
		s->vars[SAT_VAR(s->out[i])].seen = false;
	for (i = 0; i < l.nfixed; i++)
		s->vars[s->fixed[i]].seen = false;
	c = learned_clause(s, &l);
	guess_learned(s);
	sat_take_back(s, highest_level(s, c->lits + 1, c->n - 1));
	c = attach(s, c);
	assert(!c);
	return 0;
}

enum sat_answer
sat_propagate(struct sat *s)
{
	struct clause *conflict;

	while ((conflict = next_conflict(s)) != NULL) {
		if (learn(s, conflict) < 0)
			return SAT_UNSOLVABLE;
		if (s->steps > s->max_steps)
			return SAT_EXHAUSTED;
	}
	return s->steps > s->max_steps ? SAT_EXHAUSTED : SAT_STABLE;
}
