/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker's end of the two pipes to its parent: what is told (worker.h has
 * the lines), whether the work is still wanted, and what may be fetched. The
 * owner's traffic of a day is the parent's to deal out, for all workers have
 * one: what is to come is asked for before it comes.
 */
#ifndef SLAVE_LEASH_H
#define SLAVE_LEASH_H

#include "base/buf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

struct error;

#define LEASH_BEYOND ERANGE /* code: no day has room for so much */

struct leash {
	int tell, hold; /* pipes: to the parent; its end is our end */
	int64_t day;    /* bytes that may come in one at most; 0: no limit */
	/* what is to be told */
	struct buf news;
	int64_t news_since;
	int64_t granted; /* bytes that may come still */
	int64_t came;    /* what was not told of yet */
};

void leash_init(struct leash *l, int tell, int hold, int64_t day);

/* Told at once with what comes in a moment, which wakes the parent once. */
void leash_tell(struct leash *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void leash_tell_now(struct leash *l);

/* Has the parent let go of it? Tells what has waited long enough, too. */
bool leash_is_loose(struct leash *l);

/*
 * So many bytes are to come now. -1: they may not, with the code EAGAIN
 * (another day, perhaps) or LEASH_BEYOND.
 */
int leash_need(struct leash *l, int64_t bytes, struct error *err);

/* So many came, of those that may. */
void leash_took(struct leash *l, int64_t bytes);

/* Nothing more of that: what came is told, and the rest is for others. */
void leash_done(struct leash *l);

/* Tell of bytes that nobody could ask for before. */
void leash_beside(struct leash *l, int64_t bytes);

#endif
