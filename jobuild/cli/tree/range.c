/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/range.h"
#include "cli/tree/change.h"
#include "cli/cli.h"
#include "cli/sign/keys.h"
#include "tree/sign/notary.h"

#include <errno.h>
#include <string.h>

struct job {
	struct cli *cli;
	const struct repo *repo;
	const struct range *range;
	const struct range_options *options;
	struct tree *tree;
	struct change change;
	struct touched touched;
	struct named_list changed, dependents, to_verify;
	struct review check;
	size_t verified;
};

/* ---- what counts --------------------------------------------------------- */

static void
add(struct job *j, struct named_list *l, const struct tree_package *p,
    struct version v, enum recipe_kind kind)
{
	l->items =
	    arena_grow(&j->cli->arena, l->items, l->n, sizeof(*l->items));
	l->items[l->n++] = (struct named){{p->user, p->name, v}, kind};
}

static void
add_package(struct job *j, struct named_list *l, const struct tree_package *p)
{
	size_t i;

	for (i = 0; i < p->ntemplates; i++)
		add(j, l, p, p->templates[i], RECIPE_TEMPLATE);
	for (i = 0; i < p->nversions; i++)
		add(j, l, p, p->versions[i], RECIPE_JOBUILD);
}

static void
select_recipes(struct job *j)
{
	bool all = !j->range->from, key;
	const struct tree_package *p;
	enum touch touch;
	size_t i, n;

	if (!all)
		change_touched(j->cli, j->tree, &j->change, &j->touched);
	p = tree_packages(j->tree, &n);
	for (i = 0; i < n; i++, p++) {
		touch = all ? TOUCH_CHANGED
			    : touched_package(&j->touched, p->user, p->name);
		key = !all && map_gets(&j->change.users, p->user);
		if (touch == TOUCH_CHANGED)
			add_package(j, &j->changed, p);
		if (touch == TOUCH_DEPENDS)
			add_package(j, &j->dependents, p);
		if (touch == TOUCH_CHANGED || key)
			add_package(j, &j->to_verify, p);
	}
}

/* Is the layout of this path a matter of the change? */
static bool
in_layout(void *ctx, const char *path)
{
	const struct job *j = ctx;
	const char *slash = strchr(path, '/'), *second;
	const struct map_item *item;
	size_t i, n;

	if (!j->range->from || map_gets(&j->change.paths, path))
		return true;
	if (!slash)
		return false;
	second = strchr(slash + 1, '/');
	n = (size_t)((second ? second : slash) - path);
	if (second)
		return map_get(&j->change.packages, path, n) != NULL;
	/* a file of the user's, as a key that is missing */
	for (i = 0; i < j->change.packages.n; i++) {
		item = &j->change.packages.items[i];
		if (item->len > n && memcmp(item->key, path, n + 1) == 0)
			return true;
	}
	return false;
}

/* ---- dependents ---------------------------------------------------------- */

static int
drop_old(struct job *j, struct review *now, struct error *err)
{
	struct tree *t = NULL;
	size_t old = 0;
	int rc;

	if (repo_open(j->repo, j->range->from, &t, err) < 0)
		return -1;
	rc = review_keep_new(&j->check, now, t, &old, err);
	if (old > 0 && !j->cli->json)
		cli_note(j->cli, "%zu error%s that %s there before not counted",
		    old, old == 1 ? "" : "s", old == 1 ? "was" : "were");
	tree_close(t);
	return rc;
}

static int
check_dependents(struct job *j, struct error *err)
{
	struct review now;

	if (j->dependents.n == 0)
		return 0;
	review_init(&now, j->cli, j->tree);
	now.jobs = j->options->jobs;
	if (review_recipes(&now, &j->dependents, false, err) < 0)
		return -1;
	j->check.jobuilds += now.jobuilds;
	j->check.templates += now.templates;
	return now.found.n > 0 ? drop_old(j, &now, err) : 0;
}

/* ---- signatures ---------------------------------------------------------- */

/* Nobody outside of the tree vouches for a key that comes with the change. */
static void
warn_keys(struct job *j)
{
	const struct map_item *item;
	struct diags d;
	struct diag *g;
	size_t i;

	diags_init(&d, &j->cli->arena);
	for (i = 0; j->range->from && i < j->change.users.n; i++) {
		item = &j->change.users.items[i];
		g = diag_warning(&d,
		    (struct place){arena_printf(&j->cli->arena, "%.*s/%.*s.asc",
				       (int)item->len, item->key,
				       (int)item->len, item->key),
			0, 0},
		    "key-changed",
		    "this key is not the one before, and nothing outside of "
		    "the tree says whose it is");
		diag_hint(&d, g, "check against a keyring: --keyring FILE");
	}
	for (i = 0; i < d.n; i++)
		review_keep(&j->check, &d.list[i]);
}

