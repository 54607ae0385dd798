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

/* True in the child, which does as its parent does and then exits. */
bool hasher_begin(struct hasher *h);

/* The digest of a file's bytes; in the child hex may stay empty. */
int hasher_file(struct hasher *h, const struct walk_entry *w, char hex[KEY_HEX],
    struct error *err);

/* In the parent: the child is gone afterwards. */
void hasher_end(struct hasher *h);

#endif
