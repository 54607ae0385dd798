/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/capsule.h"
#include "base/arena.h"
#include "base/error.h"
#include "recipe/atom.h"

#include <inttypes.h>
#include <string.h>

#define LEASE_SECONDS_MAX 86400

/* The first NULL of these texts is missing. */
static int
check_form(const struct capsule *c, struct error *err)
{
	struct arena a = {0};
	struct recipe_id id;
	bool root = id_parse(&a, c->root, strlen(c->root), &id);

	arena_release(&a);
	if (c->lease < 1 || c->attempt < 0)
		return fail(err, "capsule: lease or attempt out of range");
	if (c->lease_seconds < 1 || c->lease_seconds > LEASE_SECONDS_MAX)
		return fail(err, "capsule: lease_seconds must be 1 to %d",
		    LEASE_SECONDS_MAX);
	if (!is_hex(c->revision, OBJECT_HEX - 1))
		return fail(err, "capsule: revision is not 40 hex digits");
	if (!is_hex(c->key, KEY_HEX - 1) || !is_hex(c->digest, KEY_HEX - 1))
		return fail(
		    err, "capsule: key or stage digest is not 64 hex digits");
	if (!root)
		return fail(err, "capsule: root is not user/name-version");
	if (!json_is_object(c->parameters) || !json_is_object(c->signers) ||
	    !json_is_array(c->steps))
		return fail(err,
		    "capsule: parameters, signers or steps have another type");
	return 0;
}

int
capsule_read(struct capsule *c, const json_t *json, struct error *err)
{
	json_int_t lease, job, unit, attempt, seconds, size = -1;
	json_int_t keys = KEY_FORMAT;
	json_t *parameters, *signers, *steps;
	json_error_t bad;

	memset(c, 0, sizeof(*c));
	if (json_unpack_ex((json_t *)json, &bad, 0,
		"{s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s,"
		" s:{s:s, s:s, s?I}, s:o, s:o, s:o, s?I}",
		"lease", &lease, "job", &job, "unit", &unit, "attempt",
		&attempt, "lease_seconds", &seconds, "tree", &c->tree,
		"revision", &c->revision, "root", &c->root, "arch", &c->arch,
		"key", &c->key, "stage", "name", &c->stage, "digest",
		&c->digest, "size", &size, "parameters", &parameters, "signers",
		&signers, "steps", &steps, "keys", &keys) < 0)
		return fail(err, "capsule: %s", bad.text);
	c->lease = lease;
	c->job = job;
	c->unit = unit;
	c->attempt = attempt;
	c->lease_seconds = seconds;
	c->stage_size = size;
	c->keys = keys;
	c->parameters = parameters;
	c->signers = signers;
	c->steps = steps;
	return check_form(c, err);
}

int
capsule_signers(const struct capsule *c, struct keyring *k, struct error *err)
{
	const char *user, *text;
	json_t *list, *item;
	size_t i;

	json_object_foreach((json_t *)c->signers, user, list)
	{
		json_array_foreach(list, i, item)
		{
			text = json_string_value(item);
			if (keyring_add(k, user, text ? text : "", err) < 0)
				return fail_in(err, "capsule: signers");
		}
	}
	return 0;
}

const char *const *
capsule_parameters(const struct capsule *c, struct arena *a)
{
	size_t n = 0, size = json_object_size(c->parameters);
	const char **list = arena_array(a, size + 1, const char *);
	const char *name, *text;
	json_t *value;

	json_object_foreach((json_t *)c->parameters, name, value)
	{
		text = json_string_value(value);
		if (text)
			list[n++] = arena_printf(a, "%s=%s", name, text);
	}
	return list;
}

const bool *
capsule_made(const struct capsule *c, struct arena *a)
{
	size_t i, n = json_array_size(c->steps);
	bool *made = arena_array(a, n + 1, bool);

	for (i = 0; i < n; i++)
		made[i] = json_is_true(
		    json_object_get(json_array_get(c->steps, i), "made"));
	return made;
}

/*
 * The pack has the unit's recipes alone, so what others wait for elsewhere
 * is not looked at: a source whose metadata has no SIDEPEND. Their text stays
 * among the variables, and so in the content key.
 */
struct alone {
	struct plan_source tree;
	struct arena *arena;
	struct map seen; /* id to the copy */
};

static size_t
alone_versions(
    void *ctx, const char *user, const char *name, const struct version **out)
{
	struct alone *s = ctx;

	return s->tree.versions(s->tree.ctx, user, name, out);
}

static bool
alone_is_template(void *ctx, const char *user, const char *name)
{
	struct alone *s = ctx;

	return s->tree.is_template &&
	    s->tree.is_template(s->tree.ctx, user, name);
}

