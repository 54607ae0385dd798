/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logs of steps: state/logs/UNIT/ATTEMPT/STEP.log, written by offset. */
#ifndef MASTER_LOGS_H
#define MASTER_LOGS_H

#include <stdint.h>

struct arena;
struct error;
struct state;

const char *logs_path(const struct state *st, struct arena *a, int64_t unit,
    int64_t attempt, int64_t step);

/* Bytes that are there; 0 when there is no log yet. */
int64_t
logs_size(const struct state *st, int64_t unit, int64_t attempt, int64_t step);

/* Make sure that it survives a power cut. */
int logs_sync(const struct state *st, int64_t unit, int64_t attempt,
    int64_t step, struct error *err);

#endif
