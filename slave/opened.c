/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/opened.h"
#include "tree/tree.h"

#include <stdio.h>
#include <string.h>

static void
forget(struct opened_tree *t)
{
	if (t->tree)
		tree_close(t->tree);
	memset(t, 0, sizeof(*t));
}

struct tree *
opened_find(struct opened *o, const char *key)
{
	struct opened_tree *t;
	size_t i;

	for (i = 0; i < OPENED_MAX; i++) {
		t = &o->list[i];
		if (!t->tree || strcmp(t->key, key) != 0)
			continue;
		t->used = ++o->uses;
		return t->tree;
	}
	return NULL;
}

/* Of those that are open, or of all places: the one not used for longest. */
static struct opened_tree *
oldest(struct opened *o, bool open)
{
	struct opened_tree *t = NULL;
	size_t i;

	for (i = 0; i < OPENED_MAX; i++) {
		if (open && !o->list[i].tree)
			continue;
		if (!t || o->list[i].used < t->used)
			t = &o->list[i];
	}
	return t;
}

void
opened_add(struct opened *o, const char *key, struct tree *tree)
{
	struct opened_tree *t = oldest(o, false);

	forget(t);
	t->tree = tree;
	snprintf(t->key, sizeof(t->key), "%s", key);
	t->used = ++o->uses;
}

static size_t
bytes_of(const struct opened *o)
{
	size_t i, n = 0;

	for (i = 0; i < OPENED_MAX; i++) {
		if (o->list[i].tree)
			n += tree_bytes(o->list[i].tree);
	}
	return n;
}

void
opened_trim(struct opened *o)
{
	while (bytes_of(o) > OPENED_BYTES)
		forget(oldest(o, true));
}

void
opened_close(struct opened *o)
{
	size_t i;

	for (i = 0; i < OPENED_MAX; i++)
		forget(&o->list[i]);
}
