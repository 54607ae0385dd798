/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What administrators say of jobs on the master's machine: cancel, retry,
 * priority. The command writes it into the database, with the audit's line; a
 * running master does it within a second, one that starts at once.
 */
#ifndef MASTER_JOBS_H
#define MASTER_JOBS_H

#include "master/master.h"

struct error;

/* Do what is asked for; what can't be done (any more) is logged and gone. */
int orders_load(struct master *m, struct error *err);

#endif
