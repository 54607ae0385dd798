/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash map from byte strings to pointers, in insertion order. Keys are not
 * copied: they must live as long as the map. Memory is an arena's. The hash
 * is seeded per process (SipHash), so chosen keys can't make it slow.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct map_item {
	const char *key;
	size_t len;
	void *value;
	uint64_t hash;
};

struct map {
	struct arena *arena;
	struct map_item *items; /* 0 .. n-1 in order of insertion */
	size_t n;
	uint32_t *slots; /* index into items plus one, 0 is free */
	size_t nslots;
};

void map_init(struct map *m, struct arena *a);

/* The value's place, made (NULL) when key is new. */
void **map_put(struct map *m, const char *key, size_t len);

/* The value, or NULL when there is none. */
void *map_get(const struct map *m, const char *key, size_t len);

/* What the map's order of looking is made from, for tables of another form. */
uint64_t map_hash(const char *key, size_t len);

/* The same for NUL-terminated keys. */
void **map_puts(struct map *m, const char *key);
void *map_gets(const struct map *m, const char *key);

#endif
