/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs of recipes that were fetched and proved once, kept for later leases of
 * the same unit: below trees/ of the state folder one for each revision and
 * list of jobuilds. They are not shared between different lists, since what is
 * planned depends on what is there to be seen. None is locked or synced: a pack
 * is proved whenever it is opened, and one that is broken is fetched again.
 */
#ifndef SLAVE_TREES_H
#define SLAVE_TREES_H

#include "recipe/atom.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;
struct error;

/* The name of the pack of these jobuilds. */
const char *trees_key(struct arena *a, const char *revision,
    const struct recipe_id *ids, size_t n);

/* The bytes that were kept under the name; false: none. */
bool trees_get(const char *state, const char *key, struct buf *pack);

/* Keep them, instead of those that are there; -1: err. */
int trees_keep(const char *state, const char *key, const struct buf *pack,
    struct error *err);

/* Delete what nobody got or kept for so many seconds. */
void trees_prune(const char *state, long seconds);

#endif
