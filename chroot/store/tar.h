/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trees as tar archives, in the pax format: what unpack.h reads back, and
 * other programs too. The same tree always gives the same bytes. Sparse files
 * are written as such (GNU format 1.0), attributes as SCHILY.xattr, ACLs as
 * SCHILY.acl.
 */
#ifndef CHROOT_TAR_H
#define CHROOT_TAR_H

#include "base/buf.h"

struct content;
struct error;

struct tar {
	int fd;
	struct buf out;
};

void tar_init(struct tar *t, int fd);
void tar_release(struct tar *t);

/* A file of ours, with these bytes. */
int tar_add_text(struct tar *t, const char *name, const char *text, size_t n,
    struct error *err);

/*
 * All of c, which was read from root, below the folder prefix; "": at the top.
 */
int tar_add_tree(struct tar *t, const char *prefix, int root,
    const struct content *c, struct error *err);

/* The end of the archive. */
int tar_end(struct tar *t, struct error *err);

#endif
