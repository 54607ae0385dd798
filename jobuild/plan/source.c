/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan's recipes out of a tree. */
#include "plan/plan.h"
#include "tree/tree.h"
#include "base/arena.h"

#include <assert.h>
#include <string.h>

struct source_tree {
	struct arena *arena;
	struct tree *tree;
	const char **names; /* made when first asked for */
};

static size_t
versions(
    void *ctx, const char *user, const char *name, const struct version **out)
{
	struct source_tree *s = ctx;
	const struct tree_package *p = tree_package(s->tree, user, name);

	if (!p)
		return 0;
	*out = p->versions;
	return p->nversions;
}

static const struct metadata *
metadata(void *ctx, const struct recipe_id *id, struct diags *d)
{
	struct source_tree *s = ctx;
	const struct tree_recipe *r =
	    tree_recipe(s->tree, id, RECIPE_JOBUILD, d);

	return r ? r->meta : NULL;
}

static const char *
dist_text(struct arena *a, const struct manifest_entry *e)
{
	return arena_printf(a, "DIST %s %lld %s %s", e->name,
	    (long long)e->size, e->blake2b, e->sha512);
}

/* A file of files/ as the recipe knows it: user/name/files/REST. */
static const char *
aux_name(const char *path)
{
	const char *rest = strstr(path, "/files/");

	return rest ? rest + strlen("/files/") : path;
}

/*
 * Chain, sources and files/, in the recipe's own order. Where something comes
 * from is not in it: a mirror or another name of the folder changes nothing.
 */
static const char *
content(void *ctx, const struct metadata *meta)
{
	struct source_tree *s = ctx;
	struct diags none;
	const struct tree_recipe *r;
	const char **list;
	size_t i, n = 0;
	char *key;

	diags_init(&none, s->arena);
	r = tree_recipe(s->tree, &meta->id, RECIPE_JOBUILD, &none);
	assert(r); /* its metadata was had before */
	list =
	    arena_array(s->arena, r->nchain + r->ndist + r->naux, const char *);
	for (i = 0; i < r->nchain; i++)
		list[n++] =
		    arena_printf(s->arena, "RECIPE %s", r->chain[i]->digest);
	for (i = 0; i < r->ndist; i++)
		list[n++] = dist_text(s->arena, r->dist[i]);
	for (i = 0; i < r->naux; i++)
		list[n++] = arena_printf(s->arena, "AUX %s %s",
		    aux_name(r->aux[i]->path), r->aux[i]->digest);
	key = arena_alloc(s->arena, 1, KEY_HEX);
	plan_content_key(meta, list, n, key);
	return key;
}

static const char *const *
names(void *ctx)
{
	struct source_tree *s = ctx;
	const struct tree_package *p;
	size_t i, k = 0, n;

	if (s->names)
		return s->names;
	p = tree_packages(s->tree, &n);
	s->names = arena_array(s->arena, n + 1, const char *);
	for (i = 0; i < n; i++) {
		if (p[i].nversions > 0)
			s->names[k++] = arena_printf(
			    s->arena, "%s/%s", p[i].user, p[i].name);
	}
	return s->names;
}

static bool
is_template(void *ctx, const char *user, const char *name)
{
	struct source_tree *s = ctx;
	const struct tree_package *p = tree_package(s->tree, user, name);

	return p && p->nversions == 0 && p->ntemplates > 0;
}

struct plan_source
plan_tree_source(struct arena *a, struct tree *t)
{
	struct source_tree *s = arena_new(a, struct source_tree);
	struct plan_source out = {
	    .ctx = s,
	    .versions = versions,
	    .metadata = metadata,
	    .content = content,
	    .names = names,
	    .is_template = is_template,
	};

	s->arena = a;
	s->tree = t;
	return out;
}
