/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/review.h"
#include "base/arena.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/tree/superfluous.h"
#include "cli/workers.h"
#include "recipe/lint.h"

#include <string.h>

#define WORTH_SHARING 100 /* packages */

void
review_init(struct review *k, struct cli *c, struct tree *t)
{
	memset(k, 0, sizeof(*k));
	k->cli = c;
	k->tree = t;
	diags_init(&k->found, &c->arena);
	map_init(&k->seen, &c->arena);
	arches_init(&k->arches, &c->arena, NULL);
}

/*
 * What contradicts itself: the package, if it is one, and all that is wanted,
 * but not by which way.
 */
static const char *
conflict_subject(struct arena *a, const struct diag *g)
{
	const char *end = strstr(g->text, " all that "), *text, *want;
	size_t i;

	if (!end)
		return g->text;
	text = arena_strndup(a, g->text, (size_t)(end - g->text));
	for (i = 0; i < g->nnotes; i++) {
		want = strstr(g->notes[i].text, " wants ");
		if (want)
			text = arena_printf(a, "%s;%s", text, want);
	}
	return text;
}

/*
 * What of the text tells a cause from others at its place: one line asks for
 * many things, but what is said of one may also depend on who asks.
 */
static const char *
subject(struct arena *a, const struct diag *g)
{
	const char *quote;

	if (g->at.line > 0 && strcmp(g->rule, "stage") == 0)
		return "";
	if (g->at.line > 0 && strcmp(g->rule, "conflict") == 0)
		return conflict_subject(a, g);
	quote = strcmp(g->rule, "no-dist") == 0 ? strrchr(g->text, '"') : NULL;
	return quote ? arena_strndup(a, g->text, (size_t)(quote - g->text))
		     : g->text;
}

/* Room for an error when the list is full: the last warning's. */
static struct diag *
make_room(struct review *k)
{
	size_t i;

	k->dropped++;
	for (i = k->found.n; i-- > 0;) {
		if (k->found.list[i].level == DIAG_WARNING)
			return &k->found.list[i];
	}
	return NULL;
}

void
review_keep(struct review *k, const struct diag *g)
{
	struct arena *a = &k->cli->arena;
	struct diag *room;
	void **at;

	at = map_puts(&k->seen,
	    arena_printf(a, "%s:%u:%u:%s:%s", g->at.file ? g->at.file : "",
		g->at.line, g->at.col, g->rule, subject(a, g)));
	if (*at)
		return;
	*at = k;
	k->found.errors += g->level == DIAG_ERROR;
	if (k->found.n >= DIAGS_MAX) {
		room = make_room(k);
		if (room && g->level == DIAG_ERROR)
			*room = *g;
		return;
	}
	k->found.list =
	    arena_grow(a, k->found.list, k->found.n, sizeof(*k->found.list));
	k->found.list[k->found.n++] = *g;
}

/* ---- layout -------------------------------------------------------------- */

/*
 * Who writes a first jobuild has no key in the tree yet: "jobuild sign" brings
 * it, as it brings the signatures, which lint doesn't miss either. In a commit
 * it must be there.
 */
static bool
is_for_later(const struct review *k, const struct diag *g)
{
	return !*tree_commit(k->tree) && strcmp(g->rule, "no-key") == 0;
}

/* Packages that are read by several processes. */
struct sharing {
	struct tree *tree;
	size_t *list;
	size_t n;
	struct progress progress;
};

static void
tell_package(void *ctx, size_t i, struct buf *out)
{
	struct sharing *s = ctx;

	tree_tell_package(s->tree, s->list[i], out);
}

static void
take_package(void *ctx, size_t i, const char *data, size_t len)
{
	struct sharing *s = ctx;

	tree_take_package(s->tree, s->list[i], data, len);
	progress_step(&s->progress, i);
}

/*
 * Have the packages that the index doesn't know read by all processors. What
 * a worker couldn't do is done later by who needs it.
 */
