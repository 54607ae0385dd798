/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/validate.h"
#include "plan/plan.h"
#include "tree/sign/keyring.h"
#include "tree/sign/notary.h"
#include "tree/sign/sign.h"
#include "tree/tree.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIT_LOCKS 256

/* The request's signature against one key of its user. */
static int
check_with(const struct validation *v, struct notary *n,
    const struct user_key *k, struct error *err)
{
	struct notary_item it = {.data = v->request,
	    .len = strlen(v->request),
	    .sig = v->signature,
	    .siglen = strlen(v->signature),
	    .notation = NOTATION_REQUEST,
	    .value = v->kind};

	it.key = notary_key(n, k->armour, strlen(k->armour), v->now, err);
	if (!it.key)
		return -1;
	notary_check(n, &it, 1, v->now);
	if (it.good)
		return 0;
	*err = it.err;
	return -1;
}

/* Is the request signed with one of its user's keys? key: with which. */
static int
check_request(const struct validation *v, struct notary *n, const char **key,
    struct error *err)
{
	size_t i, tried = 0;

	*key = "";
	if (v->trusted)
		return 0;

	for (i = 0; i < v->nkeys; i++) {
		if (strcmp(v->keys[i].user, v->user) != 0)
			continue;
		tried++;
		*key = v->keys[i].fingerprint;
		if (check_with(v, n, &v->keys[i], err) == 0)
			return 0;
	}
	if (tried == 0)
		return fail(err,
		    "there is no user %s with a key here; the administrator "
		    "adds one with \"autotua-master user add\"",
		    v->user);
	return -1;
}

static const char *
stage_digest(void *ctx, const char *name)
{
	const struct validation *v = ctx;
	size_t i;

	for (i = 0; i < v->nstages; i++) {
		if (strcmp(v->stages[i].name, name) == 0)
			return v->stages[i].digest;
	}
	return NULL;
}

static const char *const *
parameter_list(const struct validation *v)
{
	size_t n = json_object_size(v->parameters), i = 0;
	const char **list, *name;
	json_t *value;

	if (n == 0)
		return NULL;
	list = arena_array(v->arena, n + 1, const char *);
	json_object_foreach((json_t *)v->parameters, name, value) list[i++] =
	    arena_printf(v->arena, "%s=%s", name, json_string_value(value));
	return list;
}

static struct plan **
make_plans(const struct validation *v, struct tree *t, struct diags *d)
{
	struct plan_source src = plan_tree_source(v->arena, t);
	struct plan **plans = arena_array(v->arena, v->narches, struct plan *);
	struct plan_request req = {.root = v->root,
	    .default_stage = v->stage,
	    .stage_digest = stage_digest,
	    .stage_ctx = (void *)(uintptr_t)v,
	    .parameters = parameter_list(v)};
	size_t i;

	for (i = 0; i < v->narches; i++) {
		req.arch = v->arches[i];
		plans[i] = plan_make(v->arena, &src, &req, d);
		if (!plans[i])
			return NULL;
	}
	return plans;
}

/* Every recipe of the plans once. */
struct recipes {
	const struct tree_recipe **list;
	size_t n;
	struct map seen;
};

static void
collect(const struct validation *v, struct tree *t, const struct plan *plan,
    struct recipes *all, struct diags *d)
{
	const struct tree_recipe *r;
	const struct recipe_id *id;
	const char *atom;
	size_t i, k;

	for (i = 0; i < plan->nunits; i++) {
		for (k = 0; k < plan->units[i].nsteps; k++) {
			id = &plan->units[i].steps[k].meta->id;
			atom = id_format(v->arena, id);
			if (map_gets(&all->seen, atom))
				continue;
			r = tree_recipe(t, id, RECIPE_JOBUILD, d);
			if (!r)
				continue;
			*map_puts(&all->seen, atom) = (void *)(uintptr_t)r;
			all->list = arena_grow(v->arena, all->list, all->n,
			    sizeof(const struct tree_recipe *));
			all->list[all->n++] = r;
		}
	}
}

