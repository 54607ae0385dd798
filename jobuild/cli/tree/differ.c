/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/differ.h"
#include "base/map.h"
#include "cli/cli.h"
#include "cli/tree/change.h"

#include <errno.h>
#include <string.h>

static const struct tree_recipe *
recipe_in(const struct differ *d, struct arena *a, enum side side,
    const struct recipe_id *id, enum recipe_kind kind)
{
	struct diags none;

	diags_init(&none, a);
	return tree_recipe(d->tree[side], id, kind, &none);
}

/* Does the tree have a file for it, good or not? */
static bool
has_recipe(struct tree *t, const struct recipe_id *id, enum recipe_kind kind)
{
	const struct tree_package *p = tree_package(t, id->user, id->name);
	const struct version *list;
	size_t i, n;

	if (!p)
		return false;
	list = kind == RECIPE_JOBUILD ? p->versions : p->templates;
	n = kind == RECIPE_JOBUILD ? p->nversions : p->ntemplates;
	for (i = 0; i < n; i++) {
		if (version_compare(list[i], id->ver) == 0)
			return true;
	}
	return false;
}

/* ---- files and Manifest entries ------------------------------------------ */

/* Everything that a recipe's work is made of: name to digest. */
static void
list_inputs(struct arena *a, const struct tree_recipe *r, struct map *out)
{
	const struct manifest_entry *e;
	size_t i;

	map_init(out, a);
	for (i = 0; r && i < r->nchain; i++)
		*map_puts(out, r->chain[i]->path) = r->chain[i]->digest;
	for (i = 0; r && i < r->naux; i++)
		*map_puts(out, r->aux[i]->path) = r->aux[i]->digest;
	for (i = 0; r && i < r->ndist; i++) {
		e = r->dist[i];
		if (e)
			*map_puts(out, arena_printf(a, "DIST %s", e->name)) =
			    arena_printf(a, "%lld %s %s", (long long)e->size,
				e->blake2b, e->sha512);
	}
}

static void
add_input(json_t *list, const char *name, const char *change)
{
	bool dist = strncmp(name, "DIST ", 5) == 0;

	json_array_append_new(list,
	    json_pack("{s:s, s:s}", dist ? "dist" : "file",
		dist ? name + 5 : name, "change", change));
}

static json_t *
compare_inputs(struct arena *a, const struct tree_recipe *old,
    const struct tree_recipe *new)
{
	struct map before, after;
	json_t *list = json_array();
	const char *was;
	size_t i;

	list_inputs(a, old, &before);
	list_inputs(a, new, &after);
	for (i = 0; i < after.n; i++) {
		was = map_gets(&before, after.items[i].key);
		if (!was)
			add_input(list, after.items[i].key, "added");
		else if (strcmp(was, after.items[i].value) != 0)
			add_input(list, after.items[i].key, "changed");
	}
	for (i = 0; i < before.n; i++) {
		if (!map_gets(&after, before.items[i].key))
			add_input(list, before.items[i].key, "removed");
	}
	return list;
}

json_t *
differ_causes(const struct differ *d, struct arena *a,
    const struct recipe_id *old, const struct recipe_id *new)
{
	return compare_inputs(a, recipe_in(d, a, OLD, old, RECIPE_JOBUILD),
	    recipe_in(d, a, NEW, new, RECIPE_JOBUILD));
}

/* ---- values -------------------------------------------------------------- */

static void
add_value(json_t *list, const char *name, const char *old, const char *new)
{
	json_t *o = json_pack("{s:s}", "name", name);

	if (old)
		json_object_set_new(o, "old", json_string(old));
	if (new)
		json_object_set_new(o, "new", json_string(new));
	json_array_append_new(list, o);
}

static json_t *
compare_values(const struct tree_recipe *old, const struct tree_recipe *new)
{
	json_t *list = json_array();
	const char *was;
	size_t i;

	for (i = 0; new &&i < new->meta->nvars; i++) {
		was = old ? metadata_get(old->meta, new->meta->vars[i].name)
			  : NULL;
		if (!was || strcmp(was, new->meta->vars[i].value) != 0)
			add_value(list, new->meta->vars[i].name, was,
			    new->meta->vars[i].value);
	}
	for (i = 0; old && i < old->meta->nvars; i++) {
		if (!new || !metadata_get(new->meta, old->meta->vars[i].name))
			add_value(list, old->meta->vars[i].name,
			    old->meta->vars[i].value, NULL);
	}
	return list;
}

/* ---- a recipe ------------------------------------------------------------ */

static bool
has_file(struct tree *t, const char *path)
{
	struct error err = {0};

	return tree_file(t, path, &err) || err.code != ENOENT;
}

/*
 * Of a recipe that can't be read no more is known than what git says of its
 * own file, its Manifest and files/.
 */
static json_t *
compare_files(const struct differ *d, struct arena *a,
    const struct recipe_id *id, enum recipe_kind kind)
{
	const char *package = arena_printf(a, "%s/%s/", id->user, id->name);
	const char *own, *path;
	json_t *list = json_array();
	char ver[VERSION_MAX];
	size_t i, n = strlen(package);

	version_format(id->ver, ver);
	own = arena_printf(a, "%s-%s.%s", id->name, ver,
	    kind == RECIPE_TEMPLATE ? "template" : "jobuild");
	for (i = 0; i < d->change->paths.n; i++) {
		path = d->change->paths.items[i].key;
		if (strncmp(path, package, n) != 0 ||
		    (strcmp(path + n, own) != 0 &&
			strcmp(path + n, "Manifest") != 0 &&
			strncmp(path + n, "files/", 6) != 0))
			continue;
		add_input(list, path,
		    !has_file(d->tree[OLD], path)       ? "added"
			: !has_file(d->tree[NEW], path) ? "removed"
							: "changed");
	}
	return list;
}

static const char *
what_happened(bool had, bool has, bool was_good, bool is_good)
{
	if (!had)
		return "added";
	if (!has)
		return "removed";
	if (!was_good && !is_good)
		return "still-broken";
	if (was_good && !is_good)
		return "broken";
	return is_good && !was_good ? "repaired" : "changed";
}

json_t *
differ_recipe(const struct differ *d, struct arena *a,
    const struct recipe_id *id, enum recipe_kind kind)
{
	bool had = has_recipe(d->tree[OLD], id, kind);
	bool has = has_recipe(d->tree[NEW], id, kind);
	const struct tree_recipe *old, *new;
	json_t *files, *values;
	const char *change;

	old = had ? recipe_in(d, a, OLD, id, kind) : NULL;
	new = has ? recipe_in(d, a, NEW, id, kind) : NULL;
	change = what_happened(had, has, old != NULL, new != NULL);
	/* files are told where both are there, values of what is added too */
	if (had && has && !old && !new)
		files = compare_files(d, a, id, kind);
	else
		files = old && new ? compare_inputs(a, old, new) : json_array();
	values = has && !new ? json_array() : compare_values(old, new);
	if (had && has && (old != NULL) == (new != NULL) &&
	    json_array_size(files) == 0) {
		json_decref(files);
		json_decref(values);
		return NULL;
	}
	if (strcmp(change, "removed") == 0)
		json_array_clear(values);
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "recipe",
	    id_format(a, id), "kind",
	    kind == RECIPE_TEMPLATE ? "template" : "jobuild", "change", change,
	    "inputs", files, "values", values);
}
