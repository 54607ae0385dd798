/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child that does one lease's work. It may block: it reads the capsule
 * from the spool, gets the pack, verifies, plans again, compares, imports the
 * stage and runs the unit; results go to the lease's spool folder, the end to
 * result.json. On its pipe it says what happens, a line each:
 *	state STEP NAME		step STEP is in this state now
 *	report STEP		STEP.json is there
 *	moved BYTES		so much came over the line
 * The lines are hints; what counts is the spool. It dies with its parent.
 */
#ifndef SLAVE_WORKER_H
#define SLAVE_WORKER_H

#include <stdint.h>
#include <sys/types.h>

struct error;
struct slave_conf;

#define WORKER_STALE 3 /* exit status: the master took the lease away */

/*
 * Start one for the lease's folder dir. The pid, with *fd (non-blocking) the
 * pipe's reading end; closing *leash (the writing end of another pipe) or
 * dying ends the worker's work. -1 with err. A unit that needs more than left
 * bytes of sources is given back.
 */
pid_t worker_start(const struct slave_conf *c, int64_t lease, int64_t left,
    int dir, int *fd, int *leash, struct error *err);

/*
 * In a fresh child of parent: undo its signal set-up, die with it, and close
 * what it had open except keep[0 .. n - 1], whose numbers change to the new
 * ones. Sockets of the parent must not live on in here.
 */
void worker_detach(pid_t parent, int keep[], unsigned n);

#endif
