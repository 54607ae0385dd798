/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child that does the work of leases, one after the other. It may block:
 * it reads the capsule from the spool, gets the pack, verifies, plans again,
 * compares, imports the stage and runs the unit; results go to the lease's
 * spool folder, the end to result.json. On its pipe it says what happens, a
 * line each:
 *	state STEP NAME		step STEP is in this state now
 *	report STEP		STEP.json is there
 *	want BYTES		may so much more come? answered on its leash
 *	moved BYTES REST	so much came; so much may come still
 *	end			result.json is there; it waits for an order
 *	stale			the master took the lease away; it waits
 * The lines are hints; what counts is the spool. It dies with its parent.
 */
#ifndef SLAVE_WORKER_H
#define SLAVE_WORKER_H

#include <stdint.h>
#include <sys/types.h>

struct error;
struct slave_conf;

/* What is written to a worker's leash when it has nothing to do. */
struct worker_order {
	int64_t lease;
};

/* And when it wants to fetch something: so many bytes may come, or 0. */
struct worker_grant {
	int64_t bytes;
};

/*
 * Be one, in a child that was made for it: say things on tell and do what comes
 * as orders from leash, until its other end is closed, which ends the work that
 * is under way too.
 */
_Noreturn void worker_run(const struct slave_conf *c, int tell, int leash);

#endif
