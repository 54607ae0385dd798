/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/validate.h"
#include "plan/plan.h"
#include "tree/tree.h"
#include "base/arena.h"
#include "base/error.h"

#include <string.h>
#include <time.h>

/*
 * Packs made right away, while the tree is open: of so many units, as long as
 * that takes no more than a moment. Others are made on demand.
 */
#define PACKS_AHEAD  256
#define PACKS_MOMENT (CLOCKS_PER_SEC / 4)

static void
add_file(json_t *list, const struct tree_file *f)
{
	json_array_append_new(
	    list, json_pack("{s:s, s:s}", "path", f->path, "blob", f->blob));
}

static json_t *
files_json(const struct tree_recipe *r)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < r->nchain; i++)
		add_file(list, r->chain[i]);
	for (i = 0; i < r->nmanifests; i++)
		add_file(list, r->manifests[i]);
	for (i = 0; i < r->naux; i++)
		add_file(list, r->aux[i]);
	return list;
}

static json_t *
values_json(const struct metadata *m)
{
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < m->nvars; i++)
		json_object_set_new(
		    o, m->vars[i].name, json_string(m->vars[i].value));
	return o;
}

static json_t *
sources_json(const struct tree_recipe *r)
{
	const struct metadata *m = r->meta;
	const struct manifest_entry *e;
	const struct source *s;
	json_t *list = json_array(), *o;
	size_t i;

	for (i = 0; i < r->ndist; i++) {
		s = i < m->nsources ? &m->sources[i]
				    : &m->portconf[i - m->nsources];
		e = r->dist[i];
		o = json_pack("{s:s, s:I, s:s}", "name", s->name, "size",
		    (json_int_t)e->size, "uri", s->uri);
		if (*e->blake2b)
			json_object_set_new(
			    o, "blake2b", json_string(e->blake2b));
		if (*e->sha512)
			json_object_set_new(
			    o, "sha512", json_string(e->sha512));
		json_array_append_new(list, o);
	}
	return list;
}

/* The keyring's keys of everybody who signed a file of the recipe. */
static void
add_signers(
    json_t *signers, const struct validation *v, const struct tree_recipe *r)
{
	const char *user;
	json_t *list;
	size_t i, k;

	for (i = 0; i < r->nchain + r->nmanifests; i++) {
		user = i < r->nchain ? r->chain[i]->user
				     : r->manifests[i - r->nchain]->user;
		if (json_object_get(signers, user))
			continue;
		list = json_array();
		for (k = 0; k < v->nkeys; k++) {
			if (strcmp(v->keys[k].user, user) == 0)
				json_array_append_new(
				    list, json_string(v->keys[k].fingerprint));
		}
		json_object_set_new(signers, user, list);
	}
}

static json_t *
stage_json(const struct validation *v, const char *name)
{
	size_t i;

	for (i = 0; i < v->nstages; i++) {
		if (strcmp(v->stages[i].name, name) == 0)
			return json_pack("{s:s, s:s, s:I}", "name", name,
			    "digest", v->stages[i].digest, "size",
			    (json_int_t)v->stages[i].size);
	}
	return json_null();
}

/* One unit on its way to JSON. */
struct writing {
	struct validation *v;
	struct tree *t;
	const struct plan_unit *unit;
	json_t *capsule_steps, *steps, *signers, *requires, *locks;
	struct resources resources; /* the largest of its steps */
	const char **atoms;
	bool exclusive;
	bool network;  /* its key alone does not tell what comes out */
	size_t number; /* of the unit, in all plans */
	clock_t until; /* for packs ahead */
};

/* Those words that the list hasn't yet. */
static void
add_words(json_t *list, const char *const *words, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < json_array_size(list); k++) {
			if (strcmp(json_string_value(json_array_get(list, k)),
				words[i]) == 0)
				break;
		}
		if (k == json_array_size(list))
			json_array_append_new(list, json_string(words[i]));
	}
}

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
add_resources(struct resources *r, const struct resources *more)
{
	r->memory = larger(r->memory, more->memory);
	r->cpus = larger(r->cpus, more->cpus);
	r->disk = larger(r->disk, more->disk);
}

