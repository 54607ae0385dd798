/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backups of a state folder: a folder with a list (saved.h), which can be
 * made and brought up to date while the master serves, or one tar file with
 * what such a folder would have, the list last.
 */
#ifndef MASTER_BACKUP_H
#define MASTER_BACKUP_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct state;

/*
 * 0; 1: made, but without files that the database names and the state folder
 * lacks, which were told; -1: none was made.
 */
int backup_make(struct state *st, const char *dir, struct error *err);

/* Is this the name of a backup in one file? */
bool backup_is_tar(const char *path);

/* Check every file and the database, of a folder or a tar: 0 when all is right.
 */
int backup_verify(const char *dir, struct error *err);

/* Make the state folder, which must not be there or be empty, of a backup. */
int backup_restore(const char *path, const char *dir, struct error *err);

#endif
