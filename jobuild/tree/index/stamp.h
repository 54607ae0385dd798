/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ids of files and folders of a work tree, as git would give them, so that
 * what the index knows can be used there, too. Private to this room.
 */
#ifndef TREE_STAMP_H
#define TREE_STAMP_H

#include "tree/private.h"

#include <sys/stat.h>

/* Read git's record of what is tracked. */
int stamp_begin(struct tree *t, struct error *err);

/* To be called before the files of an open folder are looked at. */
void stamp_folder(struct tree *t, int fd);

/* True, with the id of the file's bytes, when git's record vouches for it. */
bool stamp_file(
    struct tree *t, const char *path, const struct stat *st, git_oid *oid);

/*
 * Give the entry its id, once, if the tree has an index. A folder's is that of
 * all that is in it; it has none when that has something without an id: a
 * link, say. False: it has none.
 */
bool stamp_entry(struct tree *t, const char *path, struct entry *e);

#endif
