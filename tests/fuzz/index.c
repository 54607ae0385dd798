/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Index files that no writer made, with checksums that are right: the first
 * four bytes are the number of entries and where the directory begins, the
 * rest is what follows the head.
 */
#include "tree/index/index_file.h"
#include "tree/private.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void
remove_file(void)
{
	unlink(path);
}

static int
put_file(const uint8_t *data, size_t size)
{
	struct index_head head;
	struct error err;
	struct buf b;
	size_t directory = sizeof(head) + data[2] * 256u + data[3];
	int rc;

	index_head(&head);
	head.count = data[0] * 256u + data[1];
	head.directory = directory;
	buf_init(&b, 1 << 20);
	buf_add(&b, &head, sizeof(head));
	buf_add(&b, data + PARTS, size - PARTS);
	if (directory <= b.len)
		head.sum = index_sum(b.data + directory, b.len - directory);
	memcpy(b.data, &head, sizeof(head));
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
load(struct tree *t, struct index *x, struct index_entry *e)
{
	struct package p = {.path = x->names + e->path};
	const char *bytes, *slash = strchr(p.path, '/');
	size_t i, n;

	if (!slash)
		return;
	p.list.user =
	    arena_strndup(&t->arena, p.path, (size_t)(slash - p.path));
	p.list.name = slash + 1;
	memcpy(p.oid.id, e->oid, sizeof(e->oid));
	bytes = index_bytes(x, e->at, e->len);
	if (bytes)
		e->sum = index_sum(bytes, e->len);
	index_load(x, t, &p);
	n = p.list.nversions + p.list.ntemplates;
	for (i = 0; p.stored && i < n; i++) {
		if (p.ready[i])
			read_record(t, &p, p.ready[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	struct index *x;
	struct tree *t;
	size_t i;

	if (size < PARTS || size > 60000 || git_start(&err) < 0 ||
	    put_file(data, size) < 0)
		return 0;
	t = tree_new(NULL);
	x = index_open(path);
	for (i = 0; i < x->n; i++)
		load(t, x, &x->list[i]);
	index_close(x);
	tree_close(t);
	return 0;
}
