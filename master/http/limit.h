/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often one may ask: a bucket of tokens for each address, user and slave,
 * filled at so many a second and holding what LIMIT_BURST seconds bring. The
 * table has a fixed size; a bucket that is full again is as good as none, so
 * its place is given away first.
 */
#ifndef MASTER_LIMIT_H
#define MASTER_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_BURST 10 /* seconds */
#define LIMIT_SETS  2048
#define LIMIT_WAYS  4

struct bucket {
	uint64_t key; /* 0: free */
	double tokens;
	int64_t at; /* when that was, microseconds */
};

struct limit {
	uint64_t seed; /* nobody knows whose keys meet */
	struct bucket sets[LIMIT_SETS][LIMIT_WAYS];
};

void limit_init(struct limit *l, uint64_t seed);

/*
 * Take a token of the one that kind and name say, at rate a second (0: there
 * is no limit); now is clock_us(). false: there is none left.
 */
bool limit_take(struct limit *l, char kind, const void *name, size_t len,
    int64_t rate, int64_t now);

#endif
