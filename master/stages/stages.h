/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in the stages that units want something of, as far as the schedule
 * has to know it: read from the database when the first such unit comes.
 */
#ifndef MASTER_STAGES_H
#define MASTER_STAGES_H

#include "master/master.h"

struct error;
struct sched_wants;

/* Does this unit want something of its stage? Then the schedule is told. */
int stages_know(
    struct master *m, const struct sched_wants *wants, struct error *err);

/*
 * Is the stage of each unit of a stored job there that hasn't passed? Asked in
 * the transaction that lets them run. -1: no, then with the code ESTALE.
 */
int stages_there(struct master *m, int64_t job, struct error *err);

/* Look again: names move, and of some nothing was known. */
int stages_load(struct master *m, struct error *err);

#endif
