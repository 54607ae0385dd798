/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backups of a state folder: a folder with a list (saved.h), which can be
 * made and brought up to date while the master serves.
 */
#ifndef MASTER_BACKUP_H
#define MASTER_BACKUP_H

#include <stddef.h>

struct error;
struct state;

int backup_make(struct state *st, const char *dir, struct error *err);

/* Check every file and the database: 0 when all is right. */
int backup_verify(const char *dir, struct error *err);

/* Make the state folder, which must not be there or be empty, of a backup. */
int backup_restore(const char *path, const char *dir, struct error *err);

#endif
