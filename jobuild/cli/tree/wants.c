/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/wants.h"
#include "base/arena.h"
#include "base/error.h"

#include <string.h>

/* A recipe with its parents, root first. */
struct chain {
	struct recipe *files[RECIPE_CHAIN_MAX];
	struct recipe_id ids[RECIPE_CHAIN_MAX];
	size_t n;
};

static const char *
path_of(struct arena *a, const struct recipe_id *id, enum recipe_kind kind)
{
	char ver[VERSION_MAX];

	version_format(id->ver, ver);
	return arena_printf(a, "%s/%s/%s-%s.%s", id->user, id->name, id->name,
	    ver, kind == RECIPE_TEMPLATE ? "template" : "jobuild");
}

static struct recipe *
parse(struct wants *w, const struct recipe_id *id, enum recipe_kind kind,
    struct place asked)
{
	const char *path = path_of(w->arena, id, kind);
	const struct tree_file *file;
	struct error err = {0};
	struct diag *g;

	file = tree_file(w->tree, path, &err);
	if (!file) {
		g = diag_error(
		    w->diags, asked, "missing-parent", "there is no %s", path);
		diag_hint(w->diags, g, "\"jobuild lint\" tells what is there");
		return NULL;
	}
	return recipe_parse(
	    w->arena, file->path, file->text, file->len, w->diags);
}

/* Read leaf to root, then turn round. */
static int
read_chain(struct wants *w, const struct recipe_id *leaf, enum recipe_kind kind,
    struct chain *out)
{
	struct recipe *files[RECIPE_CHAIN_MAX];
	struct recipe_id ids[RECIPE_CHAIN_MAX], next = *leaf;
	struct place at = {0};
	size_t i, n = 0;

	do {
		if (n == RECIPE_CHAIN_MAX) {
			diag_error(w->diags, at, "chain-too-long",
			    "a chain of more than %d files, or a cycle",
			    RECIPE_CHAIN_MAX);
			return -1;
		}
		files[n] = parse(w, &next, n ? RECIPE_TEMPLATE : kind, at);
		if (!files[n])
			return -1;
		ids[n++] = next;
	} while (recipe_extends(files[n - 1], &next, &at));
	for (i = 0; i < n; i++) {
		out->files[i] = files[n - 1 - i];
		out->ids[i] = ids[n - 1 - i];
	}
	out->n = n;
	return 0;
}

struct manifest *
wants_manifest(struct wants *w, const char *user, const char *name)
{
	const struct tree_file *file;
	struct error err = {0};

	file = tree_file(w->tree,
	    arena_printf(w->arena, "%s/%s/Manifest", user, name), &err);
	if (!file)
		return arena_new(w->arena, struct manifest);
	return manifest_parse(
	    w->arena, file->path, file->text, file->len, w->diags);
}

/* Does the Manifest of a parent in another package have it? */
static bool
is_inherited(struct wants *w, const struct chain *c, const char *file)
{
	const struct recipe_id *leaf = &c->ids[c->n - 1], *id;
	const struct manifest *m;
	size_t i;

	for (i = 0; i + 1 < c->n; i++) {
		id = &c->ids[i];
		if (strcmp(id->user, leaf->user) == 0 &&
		    strcmp(id->name, leaf->name) == 0)
			continue;
		m = wants_manifest(w, id->user, id->name);
		if (m && manifest_find(m, MANIFEST_DIST, file))
			return true;
	}
	return false;
}

static void
add(struct wants *w, const struct chain *c, const struct source *s)
{
	void **at;

	if (is_inherited(w, c, s->name))
		return;
	at = map_puts(&w->sources, s->name);
	if (!*at)
		*at = (void *)s;
}

static bool
has_source(const struct source *list, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(list[i].name, name) == 0)
			return true;
	}
	return false;
}

/*
 * A template's own files are those that don't change with the name of who
 * extends it: evaluate it under another name too and take what both have.
 */
static int
add_template(struct wants *w, const struct chain *c, const struct metadata *m)
{
	struct recipe_id other = c->ids[c->n - 1];
	const struct metadata *o;
	size_t i;

	other.name = "another";
	other.ver.minor++;
	o = recipe_eval(
	    w->arena, c->files, c->n, &other, RECIPE_TEMPLATE, w->diags);
	if (!o)
		return -1;
	for (i = 0; i < m->nsources; i++) {
		if (has_source(o->sources, o->nsources, m->sources[i].name))
			add(w, c, &m->sources[i]);
	}
	for (i = 0; i < m->nportconf; i++) {
		if (has_source(o->portconf, o->nportconf, m->portconf[i].name))
			add(w, c, &m->portconf[i]);
	}
	return 0;
}

static int
add_recipe(struct wants *w, const struct recipe_id *id, enum recipe_kind kind)
{
	const struct metadata *m;
	struct chain c;
	size_t i;

	if (read_chain(w, id, kind, &c) < 0)
		return -1;
	m = recipe_eval(w->arena, c.files, c.n, id, kind, w->diags);
	if (!m)
		return -1;
	if (kind == RECIPE_TEMPLATE)
		return add_template(w, &c, m);
	for (i = 0; i < m->nsources; i++)
		add(w, &c, &m->sources[i]);
	for (i = 0; i < m->nportconf; i++)
		add(w, &c, &m->portconf[i]);
	return 0;
}

int
wants_package(struct wants *w, const struct tree_package *p)
{
	struct recipe_id id = {p->user, p->name, {0, 0}};
	size_t i;
	int rc = 0;

	map_init(&w->sources, w->arena);
	for (i = 0; i < p->ntemplates; i++) {
		id.ver = p->templates[i];
		if (add_recipe(w, &id, RECIPE_TEMPLATE) < 0)
			rc = -1;
	}
	for (i = 0; i < p->nversions; i++) {
		id.ver = p->versions[i];
		if (add_recipe(w, &id, RECIPE_JOBUILD) < 0)
			rc = -1;
	}
	return rc;
}
