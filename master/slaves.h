/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What administrators say of slaves: drained (gets nothing more), paused (and
 * gives back what it has), retired (is refused for ever). The commands write
 * it into the database; a running master sees that within a second.
 */
#ifndef MASTER_SLAVES_H
#define MASTER_SLAVES_H

#include "master/master.h"

#include <jansson.h>

struct error;

/* Has another process changed the database? Then look at all slaves again. */
void slaves_turn(struct master *m, int64_t now);

/* Look at all slaves in any case, as at start. */
int slaves_load(struct master *m, struct error *err);

/*
 * Append [{"event": "release", "lease": L}, ...] for what a paused slave has
 * and was not told of yet.
 */
void
slaves_release(struct master *m, const struct sched_slave *sl, json_t *events);

#endif
