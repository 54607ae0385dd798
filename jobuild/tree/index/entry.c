/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known about one package, as an entry of the index. */
#include "index_file.h"
#include "tree/private.h"

#include <string.h>

static bool
is_storable(const struct ready *ready)
{
	return ready && ready->record.len > 0 && !ready->trouble &&
	    (ready->state == READY_GOOD ||
		(ready->state == READY_UNKNOWN && ready->stored));
}

void
versions_write(struct buf *b, const struct version *list, size_t n)
{
	size_t i;

	write_number(b, n);
	for (i = 0; i < n; i++) {
		write_number(b, list[i].major);
		write_number(b, list[i].minor);
	}
}

static void
write_support(struct buf *b, const struct support *s)
{
	size_t i;

	write_number(b, s->n);
	for (i = 0; i < s->n; i++) {
		write_text(b, s->files[i]->path);
		record_write_file(b, s->files[i]);
	}
}

void
entry_write(struct buf *b, const struct package *p)
{
	const struct tree_package *l = &p->list;
	const struct support *s = &p->support;
	bool supported = s->known && s->good && s->trouble.n == 0;
	size_t i, n = l->nversions + l->ntemplates;

	write_text(b, p->path);
	buf_add(b, p->oid.id, GIT_OID_RAWSZ);
	write_number(
	    b, (p->tidy ? INDEX_TIDY : 0) | (supported ? INDEX_SUPPORT : 0));
	versions_write(b, l->versions, l->nversions);
	versions_write(b, l->templates, l->ntemplates);
	if (supported)
		write_support(b, s);
	for (i = 0; i < n; i++) {
		if (!is_storable(p->ready[i])) {
			write_number(b, 0);
			continue;
		}
		write_number(b, p->ready[i]->record.len);
		write_number(b, p->ready[i]->advised);
		buf_add(b, p->ready[i]->record.data, p->ready[i]->record.len);
	}
}

struct version *
versions_read(struct cursor *c, struct arena *a, size_t *n)
{
	struct version *list;
	size_t i;

	*n = read_count(c, 2);
	if (*n == 0)
		return NULL;
	list = arena_array(a, *n, struct version);
	for (i = 0; i < *n; i++) {
		list[i].major = (uint32_t)read_number(c);
		list[i].minor = (uint32_t)read_number(c);
		if (i > 0 && version_compare(list[i - 1], list[i]) <= 0)
			c->bad = true;
	}
	return list;
}

/* One recipe of the package; nothing of it is looked at yet. */
static struct ready *
read_ready(struct cursor *c, struct arena *a)
{
	size_t n = read_count(c, 1);
	struct ready *ready;

	if (n == 0)
		return NULL;
	ready = arena_new(a, struct ready);
	ready->stored = true;
	ready->advised = read_number(c) == 1;
	ready->record.data = read_raw(c, n);
	ready->record.len = n;
	return ready;
}

static void
read_support(struct cursor *c, struct tree *t, struct package *p)
{
	struct support *s = &p->support;
	const char *end;
	size_t i;

	s->n = read_count(c, 50);
	if (s->n == 0)
		return;
	s->files = arena_array(&t->arena, s->n, struct tree_file *);
	for (i = 0; i < s->n; i++) {
		s->files[i] = arena_new(&t->arena, struct tree_file);
		s->files[i]->path = read_text(c);
		s->files[i]->user = p->list.user;
		record_read_file(c, s->files[i]);
		end = s->files[i]->path + strlen(p->path);
		if (strncmp(s->files[i]->path, p->path, strlen(p->path)) != 0 ||
		    strncmp(end, "/files/", 7) != 0)
			c->bad = true;
	}
}

int
entry_read(struct cursor *c, struct tree *t, struct package *p)
{
	struct package new = *p;
	struct tree_package *l = &new.list;
	const char *oid;
	uint64_t flags;
	size_t i, n;

	if (strcmp(read_text(c), p->path) != 0)
		return -1;
	oid = read_raw(c, GIT_OID_RAWSZ);
	if (!oid || memcmp(oid, p->oid.id, GIT_OID_RAWSZ) != 0)
		return -1;
	flags = read_number(c);
	new.tidy = flags &INDEX_TIDY;
	new.support.known = new.support.good = flags &INDEX_SUPPORT;
	l->versions = versions_read(c, &t->arena, &l->nversions);
	l->templates = versions_read(c, &t->arena, &l->ntemplates);
	if (new.support.good)
		read_support(c, t, &new);
	n = l->nversions + l->ntemplates;
	if (c->bad || n == 0)
		return -1;
	new.ready = arena_array(&t->arena, n, struct ready *);
	for (i = 0; i < n; i++)
		new.ready[i] = read_ready(c, &t->arena);
	if (c->bad || c->p != c->end)
		return -1;
	*p = new;
	return 0;
}

static void
check_all(struct tree *t, const struct package *p, enum recipe_kind kind)
{
	const struct tree_package *l = &p->list;
	size_t n = kind == RECIPE_JOBUILD ? l->nversions : l->ntemplates, i;
	struct recipe_id id = {l->user, l->name, {0, 0}};
	struct arena a = {0};
	struct diags none;

	for (i = 0; i < n; i++) {
		id.ver =
		    kind == RECIPE_JOBUILD ? l->versions[i] : l->templates[i];
		diags_init(&none, &a);
		(void)tree_check_recipe(t, &id, kind, &none);
		arena_reset(&a);
	}
	arena_release(&a);
}

bool
tree_knows_package(const struct tree *t, size_t i)
{
	const struct package *p = package_get(
	    (struct tree *)(uintptr_t)t, t->all[i].user, t->all[i].name);

	return p->stored;
}

/* What was found out while it was told. */
static void
forget(struct package *p)
{
	size_t i, n = p->list.nversions + p->list.ntemplates;

	for (i = 0; i < n; i++) {
		if (p->ready[i] && !p->ready[i]->stored)
			memset(p->ready[i], 0, sizeof(*p->ready[i]));
	}
	p->fresh = false;
}

/* Who tells a large tree needs nothing of it again, least of all its memory. */
void
tree_tell_package(struct tree *t, size_t i, struct buf *out)
{
	struct package *p = package_get(t, t->all[i].user, t->all[i].name);

	arena_reset(&t->told);
	t->tells = !p->fresh;
	package_check_layout(t, p);
	check_all(t, p, RECIPE_TEMPLATE);
	check_all(t, p, RECIPE_JOBUILD);
	if (p->fresh)
		entry_write(out, p);
	if (t->tells && p->ready)
		forget(p);
	t->tells = false;
}

void
tree_take_package(struct tree *t, size_t i, const char *data, size_t len)
{
	struct package *p = package_get(t, t->all[i].user, t->all[i].name);
	struct cursor c = {0};

	/* what was asked for before is somebody's */
	if (len == 0 || p->fresh)
		return;
	c.p = arena_strndup(&t->arena, data, len);
	c.end = c.p + len;
	if (entry_read(&c, t, p) < 0)
		return;
	p->vouched = NULL;
	package_learned(t, p);
}