static void
read_packages(struct review *k)
{
	struct sharing s = {.tree = k->tree};
	struct workers w = {
	    .jobs = k->jobs, .work = tell_package, .take = take_package};
	struct error none;
	size_t i, n;

	(void)tree_packages(k->tree, &n);
	s.list = arena_array(&k->cli->arena, n + 1, size_t);
	for (i = 0; i < n; i++) {
		if (!tree_knows_package(k->tree, i))
			s.list[s.n++] = i;
	}
	if (s.n < WORTH_SHARING)
		return;
	w.n = s.n;
	w.ctx = &s;
	progress_begin(&s.progress, k->cli, "reading packages", s.n);
	(void)workers_run(&w, &none);
	progress_end(&s.progress);
}

void
review_layout(
    struct review *k, bool (*wanted)(void *ctx, const char *path), void *ctx)
{
	struct diags d;
	size_t i;

	if (!wanted && k->jobs != 1)
		read_packages(k);
	diags_init(&d, &k->cli->arena);
	tree_check_layout(k->tree, &d);
	for (i = 0; i < d.n; i++) {
		if (is_for_later(k, &d.list[i]))
			cli_detail(k->cli,
			    "%s is not there yet: jobuild sign brings it",
			    d.list[i].at.file);
		else if (!wanted ||
		    (d.list[i].at.file && wanted(ctx, d.list[i].at.file)))
			review_keep(k, &d.list[i]);
	}
}

/* ---- one recipe, in a worker --------------------------------------------- */

/* One for each architecture that was tried. */
struct arch_planner {
	struct planner *planner;
	struct arch_watch watch;
};

static struct arch_planner *
planner_for(struct review *k, size_t arch)
{
	struct arena *a = &k->cli->arena;
	struct arch_planner *p;

	while (k->nplanners <= arch) {
		k->planners = arena_grow(
		    a, k->planners, k->nplanners, sizeof(*k->planners));
		k->planners[k->nplanners++] = NULL;
	}
	p = k->planners[arch];
	if (!p) {
		p = k->planners[arch] = arena_new(a, struct arch_planner);
		arch_watch_init(&p->watch, &k->arches, arch);
		p->planner = repo_planner(k->cli, k->tree, &p->watch);
	}
	return p;
}

/* Can it be the root of a plan there? Which others are covered by that? */
static bool
plans_for(struct review *k, const struct recipe_id *id, size_t arch,
    uint64_t *covered, struct diags *d)
{
	struct arch_planner *p = planner_for(k, arch);
	struct atom root = {ATOM_EQ, *id};
	bool good = repo_plans(k->cli, p->planner, &root, d);

	*covered |= p->watch.alike;
	return good;
}

static void
close_planners(struct review *k)
{
	size_t i;

	for (i = 0; i < k->nplanners; i++) {
		if (k->planners[i])
			planner_close(k->planners[i]->planner);
	}
	k->planners = NULL;
	k->nplanners = 0;
}

/* Where ARCH is in the way. */
static struct diag *
arch_trouble(const struct diags *d)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		if (strcmp(d->list[i].rule, "arch") == 0)
			return &d->list[i];
	}
	return NULL;
}

/*
 * On one architecture; else it is told what is wrong on the first where ARCH is
 * not in the way, or on the first of all.
 */
static void
check_plan_somewhere(struct review *k, struct arena *a,
    const struct metadata *m, struct diags *d)
{
	struct diags told, one;
	uint64_t covered = 0;
	struct diag *g;
	size_t i;

	diags_init(&told, a);
	while ((i = arches_next(&k->arches, covered)) < k->arches.n) {
		diags_init(&one, a);
		if (plans_for(k, &m->id, i, &covered, &one)) {
			*d = one;
			return;
		}
		if (i == 0 || (arch_trouble(&told) && !arch_trouble(&one)))
			told = one;
	}
	*d = told;
	g = arch_trouble(d);
	if (g)
		diag_hint(d, g,
		    "there is no architecture on which all that %s needs runs",
		    id_format(a, &m->id));
}

