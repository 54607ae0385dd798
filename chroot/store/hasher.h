/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Digests of the files of a tree, made by two processes: both walk the same
 * tree in the same order, each file is that one's turn who had fewer bytes,
 * and the child sends what it finds to its parent. Should it fail, the parent
 * does the rest alone.
 */
#ifndef CHROOT_HASHER_H
#define CHROOT_HASHER_H

#include "base/digest.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct walk_entry;

struct hasher {
	pid_t pid;        /* of the child; 0 in it */
	int pipe;         /* its end; -1: alone */
	uint64_t load[2]; /* bytes of parent and child */
};

/*
 * For the tree at root. True in the child, which does as its parent does and
 * then exits; for a small tree there is none.
 */
bool hasher_begin(struct hasher *h, int root);

struct hashed {
	char hex[KEY_HEX]; /* of the file's bytes */
	bool plain;        /* it has no extended attributes for certain */
};

/* What there is to know of a file; in the child it may stay empty. */
int hasher_file(struct hasher *h, const struct walk_entry *w, struct hashed *f,
    struct error *err);

/* Are we the child? What is no file is none of its business. */
bool hasher_is_child(const struct hasher *h);

/* In the parent: the child is gone afterwards. */
void hasher_end(struct hasher *h);

#endif
