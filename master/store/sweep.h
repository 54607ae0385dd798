/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nobody needs any more is removed once an hour: packs that were not
 * asked for in a day, and artifacts that no report names and whose lease is
 * over. Of these first the rows go, in a transaction of their own, then the
 * files go to tmp/, where a child deletes them. A slave that wants to name one
 * of them in a report is told that it is missing, and uploads it again.
 */
#ifndef MASTER_SWEEP_H
#define MASTER_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

struct master;

struct sweep {
	int64_t at;   /* when the next one is due */
	bool working; /* a child deletes */
};

/* Remove what is to be removed if it is time; nothing may be pending. */
void sweep_turn(struct master *m, int64_t now);

#endif
