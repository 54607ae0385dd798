/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same work on many items by several processes. Each worker is a fork of
 * the caller, so it sees all that was read before and shares its memory; what
 * comes of an item is bytes, which are handed to the caller in the order of
 * the items, whoever made them: the result doesn't depend on how many work.
 */
#ifndef CLI_WORKERS_H
#define CLI_WORKERS_H

#include <stddef.h>

struct buf;
struct error;

#define WORKERS_MAX      64
#define WORKERS_ITEM_MAX (16 << 20) /* bytes that come of one item */

struct workers {
	size_t n;    /* items */
	size_t jobs; /* processes; 0: one a processor; 1: only this one */
	/* In a worker: append what comes of item i. */
	void (*work)(void *ctx, size_t i, struct buf *out);
	/* Here, with i from 0 to n - 1. */
	void (*take)(void *ctx, size_t i, const char *data, size_t len);
	void *ctx;
};

/* -1 with err when a worker ended before its time. */
int workers_run(const struct workers *w, struct error *err);

#endif
