/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plans of one root in both trees. */
#include "base/map.h"
#include "cli/cli.h"
#include "cli/tree/differ.h"

#include <string.h>

static const struct plan_step *
last(const struct plan_unit *u)
{
	return &u->steps[u->nsteps - 1];
}

/* Units and steps are the same when they are for the same package. */
static const char *
package_of(struct arena *a, const struct metadata *m)
{
	return arena_printf(a, "%s/%s", m->id.user, m->id.name);
}

static bool
same_id(const struct metadata *a, const struct metadata *b)
{
	return id_compare(&a->id, &b->id) == 0;
}

/* ---- steps --------------------------------------------------------------- */

/* Steps by package; the value is the step. */
static void
list_steps(struct arena *a, const struct plan_unit *u, struct map *out)
{
	size_t i;

	map_init(out, a);
	for (i = 0; i < u->nsteps; i++)
		*map_puts(out, package_of(a, u->steps[i].meta)) = &u->steps[i];
}

static void
set_keys(json_t *o, const char *old, const char *new)
{
	if (old)
		json_object_set_new(o, "old-key", json_string(old));
	if (new)
		json_object_set_new(o, "new-key", json_string(new));
}

static json_t *
alone(struct arena *a, const struct plan_step *s, const char *change)
{
	bool added = strcmp(change, "added") == 0;
	json_t *o = json_pack("{s:s, s:s, s:[]}", "step",
	    id_format(a, &s->meta->id), "change", change, "causes");

	set_keys(o, added ? NULL : s->key, added ? s->key : NULL);
	return o;
}

/*
 * A step that both have. What made its key another one is in its own recipe,
 * or else in what comes before it.
 */
static json_t *
both(const struct differ *d, struct arena *a, const struct plan_step *old,
    const struct plan_step *new)
{
	bool version = !same_id(old->meta, new->meta);
	json_t *o, *causes;

	causes = differ_causes(d, a, &old->meta->id, &new->meta->id);
	o = json_pack("{s:s, s:s, s:o}", "step", id_format(a, &new->meta->id),
	    "change",
	    version                           ? "version"
		: json_array_size(causes) > 0 ? "changed"
					      : "follows",
	    "causes", causes);
	if (version)
		json_object_set_new(
		    o, "was", json_string(id_format(a, &old->meta->id)));
	set_keys(o, old->key, new->key);
	return o;
}

/* In the order of the new unit; what is gone comes last. */
static json_t *
compare_steps(const struct differ *d, struct arena *a,
    const struct plan_unit *old, const struct plan_unit *new)
{
	json_t *list = json_array();
	const struct plan_step *s, *was;
	struct map before, after;
	size_t i;

	list_steps(a, old, &before);
	list_steps(a, new, &after);
	for (i = 0; i < after.n; i++) {
		s = after.items[i].value;
		was = map_gets(&before, after.items[i].key);
		if (!was)
			json_array_append_new(list, alone(a, s, "added"));
		else if (strcmp(was->key, s->key) != 0)
			json_array_append_new(list, both(d, a, was, s));
	}
	for (i = 0; i < before.n; i++) {
		if (!map_gets(&after, before.items[i].key))
			json_array_append_new(
			    list, alone(a, before.items[i].value, "removed"));
	}
	return list;
}

/* Do the steps that both have come in another order? */
static bool
is_reordered(
    struct arena *a, const struct plan_unit *old, const struct plan_unit *new)
{
	struct map before, after;
	size_t i, k = 0;

	list_steps(a, old, &before);
	list_steps(a, new, &after);
	for (i = 0; i < after.n; i++) {
		if (!map_gets(&before, after.items[i].key))
			continue;
		while (k < before.n && !map_gets(&after, before.items[k].key))
			k++;
		if (k == before.n ||
		    strcmp(before.items[k].key, after.items[i].key) != 0)
			return true;
		k++;
	}
	return false;
}

/* ---- units --------------------------------------------------------------- */

static json_t *
compare_units(const struct differ *d, struct arena *a,
    const struct plan_unit *old, const struct plan_unit *new)
{
	json_t *o = json_pack("{s:s, s:s, s:o}", "unit",
	    id_format(a, &last(new)->meta->id), "change", "changed", "steps",
	    compare_steps(d, a, old, new));

	if (strcmp(old->stage, new->stage) != 0)
		json_object_set_new(o, "stage",
		    json_pack(
			"{s:s, s:s}", "old", old->stage, "new", new->stage));
	if (is_reordered(a, old, new))
		json_object_set_new(o, "reordered", json_true());
	set_keys(o, old->key, new->key);
	return o;
}

static json_t *
lone_unit(struct arena *a, const struct plan_unit *u, const char *change)
{
	return json_pack("{s:s, s:s, s:[]}", "unit",
	    id_format(a, &last(u)->meta->id), "change", change, "steps");
}

/* A plan may have two units for one package, with two versions: by order. */
static void
list_units(struct arena *a, const struct plan *p, struct map *out)
{
	const char *package, *key;
	size_t i, n;

	map_init(out, a);
	for (i = 0; p && i < p->nunits; i++) {
		package = package_of(a, last(&p->units[i])->meta);
		for (n = 0, key = package; map_gets(out, key); n++)
			key = arena_printf(a, "%s %zu", package, n);
		*map_puts(out, key) = &p->units[i];
	}
}

