/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packages there are, and what is known about each. */
#include "private.h"
#include "index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
is_user(const char *name)
{
	return strcmp(name, "overlays") != 0 && user_valid(name, strlen(name));
}

const char *
tree_name(struct tree *t, const char *name)
{
	return name_once(&t->names, name);
}

git_oid
object_at(struct tree *t, const char *path)
{
	const struct entry *e = folder_entry(t, path);
	git_oid none = {{0}};

	return e ? e->oid : none;
}

static int
newest_first(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	return version_compare(*y, *x);
}

bool
recipe_name(const char *file, const char *name, struct version *ver,
    enum recipe_kind *kind)
{
	static const char *const suffixes[] = {
	    [RECIPE_JOBUILD] = ".jobuild", [RECIPE_TEMPLATE] = ".template"};
	size_t i, n = strlen(file), nn = strlen(name), ns;

	if (n <= nn + 1 || strncmp(file, name, nn) != 0 || file[nn] != '-')
		return false;
	for (i = 0; i < 2; i++) {
		ns = strlen(suffixes[i]);
		if (n <= nn + 1 + ns || strcmp(file + n - ns, suffixes[i]) != 0)
			continue;
		*kind = (enum recipe_kind)i;
		return version_parse(file + nn + 1, n - ns - nn - 1, ver);
	}
	return false;
}

/* Its recipes of one kind, newest first. */
static struct version *
list_versions(struct tree *t, const struct folder *f, const char *name,
    enum recipe_kind want, size_t *n)
{
	struct version *list = NULL, v;
	struct arena a = {0};
	enum recipe_kind kind;
	size_t i;

	*n = 0;
	for (i = 0; i < f->n; i++) {
		if (f->entries[i].kind != ENTRY_FILE ||
		    !recipe_name(f->entries[i].name, name, &v, &kind) ||
		    kind != want || !entry_present(t, &f->entries[i]))
			continue;
		list = arena_grow(&a, list, *n, sizeof(*list));
		list[(*n)++] = v;
	}
	if (*n == 0)
		return NULL;
	qsort(list, *n, sizeof(*list), newest_first);
	list = memcpy(arena_array(&t->arena, *n, struct version), list,
	    *n * sizeof(*list));
	arena_release(&a);
	return list;
}

static void
read_folder(struct tree *t, struct package *p)
{
	const struct folder *f = folder_get(t, p->path);
	struct tree_package *l = &p->list;

	if (!f)
		return;
	l->versions =
	    list_versions(t, f, l->name, RECIPE_JOBUILD, &l->nversions);
	l->templates =
	    list_versions(t, f, l->name, RECIPE_TEMPLATE, &l->ntemplates);
}

/* NULL when it has no recipe. */
static struct package *
read_package(struct tree *t, const char *path, const char *user)
{
	struct package *p = arena_new(&t->arena, struct package);
	struct tree_package *l = &p->list;

	p->path = arena_strdup(&t->arena, path);
	l->user = tree_name(t, user);
	l->name = strchr(p->path, '/') + 1;
	p->oid = object_at(t, path);
	if (t->cache)
		index_load(t->cache, t, p);
	if (!p->stored)
		read_folder(t, p);
	if (l->nversions + l->ntemplates == 0)
		return NULL;
	if (!p->ready)
		p->ready = arena_array(
		    &t->arena, l->nversions + l->ntemplates, struct ready *);
	return p;
}

struct package *
package_get(struct tree *t, const char *user, const char *name)
{
	char path[USER_MAX + NAME_MAX_LEN + 2];
	struct package *p;

	p = t->last;
	if (p && strcmp(p->list.name, name) == 0 &&
	    strcmp(p->list.user, user) == 0)
		return p;
	if (!is_user(user) || !name_valid(name, strlen(name)))
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", user, name);
	p = map_gets(&t->packages, path);
	if (!p) {
		p = read_package(t, path, user);
		if (!p)
			return NULL;
		*map_puts(&t->packages, p->path) = p;
	}
	t->last = p;
	return p;
}

const struct tree_package *
tree_package(const struct tree *ct, const char *user, const char *name)
{
	/* what is asked for the first time is read: a cache, no change */
	struct tree *t = (struct tree *)(uintptr_t)ct;
	struct package *p = package_get(t, user, name);

	return p ? &p->list : NULL;
}

struct ready *
package_ready(struct tree *t, struct package *p, struct version ver,
    enum recipe_kind kind)
{
	const struct tree_package *l = &p->list;
	const struct version *v =
	    kind == RECIPE_JOBUILD ? l->versions : l->templates;
	size_t n = kind == RECIPE_JOBUILD ? l->nversions : l->ntemplates;
	struct ready **slot = p->ready;
	size_t i;

	if (kind == RECIPE_TEMPLATE)
		slot += l->nversions;
	for (i = 0; i < n && version_compare(v[i], ver) != 0; i++)
		;
	if (i == n)
		return NULL;
	if (!slot[i])
		slot[i] = arena_new(&t->arena, struct ready);
	return slot[i];
}

static void
list_user(struct tree *t, const char *user)
{
	const struct folder *f = folder_get(t, user);
	const struct tree_package *p;
	size_t i;

	for (i = 0; f && i < f->n; i++) {
		if (f->entries[i].kind != ENTRY_FOLDER)
			continue;
		p = tree_package(t, user, f->entries[i].name);
		if (!p)
			continue;
		t->all =
		    arena_grow(&t->arena, t->all, t->nall, sizeof(*t->all));
		t->all[t->nall++] = *p;
	}
}

const struct tree_package *
tree_packages(const struct tree *ct, size_t *n)
{
	struct tree *t = (struct tree *)(uintptr_t)ct;
	const struct folder *root;
	size_t i;

	if (!t->listed) {
		root = folder_get(t, "");
		for (i = 0; root && i < root->n; i++) {
			if (root->entries[i].kind == ENTRY_FOLDER &&
			    is_user(root->entries[i].name))
				list_user(t, root->entries[i].name);
		}
		t->listed = true;
	}
	*n = t->nall;
	return t->all;
}
