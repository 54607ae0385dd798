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
	return strrchr(k->folder, '/') + 1;
}

struct tree *
opened_find(struct opened *o, const struct kept_tree *k)
{
	struct opened_tree *t;
	size_t i;

	for (i = 0; i < OPENED_MAX; i++) {
		t = &o->list[i];
		if (!t->tree || strcmp(t->folder, name_of(k)) != 0)
			continue;
		if (k->there && file_is_same(&t->mark, &k->mark)) {
			t->used = ++o->uses;
			return t->tree;
		}
		forget(t);
	}
	return NULL;
}

struct tree *
opened_add(struct opened *o, const struct kept_tree *k, const char *revision,
    struct error *err)
{
	struct opened_tree *t = &o->list[0];
	size_t i;

	for (i = 1; i < OPENED_MAX; i++) {
		if (o->list[i].used < t->used)
			t = &o->list[i];
	}
	forget(t);
	if (tree_open(&t->tree, k->repo, revision, err) < 0)
		return t->tree = NULL;
	snprintf(t->folder, sizeof(t->folder), "%s", name_of(k));
	t->mark = k->mark;
	t->used = ++o->uses;
	return t->tree;
}

void
opened_close(struct opened *o)
{
	size_t i;

	for (i = 0; i < OPENED_MAX; i++)
		forget(&o->list[i]);
}