static void
check_plan(struct review *k, struct arena *a, const struct metadata *m,
    struct diags *d)
{
	uint64_t covered = 0;
	size_t i;

	if (m->narch == 0)
		check_plan_somewhere(k, a, m, d);
	for (i = 0; i < m->narch; i++)
		plans_for(k, &m->id, arches_find(&k->arches, m->arch[i]),
		    &covered, d);
}

/* Is it the last one of its package in the list? */
static bool
is_last(const struct review *k, size_t i)
{
	const struct recipe_id *a = &k->list->items[i].id, *b;

	if (i + 1 == k->list->n)
		return true;
	b = &k->list->items[i + 1].id;
	return strcmp(a->user, b->user) != 0 || strcmp(a->name, b->name) != 0;
}

/* What is to be said of a package as a whole. */
static void
check_package(struct review *k, struct arena *a, const struct named *item,
    struct diags *d)
{
	const struct tree_package *p;

	p = tree_package(k->tree, item->id.user, item->id.name);
	if (p)
		superfluous_find(a, k->tree, p, d);
}

/*
 * Nothing for a recipe without a fault, else two arrays: what was found in
 * it, and in its plans.
 */
static void
work(void *ctx, size_t i, struct buf *out)
{
	struct review *k = ctx;
	const struct named *item = &k->list->items[i];
	const struct tree_recipe *recipe;
	struct diags own, plans;
	struct arena a = {0};
	char *text;

	diags_init(&own, &a);
	diags_init(&plans, &a);
	recipe = tree_recipe(k->tree, &item->id, item->kind, &own);
	if (recipe && k->advice) {
		/* which has the warnings, too, but those that are silenced */
		diags_init(&own, &a);
		tree_advise(k->tree, &item->id, item->kind, &own);
	}
	if (k->advice && is_last(k, i))
		check_package(k, &a, item, &own);
	if (recipe && item->kind == RECIPE_JOBUILD)
		check_plan(k, &a, recipe->meta, &plans);
	if (own.n + plans.n > 0) {
		json_t *both =
		    json_pack("[o, o]", diags_json(&own), diags_json(&plans));

		text = json_dumps(both, JSON_COMPACT);
		if (!text || buf_adds(out, text) < 0)
			out->len = 0;
		free(text);
		json_decref(both);
	}
	arena_release(&a);
}

/* ---- all of them --------------------------------------------------------- */

static void
take(void *ctx, size_t i, const char *data, size_t len)
{
	struct review *k = ctx;
	json_error_t why;
	json_t *both;

	progress_step(k->progress, i);
	diags_init(&k->recipes[i], &k->cli->arena);
	diags_init(&k->plans[i], &k->cli->arena);
	if (len == 0 && k->advice)
		tree_advised(
		    k->tree, &k->list->items[i].id, k->list->items[i].kind);
	if (len == 0)
		return;
	both = json_loadb(data, len, 0, &why);
	(void)diags_from_json(&k->recipes[i], json_array_get(both, 0));
	(void)diags_from_json(&k->plans[i], json_array_get(both, 1));
	json_decref(both);
}

/* Read them here, so that workers needn't, each for itself. */
static void
read_all(struct review *k)
{
	const struct named *item;
	struct progress p;
	struct arena a = {0};
	struct diags d;
	size_t i;

	progress_begin(&p, k->cli, "reading recipes", k->list->n);
	for (i = 0; i < k->list->n; i++) {
		item = &k->list->items[i];
		diags_init(&d, &a);
		tree_recipe(k->tree, &item->id, item->kind, &d);
		k->jobuilds += item->kind == RECIPE_JOBUILD;
		k->templates += item->kind == RECIPE_TEMPLATE;
		if (d.n > 0)
			arena_release(&a);
		progress_step(&p, i);
	}
	arena_release(&a);
	progress_end(&p);
}

