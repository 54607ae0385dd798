/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/resolve.h"
#include "plan/explain.h"
#include "plan/choice.h"
#include "plan/closure.h"
#include "base/arena.h"

#include <string.h>

#define CONFLICTS_MAX 10 /* told of one unit */

static void
add_node(struct resolver *r, uint32_t v, enum node_kind kind)
{
	r->nodes = arena_grow(r->arena, r->nodes, v, sizeof(*r->nodes));
	memset(&r->nodes[v], 0, sizeof(r->nodes[v]));
	r->nodes[v].kind = kind;
}

static uint32_t
new_node(struct resolver *r, enum node_kind kind)
{
	uint32_t v = sat_variable(&r->sat);

	add_node(r, v, kind);
	return v;
}

/* Give a package variables, once for each search. */
static void
enter_package(struct resolver *r, struct package *k)
{
	uint32_t i;

	if (k->round == r->pool->rounds || k->n == 0)
		return;
	k->round = r->pool->rounds;
	k->first = sat_ladder(&r->sat, k->n);
	for (i = 0; i < 2 * k->n - 1; i++) {
		add_node(r, k->first + i, i < k->n ? NODE_JOBUILD : NODE_NEWER);
		r->nodes[k->first + i].cand =
		    &k->list[i < k->n ? i : i - k->n + 1];
	}
}

static void
put_lit(struct resolver *r, uint32_t lit)
{
	uint32_t *lits;

	if (r->nlits == r->maxlits) {
		r->maxlits = r->maxlits ? r->maxlits * 2 : 64;
		lits = arena_array(r->arena, r->maxlits, uint32_t);
		if (r->nlits > 0)
			memcpy(lits, r->lits, r->nlits * sizeof(*lits));
		r->lits = lits;
	}
	r->lits[r->nlits++] = lit;
}

bool
need_is_lack(const struct need *n)
{
	return n->kind == NEED_ATOM && (!n->clause || n->clause->n == 1);
}

static uint32_t
asking_variable(const struct resolver *r, uint32_t var)
{
	while (r->nodes[var].kind == NODE_OPTION)
		var = r->nodes[var].asked->owner;
	return var;
}

const struct node *
asking_node(const struct resolver *r, uint32_t var)
{
	return &r->nodes[asking_variable(r, var)];
}

const struct need *
need_for(const struct resolver *r, uint32_t var)
{
	const struct package *k;
	const struct need *n;
	uint32_t at;

	if (r->nodes[var].kind != NODE_JOBUILD)
		return r->nodes[var].asked;
	k = r->nodes[var].cand->package;
	at = var - k->first;
	n = r->nodes[k->first].asked;
	while (n && (at < n->range.first || at >= n->range.end))
		n = n->next;
	return n;
}

/* Memory is arena's; the way up is made from the end. */
const struct path *
path_to(struct resolver *r, uint32_t var)
{
	struct path *last = NULL, *p, **up = &last;
	uint32_t at = asking_variable(r, var);

	while (r->nodes[at].kind == NODE_JOBUILD) {
		p = arena_new(r->arena, struct path);
		p->cand = r->nodes[at].cand;
		*up = p;
		up = (struct path **)&p->up;
		at = asking_variable(r, need_for(r, at)->owner);
		p->side = r->nodes[at].kind == NODE_REQUEST && r->above;
	}
	if (!last)
		return r->above;
	*up = (struct path *)r->above;
	return last;
}

static void
add_lack(struct resolver *r, struct need *n)
{
	r->lacks =
	    arena_grow(r->arena, r->lacks, r->nlacks, sizeof(struct need *));
	r->lacks[r->nlacks++] = n;
}

static const void *
need_identity(const struct resolver *r, const struct need *n)
{
	return n->kind == NEED_ARCH ? (const void *)r->nodes[n->owner].cand
				    : (const void *)n->dep;
}

static bool
is_dropped(const struct resolver *r, const struct need *n)
{
	size_t i;

	for (i = 0; i < r->ndropped; i++) {
		if (r->dropped[i] == need_identity(r, n))
			return true;
	}
	return false;
}

void
resolver_drop(struct resolver *r, const struct need *n)
{
	r->dropped =
	    arena_grow(r->arena, r->dropped, r->ndropped, sizeof(const void *));
	r->dropped[r->ndropped++] = need_identity(r, n);
}

