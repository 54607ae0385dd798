/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trees that stay open in a worker from lease to lease, by the names of their
 * packs (trees.h): the last few of them. Zeroes to start.
 */
#ifndef SLAVE_OPENED_H
#define SLAVE_OPENED_H

#include "base/digest.h"

#include <stddef.h>
#include <stdint.h>

struct tree;

#define OPENED_MAX   32
#define OPENED_BYTES ((size_t)32 << 20) /* of memory, between two leases */

struct opened {
	struct opened_tree {
		char key[KEY_HEX];
		struct tree *tree; /* NULL: a free place */
		uint64_t used;
	} list[OPENED_MAX];
	uint64_t uses;
};

/* The tree, if it is open; else NULL. */
struct tree *opened_find(struct opened *o, const char *key);

/* Take a tree that isn't, in the place of the one not used for longest. */
void opened_add(struct opened *o, const char *key, struct tree *tree);

/* Close those not used for longest until the others are small enough. */
void opened_trim(struct opened *o);

void opened_close(struct opened *o);

#endif
