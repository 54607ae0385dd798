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

/*
 * What somebody wants of a job that is there. Without a nonce it's an
 * administrator's command, which the audit has already.
 */
struct change {
	int64_t job;
	const char *user, *nonce, *origin;
	int64_t now;
};

/* Rebuild the schedule from the database; held leases get a fresh expiry. */
int dispatch_load(struct master *m, struct error *err);

/* All jobs that aren't over, or of which slaves have units. */
int dispatch_load_jobs(struct master *m, struct error *err);

/* One job that isn't in the schedule. */
int dispatch_load_job(struct master *m, int64_t job, struct error *err);

/* A job that was validated: see validate.h for the form of plan. */
struct new_job {
	int64_t user, tree;
	const char *user_name, *request, *signature, *nonce, *origin;
	const json_t *wish; /* the request, parsed */
	const json_t *plan;
	int64_t priority, created; /* set */
	int64_t id;                /* set */
	size_t nunits, nsteps;
};
int dispatch_job(
    struct master *m, struct new_job *job, int64_t now, struct error *err);

/*
 * Put the plan in the place of what the job of this id has, of which no unit
 * was ever begun by a slave. wish is the request that made the job; its number,
 * user, priority and place in the queues stay.
 */
int dispatch_repin(
    struct master *m, struct new_job *job, int64_t now, struct error *err);

/*
 * Units that may be through by an earlier result: ready ones of jobs that
 * reuse (others aren't added). dispatch_settle() ends those that are, and what
 * becomes ready by that, each in a transaction, and empties the list.
 */
struct unit_ids {
	struct arena arena;
	int64_t *list;
	size_t n;
};
void unit_ids_add(struct unit_ids *l, const struct sched_unit *unit);
void dispatch_settle(struct master *m, struct unit_ids *l, int64_t now);

/* 1: the ready unit has passed, by an earlier result; 0: there is none. */
int dispatch_reuse(
    struct master *m, struct sched_unit *unit, int64_t now, struct error *err);

/* Seconds that a unit of this root takes, as learned; 0: nobody knows. */
double dispatch_expects(
    struct master *m, const char *root, const char *arch, struct arena *tmp);

/* A leased unit has passed: what it took is learned. */
int dispatch_learn(struct master *m, const struct sched_unit *unit, int64_t now,
    struct error *err);

/* Lease the unit to the slave; the lease's number, or -1. */
int64_t dispatch_lease(struct master *m, struct sched_unit *unit,
    struct sched_slave *sl, int64_t now, struct error *err);

/* The slave has begun the unit it was given: the job runs from then on. */
int dispatch_accepted(
    struct master *m, struct sched_unit *unit, int64_t now, struct error *err);

/* How a lease ended, as the slave said. */
int dispatch_done(struct master *m, struct sched_unit *unit, const char *result,
    const char *reason, int64_t now, struct error *err);
int dispatch_refused(struct master *m, struct sched_unit *unit, bool hard,
    const char *reason, int64_t now, struct error *err);

/*
 * Until when what is stored of a refusal holds: what a clock that was ahead
 * stored holds no longer than one of now.
 */
int64_t dispatch_refused_until(const char *kind, int64_t until, int64_t now);

/*
 * Take back the lease of a slave that is not heard of any more; of one that
 * was retired it is no try of the unit's.
 */
int dispatch_expired(struct master *m, struct sched_unit *unit,
    const char *reason, int64_t now, struct error *err);

/* Take back a lease whose grant was lost on its way to the slave. */
int dispatch_unheard(
    struct master *m, struct sched_unit *unit, int64_t now, struct error *err);

/*
 * Within a transaction: the nonce is used. err->code is EEXIST when it was
 * before; so it is in the errors of all functions that take a signed request.
 */
int dispatch_nonce(
    struct master *m, const char *nonce, int64_t now, struct error *err);

/* Leased units stay so until their slaves say that they have ended. */
int dispatch_cancel(struct master *m, struct sched_job *job,
    const struct change *change, struct error *err);

/*
 * Begin again what failed, couldn't run or was cancelled. The job must not
 * be one that is still being cancelled. n is set to the number of such units;
 * with 0 nothing has changed.
 */
int dispatch_retry(struct master *m, const struct change *change, size_t *n,
    struct error *err);
int dispatch_priority(struct master *m, struct sched_job *job, int64_t priority,
    const struct change *change, struct error *err);

#endif