/* Put a need at the end of its package's. */
static void
queue_need(struct resolver *r, struct need *n)
{
	struct node *first = &r->nodes[n->package->first];

	if (!first->asked)
		first->asked = n;
	else
		first->last_asked->next = n;
	first->last_asked = n;
}

/*
 * The owner is out, or the package is in within the range. Without any in it,
 * or with just one, the first of these clauses is all that there is.
 */
static void
add_range(struct resolver *r, struct need *n)
{
	uint32_t first = n->package->first, lits[2] = {SAT_NOT(n->owner)};

	if (n->range.first == n->range.end) {
		n->clause = sat_add(&r->sat, n, lits, 1);
		return;
	}
	if (n->range.end - n->range.first == 1) {
		lits[1] = SAT_IS(first + n->range.first);
		n->clause = sat_add(&r->sat, n, lits, 2);
		return;
	}
	lits[1] = sat_up_to(&r->sat, first, n->range.end - 1);
	n->clause = sat_add(&r->sat, n, lits, 2);
	if (n->range.first == 0)
		return;
	lits[1] = sat_up_to(&r->sat, first, n->range.first - 1) ^ 1;
	n->newest = sat_add(&r->sat, n, lits, 2);
}

static void
add_atom(struct resolver *r, struct need *n)
{
	const struct atom *atom = &n->dep->atom;
	bool certain = r->nodes[n->owner].certain;

	r->sat.steps++;
	n->package = pool_package(r->pool, n->dep);
	enter_package(r, n->package);
	n->range = package_range(n->package, atom);
	if (n->range.first < n->range.end)
		queue_need(r, n);
	if (is_dropped(r, n))
		return;
	if (n->range.first == n->range.end && certain) {
		add_lack(r, n);
		return;
	}
	if (n->range.end - n->range.first == 1)
		r->nodes[n->package->first + n->range.first].certain |= certain;
	add_range(r, n);
}

static void
load(struct resolver *r, uint32_t v, const struct dep *items, size_t n);

static void
add_group(struct resolver *r, struct need *n)
{
	size_t i;
	uint32_t v;

	n->noptions = n->dep->n;
	n->options = arena_array(r->arena, n->noptions, uint32_t);
	for (i = 0; i < n->noptions; i++) {
		v = new_node(r, NODE_OPTION);
		r->nodes[v].asked = n;
		n->options[i] = v;
		load(r, v, &n->dep->items[i], 1);
	}
	r->nlits = 0;
	put_lit(r, SAT_NOT(n->owner));
	for (i = 0; i < n->noptions; i++)
		put_lit(r, SAT_IS(n->options[i]));
	if (!is_dropped(r, n))
		n->clause = sat_add(&r->sat, n, r->lits, r->nlits);
}

size_t
count_needs(const struct dep *items, size_t n)
{
	size_t i, sum = 0;

	for (i = 0; i < n; i++)
		sum += items[i].kind == DEP_ALLOF
		    ? count_needs(items[i].items, items[i].n)
		    : 1;
	return sum;
}

static struct need *
fill_needs(struct resolver *r, struct need *at, uint32_t owner,
    const struct dep *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i].kind == DEP_ALLOF) {
			at = fill_needs(
			    r, at, owner, items[i].items, items[i].n);
			continue;
		}
		at->kind = items[i].kind == DEP_ATOM ? NEED_ATOM : NEED_GROUP;
		at->owner = owner;
		at->dep = &items[i];
		at->seq = r->nneeds++;
		at++;
	}
	return at;
}

/* Make the clauses of what v asks for. Groups nest 64 deep at most. */
static void
load(struct resolver *r, uint32_t v, const struct dep *items, size_t n)
{
	size_t i, nneeds = count_needs(items, n);
	struct need *needs = arena_array(r->arena, nneeds, struct need);

	fill_needs(r, needs, v, items, n);
	for (i = 0; i < nneeds; i++) {
		if (needs[i].kind == NEED_ATOM)
			add_atom(r, &needs[i]);
		else
			add_group(r, &needs[i]);
	}
	r->nodes[v].needs = needs;
	r->nodes[v].nneeds = nneeds;
}

