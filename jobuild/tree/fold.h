/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names as a file system takes them that tells no upper case from lower:
 * Unicode's simple case folding, by a table of this project's own, so that the
 * answer depends on no locale. Private to this room.
 */
#ifndef TREE_FOLD_H
#define TREE_FOLD_H

struct arena;

/* The name folded; bytes that are no UTF-8 stay as they are. */
const char *fold_name(struct arena *a, const char *name);

#endif
