/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two trees compared as jobs see them: recipes by their files and values, roots
 * by their plans. What differs is JSON, of which differ_print() makes the text
 * for people; jobuild(1) describes it.
 */
#ifndef CLI_DIFFER_H
#define CLI_DIFFER_H

#include "cli/tree/repo.h"

#include <jansson.h>

struct arena;
struct change;
struct cli;
struct map;

enum side { OLD, NEW, SIDES };

struct differ {
	struct cli *cli;
	struct tree *tree[SIDES];
	const struct change *change; /* of the one to the other */
	const char *arch;            /* the first for recipes that name none */
	bool only;                   /* no other for roots that may run on it */
};

/* What of a recipe differs; NULL: nothing does. */
json_t *differ_recipe(const struct differ *d, struct arena *a,
    const struct recipe_id *id, enum recipe_kind kind);

/*
 * Why the content of a step is another one: files, Manifest entries. An array,
 * empty when the recipe by itself gives the same work.
 */
json_t *differ_causes(const struct differ *d, struct arena *a,
    const struct recipe_id *old, const struct recipe_id *new);

/* What of a root's plans differs: an array, of an object for each architecture
 * for which something does. */
json_t *
differ_root(const struct differ *d, struct arena *a, const struct atom *root);

/* Add the files that stand in the way of a plan for the root, on any side. */
void differ_trouble(const struct differ *d, struct arena *a,
    const struct atom *root, struct map *files);

/* The document for people. */
void differ_print(struct cli *c, const json_t *document);

#endif
