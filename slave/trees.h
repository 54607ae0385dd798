/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recipes that were fetched and proved once, kept for later leases of the
 * same unit: below trees/ of the state folder one repository for each
 * revision and list of jobuilds. They are not shared between different lists,
 * since what is planned depends on what is there to be seen. Who uses one
 * holds its lock; what nobody has used for a day is deleted.
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
	const char *folder, *repo; /* paths, in the arena */
	int lock;
	bool there; /* the repository is complete */
	/* of its mark: another repository in the same place has another */
	struct stat mark;
};

/*
 * Take the one of this revision and these jobuilds, waiting for who is just
 * making it. -1: err. If it isn't there the caller fills repo and calls
 * trees_done(). The lock is the caller's to close, or the end's.
 */
int trees_take(struct kept_tree *k, const char *state, const char *revision,
    const struct recipe_id *ids, size_t n, struct arena *a, struct error *err);

/*
 * Is there room to unpack the pack at packfd? To be asked before: what unpacks
 * it writes to mapped files, and dies where they can't grow. Moves packfd.
 */
int trees_room(const struct kept_tree *k, int packfd, struct error *err);

/* The repository is complete: others may use it. */
int trees_done(struct kept_tree *k, struct error *err);

/* What is there is broken: it is to be made again by the caller. */
int trees_spoilt(struct kept_tree *k, struct error *err);

/* Delete what nobody holds and nobody used for so many seconds. */
void trees_prune(const char *state, long seconds);

#endif
