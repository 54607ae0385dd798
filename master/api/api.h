/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP API: man autotua-api(7) is its text for users. One function an
 * endpoint; each answers its request, or waits and sees to it that it is
 * answered. Who may call what is in the table of api.c and checked before.
 */
#ifndef MASTER_API_H
#define MASTER_API_H

#include "master/master.h"
#include "master/http/request.h"

enum who { WHO_ANY, WHO_SLAVE };

struct route {
	const char *method;
	const char *pattern; /* below /api/v1/; "#": a number, "*": a word */
	enum who who;
	size_t body_max;
	void (*handle)(struct master *m, struct request *r);
	/* before the body comes: may answer, or say where the body goes */
	void (*begin)(struct master *m, struct request *r);
};

/* For httpd_conf; ctx is the master. */
void api_begin(void *ctx, struct request *r);
void api_handle(void *ctx, struct request *r);
void api_over(void *ctx, struct request *r);

void api_ca(struct master *m, struct request *r);
void api_enroll(struct master *m, struct request *r);
void api_hello(struct master *m, struct request *r);
void api_claim(struct master *m, struct request *r);
void api_pack(struct master *m, struct request *r);
void api_renew(struct master *m, struct request *r);
void api_step(struct master *m, struct request *r);
void api_done(struct master *m, struct request *r);
void api_refuse(struct master *m, struct request *r);
void api_log_put(struct master *m, struct request *r);
void api_log_get(struct master *m, struct request *r);
void api_blob_head(struct master *m, struct request *r);
void api_blob_begin(struct master *m, struct request *r);
void api_blob_put(struct master *m, struct request *r);
void api_artifact(struct master *m, struct request *r);
void api_stage(struct master *m, struct request *r);
void api_submit_begin(struct master *m, struct request *r);
void api_submit(struct master *m, struct request *r);
void api_cancel(struct master *m, struct request *r);
void api_retry(struct master *m, struct request *r);
void api_repin(struct master *m, struct request *r);
void api_priority(struct master *m, struct request *r);
void api_session_open(struct master *m, struct request *r);
void api_session_end(struct master *m, struct request *r);
void api_sessions(struct master *m, struct request *r);
void api_jobs(struct master *m, struct request *r);
void api_job(struct master *m, struct request *r);
void api_waiting(struct master *m, struct request *r);
void api_events(struct master *m, struct request *r);
void api_locks(struct master *m, struct request *r);
void api_slaves(struct master *m, struct request *r);
void api_slave_renew(struct master *m, struct request *r);
void api_slave_retire(struct master *m, struct request *r);
void api_slave_rule(struct master *m, struct request *r);
void api_trees(struct master *m, struct request *r);
void api_stages(struct master *m, struct request *r);
void api_health(struct master *m, struct request *r);
void api_healthz(struct master *m, struct request *r);
void api_metrics(struct master *m, struct request *r);

/* ---- what they share ------------------------------------------------------
 */

/* The body as a JSON object (kept by r), or NULL: answered with 400. */
json_t *api_body(struct request *r);

/* A member's text, or NULL: it is missing, empty or longer than max. */
const char *api_text(const json_t *o, const char *key, size_t max);

/* As that, but answers 400 when it is not there. */
const char *
api_need_text(struct request *r, const json_t *o, const char *key, size_t max);

/* A member's whole number in min to max; else answers 400 and returns -1. */
int64_t api_need_number(struct request *r, const json_t *o, const char *key,
    int64_t min, int64_t max);

/*
 * The unit of lease r->id if it is held by the slave that asks, with this
 * attempt; extends the lease. NULL: answered with 409 stale-attempt.
 */
struct sched_unit *
api_lease(struct master *m, struct request *r, int64_t attempt);

/* As that, for a call that shows that the slave has begun the unit. */
struct sched_unit *
api_work(struct master *m, struct request *r, int64_t attempt);
void api_stale(struct master *m, struct request *r);

/* The member "attempt"; -1: answered. */
int64_t api_attempt(struct request *r, const json_t *o);

/* 1: the artifact is here, with so many bytes; 0: it isn't, or not any more. */
int api_blob_size(
    struct master *m, const char *digest, int64_t *size, struct error *err);

/* The one of a NULL-terminated list that is s, or NULL. */
const char *api_one_of(const char *s, const char *const *list);

/*
 * Take the bytes of a log and the report of a step that come with another
 * call: its members "log" and "report" (api_lease.c). Answered: something was
 * wrong with one.
 */
void api_take_log(struct master *m, struct request *r,
    const struct sched_unit *u, const json_t *log);
void api_take_report(struct master *m, struct request *r,
    const struct sched_unit *u, const json_t *report);

/* [{"event": "cancel", "lease": L}] if the lease's job was cancelled. */
json_t *api_lease_events(struct sched_unit *u);

/*
 * Answer with a file of size bytes, or the part that the Range header wants;
 * 404 when it isn't there.
 */
void api_file(struct request *r, const char *path, const char *type);

/* Microseconds as JSON: seconds with a fraction; 0: null. */
json_t *api_time(int64_t us);

/* Why a unit waits, as jobs show it. */
struct sched_reason;
json_t *api_reason(const struct sched_reason *r);

/* Arches, slots and capabilities of a hello into the schedule. */
void
api_take_hello(struct sched *s, struct sched_slave *sl, const json_t *hello);

/*
 * The slave that asks shows its next certificate: from here on it is its only
 * one. false: answered.
 */
bool
api_slave_renewed(struct master *m, struct request *r, const char *fingerprint);

/* Open or closed to work, after a change of own_words or ruled. */
void slave_close(struct sched *s, struct sched_slave *sl);

/* ---- claims.c -------------------------------------------------------------
 */

/* Answer the claims that can be: units became ready, or their time is over. */
void claims_turn(struct master *m, int64_t now);

#define CLAIM_FREE_MAX 10000 /* leases that are asked for at once */

/* Leases for at most so many free slots, as capsules. */
json_t *claims_grant(
    struct master *m, struct sched_slave *sl, int64_t free, int64_t now);

/* Cancelled leases that this slave wasn't told of yet. */
json_t *claims_events(struct master *m, const struct sched_slave *sl);

/*
 * The slave waits no more: it claims anew; or it is told to do so at once, as
 * an answer without work that comes early lets it pause.
 */
void claims_drop(struct master *m, const struct sched_slave *sl);
void claims_again(struct master *m, const struct sched_slave *sl);

size_t claims_count(const struct master *m);

/* Nobody waits any more: the schedule is made anew. */
void claims_close(struct master *m);

#endif
