/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a lease took that a former serve has given: until now it may have been
 * down, and the clock been set meanwhile, which nobody saw. So its slave's
 * reports say it: when the lease was given is moved to that.
 */
#ifndef MASTER_TOOK_H
#define MASTER_TOOK_H

#include <stdint.h>

struct error;
struct master;
struct sched_unit;

/* Within the transaction that ends the unit's lease, before it is ended. */
int took_correct(struct master *m, const struct sched_unit *unit, int64_t now,
    struct error *err);

#endif
