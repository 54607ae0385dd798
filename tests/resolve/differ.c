/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	differ COUNT SEED >QUESTIONS 3>ANSWERS
 *
 * Random graphs of up to 60 packages: each is planned the short way, by search
 * and by guesses, which must come to the same; what comes out is checked; and
 * the graph goes to QUESTIONS for peer.c, with "1" or "0" in ANSWERS for
 * whether there is a plan. Every third graph has SIDEPEND and STAGE, which
 * peer.c doesn't know: it is only checked. Every fifth has few packages of many
 * versions. TAP goes to standard error.
 */
#include "tests/unit/fake.h"
#include "tests/resolve/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKAGES 60
#define VERSIONS 5
#define FEW      8  /* packages of a graph with */
#define MANY     40 /* versions of each */
#define TEXT_MAX 4000

struct graph {
	struct arena arena;
	struct fake fake;
	uint64_t random;
	unsigned packages, versions, edges;
	unsigned tight; /* one atom in that many has an operator */
	bool sides, many;
};

static unsigned
below(struct graph *g, unsigned n)
{
	g->random ^= g->random >> 12;
	g->random ^= g->random << 25;
	g->random ^= g->random >> 27;
	return (unsigned)((g->random * 0x2545f4914f6cdd1d) >> 33) % n;
}

static void
add_text(char *text, const char *more)
{
	size_t n = strlen(text);

	snprintf(text + n, TEXT_MAX - n, "%s", more);
}

/* Of a later package, so that there is no cycle. */
static void
add_atom(struct graph *g, unsigned package, char *text)
{
	static const char *const ops[] = {"=", ">=", "<=", ">", "<"};
	unsigned left = g->packages - package - 1;
	unsigned to = package + 1 + below(g, left < 8 ? left : 8);
	size_t n = strlen(text);

	if (below(g, g->tight) == 0)
		snprintf(text + n, TEXT_MAX - n, " %sa/p%u-%u.0",
		    ops[below(g, 5)], to, 1 + below(g, g->versions));
	else
		snprintf(text + n, TEXT_MAX - n, " a/p%u", to);
}

static void
add_item(struct graph *g, unsigned package, int depth, char *text)
{
	unsigned kind = depth < 4 ? below(g, 8) : 7, i, n;

	if (kind > 1) {
		add_atom(g, package, text);
		return;
	}
	add_text(text, kind ? " (" : " || (");
	n = 1 + below(g, 3);
	for (i = 0; i < n; i++)
		add_item(g, package, depth + 1, text);
	add_text(text, " )");
}

static void
set_random(struct graph *g, struct fake_recipe *r, unsigned package,
    const char *variable, unsigned most)
{
	char text[TEXT_MAX];
	unsigned n;

	if (package + 1 == g->packages)
		return;
	do { /* what has duplicates, or is too long, is refused */
		text[0] = '\0';
		for (n = below(g, most + 1); n > 0; n--)
			add_item(g, package, 0, text);
	} while (!fake_set(&g->fake, r, variable, text));
}

static void
make(struct graph *g)
{
	struct fake_recipe *r;
	unsigned i, v, versions;

	fake_init(&g->fake, &g->arena);
	g->packages = 2 + below(g, (g->many ? FEW : PACKAGES) - 1);
	g->versions = g->many ? MANY : VERSIONS;
	g->edges = 1 + below(g, 5);
	g->tight = 1 + below(g, 3);
	for (i = 0; i < g->packages; i++) {
		versions = 1 + below(g, g->versions);
		for (v = versions; v > 0; v--) {
			r = fake_add(&g->fake,
			    arena_printf(&g->arena, "a/p%u-%u.0", i, v));
			set_random(g, r, i, "DEPEND", g->edges);
			if (g->sides && below(g, 4) == 0)
				set_random(g, r, i, "SIDEPEND", 2);
			if (g->sides && below(g, 40) == 0)
				fake_set(&g->fake, r, "STAGE", "musl");
		}
	}
}

static struct plan_request
request(struct graph *g, unsigned package)
{
	struct plan_request req = {.arch = "amd64", .default_stage = "base"};

	req.root.id.user = "a";
	req.root.id.name = arena_printf(&g->arena, "p%u", package);
	return req;
}