static const struct metadata *
alone_metadata(void *ctx, const struct recipe_id *id, struct diags *d)
{
	struct alone *s = ctx;
	const char *name = id_format(s->arena, id);
	struct metadata *copy = map_gets(&s->seen, name);
	const struct metadata *meta;

	if (copy)
		return copy;
	meta = s->tree.metadata(s->tree.ctx, id, d);
	if (!meta)
		return NULL;
	copy = arena_new(s->arena, struct metadata);
	*copy = *meta;
	memset(&copy->sidepend, 0, sizeof(copy->sidepend));
	*map_puts(&s->seen, name) = copy;
	return copy;
}

static const char *
alone_content(void *ctx, const struct metadata *meta)
{
	struct alone *s = ctx;

	return s->tree.content(s->tree.ctx, meta);
}

static const char *const *
alone_names(void *ctx)
{
	struct alone *s = ctx;

	return s->tree.names(s->tree.ctx);
}

/* The capsule binds one stage; another name has no digest here. */
static const char *
stage_digest(void *ctx, const char *name)
{
	const struct capsule *c = ctx;

	return strcmp(name, c->stage) == 0 ? c->digest : NULL;
}

static const struct tree_recipe **
recipes_of(struct arena *a, struct tree *t, const struct plan_unit *unit,
    struct diags *d)
{
	const struct tree_recipe **list =
	    arena_array(a, unit->nsteps, const struct tree_recipe *);
	size_t i;

	for (i = 0; i < unit->nsteps; i++) {
		list[i] =
		    tree_recipe(t, &unit->steps[i].meta->id, RECIPE_JOBUILD, d);
		if (!list[i])
			return NULL;
	}
	return list;
}

struct recipe_id *
capsule_ids(struct arena *a, const struct capsule *c, size_t *n)
{
	struct recipe_id *ids;
	const char *atom;
	size_t i;

	*n = json_array_size(c->steps);
	ids = arena_array(a, *n + 1, struct recipe_id);
	for (i = 0; i < *n; i++) {
		atom = json_string_value(
		    json_object_get(json_array_get(c->steps, i), "atom"));
		if (!atom || !id_parse(a, atom, strlen(atom), &ids[i]))
			return NULL;
	}
	return ids;
}

struct plan *
capsule_plan(struct arena *a, const struct capsule *c, struct tree *t,
    const struct tree_recipe ***list, struct diags *d)
{
	struct alone *s = arena_new(a, struct alone);
	struct plan_source src = {.ctx = s,
	    .versions = alone_versions,
	    .is_template = alone_is_template,
	    .metadata = alone_metadata,
	    .content = alone_content,
	    .names = alone_names};
	struct plan_request req = {.arch = c->arch,
	    .default_stage = c->stage,
	    .stage_digest = stage_digest,
	    .stage_ctx = (void *)c,
	    .parameters = capsule_parameters(c, a)};
	struct error err;
	struct place nowhere = {0};
	const char *root = arena_printf(a, "=%s", c->root);
	struct plan *plan;

	s->tree = plan_tree_source(a, t);
	s->arena = a;
	map_init(&s->seen, a);
	if (atom_parse(a, root, strlen(root), &req.root, &err) < 0) {
		diag_error(d, nowhere, "root", "%s", err.msg);
		return NULL;
	}
	plan = plan_make(a, &src, &req, d);
	if (!plan)
		return NULL;
	*list = recipes_of(a, t, &plan->units[plan->root], d);
	return *list ? plan : NULL;
}

static int
differs(struct error *err, const char *atom, const char *what, const char *here,
    const char *there)
{
	return fail(err,
	    "%s: %s is \"%.160s\" in the signed tree, but \"%.160s\" in the "
	    "capsule",
	    atom, what, here ? here : "(absent)", there ? there : "(absent)");
}

static bool
same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static int
compare_values(const struct metadata *m, const json_t *values, const char *atom,
    struct error *err)
{
	const char *name, *text;
	const json_t *value;
	size_t i;

	for (i = 0; i < m->nvars; i++) {
		name = m->vars[i].name;
		text = json_string_value(json_object_get(values, name));
		if (!same(m->vars[i].value, text))
			return differs(err, atom, name, m->vars[i].value, text);
	}
	json_object_foreach((json_t *)values, name, value)
	{
		text = metadata_get(m, name);
		if (!same(text, json_string_value(value)))
			return differs(
			    err, atom, name, text, json_string_value(value));
	}
	return 0;
}

