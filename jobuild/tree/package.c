/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packages there are, and what is known about each. */
#include "private.h"
#include "tree/index/index.h"
#include "tree/index/stamp.h"
#include "tree/index/user.h"

#include <stdlib.h>
#include <errno.h>
#include <string.h>

#define PATH_ROOM (USER_MAX + NAME_MAX_LEN + 2)

bool
tree_user_valid(const char *name)
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
	struct entry *e = folder_entry(t, path);
	git_oid none = {{0}};

	return e && stamp_entry(t, path, e) ? e->oid : none;
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

static void
alloc_ready(struct tree *t, struct package *p)
{
	if (!p->ready)
		p->ready = arena_array(&t->arena,
		    p->list.nversions + p->list.ntemplates, struct ready *);
}

/* NULL when it has no recipe. */
static struct package *
read_package(struct tree *t, const char *path, const struct user *u)
{
	struct entry *e = folder_entry(t, path);
	struct tree_package *l;
	struct package *p;

	if (!e || e->kind != ENTRY_FOLDER || tree_is_full(t))
		return NULL;
	(void)stamp_entry(t, path, e);
	p = user_prior(u, path, &e->oid);
	if (p)
		return p;
	p = arena_new(&t->arena, struct package);
	l = &p->list;
	p->path = arena_strdup(&t->arena, path);
	l->user = u->name;
	l->name = strchr(p->path, '/') + 1;
	p->oid = e->oid;
	if (t->cache && !git_oid_is_zero(&p->oid))
		index_load(t->cache, t, p);
	if (!p->stored)
		read_folder(t, p);
	if (l->nversions + l->ntemplates == 0)
		return NULL;
	alloc_ready(t, p);
	return p;
}

static bool
is_same_list(const struct tree_package *a, const struct tree_package *b)
{
	size_t size = sizeof(struct version);

	return a->nversions == b->nversions && a->ntemplates == b->ntemplates &&
	    (a->nversions == 0 ||
		memcmp(a->versions, b->versions, a->nversions * size) == 0) &&
	    (a->ntemplates == 0 ||
		memcmp(a->templates, b->templates, a->ntemplates * size) == 0);
}

void
package_wake(struct tree *t, struct package *p)
{
	struct package new = *p;

	if (!p->vouched)
		return;
	new.vouched = NULL;
	new.stored = false;
	index_load(t->cache, t, &new);
	/*
	 * Of the same folder no writer made another list; but its records may
	 * have been made beside other parents, so they are yet to be checked.
	 */
	if (new.stored && is_same_list(&new.list, &p->list))
		*p = new;
	p->vouched = NULL;
	alloc_ready(t, p);
}

void
package_learned(struct tree *t, struct package *p)
{
	struct user *u = user_get(t, p->list.user);

	if (git_oid_is_zero(&p->oid))
		return;
	p->fresh = true;
	if (u)
		u->fresh = true;
}

/* "user/name" */
static void
join(char path[PATH_ROOM], const char *user, size_t nu, const char *name,
    size_t nn)
{
	memcpy(path, user, nu);
	path[nu] = '/';
	memcpy(path + nu + 1, name, nn + 1);
}

struct package *
package_get(struct tree *t, const char *user, const char *name)
{
	size_t nu = strlen(user), nn = strlen(name);
	struct package *p = t->last;
	const struct user *u;
	char path[PATH_ROOM];

	if (p && strcmp(p->list.name, name) == 0 &&
	    strcmp(p->list.user, user) == 0)
		return p;
	if (nu > USER_MAX || nn > NAME_MAX_LEN)
		return NULL;
	join(path, user, nu, name, nn);
	p = map_get(&t->packages, path, nu + 1 + nn);
	if (!p && (!tree_user_valid(user) || !name_valid(name, nn)))
		return NULL;
	if (!p) {
		u = user_get(t, user);
		if (!u)
			return NULL;
		if (u->stored)
			p = map_get(&t->packages, path, nu + 1 + nn);
		else
			p = read_package(t, path, u);
		if (!p)
			return NULL;
		if (!u->stored)
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

/* The slot of a recipe, or -1. */
static ptrdiff_t
slot_of(const struct tree_package *l, struct version ver, enum recipe_kind kind)
{
	const struct version *v =
	    kind == RECIPE_JOBUILD ? l->versions : l->templates;
	size_t n = kind == RECIPE_JOBUILD ? l->nversions : l->ntemplates, i;

	for (i = 0; i < n && version_compare(v[i], ver) != 0; i++)
		;
	if (i == n)
		return -1;
	return (ptrdiff_t)(i + (kind == RECIPE_TEMPLATE ? l->nversions : 0));
}

unsigned
package_vouched(
    const struct package *p, struct version ver, enum recipe_kind kind)
{
	ptrdiff_t slot = p->vouched ? slot_of(&p->list, ver, kind) : -1;

	return slot < 0 ? 0 : (unsigned char)p->vouched[slot];
}

struct ready *
package_ready(struct tree *t, struct package *p, struct version ver,
    enum recipe_kind kind)
{
	ptrdiff_t slot = slot_of(&p->list, ver, kind);

	if (slot < 0)
		return NULL;
	package_wake(t, p);
	if (!p->ready[slot])
		p->ready[slot] = arena_new(&t->arena, struct ready);
	return p->ready[slot];
}

static void
list_user(struct tree *t, const char *name)
{
	struct user *u = user_get(t, name);
	size_t i;

	if (!u)
		return;
	user_list(t, u);
	for (i = 0; i < u->n; i++) {
		t->all =
		    arena_grow(&t->arena, t->all, t->nall, sizeof(*t->all));
		t->all[t->nall++] = u->packages[i]->list;
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
		for (i = 0; root && i < root->n && !tree_is_full(t); i++) {
			if (root->entries[i].kind == ENTRY_FOLDER &&
			    tree_user_valid(root->entries[i].name))
				list_user(t, root->entries[i].name);
		}
		t->listed = true;
	}
	*n = t->nall;
	return t->all;
}

int
tree_listed(const struct tree *t, struct error *err)
{
	size_t n;

	(void)tree_packages(t, &n);
	if (!tree_is_full(t))
		return 0;
	*err = t->damage;
	err->code = EFBIG;
	return -1;
}
