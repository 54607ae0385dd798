/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/http/limit.h"

#include <string.h>

#define SECOND 1e6

void
limit_init(struct limit *l, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->seed = seed;
}

static uint64_t
key_of(const struct limit *l, char kind, const void *name, size_t len)
{
	const unsigned char *p = name;
	uint64_t h = l->seed ^ (unsigned char)kind;
	size_t i;

	for (i = 0; i < len; i++) {
		h = (h ^ p[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return h ? h : 1;
}

static double
tokens_of(const struct bucket *b, int64_t rate, int64_t now)
{
	double full = (double)rate * LIMIT_BURST, n;

	if (b->key == 0)
		return full;
	/* a clock that was set back fills nothing */
	n = b->tokens +
	    (now > b->at ? (double)(now - b->at) / SECOND * (double)rate : 0);
	return n < full ? n : full;
}

/* Its own bucket, else the fullest one of the set. */
static struct bucket *
find(struct bucket *set, uint64_t key, int64_t rate, int64_t now)
{
	struct bucket *best = set;
	size_t i;

	for (i = 0; i < LIMIT_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (tokens_of(&set[i], rate, now) > tokens_of(best, rate, now))
			best = &set[i];
	}
	memset(best, 0, sizeof(*best));
	return best;
}

bool
limit_take(struct limit *l, char kind, const void *name, size_t len,
    int64_t rate, int64_t now)
{
	uint64_t key = key_of(l, kind, name, len);
	struct bucket *b;

	if (rate <= 0)
		return true;
	b = find(l->sets[key % LIMIT_SETS], key, rate, now);
	b->tokens = tokens_of(b, rate, now);
	b->key = key;
	b->at = now;
	if (b->tokens < 1)
		return false;
	b->tokens--;
	return true;
}
