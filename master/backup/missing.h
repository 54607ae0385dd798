/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that the database names and the state folder hasn't got as it says:
 * a backup is not whole without them. Copies that the former backup has go
 * into the next one; either way they are told. Each has its digest as its
 * name.
 */
#ifndef MASTER_MISSING_H
#define MASTER_MISSING_H

#include "base/map.h"

#include <stdbool.h>

struct arena;
struct db;
struct error;
struct saved;
struct saved_tar;
struct state;

struct missing {
	struct arena *arena;
	struct map named;   /* by path: what is to be there */
	struct map by_path; /* of struct missing_file */
};

void missing_init(struct missing *m, struct arena *a);

/* The stages and artifacts that the database names, on top of others. */
int missing_list(struct missing *m, struct db *db, struct error *err);

/*
 * Is this one of them there as it says? Else it is missing. All its bytes are
 * read when whole is set or it was lost before.
 */
bool missing_look(
    struct missing *m, const struct state *st, const char *path, bool whole);

/* Good copies of the backup in the folder dir, whose list is old, into made. */
void missing_keep(struct missing *m, const char *dir, const struct saved *old,
    struct saved *made);

/*
 * The same of the backup in the file former, if there is one, into tar. One
 * that can't be read is told of on standard error, and what it has up to
 * there is taken.
 */
int missing_keep_tar(struct missing *m, const char *former,
    struct saved_tar *tar, struct saved *made, struct error *err);

/* Tell of each on standard error; how many there are. */
size_t missing_tell(const struct missing *m);

#endif