static void
exclude_arch(struct resolver *r, uint32_t v)
{
	struct need *n = arena_new(r->arena, struct need);
	uint32_t lit = SAT_NOT(v);

	n->kind = NEED_ARCH;
	n->owner = v;
	n->seq = r->nneeds++;
	if (is_dropped(r, n))
		return;
	if (r->nodes[v].certain)
		add_lack(r, n);
	else
		n->clause = sat_add(&r->sat, n, &lit, 1);
}

static void
tell_broken(struct resolver *r, uint32_t v)
{
	const struct node *node = &r->nodes[v];
	struct place at = need_for(r, v)->dep->at;
	struct diags *d = r->pool->diags;
	struct diag *g;

	node->cand->untold = false;
	g = diag_error(d, at, "broken",
	    "%s is needed here and has errors of its own",
	    candidate_name(r->arena, node->cand));
	diag_note(d, g, at, "asked for by way of %s",
	    path_text(r->arena, path_to(r, v)));
	diag_hint(d, g, "look at it with: jobuild lint %s",
	    node->cand->package->label);
}

/* A jobuild comes in for the first time, or may soon. */
static void
enter_jobuild(struct resolver *r, uint32_t v, enum candidate_state state)
{
	struct candidate *c = r->nodes[v].cand;

	r->nodes[v].loaded = true;
	switch (state) {
	case CANDIDATE_UNREAD:
		break;
	case CANDIDATE_READY:
		load(r, v, c->meta->depend.items, c->meta->depend.n);
		break;
	case CANDIDATE_BROKEN:
		if (c->untold)
			tell_broken(r, v);
		break;
	case CANDIDATE_OTHER_ARCH:
		exclude_arch(r, v);
		break;
	}
}

bool
resolver_look_ahead(struct resolver *r, uint32_t v)
{
	enum candidate_state state;

	if (r->nodes[v].loaded)
		return false;
	state = pool_peek(r->pool, r->nodes[v].cand);
	if (state != CANDIDATE_READY && state != CANDIDATE_OTHER_ARCH)
		return false;
	enter_jobuild(r, v, state);
	return r->sat.pending != NULL;
}

/* Load what came in lately; are there new clauses? */
static bool
load_entered(struct resolver *r)
{
	enum candidate_state state;
	uint32_t lit, v;

	while (r->entered < r->sat.ntrail && r->sat.steps <= r->sat.max_steps) {
		lit = r->sat.trail[r->entered++];
		v = SAT_VAR(lit);
		if (lit & 1 || r->nodes[v].kind != NODE_JOBUILD)
			continue;
		if (r->guessing) {
			if (!r->nodes[v].loaded && need_for(r, v))
				resolver_look_ahead(r, v);
			continue;
		}
		/* tells what was held back of one that was looked at before */
		state = pool_read(r->pool, r->nodes[v].cand);
		if (!r->nodes[v].loaded)
			enter_jobuild(r, v, state);
	}
	return r->sat.pending || r->sat.steps > r->sat.max_steps;
}

static enum sat_answer
settle(struct resolver *r)
{
	enum sat_answer answer;

	do {
		answer = sat_propagate(&r->sat);
		resolver_rewind(r);
	} while (answer == SAT_STABLE && load_entered(r));
	return answer;
}

uint32_t
need_version(const struct resolver *r, const struct need *n)
{
	uint32_t first = n->package->first, at;

	if (n->range.first == n->range.end)
		return SAT_NO_VARIABLE;
	at = sat_first_rung(&r->sat, first);
	if (at < n->range.first || at >= n->range.end ||
	    sat_value(&r->sat, SAT_IS(first + at)) <= 0)
		return SAT_NO_VARIABLE;
	return first + at;
}

/* A quarter of the steps is for the walk alone, which mostly is enough. */
static bool
is_hard(const struct resolver *r)
{
	return r->pool->guess || r->sat.steps > r->sat.max_steps / 4;
}

/* Make the clauses of all that might come in: the more there are, the more
 * can be concluded from each guess. */
static void
look_at_all(struct resolver *r)
{
	uint64_t most = r->sat.steps + r->sat.max_steps / 4;
	uint32_t v;

	for (v = 0; v < r->sat.nvars && r->sat.steps < most; v++) {
		if (r->nodes[v].kind == NODE_JOBUILD && need_for(r, v))
			resolver_look_ahead(r, v);
	}
}

