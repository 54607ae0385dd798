/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Index files that no writer made, with checksums that are right. Each part is
 * three numbers of two bytes (how many entries there are, the length of their
 * bytes, that of the directory) and what follows its head.
 */
#include "tree/index/index_file.h"
#include "tree/index/user.h"
#include "tree/private.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NUMBERS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void
remove_file(void)
{
	unlink(path);
}

static size_t
number(const uint8_t *p)
{
	return p[0] * 256u + p[1];
}

/* Append a part; how many bytes of data that took. */
static size_t
put_part(struct buf *b, const uint8_t *data, size_t size)
{
	size_t entries = number(data + 2), all = entries + number(data + 4);
	size_t begin = b->len, left = size - NUMBERS;
	struct index_head head;

	if (all > left)
		all = left;
	index_head(&head);
	head.count = number(data);
	head.directory = begin + sizeof(head) + entries;
	head.end = begin + sizeof(head) + all;
	if (entries <= all)
		head.sum = index_sum(data + NUMBERS + entries, all - entries);
	buf_add(b, &head, sizeof(head));
	buf_add(b, data + NUMBERS, all);
	return NUMBERS + all;
}

static int
put_file(const uint8_t *data, size_t size)
{
	struct error err;
	struct buf b;
	size_t at;
	int rc;

	buf_init(&b, 1 << 24);
	for (at = 0; size - at >= NUMBERS;)
		at += put_part(&b, data + at, size - at);
	if (!path[0]) {
		/* once more, so that it isn't started for each input */
		(void)git_start(&err);
		snprintf(path, sizeof(path), "/tmp/fuzz-index-%d", getpid());
		atexit(remove_file);
	}
	unlink(path);
	rc = file_create(path, b.data, b.len, 0600, &err);
	buf_release(&b);
	return rc;
}

/* What is in a record, as a recipe of either kind. */
static void
read_record(struct tree *t, const struct package *p, const struct ready *ready)
{
	struct tree_recipe r = {.kind = RECIPE_JOBUILD};
	struct record_head head;

	r.id.user = p->list.user;
	r.id.name = p->list.name;
	(void)record_head(&ready->record, &head);
	(void)record_read(
	    &ready->record, &t->arena, &t->leaf, &t->names, "a/b/c", &r);
	r.kind = RECIPE_TEMPLATE;
	(void)record_read(
	    &ready->record, &t->arena, &t->leaf, &t->names, "a/b/c", &r);
}

static void
load_package(struct tree *t, struct index *x, const char *name, git_oid oid)
{
	struct package p = {.path = name, .oid = oid};
	const char *slash = strchr(name, '/');
	size_t i, n;

	p.list.user = arena_strndup(&t->arena, name, (size_t)(slash - name));
	p.list.name = slash + 1;
	index_load(x, t, &p);
	n = p.list.nversions + p.list.ntemplates;
	for (i = 0; p.stored && i < n; i++) {
		if (p.ready[i])
			read_record(t, &p, p.ready[i]);
	}
}

/* That folder, and what helps with another one. */
static void
load_user(struct tree *t, struct index *x, const char *name, git_oid oid)
{
	struct user u = {.name = name, .oid = oid}, other = {.name = name};

	index_load_user(x, t, &u);
	index_load_user(x, t, &other);
}

static void
load(struct tree *t, struct index *x, struct index_part *p,
    struct index_entry *e)
{
	const char *name = p->names + e->path, *bytes;
	git_oid oid = {0};

	memcpy(oid.id, e->oid, sizeof(e->oid));
	bytes = index_bytes(x, p, e->at, e->len);
	if (bytes)
		e->sum = index_sum(bytes, e->len);
	if (strchr(name, '/'))
		load_package(t, x, name, oid);
	else
		load_user(t, x, name, oid);
}

/* A tree in which there is nothing. */
static struct tree *
empty_tree(void)
{
	struct tree *t = tree_new(NULL);
	void **slot = arena_alloc(&t->arena, 1, sizeof(*slot));

	*slot = arena_new(&t->arena, struct folder);
	*map_puts(&t->folders, "") = slot;
	return t;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	struct index *x;
	struct tree *t;
	size_t i, k;

	if (size < NUMBERS || size > 60000 || git_start(&err) < 0 ||
	    put_file(data, size) < 0)
		return 0;
	t = empty_tree();
	x = index_open(path);
	for (i = 0; i < x->nparts; i++) {
		for (k = 0; k < x->parts[i].n; k++)
			load(t, x, &x->parts[i], &x->parts[i].list[k]);
	}
	index_close(x);
	tree_close(t);
	return 0;
}
