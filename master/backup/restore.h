/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reading a backup out of a folder and out of a tar share. A restore
 * belongs to its caller, who releases the arena.
 */
#ifndef MASTER_RESTORE_H
#define MASTER_RESTORE_H

#include "base/arena.h"
#include "master/backup/saved.h"

struct error;

struct restore {
	struct arena arena;
	const char *dir, *to; /* dir may be a tar; to: NULL when only looking */
	struct saved list;
	int bad; /* files that aren't what was saved */
};

/* Tell of something that isn't right, and count it; ctx: the restore. */
void restore_tell(void *ctx, const char *text);

/* Is the list one that this program can restore? */
int restore_look(struct restore *r, struct error *err);

/* Is the database, out of the backup at path, whole and of the schema? */
int restore_examine(struct restore *r, const char *path, struct error *err);

/* -1 when anything was told. */
int restore_judge(const struct restore *r, struct error *err);

/* Make the target's folder; -1 when it is there with something in it. */
int restore_empty(const char *path, struct error *err);

/* A new file below the target for what is at path in the list; or -1. */
int restore_open(struct restore *r, const char *path, struct error *err);

/*
 * Read all of the tar r->dir and check it; then make r->to of it, if set, but
 * for the name of master.conf.
 */
int restore_tar(struct restore *r, struct error *err);

#endif
