/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libgit2's memory, with a limit on each piece: what somebody's pack claims
 * about the size of an object, or of what a delta is based on, can't make a
 * process large. A piece above the limit is refused, which ends as an error of
 * the call that wanted it.
 */
#ifndef TREE_ALLOC_H
#define TREE_ALLOC_H

#define GIT_PIECE_MAX (256 << 20) /* bytes */

struct error;

/* For all that libgit2 does from now on; before its first start. */
int alloc_limit(struct error *err);

#endif
