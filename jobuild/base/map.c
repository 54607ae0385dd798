/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "map.h"
#include "arena.h"

#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

/* The process's hash key: written once, before the first hash. */
static const uint64_t *
seed(void)
{
	static uint64_t key[2];
	static bool ready;

	if (!ready) {
		if (getrandom(key, sizeof(key), GRND_NONBLOCK) < 0)
			key[0] = (uint64_t)(uintptr_t)&key;
		ready = true;
	}
	return key;
}

static inline __attribute__((always_inline)) void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012). */
static uint64_t
hash(const char *key, size_t len)
{
	const uint64_t *k = seed();
	uint64_t v[4] = {k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d,
	    k[0] ^ 0x6c7967656e657261, k[1] ^ 0x7465646279746573};
	uint64_t word, last = (uint64_t)len << 56;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		memcpy(&word, key + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	if (len > i)
		memcpy(&word, key + i, len - i);
	last |= word;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
map_hash(const char *key, size_t len)
{
	return hash(key, len);
}

void
map_init(struct map *m, struct arena *a)
{
	memset(m, 0, sizeof(*m));
	m->arena = a;
}

/* The slot of key: taken by it, or the free one where it would go. */
static uint32_t *
find_slot(const struct map *m, const char *key, size_t len, uint64_t h)
{
	size_t i = (size_t)h & (m->nslots - 1);
	const struct map_item *it;

	for (; m->slots[i]; i = (i + 1) & (m->nslots - 1)) {
		it = &m->items[m->slots[i] - 1];
		if (it->hash == h && it->len == len &&
		    memcmp(it->key, key, len) == 0)
			break;
	}
	return &m->slots[i];
}

static void
grow_slots(struct map *m)
{
	size_t i;

	m->nslots = m->nslots ? m->nslots * 2 : 16;
	m->slots = arena_array(m->arena, m->nslots, uint32_t);
	for (i = 0; i < m->n; i++)
		*find_slot(m, m->items[i].key, m->items[i].len,
		    m->items[i].hash) = (uint32_t)(i + 1);
}

void **
map_put(struct map *m, const char *key, size_t len)
{
	uint64_t h = hash(key, len);
	struct map_item *it;
	uint32_t *slot;

	if (m->n * 4 >= m->nslots * 3)
		grow_slots(m);
	slot = find_slot(m, key, len, h);
	if (*slot == 0) {
		m->items =
		    arena_grow(m->arena, m->items, m->n, sizeof(*m->items));
		it = &m->items[m->n++];
		it->key = key;
		it->len = len;
		it->hash = h;
		it->value = NULL;
		*slot = (uint32_t)m->n;
	}
	return &m->items[*slot - 1].value;
}

void *
map_get(const struct map *m, const char *key, size_t len)
{
	uint32_t slot;

	if (m->n == 0)
		return NULL;
	slot = *find_slot(m, key, len, hash(key, len));
	return slot ? m->items[slot - 1].value : NULL;
}

void **
map_puts(struct map *m, const char *key)
{
	return map_put(m, key, strlen(key));
}

void *
map_gets(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}
