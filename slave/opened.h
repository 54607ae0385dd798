/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trees that stay open in a worker from lease to lease, the last few of them.
 * The lock of the kept tree (trees.h) isn't held meanwhile: another pack in its
 * place is opened again. Zeroes to start.
 */
#ifndef SLAVE_OPENED_H
#define SLAVE_OPENED_H

#include "base/digest.h"

#include <stdint.h>
#include <sys/stat.h>

struct error;
struct kept_tree;
struct tree;

#define OPENED_MAX   32
#define OPENED_BYTES (32 << 20) /* of objects, but for the last one */

struct opened {
	struct opened_tree {
		char name[KEY_HEX]; /* of the pack */
		struct stat st;     /* of it, when it was opened */
		struct tree *tree;
		uint64_t used;
	} list[OPENED_MAX];
	uint64_t uses;
};

/* The kept tree, whose lock is held, if it is open; else NULL. */
struct tree *opened_find(struct opened *o, const struct kept_tree *k);

/* From now on it is closed here: in favour of those that are used later. */
void opened_add(struct opened *o, const struct kept_tree *k, struct tree *tree);

void opened_close(struct opened *o);

#endif
