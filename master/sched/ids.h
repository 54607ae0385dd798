/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of objects by a positive number. The objects are the caller's and
 * begin with the link; the table's own memory comes from an arena.
 */
#ifndef MASTER_IDS_H
#define MASTER_IDS_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct id_node {
	int64_t id;
	struct id_node *next;
};

struct ids {
	struct arena *arena;
	struct id_node **slots;
	size_t nslots, n;
};

void ids_init(struct ids *t, struct arena *a);
void ids_add(struct ids *t, struct id_node *node, int64_t id);

/* There will be n of them: room for all is made at once. */
void ids_reserve(struct ids *t, size_t n);
void ids_remove(struct ids *t, int64_t id);

/* The object, or NULL. */
void *ids_get(const struct ids *t, int64_t id);

#endif
