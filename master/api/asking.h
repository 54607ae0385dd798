/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signed request on its way: read (wish.h), handed to a child that verifies
 * it, then done. It lives in the request's arena; everything the functions
 * refuse they have answered.
 */
#ifndef MASTER_ASKING_H
#define MASTER_ASKING_H

#include "master/jobs/validate.h"
#include "master/jobs/wish.h"

struct asking {
	struct validation v; /* first: what validate() takes */
	struct master *m;
	struct request *r;
	struct wish wish;
	const char *origin; /* where from, for the audit */
	int64_t user, tree;
	char plan[65];       /* key of the plan; "": not to be kept */
	const char *planned; /* its text, when it is known */
	const json_t *job;   /* repin: the request that made the job */
};

/* NULL: there is no such user, which was answered. */
struct asking *
asking_new(struct master *m, struct request *r, const struct wish *w);

/* Have the child work for at most limit seconds; then done is called. */
void asking_start(struct asking *a, int64_t limit,
    void (*done)(void *, const struct buf *, const struct error *));

/* The child's result if the signature is good, else NULL: answered. */
json_t *asking_verdict(
    struct asking *a, const struct buf *text, const struct error *err);

/* What it asks for couldn't be stored: answer why. */
void asking_unstored(struct asking *a, const struct error *err);

/*
 * As wish_read() for a request about the job of the path, whose number must
 * be signed too. NULL: answered.
 */
struct asking *
asking_about_job(struct master *m, struct request *r, const char *kind);

/* Is there this job, and may the user change it? false: answered. */
bool asking_may_change(struct asking *a);

/* The job in the schedule if it isn't over; NULL: answered. */
struct sched_job *asking_open_job(struct asking *a);

#endif