static json_t *
compare_plans(const struct differ *d, struct arena *a, const struct plan *old,
    const struct plan *new)
{
	const struct plan_unit *u, *was;
	struct map before, after;
	json_t *list = json_array();
	size_t i;

	list_units(a, old, &before);
	list_units(a, new, &after);
	for (i = 0; i < after.n; i++) {
		u = after.items[i].value;
		was = map_gets(&before, after.items[i].key);
		if (!was)
			json_array_append_new(list, lone_unit(a, u, "added"));
		else if (strcmp(was->key, u->key) != 0)
			json_array_append_new(
			    list, compare_units(d, a, was, u));
	}
	for (i = 0; i < before.n; i++) {
		if (!map_gets(&after, before.items[i].key))
			json_array_append_new(list,
			    lone_unit(a, before.items[i].value, "removed"));
	}
	return list;
}

/* ---- roots --------------------------------------------------------------- */

/* The jobuild that the atom means in this tree; false: there is none. */
static bool
find_root(struct tree *t, const struct atom *root, struct recipe_id *out)
{
	const struct tree_package *p =
	    tree_package(t, root->id.user, root->id.name);
	size_t i;

	for (i = 0; p && i < p->nversions; i++) {
		if (atom_matches(root, p->versions[i])) {
			*out = (struct recipe_id){
			    p->user, p->name, p->versions[i]};
			return true;
		}
	}
	return false;
}

/* The one asked for, if it runs on that; else the first that it names. */
static const char *
arch_for(const struct differ *d, struct arena *a, enum side side,
    const struct recipe_id *id)
{
	const struct tree_recipe *r;
	struct diags none;
	size_t i;

	diags_init(&none, a);
	r = tree_recipe(d->tree[side], id, RECIPE_JOBUILD, &none);
	for (i = 0; r && i < r->meta->narch; i++) {
		if (strcmp(r->meta->arch[i], d->arch) == 0)
			return d->arch;
	}
	return r && r->meta->narch > 0 ? r->meta->arch[0] : d->arch;
}

static bool
is_same_plan(const struct plan *old, const struct plan *new)
{
	size_t i;

	if (!old || !new)
		return !old && !new;
	if (old->nunits != new->nunits)
		return false;
	for (i = 0; i < new->nunits; i++) {
		if (strcmp(old->units[i].key, new->units[i].key) != 0)
			return false;
	}
	return true;
}

/* Is what stands in the way the same, if something does? */
static bool
is_same_trouble(const struct diags *old, const struct diags *new)
{
	json_t *a = diags_json(old), *b = diags_json(new);
	bool same = json_equal(a, b);

	json_decref(a);
	json_decref(b);
	return same;
}

static const char *
change_of(const bool has[SIDES], const struct plan *old, const struct plan *new)
{
	if (!has[OLD])
		return "added";
	if (!has[NEW])
		return "removed";
	if (!old && !new)
		return "still-unresolvable";
	if (old && !new)
		return "unresolvable";
	return new && !old ? "resolvable" : "changed";
}

static struct plan *
plan_of(const struct differ *d, struct arena *a, enum side side,
    const struct recipe_id *id, struct diags *why)
{
	struct atom exact = {ATOM_EQ, *id};

	return repo_plan_in(
	    d->cli, a, d->tree[side], &exact, arch_for(d, a, side, id), why);
}

static void
add_file(struct arena *a, struct map *files, const struct place *at)
{
	if (at->file)
		*map_puts(files, arena_strdup(a, at->file)) = files;
}

void
differ_trouble(const struct differ *d, struct arena *a, const struct atom *root,
    struct map *files)
{
	struct recipe_id id;
	struct diags why;
	size_t i, k;
	int s;

	for (s = OLD; s < SIDES; s++) {
		diags_init(&why, a);
		if (!find_root(d->tree[s], root, &id) ||
		    plan_of(d, a, (enum side)s, &id, &why))
			continue;
		for (i = 0; i < why.n; i++) {
			add_file(a, files, &why.list[i].at);
			for (k = 0; k < why.list[i].nnotes; k++)
				add_file(a, files, &why.list[i].notes[k].at);
		}
	}
}

json_t *
differ_root(const struct differ *d, struct arena *a, const struct atom *root)
{
	struct plan *plans[SIDES] = {NULL, NULL};
	struct recipe_id id[SIDES];
	struct diags why[SIDES];
	bool has[SIDES];
	json_t *o;
	int s;

	for (s = OLD; s < SIDES; s++) {
		diags_init(&why[s], a);
		has[s] = find_root(d->tree[s], root, &id[s]);
		if (has[s])
			plans[s] = plan_of(d, a, (enum side)s, &id[s], &why[s]);
	}
	if (has[OLD] == has[NEW] && is_same_plan(plans[OLD], plans[NEW]) &&
	    (plans[NEW] || is_same_trouble(&why[OLD], &why[NEW])))
		return NULL;
	o = json_pack("{s:s, s:s, s:o}", "root",
	    id_format(a, &id[has[NEW] ? NEW : OLD]), "change",
	    change_of(has, plans[OLD], plans[NEW]), "units",
	    plans[OLD] && plans[NEW]
		? compare_plans(d, a, plans[OLD], plans[NEW])
		: json_array());
	if (has[OLD] && has[NEW] && id_compare(&id[OLD], &id[NEW]) != 0)
		json_object_set_new(
		    o, "was", json_string(id_format(a, &id[OLD])));
	set_keys(o, plans[OLD] ? plans[OLD]->units[plans[OLD]->root].key : NULL,
	    plans[NEW] ? plans[NEW]->units[plans[NEW]->root].key : NULL);
	if (has[NEW] && !plans[NEW])
		json_object_set_new(o, "diagnostics", diags_json(&why[NEW]));
	return o;
}
