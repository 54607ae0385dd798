/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user.h"
#include "index.h"
#include "index_file.h"

#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

static size_t
recipes_of(const struct package *p)
{
	return p->list.nversions + p->list.ntemplates;
}

bool
user_complete(struct tree *t, const struct user *u)
{
	const struct package *p;
	size_t i, k;

	if (!u->listed || !u->tidy || u->n == 0 || t->damage.msg[0] ||
	    git_oid_is_zero(&u->oid))
		return false;
	for (i = 0; i < u->n; i++) {
		p = u->packages[i];
		if (p->vouched)
			continue;
		for (k = 0; k < recipes_of(p); k++) {
			if (!p->ready[k] || p->ready[k]->state == READY_UNKNOWN)
				return false;
		}
	}
	return true;
}

/* What the index will say about one recipe without reading its record. */
static char
vouch(const struct package *p, size_t slot)
{
	const struct ready *r;

	if (p->vouched)
		return p->vouched[slot];
	r = p->ready[slot];
	if (r->state != READY_GOOD || r->trouble || r->record.len == 0)
		return 0;
	return VOUCH_GOOD | (r->advised ? VOUCH_ADVISED : 0);
}

/* The packages elsewhere that these recipes go through. */
static void
add_witnesses(struct map *seen, const struct package *p)
{
	struct record_head head;
	size_t i, k;

	for (i = 0; i < recipes_of(p); i++) {
		if (!(vouch(p, i) & VOUCH_GOOD) ||
		    record_head(&p->ready[i]->record, &head) < 0)
			continue;
		for (k = 0; k < head.witnesses.n; k++)
			*map_puts(seen, head.witnesses.list[k].path) = seen;
	}
}

static void
write_witnesses(struct buf *b, struct tree *t, const struct user *u)
{
	struct arena a = {0};
	struct map seen;
	const char *path;
	git_oid oid;
	size_t i;

	map_init(&seen, &a);
	for (i = 0; i < u->nwitnesses; i++)
		*map_puts(&seen, u->witnesses[i]) = &seen;
	for (i = 0; i < u->n; i++) {
		if (!u->packages[i]->vouched)
			add_witnesses(&seen, u->packages[i]);
	}
	write_number(b, seen.n);
	for (i = 0; i < seen.n; i++) {
		path = seen.items[i].key;
		oid = object_at(t, path);
		write_text(b, path);
		buf_add(b, oid.id, GIT_OID_RAWSZ);
	}
	arena_release(&a);
}

void
user_write(struct buf *b, struct tree *t, const struct user *u)
{
	const struct package *p;
	size_t i, k;
	char flags;

	write_text(b, u->name);
	buf_add(b, u->oid.id, GIT_OID_RAWSZ);
	write_witnesses(b, t, u);
	write_number(b, u->n);
	for (i = 0; i < u->n; i++) {
		p = u->packages[i];
		write_text(b, p->path);
		buf_add(b, p->oid.id, GIT_OID_RAWSZ);
		versions_write(b, p->list.versions, p->list.nversions);
		versions_write(b, p->list.templates, p->list.ntemplates);
		for (k = 0; k < recipes_of(p); k++) {
			flags = vouch(p, k);
			buf_add(b, &flags, 1);
		}
	}
}

/* ---- reading ---- */

/* Are the packages elsewhere what they were? */
static bool
witnesses_hold(struct cursor *c, struct tree *t, struct user *u)
{
	size_t i, n = read_count(c, GIT_OID_RAWSZ + 2);
	const char *id;
	git_oid oid;

	if (n > 0)
		u->witnesses = arena_array(&t->arena, n, const char *);
	for (i = 0; i < n; i++) {
		u->witnesses[i] = read_text(c);
		id = read_raw(c, GIT_OID_RAWSZ);
		if (c->bad)
			return false;
		oid = object_at(t, u->witnesses[i]);
		if (memcmp(oid.id, id, GIT_OID_RAWSZ) != 0)
			return false;
	}
	u->nwitnesses = n;
	return !c->bad;
}