/* Decide something; false when everything is. */
static bool
go_on(struct resolver *r)
{
	if (!r->hard && is_hard(r)) {
		resolver_guess_begin(r);
		look_at_all(r);
		return true;
	}
	/* a conflict: the model had not all that it should have had */
	if (r->hard && r->sat.nlearned > r->nlearned)
		r->guessing = true;
	if (!r->guessing)
		return resolver_decide(r);
	resolver_guess(r);
	return true;
}

static enum sat_answer
search(struct resolver *r)
{
	enum sat_answer answer;

	if (r->hard)
		resolver_guess_begin(r);
	do {
		answer = settle(r);
	} while (answer == SAT_STABLE && go_on(r));
	return answer;
}

/* Make the clause "not all that this cycle is made of". */
static void
forbid(struct resolver *r, const struct closure *c, const size_t *from,
    const struct plan_edge *const *edges, size_t n)
{
	struct need *need = arena_new(r->arena, struct need);
	size_t i;

	need->kind = NEED_CYCLE;
	r->nlits = 0;
	for (i = 0; i < n; i++) {
		put_lit(r, SAT_NOT(c->steps[from[i]].var));
		if (edges[i]->option != SAT_NO_VARIABLE)
			put_lit(r, SAT_NOT(edges[i]->option));
	}
	need->owner = c->steps[from[0]].var;
	need->clause = sat_add(&r->sat, need, r->lits, r->nlits);
}

/* Search on for a closure without the cycles that groups led into. */
static void
search_acyclic(struct resolver *r, struct closure *out)
{
	struct closure first = *out;
	struct loops loops;
	enum sat_answer answer;
	size_t i;

	while (out->cyclic) {
		closure_loops(r->arena, out, &loops);
		r->sat.steps += out->nsteps + loops.nedges;
		if (loops.unavoidable)
			break;
		for (i = 0; i < loops.n; i++)
			forbid(r, out, loops.list[i].from, loops.list[i].edges,
			    loops.list[i].n);
		answer = search(r);
		if (answer != SAT_STABLE || r->nlacks > 0)
			break;
		closure_collect(r, out);
	}
	if (out->cyclic)
		*out = first;
}

/* Anew, but for what all searches of a unit share. */
static void
start(struct resolver *r, const struct dep *dep, uint64_t max_steps)
{
	struct resolver fresh = {.pool = r->pool,
	    .arena = r->arena,
	    .above = r->above,
	    .causes = r->causes,
	    .dropped = r->dropped,
	    .ndropped = r->ndropped};
	uint32_t v, lit;

	*r = fresh;
	r->pool->rounds++;
	sat_init(&r->sat, r->arena, max_steps);
	v = new_node(r, NODE_REQUEST);
	r->nodes[v].certain = true;
	lit = SAT_IS(v);
	sat_add(&r->sat, r, &lit, 1);
	sat_propagate(&r->sat);
	load(r, v, dep, 1);
	resolver_begin(r);
}

/*
 * Search and say what is wrong. After a conflict the search goes on without
 * what that was about: whatever can't be had then is a cause of its own.
 */
static enum sat_answer
search_and_tell(struct resolver *r, const struct dep *dep, uint64_t max_steps)
{
	enum sat_answer first = SAT_STABLE, answer;
	uint64_t steps = 0;
	int conflicts = 0;

	do {
		start(r, dep, max_steps - steps);
		answer = search(r);
		steps += r->sat.steps;
		explain_lacks(r);
		if (conflicts == 0)
			first = answer;
		if (answer == SAT_UNSOLVABLE)
			explain_conflict(r);
	} while (answer == SAT_UNSOLVABLE && ++conflicts < CONFLICTS_MAX &&
	    steps < max_steps);
	if (first == SAT_EXHAUSTED)
		explain_exhausted(r, dep);
	return first;
}

int
resolve(struct pool *p, const struct dep *dep, const struct path *above,
    uint64_t max_steps, struct closure *out, struct causes *causes)
{
	struct resolver r = {
	    .pool = p, .arena = p->work, .above = above, .causes = causes};

	if (!p->thorough && choice_walk(p, dep, above, max_steps, out))
		return 0;
	/* the short way may have begun it */
	memset(out, 0, sizeof(*out));
	if (search_and_tell(&r, dep, max_steps) != SAT_STABLE || r.nlacks > 0)
		return -1;
	closure_collect(&r, out);
	search_acyclic(&r, out);
	pool_tell(p, out);
	return 0;
}