/* Is the place in the root's own file? */
static bool
is_own(const struct diag *g, const struct recipe_id *id)
{
	char ver[VERSION_MAX], own[256];

	version_format(id->ver, ver);
	snprintf(own, sizeof(own), "%s/%s/%s-%s.jobuild", id->user, id->name,
	    id->name, ver);
	return g->at.file && strcmp(g->at.file, own) == 0;
}

/* Advice was given before, to those whose recipes were asked for. */
static bool
counts(const struct review *k, const struct diag *g)
{
	return g->level == DIAG_ERROR || (k->advice && !lint_is_rule(g->rule));
}

static void
keep_plans(struct review *k, bool own)
{
	const struct diag *g;
	size_t i, n;

	for (i = 0; i < k->list->n; i++) {
		for (n = 0; n < k->plans[i].n; n++) {
			g = &k->plans[i].list[n];
			if (counts(k, g) &&
			    (!own || is_own(g, &k->list->items[i].id)))
				review_keep(k, g);
		}
	}
}

int
review_recipes(struct review *k, const struct named_list *list, bool advice,
    struct error *err)
{
	struct arena *a = &k->cli->arena;
	struct workers w = {.jobs = k->jobs, .work = work, .take = take};
	struct progress p;
	size_t i, n;
	int rc;

	k->list = list;
	k->advice = advice;
	k->recipes = arena_array(a, list->n + 1, struct diags);
	k->plans = arena_array(a, list->n + 1, struct diags);
	read_all(k);
	progress_begin(&p, k->cli, "checking recipes", list->n);
	k->progress = &p;
	w.n = list->n;
	w.ctx = k;
	rc = workers_run(&w, err);
	close_planners(k);
	k->progress = NULL;
	progress_end(&p);
	if (rc < 0)
		return -1;
	for (i = 0; i < list->n; i++) {
		for (n = 0; n < k->recipes[i].n; n++) {
			if (advice || k->recipes[i].list[n].level == DIAG_ERROR)
				review_keep(k, &k->recipes[i].list[n]);
		}
	}
	keep_plans(k, true);
	keep_plans(k, false);
	return 0;
}

/* ---- of a change --------------------------------------------------------- */

static const char *
cause_of(struct cli *c, const struct diag *g)
{
	return arena_printf(&c->arena, "%s %s %s", g->at.file ? g->at.file : "",
	    g->rule, g->text);
}

/* Those of the list that the tree has. */
static struct named_list
present(struct cli *c, struct tree *t, const struct named_list *list)
{
	struct named_list out = {0};
	const struct tree_package *p;
	const struct named *n;
	size_t i, k;

	out.items = arena_array(&c->arena, list->n + 1, struct named);
	for (i = 0; i < list->n; i++) {
		n = &list->items[i];
		p = tree_package(t, n->id.user, n->id.name);
		for (k = 0; n->kind == RECIPE_JOBUILD && p && k < p->nversions;
		     k++) {
			if (version_compare(p->versions[k], n->id.ver) == 0)
				out.items[out.n++] = *n;
		}
	}
	return out;
}

int
review_keep_new(struct review *k, const struct review *now, struct tree *before,
    size_t *old, struct error *err)
{
	struct named_list list = present(k->cli, before, now->list);
	struct review was;
	struct map known;
	size_t i;

	review_init(&was, k->cli, before);
	was.jobs = now->jobs;
	if (review_recipes(&was, &list, false, err) < 0)
		return -1;
	map_init(&known, &k->cli->arena);
	for (i = 0; i < was.found.n; i++)
		*map_puts(&known, cause_of(k->cli, &was.found.list[i])) = k;
	*old = 0;
	for (i = 0; i < now->found.n; i++) {
		if (map_gets(&known, cause_of(k->cli, &now->found.list[i])))
			++*old;
		else
			review_keep(k, &now->found.list[i]);
	}
	return 0;
}
