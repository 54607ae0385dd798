/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Open addressing: an object needs no link of its own. Up to three quarters
 * of the slots are taken; what is taken out is filled by those behind it.
 */
#include "master/sched/ids.h"

#include <string.h>

/* Powers of two less what an arena has before them: whole pages, no more. */
#define SLOTS_LESS  8
#define SLOTS_FIRST (64 - SLOTS_LESS)

void
ids_init(struct ids *t)
{
	memset(t, 0, sizeof(*t));
}

void
ids_release(struct ids *t)
{
	arena_release(&t->arena);
	ids_init(t);
}

/*
 * Where its way begins. Numbers are mostly given out in sequence and asked
 * for so: those of eight go to one line of the cache, lines anywhere.
 */
static size_t
home(const struct ids *t, int64_t id)
{
	uint64_t spread = ((uint64_t)id >> 3) * UINT64_C(0x9e3779b97f4a7c15);
	size_t line = (spread >> 32) * (t->nslots >> 3) >> 32;

	return line << 3 | ((size_t)id & 7);
}

static size_t
after(const struct ids *t, size_t i)
{
	return i + 1 < t->nslots ? i + 1 : 0;
}

static size_t
distance(const struct ids *t, size_t from, size_t to)
{
	return to >= from ? to - from : to + t->nslots - from;
}

/* The slot that has it, or the free one at the end of its way. */
static size_t
find(const struct ids *t, int64_t id)
{
	size_t i = home(t, id);

	while (t->slots[i] && *t->slots[i] != id)
		i = after(t, i);
	return i;
}

static void
resize(struct ids *t, size_t nslots)
{
	struct ids old = *t;
	size_t i;

	arena_init(&t->arena);
	t->nslots = nslots;
	t->slots = arena_array(&t->arena, t->nslots, int64_t *);
	for (i = 0; i < old.nslots; i++) {
		if (old.slots[i])
			t->slots[find(t, *old.slots[i])] = old.slots[i];
	}
	arena_release(&old.arena);
}

void
ids_reserve(struct ids *t, size_t n)
{
	size_t nslots = t->nslots ? t->nslots : SLOTS_FIRST;

	while (nslots - nslots / 4 < n)
		nslots = 2 * nslots + SLOTS_LESS;
	if (nslots > t->nslots)
		resize(t, nslots);
}

void
ids_add(struct ids *t, int64_t *id)
{
	size_t i;

	ids_reserve(t, t->n + 1);
	i = find(t, *id);
	t->n += !t->slots[i];
	t->slots[i] = id;
}

void
ids_remove(struct ids *t, int64_t id)
{
	size_t i, free;

	if (t->n == 0)
		return;
	i = free = find(t, id);
	if (!t->slots[free])
		return;
	t->n--;
	while (t->slots[i = after(t, i)]) {
		/* may it stand as far in front, as seen from its home? */
		if (distance(t, home(t, *t->slots[i]), i) >=
		    distance(t, free, i)) {
			t->slots[free] = t->slots[i];
			free = i;
		}
	}
	t->slots[free] = NULL;
}

void *
ids_get(const struct ids *t, int64_t id)
{
	return t->n > 0 ? t->slots[find(t, id)] : NULL;
}