static int
verify(struct job *j, struct error *err)
{
	struct notary *notary = keys_notary(j->cli);
	struct keyring k;
	int rc;

	rc = keys_ring(j->cli, j->tree, notary, &k, err);
	if (rc == 0 && !j->cli->conf.keyring)
		warn_keys(j);
	if (rc == 0)
		j->verified = keys_verify(&j->check, notary, &j->to_verify, &k);
	notary_close(notary);
	return rc;
}

/* ---- one range ----------------------------------------------------------- */

static int
do_checks(struct job *j, struct error *err)
{
	review_init(&j->check, j->cli, j->tree);
	j->check.jobs = j->options->jobs;
	select_recipes(j);
	review_layout(&j->check, in_layout, j);
	if (review_recipes(&j->check, &j->changed, true, err) < 0 ||
	    check_dependents(j, err) < 0)
		return -1;
	if (!j->options->unsigned_too && verify(j, err) < 0)
		return -1;
	review_sort(&j->check);
	return 0;
}

/* Then that is all that is said of the range. */
static bool
is_too_large(struct job *j)
{
	struct error why;
	struct diags d;

	if (tree_listed(j->tree, &why) == 0)
		return false;
	map_init(&j->change.paths, &j->cli->arena);
	map_init(&j->change.packages, &j->cli->arena);
	review_init(&j->check, j->cli, j->tree);
	diags_init(&d, &j->cli->arena);
	diag_error(&d, (struct place){NULL, 0, 0}, "too-many", "%s", why.msg);
	review_keep(&j->check, &d.list[0]);
	return true;
}

static const char *
short_id(struct cli *c, const char *id)
{
	return arena_printf(&c->arena, "%.12s", id);
}

static void
summarise(struct job *j)
{
	const struct range *r = j->range;
	struct cli *c = j->cli;
	const char *to = *tree_commit(j->tree)
	    ? short_id(c, tree_commit(j->tree))
	    : "the work tree";

	if (c->json)
		return;
	if (*r->ref)
		cli_note(c, "%s %s%s%s", r->ref,
		    r->from ? short_id(c, r->from) : "", r->from ? ".." : "",
		    to);
	review_print(&j->check, j->options->format);
	if (r->from)
		cli_note(c, "%zu file%s changed in %zu package%s",
		    j->change.paths.n, j->change.paths.n == 1 ? "" : "s",
		    j->change.packages.n, j->change.packages.n == 1 ? "" : "s");
	cli_note(c, "%s; %zu recipe%s verified", review_summary(&j->check),
	    j->verified, j->verified == 1 ? "" : "s");
}

static json_t *
describe(struct job *j)
{
	json_t *o = json_object(), *packages = json_array();
	size_t i;

	json_object_set_new(o, "ref", json_string(j->range->ref));
	if (j->range->from)
		json_object_set_new(o, "from", json_string(j->range->from));
	json_object_set_new(o, "to", json_string(tree_commit(j->tree)));
	for (i = 0; j->range->from && i < j->change.packages.n; i++)
		json_array_append_new(packages,
		    json_stringn(j->change.packages.items[i].key,
			j->change.packages.items[i].len));
	json_object_set_new(o, "packages", packages);
	json_object_set_new(
	    o, "verified", json_integer((json_int_t)j->verified));
	review_json(&j->check, o);
	return o;
}

json_t *
range_check(struct cli *c, const struct repo *r, const struct range *range,
    const struct range_options *o, struct error *err)
{
	struct job j = {.cli = c, .repo = r, .range = range, .options = o};
	json_t *out = NULL;

	if (repo_open(r, range->to, &j.tree, err) < 0) {
		if (range->to && err->code != ENODATA)
			err->code = ENOENT;
		return NULL;
	}
	if (is_too_large(&j) ||
	    ((!range->from ||
		 change_find(c, r, range->from, range->to, &j.change, err) ==
		     0) &&
		do_checks(&j, err) == 0)) {
		summarise(&j);
		out = describe(&j);
	}
	tree_close(j.tree);
	return out;
}
