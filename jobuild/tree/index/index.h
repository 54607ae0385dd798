/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file with what is known about packages, found by path and the id of the
 * folder's git object (see record.h, tree_use_index()):
 *
 *	head		sizes, format, checksum of the directory
 *	entries		maintainers' folders (user.h), then packages
 *	directory	paths in order, ids, places and checksums of the entries
 *
 * Further parts of the same form follow, each with what a later run has found
 * out; of entries with the same name the last part's counts. A part that isn't
 * whole ends the file. Only the directories and the entries that are asked for
 * are read; what a maintainer's says of a package that is the same is enough
 * until more than the verdict is wanted.
 *
 * A writer takes a lock, reads what others have written since it had the file
 * open, and adds a part; when the parts are many or large beside the first one,
 * or the last days of use are long ago, it makes a whole new file and renames
 * it. So no writer's part is lost by another one's, and readers lack nothing
 * that they had, but for what is old. A writer that finds the lock taken drops
 * what is new, which is no error: the next one finds it out once more.
 * Private to this room.
 */
#ifndef TREE_INDEX_H
#define TREE_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct index;
struct package;
struct tree;
struct user;

/* An entry not used for so long is dropped when the file is written. */
#define INDEX_DAYS 30

/* Never NULL: without a file that can be used it is empty. */
struct index *index_open(const char *file);
void index_close(struct index *x);

/* Fill in what is known about p or u, whose name and oid are set. */
void index_load(struct index *x, struct tree *t, struct package *p);
void index_load_user(struct index *x, struct tree *t, struct user *u);

/* Write what is new, or the whole file anew; nothing while another one does. */
int index_save(struct index *x, struct tree *t, int64_t day, struct error *err);

#endif
