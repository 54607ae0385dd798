/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logs of steps: state/logs/UNIT/ATTEMPT/STEP.log, written by offset. */
#ifndef MASTER_LOGS_H
#define MASTER_LOGS_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;
struct master;
struct request;
struct sched_unit;
struct state;

/* Bytes of a step's log, which begin at an offset. */
struct log_piece {
	int64_t step, offset;
	const char *data;
	size_t len;
};

/*
 * Store what isn't there yet of a piece; the log's size. -1: answered, with
 * 400, 409 log-gap, log-differs or log-closed, or what was wrong with us.
 */
int64_t logs_append(struct master *m, struct request *r,
    const struct sched_unit *u, const struct log_piece *l);

const char *logs_path(const struct state *st, struct arena *a, int64_t unit,
    int64_t attempt, int64_t step);

/* Bytes that are there; 0 when there is no log yet. */
int64_t
logs_size(const struct state *st, int64_t unit, int64_t attempt, int64_t step);

/* The first n bytes of it to p; how many there are, -1: it can't be read. */
int64_t logs_read(const struct state *st, int64_t unit, int64_t attempt,
    int64_t step, char *p, size_t n);

/* Make sure that it begins with this text; nothing is synced. */
int logs_restore(const struct state *st, int64_t unit, int64_t attempt,
    int64_t step, const char *text, struct error *err);

/* Make sure that it survives a power cut, with the names that lead to it. */
int logs_sync(const struct state *st, int64_t unit, int64_t attempt,
    int64_t step, struct error *err);

#endif
