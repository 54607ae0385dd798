/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "cli/tree/change.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/tree/differ.h"
#include "cli/progress.h"
#include "cli/steps.h"
#include "cli/workers.h"

#include <errno.h>
#include <string.h>

struct diff_options {
	int64_t jobs;
	bool exit_code, work;
};

static const struct opt options[] = {
    {"arch", 'a', OPT_SETTING, 0, "ARCH",
	"compare roots that may run on it for it alone"},
    {"jobs", 'j', OPT_NUMBER, offsetof(struct diff_options, jobs), "N",
	"processes; default: one a processor"},
    {"work", 'w', OPT_FLAG, offsetof(struct diff_options, work), NULL,
	"compare with the work tree: only REV1 is a revision"},
    {"exit-code", 0, OPT_FLAG, offsetof(struct diff_options, exit_code), NULL,
	"exit with 1 when anything differs"},
    {0},
};

struct diff {
	struct differ d;
	const char *rev[SIDES]; /* NULL: the work tree */
	struct repo repo;
	struct atom *roots;
	size_t nroots;
	struct named_list recipes;
	json_t *changed_recipes, *changed_roots;
	struct progress progress;
};

/* ---- what is to be compared ---------------------------------------------- */

/* "A..B", or A and, if it is one, B. How many arguments were revisions. */
static int
take_revisions(
    struct diff *x, bool work, int n, char *args[], struct error *err)
{
	struct cli *c = x->d.cli;
	const char *dots = strstr(args[0], "..");
	struct error no = {0};
	struct atom atom;

	if (dots && dots[2] == '.') {
		fail(err,
		    "\"%s\": two dots say from where to where, as in "
		    "HEAD~1..HEAD",
		    args[0]);
		err->code = EINVAL;
		return -1;
	}
	if (dots) {
		x->rev[OLD] = dots == args[0]
		    ? "HEAD"
		    : arena_strndup(
			  &c->arena, args[0], (size_t)(dots - args[0]));
		x->rev[NEW] = dots[2] ? dots + 2 : "HEAD";
		return 1;
	}
	x->rev[OLD] = args[0];
	if (work || n < 2)
		return 1;
	x->rev[NEW] = args[1];
	if (repo_open(&x->repo, args[1], &x->d.tree[NEW], &no) == 0)
		return 2;
	if (no.code == ENODATA) {
		*err = no;
		return -1;
	}
	x->rev[NEW] = NULL;
	if (root_parse(c, args[1], &atom, err) == 0)
		return 1;
	return fail(err, "\"%s\" is neither a revision nor a jobuild (%s)",
	    args[1], no.msg);
}

static void
add_root(struct diff *x, enum atom_op op, const struct recipe_id *id)
{
	x->roots = arena_grow(
	    &x->d.cli->arena, x->roots, x->nroots, sizeof(*x->roots));
	x->roots[x->nroots++] = (struct atom){op, *id};
}

/* A version that one side has, once. */
static void
add_version(struct diff *x, struct map *seen, const struct tree_package *p,
    struct version v, enum recipe_kind kind, bool roots)
{
	struct recipe_id id = {p->user, p->name, v};
	struct arena *a = &x->d.cli->arena;
	struct named_list *l = &x->recipes;
	void **at;

	at = map_puts(
	    seen, arena_printf(a, "%s %d", id_format(a, &id), (int)kind));
	if (*at)
		return;
	*at = x;
	l->items = arena_grow(a, l->items, l->n, sizeof(*l->items));
	l->items[l->n++] = (struct named){id, kind};
	if (roots && kind == RECIPE_JOBUILD)
		add_root(x, ATOM_EQ, &id);
}

static int
by_id(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = id_compare(&x->id, &y->id);

	return c != 0 ? c : (int)x->kind - (int)y->kind;
}

static int
by_root(const void *a, const void *b)
{
	return id_compare(
	    &((const struct atom *)a)->id, &((const struct atom *)b)->id);
}

