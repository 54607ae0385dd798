/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/dispatch.h"
#include "master/wants.h"
#include "base/error.h"
#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define SOFT_REFUSAL (60 * SECOND)
#define LOST_REFUSAL (86400 * SECOND)

/* The state that a slave's result leads to. */
static enum unit_state
state_of(const char *result)
{
	if (strcmp(result, "passed") == 0)
		return UNIT_PASSED;
	if (strcmp(result, "skipped") == 0)
		return UNIT_SKIPPED;
	if (strcmp(result, "infrastructure") == 0)
		return UNIT_READY;
	return UNIT_FAILED;
}

static const char *
job_result(bool failed)
{
	return failed ? "failed" : "passed";
}

/* "needs a/b-1.0 (unit 3), which failed" for those that can't run any more. */
static const char *
chain_reason(struct arena *a, const struct sched_unit *victim,
    const struct sched_unit *origin)
{
	const struct sched_unit *via = NULL;
	size_t i;

	for (i = 0; i < victim->nneeds && !via; i++) {
		if (victim->needs[i] == origin)
			via = origin;
	}
	if (via)
		return arena_printf(
		    a, "needs %s (unit %" PRId64 ")", origin->root, origin->id);
	return arena_printf(a, "needs, through others, %s (unit %" PRId64 ")",
	    origin->root, origin->id);
}

static int
write_next(struct master *m, struct sched_unit *unit, enum unit_state state,
    struct sched_unit **list, size_t n, int64_t now, struct error *err)
{
	struct arena a = {0};
	const char *text;
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc >= 0; i++) {
		if (state == UNIT_PASSED) {
			rc = db_run(m->db, SQL_UNIT_STATE,
			    ARGS(INT(list[i]->id), TEXT("ready"), INT(now)),
			    err);
			continue;
		}
		text = arena_printf(&a, "%s, which %s%s",
		    chain_reason(&a, list[i], unit),
		    state == UNIT_SKIPPED ? "was " : "",
		    unit_state_names[state]);
		rc = db_run(m->db, SQL_UNIT_END,
		    ARGS(INT(list[i]->id), TEXT("dep-failed"), TEXT(""),
			TEXT(text), INT(now)),
		    err);
	}
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

/* Within a transaction: the unit's end and all that follows from it. */
static int
write_end(struct master *m, struct sched_unit *unit, enum unit_state state,
    const char *result, const char *reason, int64_t now, struct error *err)
{
	struct sched_job *job = unit->job;
	struct arena a = {0};
	struct sched_unit **list;
	bool failed = job->failed || state == UNIT_FAILED;
	size_t n;
	int rc = -1;

	list = sched_next(unit, state, &a, &n);
	if (state != UNIT_PASSED)
		failed |= n > 0;
	if (db_run(m->db, SQL_UNIT_END,
		ARGS(INT(unit->id), TEXT(unit_state_names[state]), TEXT(result),
		    TEXT(reason), INT(now)),
		err) < 0)
		goto out;
	if (write_next(m, unit, state, list, n, now, err) < 0)
		goto out;
	if (!job->cancelled &&
	    job->nopen == 1 + (state == UNIT_PASSED ? 0 : n) &&
	    db_run(m->db, SQL_JOB_ENDED,
		ARGS(INT(job->id), TEXT(job_result(failed)), INT(now)),
		err) < 0)
		goto out;
	rc = 0;
out:
	arena_release(&a);
	return rc;
}

static void
apply_end(struct master *m, struct sched_unit *unit, enum unit_state state,
    int64_t now)
{
	struct sched_job *job = unit->job;

	sched_end(&m->sched, unit, state, now);
	if (job->nopen > 0)
		return;
	log_info("job ended job=%" PRId64 " result=%s", job->id,
	    job->cancelled ? "cancelled" : job_result(job->failed));
	sched_job_drop(&m->sched, job);
}

static int
end_lease(struct master *m, const struct sched_unit *unit, const char *state,
    const char *result, const char *reason, int64_t now, struct error *err)
{
	int n = db_run(m->db, SQL_LEASE_END,
	    ARGS(INT(unit->lease->node.id), TEXT(state), INT(now), TEXT(result),
		TEXT(reason)),
	    err);

	if (n < 0)
		return -1;
	return n == 1 ? 0 : fail(err, "database: the lease is not held");
}

