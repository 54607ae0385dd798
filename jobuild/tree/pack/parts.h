/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The git objects that a set of recipes consists of, which is what a pack of
 * them has, no more and no less: the commit; of each recipe the files of its
 * chain, the Manifests beside them, files/, the signatures of all these that
 * exist, the keys of their maintainers; and every folder on the way. Sender and
 * receiver compute it by the same rules, the receiver out of the pack alone.
 */
#ifndef TREE_PARTS_H
#define TREE_PARTS_H

#include "tree/private.h"

struct parts {
	struct tree *t;
	struct arena arena;
	struct map paths;   /* folders that were added */
	struct map objects; /* by the id's bytes, each once, in order */
};

/* Begin with commit and root; -1 when the root isn't a proper git tree. */
int parts_begin(struct parts *p, struct tree *t, struct error *err);
void parts_release(struct parts *p);

/*
 * Add what r consists of. What its folders list must be there, and they must
 * be as git makes them: sorted, each name once, none that leads elsewhere.
 */
int parts_add(struct parts *p, const struct tree_recipe *r, struct error *err);

/* Is the object one of them? */
bool parts_has(const struct parts *p, const git_oid *oid);

#endif
