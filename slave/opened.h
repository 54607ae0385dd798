/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trees that stay open in a worker from lease to lease, the last few of them.
 * The lock of the kept tree (trees.h) isn't held meanwhile: one that was made
 * anew in its place has another mark, and is opened again. Zeroes to start.
 */
#ifndef SLAVE_OPENED_H
#define SLAVE_OPENED_H

#include "base/digest.h"

#include <stdint.h>
#include <sys/stat.h>

struct error;
struct kept_tree;
struct tree;

#define OPENED_MAX 32

struct opened {
	struct opened_tree {
		char folder[KEY_HEX]; /* its name; "": none */
		struct stat mark;     /* when it was opened */
		struct tree *tree;
		uint64_t used;
	} list[OPENED_MAX];
	uint64_t uses;
};

/* The kept tree, whose lock is held, if it is open; else NULL. */
struct tree *opened_find(struct opened *o, const struct kept_tree *k);

/* Open it at the revision, in the place of the one not used for longest. */
struct tree *opened_add(struct opened *o, const struct kept_tree *k,
    const char *revision, struct error *err);

void opened_close(struct opened *o);

#endif