static void
add_step(struct writing *w, size_t i)
{
	const struct plan_step *step = &w->unit->steps[i];
	const struct tree_recipe *r;
	struct diags none;

	/* it was evaluated before: there is nothing new to complain about */
	diags_init(&none, w->v->arena);
	r = tree_recipe(w->t, &step->meta->id, RECIPE_JOBUILD, &none);
	w->atoms[i] = id_format(w->v->arena, &step->meta->id);
	json_array_append_new(w->steps,
	    json_pack("{s:s, s:s}", "atom", w->atoms[i], "key", step->key));
	json_array_append_new(w->capsule_steps,
	    json_pack("{s:s, s:s, s:o, s:o, s:o}", "atom", w->atoms[i], "key",
		step->key, "files", files_json(r), "values",
		values_json(r->meta), "sources", sources_json(r)));
	add_signers(w->signers, w->v, r);
	add_words(w->requires, r->meta->requires, r->meta->nrequires);
	add_words(w->locks, r->meta->locks, r->meta->nlocks);
	add_resources(&w->resources, &r->meta->resources);
	w->exclusive |= (r->meta->properties & PROPERTY_EXCLUSIVE) != 0;
	w->network |= (r->meta->properties &
			  (PROPERTY_NETWORK | PROPERTY_NETWORK_SETUP)) != 0;
}

static void
pack_ahead(struct writing *w, const char *name)
{
	struct pack_job p = {.arena = w->v->arena,
	    .packs = w->v->packs,
	    .name = name,
	    .atoms = w->atoms,
	    .n = w->unit->nsteps};
	struct error ignored;

	/* it will be tried again when a slave asks */
	(void)pack_make(&p, w->t, &ignored);
}

/* What wants.h reads; the capsule knows the stage. */
static json_t *
wants_json(struct writing *w, const json_t *capsule)
{
	const char *stage = json_string_value(
	    json_object_get(json_object_get(capsule, "stage"), "digest"));

	return json_pack("{s:b, s:o, s:o, s:{s:I, s:I, s:I}, s:s}", "exclusive",
	    (int)w->exclusive, "requires", w->requires, "locks", w->locks,
	    "resources", "memory", (json_int_t)w->resources.memory, "cpus",
	    (json_int_t)w->resources.cpus, "disk",
	    (json_int_t)w->resources.disk, "stage", stage ? stage : "");
}

static json_t *
unit_json(struct writing *w, const struct plan *plan, size_t first)
{
	const struct plan_unit *u = w->unit;
	const char *root, *revision = tree_commit(w->t);
	json_t *needs = json_array(), *capsule;
	char pack[65];
	size_t i;

	w->atoms = arena_array(w->v->arena, u->nsteps, const char *);
	w->steps = json_array();
	w->capsule_steps = json_array();
	w->signers = json_object();
	w->requires = json_array();
	w->locks = json_array();
	for (i = 0; i < u->nsteps; i++)
		add_step(w, i);
	for (i = 0; i < u->nneeds; i++)
		json_array_append_new(needs,
		    json_integer((json_int_t)first + (json_int_t)u->needs[i]));
	root = w->atoms[u->nsteps - 1];
	pack_name(revision, w->atoms, u->nsteps, pack);
	if (w->number < PACKS_AHEAD && clock() < w->until)
		pack_ahead(w, pack);
	capsule = json_pack("{s:s, s:s, s:s, s:s, s:o, s:i, s:s, s:o, s:o}",
	    "revision", revision, "tree", w->v->tree, "root", root, "arch",
	    plan->arch, "stage", stage_json(w->v, u->stage), "keys", KEY_FORMAT,
	    "key", u->key, "signers", w->signers, "steps", w->capsule_steps);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o}",
	    "root", root, "arch", plan->arch, "key", u->key, "pack", pack,
	    "reusable", (int)!w->network, "wants", wants_json(w, capsule),
	    "needs", needs, "steps", w->steps, "capsule", capsule);
}

json_t *
plan_json(
    struct validation *v, struct tree *t, const struct plan *plan, size_t first)
{
	clock_t until = clock() + PACKS_MOMENT;
	json_t *list = json_array();
	struct writing w;
	size_t i;

	for (i = 0; i < plan->nunits; i++) {
		memset(&w, 0, sizeof(w));
		w.v = v;
		w.t = t;
		w.unit = &plan->units[i];
		w.number = first + i;
		w.until = until;
		json_array_append_new(list, unit_json(&w, plan, first));
	}
	return list;
}
