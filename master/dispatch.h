/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transitions: each is one transaction in the database and then the same
 * change in the schedule. -1 means that nothing has changed.
 */
#ifndef MASTER_DISPATCH_H
#define MASTER_DISPATCH_H

#include "master/master.h"

#include <jansson.h>

struct error;

/* Rebuild the schedule from the database; held leases get a fresh expiry. */
int dispatch_load(struct master *m, struct error *err);

/* A job that was validated: see validate.h for the form of plan. */
struct new_job {
	int64_t user, tree;
	const char *user_name, *request, *signature, *nonce, *origin;
	const json_t *wish; /* the request, parsed */
	const json_t *plan;
	bool replayed; /* set when the nonce was used meanwhile */
	int64_t id;    /* set */
	size_t nunits, nsteps;
};
int dispatch_job(
    struct master *m, struct new_job *job, int64_t now, struct error *err);

/* Seconds that a unit of this root takes, as learned; 0: nobody knows. */
double dispatch_expects(
    struct master *m, const char *root, const char *arch, struct arena *tmp);

/* Lease the unit to the slave; the lease's number, or -1. */
int64_t dispatch_lease(struct master *m, struct sched_unit *unit,
    struct sched_slave *sl, int64_t now, struct error *err);

/* How a lease ended, as the slave said. */
int dispatch_done(struct master *m, struct sched_unit *unit, const char *result,
    const char *reason, int64_t now, struct error *err);
int dispatch_refused(struct master *m, struct sched_unit *unit, bool hard,
    const char *reason, int64_t now, struct error *err);

/* Take back the lease of a slave that is not heard of any more. */
int dispatch_expired(struct master *m, struct sched_unit *unit,
    const char *reason, int64_t now, struct error *err);

/* Take back a lease whose grant was lost on its way to the slave. */
int dispatch_unheard(
    struct master *m, struct sched_unit *unit, int64_t now, struct error *err);

/* Leased units stay so until their slaves say that they have ended. */
int dispatch_cancel(struct master *m, struct sched_job *job, const char *user,
    const char *nonce, const char *origin, int64_t now, struct error *err);

#endif