static struct plan *
plan_of(struct graph *g, bool thorough, bool guess, struct diags *d)
{
	struct plan_source src = fake_source(&g->fake);
	struct plan_request req = request(g, 0);

	diags_init(d, &g->arena);
	req.thorough = thorough;
	req.guess = guess;
	return plan_make(&g->arena, &src, &req, d);
}

static bool
same_diags(const struct diags *a, const struct diags *b)
{
	size_t i, k;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		if (strcmp(a->list[i].text, b->list[i].text) != 0 ||
		    a->list[i].nnotes != b->list[i].nnotes)
			return false;
		for (k = 0; k < a->list[i].nnotes; k++) {
			if (strcmp(a->list[i].notes[k].text,
				b->list[i].notes[k].text) != 0)
				return false;
		}
	}
	return true;
}

/* Does a planner say of each root, one after another, what its plan would? */
static bool
planner_agrees(struct graph *g)
{
	struct plan_source src = fake_source(&g->fake);
	struct planner *p = planner_open(&g->arena, &src, "amd64");
	struct planner *brief = planner_open(&g->arena, &src, "amd64");
	struct plan_request req;
	struct diags one, other;
	struct plan *plan;
	bool agrees = true;
	unsigned i;

	for (i = 0; i < g->packages && agrees; i++) {
		req = request(g, i);
		req.thorough = i % 4 == 1;
		diags_init(&one, &g->arena);
		diags_init(&other, &g->arena);
		plan = plan_make(&g->arena, &src, &req, &one);
		agrees = planner_check(p, &req, &other) == (plan != NULL) &&
		    same_diags(&one, &other);
		diags_init(&other, &g->arena);
		req.brief = true;
		agrees = agrees &&
		    planner_check(brief, &req, &other) == (plan != NULL) &&
		    other.errors == one.errors;
	}
	planner_close(brief);
	planner_close(p);
	return agrees;
}

/* ---- is it a plan? --------------------------------------------------------
 */

static bool
fits(const struct atom *a, const struct recipe_id *id)
{
	return strcmp(a->id.name, id->name) == 0 &&
	    (a->op == ATOM_ANY || atom_matches(a, id->ver));
}

/* Do the first steps of a unit fulfil the item? */
static bool
depend_holds(const struct plan_unit *u, size_t before, const struct dep *d)
{
	size_t i, n = 0;

	if (d->kind == DEP_ATOM) {
		for (i = 0; i < before; i++)
			n += fits(&d->atom, &u->steps[i].meta->id);
		return n > 0;
	}
	for (i = 0; i < d->n; i++)
		n += depend_holds(u, before, &d->items[i]);
	return d->kind == DEP_ANYOF ? n > 0 : n == d->n;
}

/* Do units that this one waits for, and that come before it, fulfil it? */
static bool
side_holds(const struct plan *p, size_t unit, const struct dep *d)
{
	const struct plan_unit *u = &p->units[unit], *need;
	size_t i, n = 0;

	if (d->kind == DEP_ATOM) {
		for (i = 0; i < u->nneeds; i++) {
			need = &p->units[u->needs[i]];
			n += u->needs[i] < unit &&
			    fits(&d->atom,
				&need->steps[need->nsteps - 1].meta->id);
		}
		return n > 0;
	}
	for (i = 0; i < d->n; i++)
		n += side_holds(p, unit, &d->items[i]);
	return d->kind == DEP_ANYOF ? n > 0 : n == d->n;
}

static const char *
wrong_with_step(const struct plan *p, size_t unit, size_t step)
{
	const struct plan_unit *u = &p->units[unit];
	const struct metadata *m = u->steps[step].meta;
	size_t i, users = step + 1 == u->nsteps, k;

	for (i = 0; i < step; i++) {
		if (strcmp(u->steps[i].meta->id.name, m->id.name) == 0)
			return "a name twice in a unit";
	}
	for (i = 0; i < m->depend.n; i++) {
		if (!depend_holds(u, step, &m->depend.items[i]))
			return "DEPEND does not hold";
	}
	for (i = 0; i < m->sidepend.n; i++) {
		if (!side_holds(p, unit, &m->sidepend.items[i]))
			return "SIDEPEND does not hold";
	}
	for (i = step + 1; i < u->nsteps; i++) {
		for (k = 0; k < u->steps[i].ndepend; k++)
			users += u->steps[i].depend[k].to == step;
	}
	return users ? NULL : "a step that nobody needs";
}

