/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of objects by a positive number. The objects are the caller's and
 * begin with their number (int64_t); the table's own memory is in an arena of
 * its own, as it is dropped when the table grows.
 */
#ifndef MASTER_IDS_H
#define MASTER_IDS_H

#include "base/arena.h"

#include <stddef.h>
#include <stdint.h>

struct ids {
	struct arena arena;
	int64_t **slots;
	size_t nslots, n;
};

/* An empty table; "struct ids t = {0}" is the same. */
void ids_init(struct ids *t);
void ids_release(struct ids *t);

/* id is the object's; one with the same number gives its place to it. */
void ids_add(struct ids *t, int64_t *id);

/* There will be n of them: room for all is made at once. */
void ids_reserve(struct ids *t, size_t n);
void ids_remove(struct ids *t, int64_t id);

/* The object, or NULL. */
void *ids_get(const struct ids *t, int64_t id);

#endif
