/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/unit.h"
#include "plan/explain.h"
#include "base/arena.h"

#include <string.h>

struct maker {
	struct arena *arena;
	const struct plan_request *req;
	const struct plan_source *src;
	struct diags *diags;
	struct units units;
	struct causes cycles, stages;
	struct plan *plan;
	struct map by_key; /* content key to index of unit, plus one */
};

/* Add what causes has, but no key that was told before. */
static void
tell(struct maker *m, const struct causes *causes, struct map *told)
{
	const struct diag *g;
	struct diag *copy;
	void **known;
	size_t i;

	for (i = 0; i < causes->diags.n; i++) {
		known = map_puts(told, causes->keys[i]);
		if (*known)
			continue;
		*known = m;
		g = &causes->diags.list[i];
		copy = diag_error(m->diags, g->at, g->rule, "%s", g->text);
		copy->hint = g->hint;
		copy->notes = g->notes;
		copy->nnotes = g->nnotes;
	}
}

/* Say everything that is wrong with the units in use. */
static void
tell_all(struct maker *m)
{
	struct unit **list;
	struct map told;
	size_t i, n;

	map_init(&told, m->arena);
	list = units_in_use(&m->units, &n);
	for (i = 0; i < n; i++)
		tell(m, &list[i]->causes, &told);
	tell(m, &m->cycles, &told);
	tell(m, &m->stages, &told);
}

/* Units and cycles, until no group can choose otherwise. */
static void
settle(struct maker *m)
{
	struct causes again;
	bool barred;

	units_settle(&m->units);
	units_link(&m->units);
	barred = units_find_cycles(&m->units, &m->cycles);
	while (barred) {
		m->units.brief = false;
		units_settle(&m->units);
		units_link(&m->units);
		if (units_are_lost(&m->units))
			return;
		causes_init(&again, m->diags->arena);
		barred = units_find_cycles(&m->units, &again);
		if (again.diags.n == 0)
			m->cycles = again;
	}
}

/* What the unit starts from, and its digest; NULL: it was told. */
static const char *
unit_stage(struct maker *m, const struct unit *unit, const char **digest)
{
	const struct closure *c = &unit->closure;
	const struct step *root = &c->steps[c->nsteps - 1];
	const char *stage = root->cand->meta->stage;
	struct place at = metadata_place(root->cand->meta, "STAGE");
	struct diag *g;

	if (!stage || !*stage)
		stage = m->req->default_stage;
	*digest = "";
	if (!stage || !*stage) {
		g = cause_add(&m->stages, "stage", at, "stage",
		    "no stage is named, by %s or by the request",
		    candidate_name(m->arena, root->cand));
		if (g)
			diag_hint(&m->stages.diags, g,
			    "set STAGE, or name a stage in the request");
		return NULL;
	}
	if (!m->req->stage_digest)
		return stage;
	*digest = m->req->stage_digest(m->req->stage_ctx, stage);
	if (*digest)
		return stage;
	g = cause_add(&m->stages, arena_printf(m->arena, "stage %s", stage), at,
	    "stage", "there is no stage %s, which %s starts from", stage,
	    candidate_name(m->arena, root->cand));
	if (g)
		diag_hint(&m->stages.diags, g, "name a stage that is there");
	return NULL;
}

/* A step may name a stage only if it is its unit's. */
static int
check_stage(struct maker *m, const struct unit *unit, const struct step *s,
    const char *stage)
{
	const struct closure *c = &unit->closure;
	const char *own = s->meta->stage;
	const char *name, *root;
	struct diag *g;

	if (!own || !*own || strcmp(own, stage) == 0)
		return 0;
	name = candidate_name(m->arena, s->cand);
	root = candidate_name(m->arena, c->steps[c->nsteps - 1].cand);
	g = cause_add(&m->stages,
	    arena_printf(m->arena, "stage of %s in %s", name, stage),
	    metadata_place(s->cand->meta, "STAGE"), "stage",
	    "%s wants stage %s, but its chroot starts from %s, as %s does",
	    name, own, stage, root);
	if (!g)
		return -1;
	diag_note(&m->stages.diags, g, g->at, "asked for by %s",
	    path_text(m->arena, s->path));
	diag_hint(&m->stages.diags, g,
	    "give %s the same STAGE, or ask for %s with SIDEPEND", root,
	    s->cand->package->label);
	return -1;
}