/* Recipes that the change can mean anything to, of both sides. */
static void
select_touched(struct diff *x, const struct change *change, bool roots)
{
	const struct tree_package *p;
	struct touched touched;
	struct map seen;
	size_t i, k, n;
	int s;

	map_init(&seen, &x->d.cli->arena);
	for (s = OLD; s < SIDES; s++) {
		change_touched(x->d.cli, x->d.tree[s], change, &touched);
		p = tree_packages(x->d.tree[s], &n);
		for (i = 0; i < n; i++, p++) {
			if (touched_package(&touched, p->user, p->name) ==
			    TOUCH_NONE)
				continue;
			for (k = 0; k < p->ntemplates; k++)
				add_version(x, &seen, p, p->templates[k],
				    RECIPE_TEMPLATE, roots);
			for (k = 0; k < p->nversions; k++)
				add_version(x, &seen, p, p->versions[k],
				    RECIPE_JOBUILD, roots);
		}
	}
	if (x->recipes.n > 0)
		qsort(x->recipes.items, x->recipes.n, sizeof(*x->recipes.items),
		    by_id);
	if (roots && x->nroots > 0)
		qsort(x->roots, x->nroots, sizeof(*x->roots), by_root);
}

/* Named roots must be there, on one side at least. */
static int
take_roots(struct diff *x, int n, char *args[], struct error *err)
{
	struct error first = {0};
	struct named ignored;
	struct atom atom;
	int i;

	for (i = 0; i < n; i++) {
		if (root_parse(x->d.cli, args[i], &atom, err) < 0)
			return -1;
		if (root_find(x->d.cli, x->d.tree[NEW], &atom, &ignored,
			&first) < 0 &&
		    root_find(x->d.cli, x->d.tree[OLD], &atom, &ignored, err) <
			0)
			return fail(err, "%s", first.msg);
		add_root(x, atom.op, &atom.id);
		x->roots[x->nroots - 1] = atom;
	}
	return 0;
}

/* ---- comparing ----------------------------------------------------------- */

/* Items are the recipes, then the roots. */
static void
work(void *ctx, size_t i, struct buf *out)
{
	struct diff *x = ctx;
	const struct named *r;
	struct arena a = {0};
	char *text = NULL;
	json_t *o;

	if (i < x->recipes.n) {
		r = &x->recipes.items[i];
		o = differ_recipe(&x->d, &a, &r->id, r->kind);
	} else {
		o = differ_root(&x->d, &a, &x->roots[i - x->recipes.n]);
	}
	if (json_object_size(o) + json_array_size(o) > 0)
		text = json_dumps(o, JSON_COMPACT);
	if (text && buf_adds(out, text) < 0)
		out->len = 0;
	free(text);
	json_decref(o);
	arena_release(&a);
}

static void
take(void *ctx, size_t i, const char *data, size_t len)
{
	struct diff *x = ctx;
	json_error_t why;
	json_t *o;

	progress_step(&x->progress, i);
	if (len == 0)
		return;
	o = json_loadb(data, len, 0, &why);
	if (i < x->recipes.n)
		json_array_append(x->changed_recipes, o);
	else
		json_array_extend(x->changed_roots, o);
	json_decref(o);
}

static int
compare(struct diff *x, size_t jobs, struct error *err)
{
	struct workers w = {.n = x->recipes.n + x->nroots,
	    .jobs = jobs,
	    .work = work,
	    .take = take,
	    .ctx = x};
	int rc;

	x->changed_recipes = json_array();
	x->changed_roots = json_array();
	progress_begin(&x->progress, x->d.cli, "comparing", w.n);
	rc = workers_run(&w, err);
	progress_end(&x->progress);
	return rc;
}

/*
 * What the changed roots' steps are, and the files that changed them; of roots
 * that can't be resolved the files that stand in the way.
 */
static void
list_concerned(struct diff *x, struct map *out)
{
	const json_t *root, *unit, *step, *cause;
	size_t i, k, s, n;

	map_init(out, &x->d.cli->arena);
	for (i = 0; i < x->nroots; i++)
		differ_trouble(&x->d, &x->d.cli->arena, &x->roots[i], out);
	json_array_foreach(x->changed_roots, i, root)
	{
		*map_puts(out, member(root, "root")) = x;
		*map_puts(out, member(root, "was")) = x;
		json_array_foreach(json_object_get(root, "units"), k, unit)
		{
			json_array_foreach(
			    json_object_get(unit, "steps"), s, step)
			{
				*map_puts(out, member(step, "step")) = x;
				json_array_foreach(
				    json_object_get(step, "causes"), n, cause) *
				    map_puts(out, member(cause, "file")) = x;
			}
		}
	}
}

