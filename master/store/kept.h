/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Short logs are kept in the database, too, until their files are sure to
 * last: the report of a step and its log survive a power cut by the one
 * transaction, where the file and the folders above it would each have to be
 * synced. A child syncs all of them together now and then; what is kept by
 * then is forgotten. A start after a power cut writes the files anew; what
 * can't be written is kept until it can.
 */
#ifndef MASTER_KEPT_H
#define MASTER_KEPT_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct master;

struct kept {
	int64_t at;   /* clock_us() of the last sync */
	int64_t last; /* row that the working child's sync is for */
	bool working;
	bool unread;        /* what is kept isn't known */
	struct arena arena; /* of failed */
	int64_t *failed;    /* rows that have no file, rising */
	size_t nfailed;
};

/*
 * Make sure that a step's log survives a power cut that comes after what is
 * written in this turn: a short one is kept, another is synced.
 */
int kept_log(struct master *m, int64_t unit, int64_t attempt, int64_t step,
    struct error *err);

/* The same for the step that an attempt is at, which has no report yet. */
int kept_current(
    struct master *m, int64_t unit, int64_t attempt, struct error *err);

/*
 * At the start: what is kept into its files. Those that can't be written are
 * logged and tried again at each sync. -1: the database can't be read.
 */
int kept_restore(struct master *m, struct error *err);

/*
 * Have the files synced if it is time, by clock_us(); nothing may be pending.
 */
void kept_turn(struct master *m, int64_t clock);

void kept_release(struct master *m);

#endif
