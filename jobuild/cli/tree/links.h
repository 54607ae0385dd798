/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes and what links them, as numbers, for questions about chains: a link
 * goes from a recipe to one that it needs or extends.
 */
#ifndef CLI_LINKS_H
#define CLI_LINKS_H

#include "base/map.h"
#include "recipe/recipe.h"

#include <jansson.h>

struct link {
	size_t from, to;
	const char *kind; /* "DEPEND", "SIDEPEND", "EXTENDS" */
	struct place at;
};

struct links {
	struct arena *arena;
	struct map numbers; /* by name */
	struct map known;   /* links */
	const char **names; /* user/name-ver */
	size_t n;
	struct link *list;
	size_t nlinks;
};

void links_init(struct links *l, struct arena *a);

/* The recipe's number, new if it has none; its name. */
size_t links_node(struct links *l, const struct recipe_id *id);

/* The same link a second time is none. */
void links_add(
    struct links *l, size_t from, size_t to, const char *kind, struct place at);

/* The link to what m extends, if it does, by its EXTENDS. */
void links_add_parent(struct links *l, size_t from, const struct metadata *m);

/*
 * The links by where they start or, with backwards, end: those of node i are
 * sorted[first[i]] to sorted[first[i + 1] - 1], in the order of adding.
 */
struct links_index {
	size_t *first;
	const struct link **sorted;
};
void
links_index(const struct links *l, bool backwards, struct links_index *out);

/* "FILE:LINE". */
const char *links_place(struct arena *a, struct place at);

json_t *links_json(const struct links *l, const struct link *link);

#endif
