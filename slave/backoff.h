/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to try again: pauses that double from BACKOFF_FIRST, each between half
 * and the whole of its step by a random number, so that many slaves don't
 * come back at the same moment. Times are milliseconds; pure.
 */
#ifndef SLAVE_BACKOFF_H
#define SLAVE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST 200

struct backoff {
	unsigned tries; /* that failed in a row */
	int64_t at;     /* not before this time */
};

/* The last try failed: set at to now plus a pause of at most max. */
void backoff_fail(struct backoff *b, int64_t now, int64_t max, uint32_t random);

/* The last try was answered. */
void backoff_clear(struct backoff *b);

#endif