static struct package *
read_package(struct cursor *c, struct tree *t, const struct user *u)
{
	struct package *p = arena_new(&t->arena, struct package);
	size_t n = strlen(u->name);
	const char *id;

	p->path = read_text(c);
	id = read_raw(c, GIT_OID_RAWSZ);
	p->list.versions = versions_read(c, &t->arena, &p->list.nversions);
	p->list.templates = versions_read(c, &t->arena, &p->list.ntemplates);
	p->vouched = read_raw(c, recipes_of(p));
	if (c->bad || recipes_of(p) == 0 || strncmp(p->path, u->name, n) != 0 ||
	    p->path[n] != '/' ||
	    !name_valid(p->path + n + 1, strlen(p->path + n + 1))) {
		c->bad = true;
		return NULL;
	}
	memcpy(p->oid.id, id, GIT_OID_RAWSZ);
	p->list.user = u->name;
	p->list.name = p->path + n + 1;
	p->stored = p->tidy = true;
	return p;
}

/* The packages, by name; NULL when bad. */
static struct package **
read_packages(struct cursor *c, struct tree *t, const struct user *u, size_t *n)
{
	struct package **list;
	size_t i;

	*n = read_count(c, GIT_OID_RAWSZ + 5);
	list = arena_array(&t->arena, *n, struct package *);
	for (i = 0; i < *n && !c->bad; i++) {
		list[i] = read_package(c, t, u);
		if (i > 0 && list[i] &&
		    strcmp(list[i - 1]->path, list[i]->path) >= 0)
			c->bad = true;
	}
	return c->bad || *n == 0 || c->p != c->end ? NULL : list;
}

int
user_read(
    struct cursor *c, struct tree *t, const unsigned char *oid, struct user *u)
{
	struct package **list;
	const char *id;
	size_t i, n, entries = 0;

	if (strcmp(read_text(c), u->name) != 0)
		return -1;
	id = read_raw(c, GIT_OID_RAWSZ);
	if (!id || memcmp(id, oid, GIT_OID_RAWSZ) != 0 ||
	    !witnesses_hold(c, t, u))
		return -1;
	list = read_packages(c, t, u, &n);
	if (!list)
		return -1;
	for (i = 0; i < n; i++)
		entries += 1 + recipes_of(list[i]);
	if (tree_count(t, entries) < 0)
		return -1;
	if (memcmp(oid, u->oid.id, GIT_OID_RAWSZ) != 0) {
		u->prior = list;
		u->nprior = n;
		return 0;
	}
	for (i = 0; i < n; i++)
		*map_puts(&t->packages, list[i]->path) = list[i];
	u->packages = list;
	u->n = n;
	u->listed = u->tidy = u->stored = true;
	return 0;
}

struct package *
user_prior(const struct user *u, const char *path, const git_oid *oid)
{
	size_t low = 0, high = u->nprior, mid;
	int c;

	while (low < high) {
		mid = low + (high - low) / 2;
		c = strcmp(path, u->prior[mid]->path);
		if (c == 0)
			return git_oid_equal(oid, &u->prior[mid]->oid)
			    ? u->prior[mid]
			    : NULL;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* ---- finding ---- */

struct user *
user_get(struct tree *t, const char *name)
{
	struct user *u = map_gets(&t->users, name);
	struct entry *e;

	if (u)
		return u;
	e = folder_entry(t, name);
	if (!e || e->kind != ENTRY_FOLDER || !tree_user_valid(name))
		return NULL;
	u = arena_new(&t->arena, struct user);
	u->name = tree_name(t, name);
	u->oid = object_at(t, name);
	*map_puts(&t->users, u->name) = u;
	if (t->cache)
		index_load_user(t->cache, t, u);
	return u;
}

void
user_list(struct tree *t, struct user *u)
{
	const struct folder *f;
	struct package *p;
	size_t i;

	if (u->listed)
		return;
	f = folder_get(t, u->name);
	for (i = 0; f && i < f->n; i++) {
		if (f->entries[i].kind != ENTRY_FOLDER)
			continue;
		p = package_get(t, u->name, f->entries[i].name);
		if (!p)
			continue;
		u->packages = arena_grow(
		    &t->arena, u->packages, u->n, sizeof(struct package *));
		u->packages[u->n++] = p;
	}
	u->listed = true;
}
