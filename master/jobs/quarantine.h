/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slave that fails one unit after another by its own fault gets nothing for
 * a while: after QUARANTINE_STRIKES failures of infrastructure, of different
 * units and without a success between, for a minute; from then on at each
 * further failure for twice as long, up to four hours. A unit that comes to
 * an end by itself, or the administrator, ends it. What is lost in one
 * silence of a slave counts once.
 *
 * quarantine_*() say what is to be: the caller writes it within the
 * transaction and applies it after that.
 */
#ifndef MASTER_QUARANTINE_H
#define MASTER_QUARANTINE_H

#include "master/master.h"

#define QUARANTINE_STRIKES 3
#define QUARANTINE_FIRST   (60 * SECOND)
#define QUARANTINE_MAX     (4 * 3600 * SECOND)

struct error;

struct quarantine {
	int64_t strikes, unit, pauses, until;
};

/* After a failure of this unit on its slave. */
struct quarantine quarantine_failed(
    const struct sched *s, const struct sched_unit *unit, int64_t now);

int quarantine_write(struct master *m, const struct sched_slave *sl,
    const struct quarantine *q, struct error *err);
void quarantine_apply(struct master *m, struct sched_slave *sl,
    const struct quarantine *q, int64_t now);

/* How long the last of so many pauses is, in microseconds. */
int64_t quarantine_pause(int64_t pauses);

/* A success, or the administrator's word: nothing is held against it. */
int quarantine_end(
    struct master *m, struct sched_slave *sl, int64_t now, struct error *err);

#endif
