/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plans of one root in both trees. */
#include "base/map.h"
#include "cli/cli.h"
#include "cli/tree/arches.h"
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

/* The plans of both sides for one architecture. */
struct pair {
	const char *arch;
	bool named;      /* by an ARCH */
	bool has[SIDES]; /* a root that may run on it */
	struct plan *plan[SIDES];
	struct diags why[SIDES]; /* there is none */
};

/* A root on both sides, for each architecture that counts. */
struct compared {
	const struct differ *d;
	struct arena *arena;
	struct arches arches;
	bool found[SIDES];
	struct recipe_id id[SIDES];
	const struct metadata *meta[SIDES]; /* NULL: it can't be read */
	struct pair *pairs;
	size_t n;
};

static bool
names_arch(const struct metadata *m, const char *arch)
{
	size_t i;

	for (i = 0; m && i < m->narch; i++) {
		if (strcmp(m->arch[i], arch) == 0)
			return true;
	}
	return false;
}

static bool
names_none(const struct metadata *m)
{
	return !m || m->narch == 0;
}

static bool
may_run(const struct compared *x, int side, const char *arch)
{
	return x->found[side] &&
	    (names_none(x->meta[side]) || names_arch(x->meta[side], arch));
}

static bool
has_plan(const struct pair *p)
{
	return p->plan[OLD] || p->plan[NEW];
}

/* Make the plans for one; the others to which all of that is the same. */
static uint64_t
add_pair(struct compared *x, size_t arch)
{
	struct arena *a = x->arena;
	uint64_t alike = ~UINT64_C(0);
	struct arch_watch w;
	struct atom exact;
	struct pair *p;
	int s;

	x->pairs = arena_grow(a, x->pairs, x->n, sizeof(*x->pairs));
	p = &x->pairs[x->n++];
	*p = (struct pair){.arch = x->arches.names[arch]};
	for (s = OLD; s < SIDES; s++) {
		diags_init(&p->why[s], a);
		p->named |= names_arch(x->meta[s], p->arch);
		p->has[s] = may_run(x, s, p->arch);
		if (!p->has[s])
			continue;
		arch_watch_init(&w, &x->arches, arch);
		exact = (struct atom){ATOM_EQ, x->id[s]};
		p->plan[s] = repo_plan_in(
		    x->d->cli, a, x->d->tree[s], &exact, &w, &p->why[s]);
		alike &= w.alike;
	}
	return alike;
}

/* Each that ARCH names; without ARCH those that make a difference. */
static void
add_pairs(struct compared *x)
{
	uint64_t covered = 0;
	const char *arch;
	bool named, any = false;
	size_t i, k;
	int s;

	for (s = OLD; s < SIDES; s++) {
		any |= x->found[s] && names_none(x->meta[s]);
		for (k = 0; x->meta[s] && k < x->meta[s]->narch; k++)
			arches_find(&x->arches, x->meta[s]->arch[k]);
	}
	for (i = 0; i < x->arches.n; i++) {
		arch = x->arches.names[i];
		named = names_arch(x->meta[OLD], arch) ||
		    names_arch(x->meta[NEW], arch);
		if (named || (any && arches_left(covered, i)))
			covered |= add_pair(x, i);
	}
}

/*
 * What ARCH doesn't name need not have a plan if another has one; if none has,
 * one tells why.
 */
static void
drop_vain(struct compared *x)
{
	size_t i, n = 0;
	bool any = false;

	for (i = 0; i < x->n; i++)
		any |= has_plan(&x->pairs[i]);
	for (i = 0; i < x->n; i++) {
		if (x->pairs[i].named || has_plan(&x->pairs[i]) ||
		    (!any && n == 0))
			x->pairs[n++] = x->pairs[i];
	}
	x->n = n;
}

static void
compared_init(struct compared *x, const struct differ *d, struct arena *a,
    const struct atom *root)
{
	const struct tree_recipe *r;
	struct diags none;
	int s;

	*x = (struct compared){.d = d, .arena = a};
	arches_init(&x->arches, a, d->arch);
	for (s = OLD; s < SIDES; s++) {
		x->found[s] = find_root(d->tree[s], root, &x->id[s]);
		diags_init(&none, a);
		r = x->found[s]
		    ? tree_recipe(d->tree[s], &x->id[s], RECIPE_JOBUILD, &none)
		    : NULL;
		x->meta[s] = r ? r->meta : NULL;
	}
	if (d->only && (may_run(x, OLD, d->arch) || may_run(x, NEW, d->arch)))
		add_pair(x, 0);
	else
		add_pairs(x);
	drop_vain(x);
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

static void
add_file(struct arena *a, struct map *files, const struct place *at)
{
	if (at->file)
		*map_puts(files, arena_strdup(a, at->file)) = files;
}

static void
add_files(struct arena *a, struct map *files, const struct diags *why)
{
	size_t i, k;

	for (i = 0; i < why->n; i++) {
		add_file(a, files, &why->list[i].at);
		for (k = 0; k < why->list[i].nnotes; k++)
			add_file(a, files, &why->list[i].notes[k].at);
	}
}

void
differ_trouble(const struct differ *d, struct arena *a, const struct atom *root,
    struct map *files)
{
	struct compared x;
	size_t i;
	int s;

	compared_init(&x, d, a, root);
	for (i = 0; i < x.n; i++) {
		for (s = OLD; s < SIDES; s++) {
			if (!x.pairs[i].plan[s])
				add_files(a, files, &x.pairs[i].why[s]);
		}
	}
}

static bool
is_same(const struct pair *p)
{
	return p->has[OLD] == p->has[NEW] &&
	    is_same_plan(p->plan[OLD], p->plan[NEW]) &&
	    (p->plan[NEW] || is_same_trouble(&p->why[OLD], &p->why[NEW]));
}

static json_t *
describe(const struct compared *x, const struct pair *p)
{
	const struct plan *old = p->plan[OLD], *new = p->plan[NEW];
	struct arena *a = x->arena;
	json_t *o;

	o = json_pack("{s:s, s:s, s:s, s:o}", "root",
	    id_format(a, &x->id[p->has[NEW] ? NEW : OLD]), "arch", p->arch,
	    "change", change_of(p->has, old, new), "units",
	    old && new ? compare_plans(x->d, a, old, new) : json_array());
	if (p->has[OLD] && p->has[NEW] &&
	    id_compare(&x->id[OLD], &x->id[NEW]) != 0)
		json_object_set_new(
		    o, "was", json_string(id_format(a, &x->id[OLD])));
	set_keys(o, old ? old->units[old->root].key : NULL,
	    new ? new->units[new->root].key : NULL);
	if (p->has[NEW] && !new)
		json_object_set_new(o, "diagnostics", diags_json(&p->why[NEW]));
	return o;
}

json_t *
differ_root(const struct differ *d, struct arena *a, const struct atom *root)
{
	json_t *list = json_array(), *arches = json_array(), *o;
	struct compared x;
	size_t i;

	compared_init(&x, d, a, root);
	for (i = 0; i < x.n; i++) {
		json_array_append_new(arches, json_string(x.pairs[i].arch));
		if (!is_same(&x.pairs[i]))
			json_array_append_new(list, describe(&x, &x.pairs[i]));
	}
	json_array_foreach(list, i, o) json_object_set(o, "arches", arches);
	json_decref(arches);
	return list;
}
