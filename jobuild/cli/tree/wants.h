/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files a package's Manifest must name: what its recipes evaluate to,
 * read without the Manifest that isn't written yet.
 */
#ifndef CLI_WANTS_H
#define CLI_WANTS_H

#include "recipe/recipe.h"
#include "tree/tree.h"

struct wants {
	struct arena *arena;
	struct tree *tree;
	struct diags *diags;
	struct map sources; /* file name -> const struct source * */
};

/*
 * Collect the sources of all recipes of the package that no parent's Manifest
 * has. -1 when a recipe can't be evaluated: the diagnostics say why.
 */
int wants_package(struct wants *w, const struct tree_package *p);

/* The package's Manifest; an empty one when there is none; NULL: broken. */
struct manifest *
wants_manifest(struct wants *w, const char *user, const char *name);

#endif