#define AT_ONCE 16

/*
 * What some steps are, and what is known of them: several at once, for
 * each waits for memory most of its time.
 */
static int
fill_some(struct maker *m, const struct unit *unit, struct plan_unit *out,
    size_t first, size_t end)
{
	const struct closure *c = &unit->closure;
	struct candidate *cand;
	struct plan_step *s;
	int rc = 0;
	size_t i;

	for (i = end; i < c->nsteps && i < end + AT_ONCE; i++) {
		__builtin_prefetch(&c->steps[i].cand->content);
		__builtin_prefetch(c->steps[i].meta);
		__builtin_prefetch(&c->steps[i].meta->stage);
	}
	for (i = first; i < end; i++) {
		cand = c->steps[i].cand;
		s = &out->steps[i];
		s->meta = c->steps[i].meta;
		s->depend = c->steps[i].edges;
		s->ndepend = c->steps[i].nedges;
		if (!cand->content)
			cand->content = m->src->content(m->src->ctx, s->meta);
		__builtin_prefetch(cand->content);
		__builtin_prefetch(cand->content + KEY_HEX - 2);
		if (check_stage(m, unit, &c->steps[i], out->stage) < 0)
			rc = -1;
	}
	return rc;
}

static int
fill_steps(struct maker *m, const struct unit *unit, struct plan_unit *out)
{
	const struct step *steps = unit->closure.steps;
	const char *digest, *previous;
	size_t i, end = 0;
	int rc = 0;

	out->stage = unit_stage(m, unit, &digest);
	if (!out->stage)
		return -1;
	plan_start_key(m->req->arch, digest, out->key);
	if (m->req->parameters && m->req->parameters[0])
		plan_parameters_key(out->key, m->req->parameters, out->key);
	out->nsteps = unit->closure.nsteps;
	out->steps = arena_array(m->arena, out->nsteps, struct plan_step);
	previous = out->key;
	for (i = 0; i < out->nsteps; i++) {
		if (i == end) {
			end = end + AT_ONCE < out->nsteps ? end + AT_ONCE
							  : out->nsteps;
			if (fill_some(m, unit, out, i, end) < 0)
				rc = -1;
		}
		plan_next_key(
		    previous, steps[i].cand->content, out->steps[i].key);
		previous = out->steps[i].key;
	}
	memcpy(out->key, previous, KEY_HEX);
	return rc;
}

/* The units that steps need. */
static void
fill_sides(struct maker *m, const struct unit *unit, struct plan_unit *out)
{
	const struct closure *c = &unit->closure;
	const struct sides *sides;
	struct plan_edge *edges;
	struct plan_step *s;
	size_t i, k;

	for (i = 0; i < c->nsided; i++) {
		sides = c->steps[c->sided[i]].cand->sides;
		s = &out->steps[c->sided[i]];
		edges =
		    arena_array(m->arena, sides->ntargets, struct plan_edge);
		for (k = 0; k < sides->ntargets; k++) {
			edges[k].to = (uint32_t)sides->targets[k].unit->index;
			edges[k].option = SAT_NO_VARIABLE;
			edges[k].dep = sides->targets[k].dep;
		}
		s->sidepend = edges;
		s->nsidepend = (uint32_t)sides->ntargets;
	}
}

/* Units that have become one unit count once. */
static void
fill_needs(struct maker *m, const struct unit *unit, struct plan_unit *out)
{
	size_t i, k;

	out->needs = arena_array(m->arena, unit->nneeds, size_t);
	for (i = 0; i < unit->nneeds; i++) {
		for (k = 0; k < out->nneeds; k++) {
			if (out->needs[k] == unit->needs[i]->index)
				break;
		}
		if (k == out->nneeds)
			out->needs[out->nneeds++] = unit->needs[i]->index;
	}
}

