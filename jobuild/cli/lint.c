/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that a master would refuse, found here, and advice. First the
 * layout, then every recipe by itself, then every jobuild as the root of a
 * plan. One cause
 * can be met from many roots: it is told once, as seen from the recipe where
 * it is written if that is among the roots.
 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/repo.h"
#include "recipe/lint.h"

#include <string.h>

struct lint_options {
	const char *revision;
	bool rules;
};

static const struct opt options[] = {
    {"revision", 'r', OPT_TEXT, offsetof(struct lint_options, revision), "REV",
	"a commit instead of the work tree"},
    {"rules", 0, OPT_FLAG, offsetof(struct lint_options, rules), NULL,
	"list what is advised against"},
    {0},
};

struct lint {
	struct cli *cli;
	struct tree *tree;
	struct named_list list;
	const char **arches; /* that some recipe names */
	size_t narches;
	struct diags found;
	struct map seen; /* place and rule of what was found */
	size_t jobuilds, templates;
};

/* Is path a file of one of the packages that were asked for? */
static bool
is_selected(const struct lint *l, const char *path)
{
	const struct recipe_id *id;
	size_t i, n, m;

	for (i = 0; path && i < l->list.n; i++) {
		id = &l->list.items[i].id;
		n = strlen(id->user);
		m = strlen(id->name);
		if (strncmp(path, id->user, n) == 0 && path[n] == '/' &&
		    strncmp(path + n + 1, id->name, m) == 0 &&
		    path[n + 1 + m] == '/')
			return true;
	}
	return false;
}

/* Keep g unless its cause is known already. */
static void
keep(struct lint *l, const struct diag *g)
{
	struct arena *a = &l->cli->arena;
	void **at;

	at = map_puts(&l->seen,
	    arena_printf(a, "%s:%u:%u:%s:%s", g->at.file ? g->at.file : "",
		g->at.line, g->at.col, g->rule, g->at.line ? "" : g->text));
	if (*at || l->found.n >= DIAGS_MAX)
		return;
	*at = l;
	l->found.list =
	    arena_grow(a, l->found.list, l->found.n, sizeof(*l->found.list));
	l->found.list[l->found.n++] = *g;
	l->found.errors += g->level == DIAG_ERROR;
}

static void
add_arch(struct lint *l, const char *arch)
{
	size_t i;

	for (i = 0; i < l->narches; i++) {
		if (strcmp(l->arches[i], arch) == 0)
			return;
	}
	l->arches = arena_grow(
	    &l->cli->arena, l->arches, l->narches, sizeof(*l->arches));
	l->arches[l->narches++] = arch;
}

/*
 * Who writes a first jobuild has no key in the tree yet: "jobuild sign" brings
 * it, as it brings the signatures, which lint doesn't miss either. In a commit
 * it must be there.
 */
static bool
is_for_later(const struct lint *l, const struct diag *g)
{
	return !*tree_commit(l->tree) && strcmp(g->rule, "no-key") == 0;
}

static void
check_layout(struct lint *l, bool all)
{
	struct diags d;
	size_t i;

	diags_init(&d, &l->cli->arena);
	tree_check_layout(l->tree, &d);
	for (i = 0; i < d.n; i++) {
		if (is_for_later(l, &d.list[i]))
			cli_detail(l->cli,
			    "%s is not there yet: jobuild sign brings it",
			    d.list[i].at.file);
		else if (all || is_selected(l, d.list[i].at.file))
			keep(l, &d.list[i]);
	}
}

/* The rules on a recipe that could be read. */
static void
advise(struct lint *l, const struct tree_recipe *recipe, struct diags *d)
{
	struct recipe *chain[RECIPE_CHAIN_MAX];
	const struct tree_file *f;
	struct diags none;
	size_t i;

	diags_init(&none, &l->cli->arena);
	for (i = 0; i < recipe->nchain; i++) {
		f = recipe->chain[i];
		chain[i] = recipe_parse(
		    &l->cli->arena, f->path, f->text, f->len, &none);
		if (!chain[i])
			return; /* not when the tree has read it too */
	}
	recipe_lint(&l->cli->arena, chain, i, recipe->meta, d);
}

static void
check_recipes(struct lint *l)
{
	const struct tree_recipe *recipe;
	const struct named *item;
	struct diags d;
	size_t i, k;

	for (i = 0; i < l->list.n; i++) {
		item = &l->list.items[i];
		diags_init(&d, &l->cli->arena);
		recipe = tree_recipe(l->tree, &item->id, item->kind, &d);
		if (recipe)
			advise(l, recipe, &d);
		for (k = 0; k < d.n; k++)
			keep(l, &d.list[k]);
		for (k = 0; recipe && k < recipe->meta->narch; k++)
			add_arch(l, recipe->meta->arch[k]);
		l->jobuilds += item->kind == RECIPE_JOBUILD;
		l->templates += item->kind == RECIPE_TEMPLATE;
	}
}

static bool
plan_for(struct lint *l, const struct recipe_id *id, const char *arch,
    struct diags *d)
{
	struct atom root = {ATOM_EQ, *id};

	return repo_plan(l->cli, l->tree, &root, arch, NULL, NULL, d) != NULL;
}