static int
check_recipes(const struct validation *v, struct notary *n, struct tree *t,
    const struct recipes *all, struct diags *d)
{
	struct keyring keyring;
	struct place nowhere = {0};
	struct error err;
	size_t i;

	keyring_init(&keyring, v->arena);
	for (i = 0; i < v->nkeys; i++) {
		if (keyring_add(&keyring, v->keys[i].user,
			v->keys[i].fingerprint, &err) < 0)
			diag_error(d, nowhere, "keyring", "%s", err.msg);
	}
	if (tree_verify_by(n, t, all->list, all->n, &keyring, v->now, d) <
	    all->n)
		return -1;
	return d->errors ? -1 : 0;
}

static json_t *
result_json(struct validation *v, struct tree *t, struct plan *const *plans)
{
	const struct plan_unit *root = &plans[0]->units[plans[0]->root];
	json_t *units = json_array(), *more;
	size_t i;

	for (i = 0; i < v->narches; i++) {
		more = plan_json(v, t, plans[i], json_array_size(units));
		json_array_extend(units, more);
		json_decref(more);
	}
	return json_pack("{s:b, s:s, s:s, s:o}", "signed", 1, "root",
	    id_format(v->arena, &root->steps[root->nsteps - 1].meta->id),
	    "revision", tree_commit(t), "units", units);
}

/* All locks of a unit are granted at once: many make that slow for all. */
static void
check_locks(const struct validation *v, const struct plan *plan,
    const struct plan_unit *u, struct diags *d)
{
	const struct metadata *m;
	struct place nowhere = {0};
	struct map seen;
	size_t i, k;

	map_init(&seen, v->arena);
	for (i = 0; i < u->nsteps; i++) {
		m = u->steps[i].meta;
		for (k = 0; k < m->nlocks; k++)
			map_put(&seen, m->locks[k], strcspn(m->locks[k], "="));
	}
	if (seen.n > UNIT_LOCKS)
		diag_error(d, nowhere, "locks",
		    "%s (%s): its steps want %zu locks, at most %d are allowed",
		    id_format(v->arena, &u->steps[u->nsteps - 1].meta->id),
		    plan->arch, seen.n, UNIT_LOCKS);
}

/* The result, or NULL with diagnostics. */
static json_t *
plan_all(
    struct validation *v, struct notary *n, struct tree *t, struct diags *d)
{
	struct recipes all = {0};
	struct plan **plans = make_plans(v, t, d);
	size_t i, k;

	if (!plans)
		return NULL;
	map_init(&all.seen, v->arena);
	for (i = 0; i < v->narches; i++) {
		collect(v, t, plans[i], &all, d);
		for (k = 0; k < plans[i]->nunits; k++)
			check_locks(v, plans[i], &plans[i]->units[k], d);
	}
	if (d->errors || check_recipes(v, n, t, &all, d) < 0)
		return NULL;
	return result_json(v, t, plans);
}

static json_t *
validate_submit(struct validation *v, struct notary *n)
{
	const char *trouble = NULL;
	struct tree *t = NULL;
	struct error none;
	struct diags d;
	json_t *o = NULL;

	diags_init(&d, v->arena);
	if (mirror_open(v, &t, &trouble, &d) == 0)
		o = plan_all(v, n, t, &d);
	/* writes the index; the plans' data are the arena's and the tree's */
	if (t)
		(void)tree_save_index(t, &none);
	if (!o && trouble)
		o = json_pack("{s:b, s:s}", "signed", 1, "trouble", trouble);
	if (!o)
		o = json_pack(
		    "{s:b, s:o}", "signed", 1, "diagnostics", diags_json(&d));
	return o;
}

void
validate(void *ctx, int out)
{
	struct validation *v = ctx;
	struct notary *n = notary_open(v->verdicts);
	struct error err;
	const char *key;
	json_t *o;
	char *text;

	if (check_request(v, n, &key, &err) < 0)
		o = json_pack("{s:b, s:s, s:i}", "signed", 0, "detail", err.msg,
		    "errno", err.code);
	else if (v->tree && !v->planned)
		o = validate_submit(v, n);
	else
		o = json_pack("{s:b, s:s}", "signed", 1, "key", key);
	notary_close(n);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	if (!text || file_write_all(out, text, strlen(text), &err) < 0)
		_exit(1);
}
