/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long things took, for /metrics: a Prometheus histogram of seconds. */
#ifndef MASTER_HISTOGRAM_H
#define MASTER_HISTOGRAM_H

#include <stdint.h>

struct buf;

#define HISTOGRAM_BOUNDS 12

struct histogram {
	int64_t counts[HISTOGRAM_BOUNDS + 1]; /* the last: above all bounds */
	int64_t sum;                          /* microseconds */
};

/* A clock that was set back counts as 0. */
void histogram_add(struct histogram *h, int64_t us);

/* As text, under autotua_NAME_seconds. */
void
histogram_write(const struct histogram *h, const char *name, struct buf *b);

#endif