static const char *
wrong_with(const struct plan *p)
{
	bool *used = calloc(p->nunits, sizeof(*used));
	const char *wrong = NULL;
	size_t i, k;

	used[p->root] = true;
	for (i = 0; i < p->nunits; i++) {
		for (k = 0; k < p->units[i].nneeds; k++)
			used[p->units[i].needs[k]] = true;
	}
	for (i = 0; i < p->nunits && !wrong; i++) {
		if (!used[i])
			wrong = "a unit that nobody needs";
		for (k = 0; k < i && !wrong; k++) {
			if (strcmp(p->units[k].key, p->units[i].key) == 0)
				wrong = "a unit twice";
		}
		for (k = 0; k < p->units[i].nsteps && !wrong; k++)
			wrong = wrong_with_step(p, i, k);
	}
	free(used);
	return wrong;
}

static bool
same(const struct plan *a, const struct plan *b)
{
	size_t i;

	if (!a || !b || a->nunits != b->nunits || a->root != b->root)
		return a == b;
	for (i = 0; i < a->nunits; i++) {
		if (strcmp(a->units[i].key, b->units[i].key) != 0 ||
		    a->units[i].nneeds != b->units[i].nneeds)
			return false;
	}
	return true;
}

static void
ask_peer(struct graph *g, struct peer_writer *w)
{
	const struct fake_package *p;
	size_t i, k;

	for (i = 0; i < g->fake.packages.n; i++) {
		p = g->fake.packages.items[i].value;
		for (k = 0; k < p->n; k++)
			peer_add(w, &p->recipes[k]->meta);
	}
	peer_solve(w, "a", "p0");
}

/* The names of graphs that fail; 0 when it is as it should be. */
static int
try(struct graph *g, struct peer_writer *w, FILE *answers, unsigned *solvable)
{
	struct diags quick, slow, hard;
	struct plan *p, *q, *h;
	const char *wrong = NULL;

	make(g);
	p = plan_of(g, false, false, &quick);
	q = plan_of(g, true, false, &slow);
	h = plan_of(g, true, true, &hard);
	if (p)
		wrong = wrong_with(p);
	if (!same(p, q))
		wrong = "the short way ends elsewhere";
	if (!same(p, h))
		wrong = "guesses end elsewhere";
	if (!p && quick.errors == 0)
		wrong = "refused without a reason";
	if (p && quick.errors > 0)
		wrong = "a plan in spite of errors";
	if (below(g, 8) == 0 && !planner_agrees(g))
		wrong = "a planner answers otherwise";
	if (!g->sides) {
		ask_peer(g, w);
		fprintf(answers, "%d\n", p != NULL);
		*solvable += p != NULL;
	}
	if (wrong)
		fprintf(stderr, "# %s\n", wrong);
	return wrong ? 1 : 0;
}

int
main(int argc, char *argv[])
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000, i;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct peer_writer w = {.f = stdout};
	FILE *answers = fdopen(3, "w");
	unsigned solvable = 0;
	struct graph g;
	int wrong = 0;

	if (!answers) {
		fputs("differ: descriptor 3 is not open\n", stderr);
		return 2;
	}
	for (i = 0; i < count; i++) {
		memset(&g, 0, sizeof(g));
		g.random = (seed << 32) + i + 1;
		below(&g, 2);
		g.sides = i % 3 == 2;
		g.many = i % 5 == 4;
		if (try(&g, &w, answers, &solvable) == 0) {
			arena_release(&g.arena);
			continue;
		}
		fprintf(stderr, "# graph %lu of seed %llu\n", i,
		    (unsigned long long)seed);
		wrong++;
		arena_release(&g.arena);
	}
	fprintf(stderr, "# %u can be solved\n", solvable);
	return fclose(answers) + fclose(stdout) != 0 || wrong > 0;
}
