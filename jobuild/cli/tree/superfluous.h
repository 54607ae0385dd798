/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a Manifest that nobody needs: the same that "jobuild manifest"
 * would remove, told as advice. */
#ifndef CLI_SUPERFLUOUS_H
#define CLI_SUPERFLUOUS_H

#include "tree/tree.h"

struct arena;
struct diags;

/*
 * A warning for each DIST line of the package that no recipe uses; nothing
 * where a recipe can't be read, so that nobody knows.
 */
void superfluous_find(struct arena *a, struct tree *t,
    const struct tree_package *p, struct diags *d);

#endif