/* Put a unit into the plan; those that it needs are there. */
static void
emit(struct maker *m, struct unit *unit)
{
	struct plan *p = m->plan;
	struct plan_unit *out = &p->units[p->nunits];
	void **known;

	if (fill_steps(m, unit, out) < 0)
		return;
	known = map_put(&m->by_key, out->key, KEY_HEX - 1);
	if (*known) {
		unit->index = ((struct unit *)*known)->index;
		memset(out, 0, sizeof(*out));
		return;
	}
	*known = unit;
	unit->index = p->nunits++;
	fill_sides(m, unit, out);
	fill_needs(m, unit, out);
}

/* All that are in use, depth first: a unit comes after those it needs. */
static struct unit **
needed_first(struct maker *m, size_t *n)
{
	struct unit **stack = units_in_use(&m->units, n), **list, *unit, *need;
	size_t top = 0, done = 0, i;

	list = arena_array(m->arena, *n, struct unit *);
	for (i = 0; i < *n; i++)
		stack[i]->state = 0;
	stack[top++] = m->units.list[0];
	while (top > 0) {
		unit = stack[top - 1];
		if (unit->at == unit->nneeds) {
			list[done++] = unit;
			top--;
			continue;
		}
		need = unit->needs[unit->at++];
		if (need->state++ == 0)
			stack[top++] = need;
	}
	return list;
}

static void
emit_all(struct maker *m)
{
	struct unit **list;
	size_t n, i;

	list = needed_first(m, &n);
	m->plan->units = arena_array(m->arena, n, struct plan_unit);
	for (i = 0; i < n; i++)
		emit(m, list[i]);
	m->plan->root = m->units.list[0]->index;
}

/* Do the steps of all units agree about stages? */
static void
check_stages(struct maker *m)
{
	const struct closure *c;
	const char *stage, *digest;
	struct unit **list;
	size_t i, k, n;

	list = needed_first(m, &n);
	for (i = 0; i < n; i++) {
		c = &list[i]->closure;
		stage = unit_stage(m, list[i], &digest);
		for (k = 0; stage && k < c->nsteps; k++)
			(void)check_stage(m, list[i], &c->steps[k], stage);
	}
}

/* All units of the request; false when it can't be done. */
static bool
resolve_all(struct maker *m, struct pool *pool)
{
	const struct plan_request *req = m->req;

	pool->thorough = req->thorough;
	pool->guess = req->guess;
	units_init(
	    &m->units, pool, req->max_steps ? req->max_steps : PLAN_STEPS);
	causes_init(&m->cycles, m->diags->arena);
	causes_init(&m->stages, m->diags->arena);
	m->units.brief = req->brief;
	units_request(&m->units, &req->root);
	settle(m);
	return !m->units.list[0]->failed && pool->broken == 0 &&
	    m->cycles.diags.n == 0;
}

struct plan *
plan_make(struct arena *a, const struct plan_source *src,
    const struct plan_request *req, struct diags *d)
{
	struct maker m = {.arena = a, .req = req, .src = src, .diags = d};
	struct pool pool;
	bool good;

	pool_init(&pool, a, src, req->arch);
	pool_begin(&pool, a, d);
	map_init(&m.by_key, a);
	m.plan = arena_new(a, struct plan);
	m.plan->arch = req->arch;
	good = resolve_all(&m, &pool);
	if (good)
		emit_all(&m);
	tell_all(&m);
	return good && m.stages.diags.n == 0 ? m.plan : NULL;
}

struct planner {
	struct plan_source src;
	struct pool pool;
	struct arena work;
};

struct planner *
planner_open(struct arena *a, const struct plan_source *src, const char *arch)
{
	struct planner *p = arena_new(a, struct planner);

	p->src = *src;
	pool_init(&p->pool, a, &p->src, arch);
	return p;
}

void
planner_close(struct planner *p)
{
	arena_release(&p->work);
}

bool
planner_check(
    struct planner *p, const struct plan_request *req, struct diags *d)
{
	struct maker m = {
	    .arena = &p->work, .req = req, .src = &p->src, .diags = d};
	bool good;

	pool_begin(&p->pool, &p->work, d);
	good = resolve_all(&m, &p->pool);
	if (good)
		check_stages(&m);
	tell_all(&m);
	good = good && m.stages.diags.n == 0;
	units_end(&m.units);
	pool_end(&p->pool);
	arena_reset(&p->work);
	return good;
}
