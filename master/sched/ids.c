/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/sched/ids.h"
#include "base/arena.h"

#include <string.h>

#define SLOTS_FIRST 64

void
ids_init(struct ids *t, struct arena *a)
{
	memset(t, 0, sizeof(*t));
	t->arena = a;
}

/* Ids are given out in sequence: their low bits spread by themselves. */
static struct id_node **
slot(const struct ids *t, int64_t id)
{
	return &t->slots[(uint64_t)id & (t->nslots - 1)];
}

static void
grow(struct ids *t, size_t nslots)
{
	size_t i, nold = t->nslots;
	struct id_node **old = t->slots, **at, *node, *next;

	t->nslots = nslots;
	t->slots = arena_array(t->arena, t->nslots, struct id_node *);
	for (i = 0; i < nold; i++) {
		for (node = old[i]; node; node = next) {
			next = node->next;
			at = slot(t, node->id);
			node->next = *at;
			*at = node;
		}
	}
}

void
ids_reserve(struct ids *t, size_t n)
{
	size_t nslots = t->nslots ? t->nslots : SLOTS_FIRST;

	while (nslots < n)
		nslots *= 2;
	if (nslots > t->nslots)
		grow(t, nslots);
}

void
ids_add(struct ids *t, struct id_node *node, int64_t id)
{
	struct id_node **at;

	if (t->n >= t->nslots)
		grow(t, t->nslots ? t->nslots * 2 : SLOTS_FIRST);
	node->id = id;
	at = slot(t, id);
	node->next = *at;
	*at = node;
	t->n++;
}

void
ids_remove(struct ids *t, int64_t id)
{
	struct id_node **at;

	if (t->nslots == 0)
		return;
	for (at = slot(t, id); *at; at = &(*at)->next) {
		if ((*at)->id == id) {
			*at = (*at)->next;
			t->n--;
			return;
		}
	}
}

void *
ids_get(const struct ids *t, int64_t id)
{
	struct id_node *node;

	if (t->nslots == 0)
		return NULL;
	for (node = *slot(t, id); node; node = node->next) {
		if (node->id == id)
			return node;
	}
	return NULL;
}