static int
remember(struct master *m, const struct sched_unit *unit, const char *kind,
    int64_t until, const char *reason, struct error *err)
{
	return db_run(m->db, SQL_REFUSAL_SET,
		   ARGS(INT(unit->id), INT(unit->lease->slave->id), TEXT(kind),
		       INT(until), TEXT(reason)),
		   err) < 0
	    ? -1
	    : 0;
}

/* The lease is back before anything was done: nobody is to blame. */
int
dispatch_unheard(
    struct master *m, struct sched_unit *unit, int64_t now, struct error *err)
{
	static const char reason[] = "its slave never got it";

	if (unit->job->cancelled)
		return dispatch_expired(m, unit, reason, now, err);
	if (db_begin(m->db, err) < 0)
		return -1;
	if (end_lease(m, unit, "expired", "", reason, now, err) < 0 ||
	    db_run(m->db, SQL_UNIT_RETRY,
		ARGS(INT(unit->id), INT(unit->tries), TEXT("")), err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	sched_return(&m->sched, unit, now);
	return 0;
}

/*
 * Infrastructure failed the unit: again, elsewhere if it can be, up to three
 * times.
 */
static int
give_again(struct master *m, struct sched_unit *unit, const char *lease_state,
    const char *reason, int64_t now, struct error *err)
{
	bool last = unit->tries + 1 >= TRIES_MAX;
	int64_t slave = unit->lease->slave->id, until = now + LOST_REFUSAL;

	if (db_begin(m->db, err) < 0)
		return -1;
	if (end_lease(
		m, unit, lease_state, "infrastructure", reason, now, err) < 0)
		goto failed;
	if (last) {
		if (write_end(m, unit, UNIT_FAILED, "infrastructure", reason,
			now, err) < 0)
			goto failed;
	} else if (remember(m, unit, "lost", until, reason, err) < 0 ||
	    db_run(m->db, SQL_UNIT_RETRY,
		ARGS(INT(unit->id), INT(unit->tries + 1), TEXT(reason)),
		err) < 0) {
		goto failed;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	unit->tries++;
	if (last) {
		apply_end(m, unit, UNIT_FAILED, now);
	} else {
		sched_return(&m->sched, unit, now);
		sched_refuse(&m->sched, unit, slave, until, true, reason);
	}
	return 0;
failed:
	db_rollback(m->db);
	return -1;
}

/* ---- what units take ------------------------------------------------------
 */

static int
learn(struct master *m, const struct sched_unit *unit, int64_t now,
    struct error *err)
{
	int64_t ms = (now - unit->lease->granted) / 1000;
	struct arena tmp = {0};
	int n;

	n = db_run(m->db, SQL_DURATION_SET,
	    ARGS(TEXT(wants_package(&tmp, unit->root)), TEXT(sched_arch(unit)),
		INT(ms > 0 ? ms : 0)),
	    err);
	arena_release(&tmp);
	return n < 0 ? -1 : 0;
}

double
dispatch_expects(
    struct master *m, const char *root, const char *arch, struct arena *tmp)
{
	enum sql q = SQL_DURATION_GET;
	struct error ignored;
	double seconds = 0;

	/* a guess: without it the unit is taken for a typical one */
	if (db_one(m->db, q, ARGS(TEXT(wants_package(tmp, root)), TEXT(arch)),
		&ignored) > 0)
		seconds = (double)db_int(m->db, q, 0) / 1000;
	db_end(m->db, q);
	return seconds;
}

/* ---- ends of leases ------------------------------------------------------ */

static int
end_unit(struct master *m, struct sched_unit *unit, enum unit_state state,
    const char *lease_state, const char *result, const char *reason,
    int64_t now, struct error *err)
{
	if (db_begin(m->db, err) < 0)
		return -1;
	if (end_lease(m, unit, lease_state, result, reason, now, err) < 0 ||
	    (state == UNIT_PASSED && learn(m, unit, now, err) < 0) ||
	    write_end(m, unit, state, result, reason, now, err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	apply_end(m, unit, state, now);
	return 0;
}

int
dispatch_done(struct master *m, struct sched_unit *unit, const char *result,
    const char *reason, int64_t now, struct error *err)
{
	enum unit_state state = state_of(result);

	if (unit->job->cancelled)
		return end_unit(
		    m, unit, UNIT_CANCELLED, "done", result, reason, now, err);
	if (state == UNIT_READY)
		return give_again(m, unit, "done", reason, now, err);
	return end_unit(m, unit, state, "done", result, reason, now, err);
}

int
dispatch_expired(struct master *m, struct sched_unit *unit, const char *reason,
    int64_t now, struct error *err)
{
	m->count.expired++;
	log_warn("lease lost lease=%" PRId64 " unit=%" PRId64 " slave=%s: %s",
	    unit->lease->node.id, unit->id, unit->lease->slave->name, reason);
	if (unit->job->cancelled)
		return end_unit(
		    m, unit, UNIT_CANCELLED, "expired", "", reason, now, err);
	return give_again(m, unit, "expired", reason, now, err);
}

int
dispatch_refused(struct master *m, struct sched_unit *unit, bool hard,
    const char *reason, int64_t now, struct error *err)
{
	int64_t slave = unit->lease->slave->id;
	int64_t until = hard ? UNTIL_EVER : now + SOFT_REFUSAL;

	if (unit->job->cancelled)
		return end_unit(
		    m, unit, UNIT_CANCELLED, "refused", "", reason, now, err);
	if (db_begin(m->db, err) < 0)
		return -1;
	if (end_lease(m, unit, "refused", "", reason, now, err) < 0 ||
	    remember(m, unit, hard ? "hard" : "soft", until, reason, err) < 0 ||
	    db_run(m->db, SQL_UNIT_RETRY,
		ARGS(INT(unit->id), INT(unit->tries), TEXT(reason)), err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	sched_return(&m->sched, unit, now);
	sched_refuse(&m->sched, unit, slave, until, false, reason);
	return 0;
}

int64_t
dispatch_lease(struct master *m, struct sched_unit *unit,
    struct sched_slave *sl, int64_t now, struct error *err)
{
	int64_t lease;

	assert(unit->state == UNIT_READY);
	if (db_begin(m->db, err) < 0)
		return -1;
	lease = db_insert(m->db, SQL_LEASE_ADD,
	    ARGS(INT(unit->id), INT(unit->attempt + 1), INT(sl->id), INT(now),
		INT(sched_slots(unit, sl))),
	    err);
	if (lease < 0 ||
	    db_run(m->db, SQL_UNIT_LEASED,
		ARGS(INT(unit->id), INT(unit->attempt + 1), INT(sl->id)),
		err) < 0 ||
	    (!unit->job->started &&
		db_run(m->db, SQL_JOB_STARTED,
		    ARGS(INT(unit->job->id), INT(now)), err) < 0)) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	unit->attempt++;
	m->count.leases++;
	sched_lease(
	    &m->sched, unit, sl, lease, now, now + m->set->lease * SECOND);
	return lease;
}

static int
write_cancel(struct master *m, const struct sched_job *job, int64_t now,
    struct error *err)
{
	const struct sched_unit *u;

	for (u = job->units; u; u = u->next) {
		if (u->state != UNIT_BLOCKED && u->state != UNIT_READY)
			continue;
		if (db_run(m->db, SQL_UNIT_END,
			ARGS(INT(u->id), TEXT("cancelled"), TEXT(""),
			    TEXT("the job was cancelled"), INT(now)),
			err) < 0)
			return -1;
	}
	return db_run(m->db, SQL_JOB_ENDED,
		   ARGS(INT(job->id), TEXT("cancelled"), INT(now)), err) < 0
	    ? -1
	    : 0;
}

int
dispatch_cancel(struct master *m, struct sched_job *job, const char *user,
    const char *nonce, const char *origin, int64_t now, struct error *err)
{
	char object[32];

	snprintf(object, sizeof(object), "job %" PRId64, job->id);
	if (db_begin(m->db, err) < 0)
		return -1;
	if (db_run(m->db, SQL_NONCE_ADD, ARGS(TEXT(nonce), INT(now)), err) <
		0 ||
	    write_cancel(m, job, now, err) < 0 ||
	    audit(m->db, now, user, "cancel", object, origin, err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	log_info("job cancelled job=%" PRId64 " by=%s", job->id, user);
	sched_cancel(&m->sched, job, now);
	if (job->nopen == 0)
		sched_job_drop(&m->sched, job);
	return 0;
}
