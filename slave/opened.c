/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/opened.h"
#include "slave/trees.h"
#include "base/file.h"
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

static const char *
name_of(const struct kept_tree *k)
{
	return strrchr(k->path, '/') + 1;
}

struct tree *
opened_find(struct opened *o, const struct kept_tree *k)
{
	struct opened_tree *t;
	size_t i;

	for (i = 0; i < OPENED_MAX; i++) {
		t = &o->list[i];
		if (!t->tree || strcmp(t->name, name_of(k)) != 0)
			continue;
		if (k->there && file_is_same(&t->st, &k->st)) {
			t->used = ++o->uses;
			return t->tree;
		}
		forget(t);
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
opened_add(struct opened *o, const struct kept_tree *k, struct tree *tree)
{
	struct opened_tree *t;

	while (bytes_of(o) + tree_bytes(tree) > OPENED_BYTES &&
	    (t = oldest(o, true)) != NULL)
		forget(t);
	t = oldest(o, false);
	forget(t);
	t->tree = tree;
	snprintf(t->name, sizeof(t->name), "%s", name_of(k));
	t->st = k->st;
	t->used = ++o->uses;
}

void
opened_close(struct opened *o)
{
	size_t i;

	for (i = 0; i < OPENED_MAX; i++)
		forget(&o->list[i]);
}