/* For each ARCH it names; else one that the tree knows must do. */
static void
check_plan(struct lint *l, const struct recipe_id *id, struct diags *d)
{
	const struct tree_recipe *recipe;
	struct diags none, first = {0}, one;
	size_t i;

	diags_init(&none, &l->cli->arena);
	recipe = tree_recipe(l->tree, id, RECIPE_JOBUILD, &none);
	if (!recipe)
		return;
	for (i = 0; i < recipe->meta->narch; i++)
		plan_for(l, id, recipe->meta->arch[i], d);
	if (recipe->meta->narch > 0)
		return;
	for (i = 0; i < l->narches; i++) {
		diags_init(&one, &l->cli->arena);
		if (plan_for(l, id, l->arches[i], &one)) {
			first = one;
			break;
		}
		if (i == 0)
			first = one;
	}
	*d = first;
}

/* Is the place in the root's own file? */
static bool
is_own(struct lint *l, const struct diag *g, const struct recipe_id *id)
{
	char ver[VERSION_MAX];

	version_format(id->ver, ver);
	return g->at.file &&
	    strcmp(g->at.file,
		arena_printf(&l->cli->arena, "%s/%s/%s-%s.jobuild", id->user,
		    id->name, id->name, ver)) == 0;
}

/* Advice was given before, to those whose recipes were asked for. */
static bool
is_for_plan(const struct diag *g)
{
	return g->level == DIAG_ERROR || !lint_is_rule(g->rule);
}

static void
check_plans(struct lint *l)
{
	struct diags *all =
	    arena_array(&l->cli->arena, l->list.n + 1, struct diags);
	size_t i, k, own;

	for (i = 0; i < l->list.n; i++) {
		diags_init(&all[i], &l->cli->arena);
		if (l->list.items[i].kind == RECIPE_JOBUILD)
			check_plan(l, &l->list.items[i].id, &all[i]);
	}
	for (own = 2; own-- > 0;) {
		for (i = 0; i < l->list.n; i++) {
			for (k = 0; k < all[i].n; k++)
				if (is_for_plan(&all[i].list[k]) &&
				    (!own ||
					is_own(l, &all[i].list[k],
					    &l->list.items[i].id)))
					keep(l, &all[i].list[k]);
		}
	}
}

static int
by_place(const void *x, const void *y)
{
	const struct diag *a = x, *b = y;
	int c =
	    strcmp(a->at.file ? a->at.file : "", b->at.file ? b->at.file : "");

	if (c != 0)
		return c;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.col != b->at.col)
		return a->at.col < b->at.col ? -1 : 1;
	c = strcmp(a->rule, b->rule);
	return c != 0 ? c : strcmp(a->text, b->text);
}

static const char *
count(struct cli *c, size_t n, const char *what)
{
	return arena_printf(&c->arena, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

static int
report(struct lint *l)
{
	size_t warnings = l->found.n - l->found.errors;
	struct cli *c = l->cli;

	if (l->found.n > 0)
		qsort(l->found.list, l->found.n, sizeof(*l->found.list),
		    by_place);
	if (c->json) {
		cli_json(json_pack("{s:o, s:I, s:I, s:I, s:I}", "diagnostics",
		    diags_json(&l->found), "jobuilds", (json_int_t)l->jobuilds,
		    "templates", (json_int_t)l->templates, "errors",
		    (json_int_t)l->found.errors, "warnings",
		    (json_int_t)warnings));
	} else {
		cli_diags(c, &l->found);
		cli_note(c, "%s, %s: %s, %s", count(c, l->jobuilds, "jobuild"),
		    count(c, l->templates, "template"),
		    count(c, l->found.errors, "error"),
		    count(c, warnings, "warning"));
	}
	return l->found.errors ? CLI_FAILED : CLI_OK;
}

static int
list_rules(struct cli *c)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < lint_rule_count; i++) {
		if (c->json)
			json_array_append_new(list,
			    json_pack("{s:s, s:s}", "name", lint_rules[i].name,
				"summary", lint_rules[i].summary));
		else
			printf("%-18s %s\n", lint_rules[i].name,
			    lint_rules[i].summary);
	}
	if (c->json)
		cli_json(json_pack("{s:O}", "rules", list));
	json_decref(list);
	return CLI_OK;
}

static int
lint_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct lint_options *o = opts;
	struct lint l = {.cli = c};
	struct error err = {0};
	struct repo r;
	int rc;

	if (o->rules)
		return list_rules(c);
	if (repo_find(c, &r, &err) < 0 ||
	    repo_open(&r, o->revision, &l.tree, &err) < 0)
		return cli_error(c, CLI_NOT_FOUND, &err);
	diags_init(&l.found, &c->arena);
	map_init(&l.seen, &c->arena);
	if (targets_select(c, &r, l.tree, n, args, &l.list, &err) < 0) {
		rc = cli_error(c, CLI_NOT_FOUND, &err);
		goto out;
	}
	check_layout(&l, n == 0);
	check_recipes(&l);
	if (l.narches == 0)
		add_arch(&l, "amd64");
	check_plans(&l);
	rc = report(&l);
out:
	tree_close(l.tree);
	return rc;
}

const struct command lint_command = {
    .name = "lint",
    .arguments = "[PATH|USER/NAME[-VER]]...",
    .summary = "find what a master would refuse",
    .options = options,
    .size = sizeof(struct lint_options),
    .max = -1,
    .run = lint_main,
};
