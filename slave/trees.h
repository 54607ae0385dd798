/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs of recipes that were fetched and proved once, kept for later leases of
 * the same unit: below trees/ of the state folder one for each revision and
 * list of jobuilds. They are not shared between different lists, since what is
 * planned depends on what is there to be seen. Who uses one holds its lock;
 * what nobody has used for a day is deleted. None is synced: it is proved
 * whenever it is opened, and one that is broken is fetched again.
 */
#ifndef SLAVE_TREES_H
#define SLAVE_TREES_H

#include "recipe/atom.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct arena;
struct error;

struct kept_tree {
	const char *path; /* of the pack, in the arena */
	int lock;
	bool there;
	struct stat st; /* if it is there: another in its place has another */
};

/*
 * Take the one of this revision and these jobuilds, waiting for who is just
 * fetching it. -1: err. If it isn't there the caller fetches it, into what
 * trees_begin() gave, and calls trees_keep(). The lock is the caller's to
 * close, or the end's.
 */
int trees_take(struct kept_tree *k, const char *state, const char *revision,
    const struct recipe_id *ids, size_t n, struct arena *a, struct error *err);

/* A file without a name, to be filled and closed by the caller; -1: err. */
int trees_begin(const struct kept_tree *k, struct error *err);

/* That file is the pack: others may use it. */
int trees_keep(struct kept_tree *k, int fd, struct error *err);

/* What is there is broken: it is to be fetched again by the caller. */
int trees_spoilt(struct kept_tree *k, struct error *err);

/* Delete what nobody holds and nobody used for so many seconds. */
void trees_prune(const char *state, long seconds);

#endif