/* Did what is wrong with a root lead to the recipe, or to its Manifest? */
static bool
in_the_way(struct arena *a, const struct map *concerned, const json_t *o)
{
	const char *id = member(o, "recipe"), *name = strchr(id, '/') + 1;
	const char *package =
	    arena_strndup(a, id, (size_t)(strrchr(id, '-') - id));

	return map_gets(concerned,
		   arena_printf(
		       a, "%s/%s.%s", package, name, member(o, "kind"))) ||
	    map_gets(concerned, arena_printf(a, "%s/Manifest", package));
}

/* Roots were named: keep the recipes that have to do with them. */
static void
drop_unconcerned(struct diff *x)
{
	const json_t *o, *input;
	struct map concerned;
	size_t i, k;
	bool keep;

	list_concerned(x, &concerned);
	for (i = json_array_size(x->changed_recipes); i-- > 0;) {
		o = json_array_get(x->changed_recipes, i);
		keep = map_gets(&concerned, member(o, "recipe")) ||
		    in_the_way(&x->d.cli->arena, &concerned, o);
		json_array_foreach(json_object_get(o, "inputs"), k, input)
		{
			if (*member(input, "file") &&
			    map_gets(&concerned, member(input, "file")))
				keep = true;
		}
		if (!keep)
			json_array_remove(x->changed_recipes, i);
	}
}

static int
report(struct diff *x, bool exit_code)
{
	struct cli *c = x->d.cli;
	size_t n = json_array_size(x->changed_recipes) +
	    json_array_size(x->changed_roots);
	json_t *o;

	o = json_pack("{s:s, s:s, s:s, s:o, s:o}", "from",
	    tree_commit(x->d.tree[OLD]), "to",
	    x->rev[NEW] ? tree_commit(x->d.tree[NEW]) : "work tree", "arch",
	    x->d.arch, "recipes", x->changed_recipes, "roots",
	    x->changed_roots);
	if (c->json) {
		cli_json(c, json_incref(o));
	} else {
		differ_print(c, o);
		if (n == 0)
			cli_note(c, "nothing differs");
	}
	json_decref(o);
	return exit_code && n > 0 ? CLI_FAILED : CLI_OK;
}

static int
open_trees(struct diff *x, struct error *err)
{
	if (repo_open(&x->repo, x->rev[OLD], &x->d.tree[OLD], err) < 0)
		return -1;
	if (x->d.tree[NEW])
		return 0;
	return repo_open(&x->repo, x->rev[NEW], &x->d.tree[NEW], err);
}

static int
diff_trees(struct diff *x, const struct diff_options *o, int n, char *args[])
{
	struct cli *c = x->d.cli;
	struct error err = {0};
	struct change change;

	if (open_trees(x, &err) < 0 || tree_listed(x->d.tree[OLD], &err) < 0 ||
	    tree_listed(x->d.tree[NEW], &err) < 0 ||
	    take_roots(x, n, args, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	if (change_find(c, &x->repo, x->rev[OLD], x->rev[NEW], &change, &err) <
	    0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	x->d.change = &change;
	select_touched(x, &change, n == 0);
	if (compare(x, (size_t)o->jobs, &err) < 0)
		return cli_error(c, CLI_TEMPORARY, &err);
	if (n > 0)
		drop_unconcerned(x);
	return report(x, o->exit_code);
}

static int
diff_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct diff_options *o = opts;
	struct diff x = {.d.cli = c};
	struct error err = {0};
	int rc, taken;

	x.d.arch = c->conf.arch;
	x.d.only = c->flags.arch != NULL;
	if (repo_find(c, &x.repo, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	taken = take_revisions(&x, o->work, n, args, &err);
	rc = taken < 0 ? cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err)
		       : diff_trees(&x, o, n - taken, args + taken);
	tree_close(x.d.tree[NEW]);
	tree_close(x.d.tree[OLD]);
	return rc;
}

const struct command diff_command = {
    .name = "diff",
    .arguments = "REV1[..REV2] [REV2] [ROOT]...",
    .summary = "tell what changes for each root between two revisions",
    .options = options,
    .size = sizeof(struct diff_options),
    .min = 1,
    .max = -1,
    .run = diff_main,
};
