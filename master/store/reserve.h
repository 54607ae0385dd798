/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Room on the disk that is kept free: below it a master takes no jobs and no
 * artifacts, so that what it has promised can be written. Logs and reports of
 * what runs are taken as long as there is any room.
 */
#ifndef MASTER_RESERVE_H
#define MASTER_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct master;
struct request;

struct reserve {
	int64_t free, total, wanted; /* bytes */
	int64_t looked;
	int64_t refused;
	bool low;
};

/* Is it "5%" or a size? */
bool reserve_valid(const char *text);

/* Bytes to keep free of total; NULL: 1G, or 5% when that is less. */
int64_t reserve_bytes(const char *text, int64_t total);

/* Look at the disk now and then; says so in the log when it gets low. */
void reserve_turn(struct master *m, int64_t now);

/* Look at once. */
void reserve_look(struct master *m, int64_t now);

/* Is there room for r, which brings something? Else it is answered. */
bool reserve_allows(struct master *m, struct request *r, unsigned status);

/* Figures of the disk and of the process for /metrics. */
void reserve_metrics(struct master *m, struct buf *b);

#endif