/* Every file that the capsule names is the tree's, and the chain is named. */
static int
compare_files(const struct tree_recipe *r, const json_t *files,
    const char *atom, struct error *err)
{
	const char *path, *blob;
	const json_t *file;
	size_t i, k, found = 0;

	json_array_foreach(files, i, file)
	{
		path = json_string_value(json_object_get(file, "path"));
		blob = json_string_value(json_object_get(file, "blob"));
		for (k = 0; k < r->nchain; k++) {
			if (!same(path, r->chain[k]->path))
				continue;
			if (!same(blob, r->chain[k]->blob))
				return differs(
				    err, atom, path, r->chain[k]->blob, blob);
			found++;
		}
	}
	if (found != r->nchain)
		return fail(err,
		    "%s: the capsule names %zu of the %zu files of its chain",
		    atom, found, r->nchain);
	return 0;
}

static int
compare_source(const struct source *s, const struct manifest_entry *e,
    const json_t *there, const char *atom, struct error *err)
{
	const char *name, *uri, *blake2b = "", *sha512 = "";
	json_int_t size;

	if (json_unpack((json_t *)there, "{s:s, s:I, s:s, s?s, s?s}", "name",
		&name, "size", &size, "uri", &uri, "blake2b", &blake2b,
		"sha512", &sha512) < 0)
		return fail(err, "%s: a source is incomplete", atom);
	if (!same(s->name, name))
		return differs(err, atom, "a source's name", s->name, name);
	if (!same(s->uri, uri))
		return differs(err, atom, name, s->uri, uri);
	if (e->size != size || !same(e->blake2b, blake2b) ||
	    !same(e->sha512, sha512))
		return fail(err,
		    "%s: size or digests of %s are not the signed Manifest's",
		    atom, name);
	return 0;
}

static int
compare_sources(const struct tree_recipe *r, const json_t *sources,
    const char *atom, struct error *err)
{
	const struct metadata *m = r->meta;
	const struct source *s;
	size_t i;

	if (json_array_size(sources) != r->ndist)
		return fail(err,
		    "%s: %zu sources in the capsule, %zu in the signed tree",
		    atom, json_array_size(sources), r->ndist);
	for (i = 0; i < r->ndist; i++) {
		s = i < m->nsources ? &m->sources[i]
				    : &m->portconf[i - m->nsources];
		if (compare_source(s, r->dist[i], json_array_get(sources, i),
			atom, err) < 0)
			return -1;
	}
	return 0;
}

static int
compare_step(const struct tree_recipe *r, const json_t *there, const char *atom,
    struct error *err)
{
	const char *name;
	json_t *files, *values, *sources;

	if (json_unpack((json_t *)there, "{s:s, s:o, s:o, s:o}", "atom", &name,
		"files", &files, "values", &values, "sources", &sources) < 0)
		return fail(
		    err, "%s: its step in the capsule is incomplete", atom);
	if (!same(atom, name))
		return differs(err, atom, "the step", atom, name);
	if (compare_files(r, files, atom, err) < 0 ||
	    compare_values(r->meta, values, atom, err) < 0 ||
	    compare_sources(r, sources, atom, err) < 0)
		return -1;
	return 0;
}

/*
 * After all else, as a key differs whenever anything else does. Those of
 * another format are only the master's names for results, made before it or
 * this slave was upgraded: layers go by the keys that are made here.
 */
static int
compare_keys(
    const struct capsule *c, const struct plan_unit *unit, struct error *err)
{
	const char *atom = c->root, *key;
	size_t i;

	for (i = 0; i < unit->nsteps; i++) {
		if (json_unpack(json_array_get(c->steps, i), "{s:s, s:s}",
			"atom", &atom, "key", &key) < 0 ||
		    !is_hex(key, KEY_HEX - 1))
			return fail(err,
			    "%s: its step in the capsule has no key", atom);
		if (c->keys == KEY_FORMAT && !same(unit->steps[i].key, key))
			return differs(err, atom, "the content key",
			    unit->steps[i].key, key);
	}
	if (c->keys == KEY_FORMAT && !same(unit->key, c->key))
		return differs(
		    err, c->root, "the unit's key", unit->key, c->key);
	return 0;
}

int
capsule_compare(const struct capsule *c, const struct plan_unit *unit,
    const struct tree_recipe *const list[], struct error *err)
{
	struct arena a = {0};
	int rc = 0;
	size_t i;

	if (json_array_size(c->steps) != unit->nsteps)
		return fail(err,
		    "%s: %zu steps in the capsule, %zu by the signed tree",
		    c->root, json_array_size(c->steps), unit->nsteps);
	for (i = 0; i < unit->nsteps && rc == 0; i++)
		rc = compare_step(list[i], json_array_get(c->steps, i),
		    id_format(&a, &unit->steps[i].meta->id), err);
	arena_release(&a);
	return rc < 0 ? -1 : compare_keys(c, unit, err);
}
