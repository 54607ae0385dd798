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

struct change;
struct error;

/*
 * Has another process changed the database? Then look at all slaves again,
 * and at stages that nothing was known of. clock is clock_us().
 */
void slaves_turn(struct master *m, int64_t clock);

/* Look at all slaves in any case, as at start. */
int slaves_load(struct master *m, struct error *err);

/*
 * Somebody says drain, pause, resume or retire of a slave: stored and at once
 * so. 1; 0: there is no active slave of this name; -1: err, EEXIST for a
 * request that was there before. What a slave says itself has no nonce.
 */
int slaves_rule(struct master *m, const char *what, const char *name,
    const struct change *ch, struct error *err);

/*
 * One has joined: it is new, or in the place of another of its name, whose
 * connections are cut.
 */
void slaves_joined(struct master *m, int64_t id, const char *name);

/*
 * Append [{"event": "release", "lease": L}, ...] for what a paused slave has
 * and was not told of yet.
 */
void
slaves_release(struct master *m, const struct sched_slave *sl, json_t *events);

#endif
