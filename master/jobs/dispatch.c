/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/dispatch.h"
#include "master/jobs/quarantine.h"
#include "master/jobs/took.h"
#include "master/jobs/wants.h"
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

#define CHAIN_MAX 1000 /* bytes of text, before the rest is left out */

/*
 * "needs a/b-1.0 (unit 3), which needs c/d-1.0 (unit 1), which failed" for
 * those that can't run any more: origin is what ended, told what is known of
 * those before the victim, by id.
 */
static const char *
chain_reason(struct arena *a, struct map *told, const struct sched_unit *victim,
    const struct sched_unit *origin, const char *how)
{
	const struct sched_unit *need;
	const char *rest;
	size_t i;

	for (i = 0; i < victim->nneeds; i++) {
		need = victim->needs[i];
		rest = need == origin
		    ? how
		    : map_get(told, (const char *)&need->id, sizeof(need->id));
		if (rest && strlen(rest) < CHAIN_MAX)
			return arena_printf(a,
			    "needs %s (unit %" PRId64 "), which %s",
			    sched_root(need), need->id, rest);
		if (rest)
			return arena_printf(a,
			    "needs, through others, %s (unit %" PRId64
			    "), which %s",
			    sched_root(origin), origin->id, how);
	}
	return how;
}

static int
write_next(struct master *m, struct sched_unit *unit, enum unit_state state,
    struct sched_unit **list, size_t n, int64_t now, struct error *err)
{
	const char *how =
	    state == UNIT_SKIPPED ? "was skipped" : unit_state_names[state];
	struct arena a = {0};
	struct map told;
	const char *text;
	size_t i;
	int rc = 0;

	map_init(&told, &a);
	for (i = 0; i < n && rc >= 0; i++) {
		if (state == UNIT_PASSED) {
			rc = db_run(m->db, SQL_UNIT_STATE,
			    ARGS(INT(list[i]->id), TEXT("ready"), INT(now)),
			    err);
			continue;
		}
		text = chain_reason(&a, &told, list[i], unit, how);
		*map_put(&told, (const char *)&list[i]->id,
		    sizeof(list[i]->id)) = (void *)(uintptr_t)text;
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

/* Those that waited for this one, to see what comes out. */
static void
add_same(struct master *m, const struct sched_unit *unit, struct unit_ids *next)
{
	const struct sched_unit *other = sched_same(&m->sched, unit);

	for (; other; other = sched_same_next(other))
		unit_ids_add(next, other);
}

/*
 * next (may be NULL) gets those that have become ready and may be through
 * already by an earlier result.
 */
static void
apply_end(struct master *m, struct sched_unit *unit, enum unit_state state,
    struct unit_ids *next, int64_t now)
{
	struct sched_job *job = unit->job;
	struct sched_unit **list;
	struct arena tmp = {0};
	size_t i, n;

	list = sched_next(unit, state, &tmp, &n);
	for (i = 0; next && i < n; i++)
		unit_ids_add(next, list[i]);
	if (next && state == UNIT_PASSED && sched_lease_of(unit))
		add_same(m, unit, next);
	sched_end(&m->sched, unit, state, now);
	events_unit(m, unit);
	for (i = 0; i < n; i++)
		events_unit(m, list[i]);
	arena_release(&tmp);
	if (job->nopen > 0)
		return;
	log_info("job ended job=%" PRId64 " result=%s", job->id,
	    job->cancelled ? "cancelled" : job_result(job->failed));
	if (!job->cancelled)
		events_job(m, job->id, job_result(job->failed));
	sched_job_drop(&m->sched, job);
}

static int
end_lease(struct master *m, const struct sched_unit *unit, const char *state,
    const char *result, const char *reason, int64_t now, struct error *err)
{
	int n;

	/* the log of a step that comes to no report says why */
	if (took_correct(m, unit, now, err) < 0 ||
	    (strcmp(result, "passed") != 0 &&
		kept_current(m, unit->id, unit->attempt, err) < 0))
		return -1;
	n = db_run(m->db, SQL_LEASE_END,
	    ARGS(INT(unit->lease->id), TEXT(state), INT(now), TEXT(result),
		TEXT(reason)),
	    err);

	if (n < 0)
		return -1;
	incoming_lease_over(m, unit->lease->id);
	return n == 1 ? 0 : fail(err, "database: the lease is not held");
}

/*
 * What this attempt has made is of no use: nobody is offered it. But steps
 * before the last stand for those that start from their layers.
 */
static int
drop_artifacts(
    struct master *m, const struct sched_unit *unit, struct error *err)
{
	int64_t id = unit->id, attempt = unit->attempt;

	if (db_run(m->db, SQL_MADE_FORGET, ARGS(INT(id), INT(attempt)), err) <
		0 ||
	    db_run(m->db, SQL_BLOB_UNNAME,
		ARGS(INT(id), INT(attempt), INT(unit->lease->id)), err) < 0)
		return -1;
	return db_run(m->db, SQL_ARTIFACT_DROP, ARGS(INT(id), INT(attempt)),
		   err) < 0
	    ? -1
	    : 0;
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

/* The lease is over, and nobody is to blame: it is no try. */
static int
take_back(struct master *m, struct sched_unit *unit, const char *reason,
    int64_t now, struct error *err)
{
	const char *told = unit->lease->slave->retired ? reason : "";

	if (db_begin(m->db, err) < 0)
		return -1;
	if (end_lease(m, unit, "expired", "", reason, now, err) < 0 ||
	    db_run(m->db, SQL_UNIT_RETRY,
		ARGS(INT(unit->id), INT(unit->tries), TEXT(told)), err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	sched_return(&m->sched, unit, now);
	events_unit(m, unit);
	return 0;
}

int
dispatch_unheard(
    struct master *m, struct sched_unit *unit, int64_t now, struct error *err)
{
	static const char reason[] = "its slave never got it";

	if (unit->job->cancelled)
		return dispatch_expired(m, unit, reason, now, err);
	return take_back(m, unit, reason, now, err);
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
	struct sched_slave *sl = unit->lease->slave;
	struct quarantine held = quarantine_failed(&m->sched, unit, now);
	int64_t until = now + LOST_REFUSAL;

	if (db_begin(m->db, err) < 0)
		return -1;
	if (end_lease(
		m, unit, lease_state, "infrastructure", reason, now, err) < 0 ||
	    drop_artifacts(m, unit, err) < 0 ||
	    quarantine_write(m, sl, &held, err) < 0)
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
	quarantine_apply(m, sl, &held, now);
	unit->tries++;
	if (last) {
		apply_end(m, unit, UNIT_FAILED, NULL, now);
	} else {
		sched_return(&m->sched, unit, now);
		events_unit(m, unit);
		sched_refuse(&m->sched, unit, sl->id, until, true, reason);
	}
	return 0;
failed:
	db_rollback(m->db);
	return -1;
}

/* ---- what units take ------------------------------------------------------
 */

int
dispatch_learn(struct master *m, const struct sched_unit *unit, int64_t now,
    struct error *err)
{
	int64_t ms = (now - unit->lease->granted) / 1000;
	struct arena tmp = {0};
	int n;

	n = db_run(m->db, SQL_DURATION_SET,
	    ARGS(TEXT(wants_package(&tmp, sched_root(unit))),
		TEXT(sched_arch(unit)), INT(ms > 0 ? ms : 0)),
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
	struct sched_slave *sl = unit->lease->slave;
	struct quarantine none = {0};
	struct unit_ids next = {0};
	bool sound = state != UNIT_CANCELLED;

	if (db_begin(m->db, err) < 0)
		return -1;
	if (end_lease(m, unit, lease_state, result, reason, now, err) < 0 ||
	    (state == UNIT_PASSED &&
		(dispatch_learn(m, unit, now, err) < 0 ||
		    db_run(m->db, SQL_UNIT_PASSED, ARGS(INT(unit->id)), err) <
			0)) ||
	    (sound && quarantine_write(m, sl, &none, err) < 0) ||
	    (state == UNIT_CANCELLED && drop_artifacts(m, unit, err) < 0) ||
	    write_end(m, unit, state, result, reason, now, err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	if (sound) {
		quarantine_apply(m, sl, &none, now);
		histogram_add(&m->ran, now - unit->lease->granted);
	}
	apply_end(m, unit, state, &next, now);
	dispatch_settle(m, &next, now);
	return 0;
}

/* ---- earlier results ----------------------------------------------------- */

void
unit_ids_add(struct unit_ids *l, const struct sched_unit *unit)
{
	if (!unit->reuse)
		return;
	l->list = arena_grow(&l->arena, l->list, l->n, sizeof(*l->list));
	l->list[l->n++] = unit->id;
}

/* The unit that has passed with the same content key; 0: there is none. */
static int64_t
earlier(struct master *m, const struct sched_unit *unit, struct error *err)
{
	enum sql q = SQL_UNIT_EARLIER;
	struct arena tmp = {0};
	const char *key = NULL;
	int64_t id = 0;
	int rc;

	rc = db_one(m->db, SQL_UNIT_KEY, ARGS(INT(unit->id)), err);
	if (rc > 0)
		key = db_text(m->db, SQL_UNIT_KEY, 0, &tmp);
	db_end(m->db, SQL_UNIT_KEY);
	if (rc > 0)
		rc = db_one(
		    m->db, q, ARGS(TEXT(key), TEXT(sched_arch(unit))), err);
	if (rc > 0)
		id = db_int(m->db, q, 0);
	db_end(m->db, q);
	arena_release(&tmp);
	return rc < 0 ? -1 : id;
}

/* As dispatch_reuse(), which deals with what becomes ready by it. */
static int
reuse(struct master *m, struct sched_unit *unit, struct unit_ids *next,
    int64_t now, struct error *err)
{
	int64_t from;

	if (!unit->reuse)
		return 0;
	from = earlier(m, unit, err);
	if (from <= 0)
		return (int)from;
	if (db_begin(m->db, err) < 0)
		return -1;
	if (db_run(m->db, SQL_UNIT_REUSE, ARGS(INT(unit->id), INT(from)), err) <
		0 ||
	    write_end(m, unit, UNIT_PASSED, "passed", "", now, err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	log_info("unit reused unit=%" PRId64 " from=%" PRId64, unit->id, from);
	m->count.reused++;
	apply_end(m, unit, UNIT_PASSED, next, now);
	return 1;
}

void
dispatch_settle(struct master *m, struct unit_ids *l, int64_t now)
{
	struct sched_unit *unit;
	struct error err;
	size_t i;

	/* it grows while it is worked on */
	for (i = 0; i < l->n; i++) {
		unit = sched_unit_get(&m->sched, l->list[i]);
		if (unit && unit->state == UNIT_READY &&
		    reuse(m, unit, l, now, &err) < 0)
			log_err(
			    "reuse unit=%" PRId64 ": %s", unit->id, err.msg);
	}
	arena_release(&l->arena);
	*l = (struct unit_ids){0};
}

int
dispatch_reuse(
    struct master *m, struct sched_unit *unit, int64_t now, struct error *err)
{
	struct unit_ids next = {0};
	int rc = reuse(m, unit, &next, now, err);

	dispatch_settle(m, &next, now);
	return rc;
}

/* ---- ends of leases, as slaves tell them --------------------------------- */

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
	    unit->lease->id, unit->id, unit->lease->slave->name, reason);
	if (unit->job->cancelled)
		return end_unit(
		    m, unit, UNIT_CANCELLED, "expired", "", reason, now, err);
	if (unit->lease->slave->retired)
		return take_back(m, unit, reason, now, err);
	return give_again(m, unit, "expired", reason, now, err);
}

int64_t
dispatch_refused_until(const char *kind, int64_t until, int64_t now)
{
	int64_t most = UNTIL_EVER;

	if (strcmp(kind, "soft") == 0)
		most = now + SOFT_REFUSAL;
	else if (strcmp(kind, "lost") == 0)
		most = now + LOST_REFUSAL;
	return until < most ? until : most;
}

int
dispatch_refused(struct master *m, struct sched_unit *unit, bool hard,
    const char *reason, int64_t now, struct error *err)
{
	const struct sched_slave *sl = unit->lease->slave;
	int64_t until = hard ? UNTIL_EVER : now + SOFT_REFUSAL;
	/* what an administrator had it give back it hasn't refused */
	bool own = hard || !(unit->lease->recalled || sl->ruled);

	if (unit->job->cancelled)
		return end_unit(
		    m, unit, UNIT_CANCELLED, "refused", "", reason, now, err);
	if (db_begin(m->db, err) < 0)
		return -1;
	if (end_lease(m, unit, "refused", "", reason, now, err) < 0 ||
	    (own &&
		remember(m, unit, hard ? "hard" : "soft", until, reason, err) <
		    0) ||
	    db_run(m->db, SQL_UNIT_RETRY,
		ARGS(INT(unit->id), INT(unit->tries), TEXT(reason)), err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	sched_return(&m->sched, unit, now);
	events_unit(m, unit);
	if (own)
		sched_refuse(&m->sched, unit, sl->id, until, false, reason);
	return 0;
}

int
dispatch_accepted(
    struct master *m, struct sched_unit *unit, int64_t now, struct error *err)
{
	struct sched_job *job = unit->job;

	if (job->started || job->cancelled)
		return 0;
	if (db_run(m->db, SQL_JOB_STARTED, ARGS(INT(job->id), INT(now)), err) <
	    0)
		return -1;
	job->started = true;
	events_job(m, job->id, "running");
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
		err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	unit->attempt++;
	m->count.leases++;
	histogram_add(&m->waited, now - unit->ready);
	sched_lease(
	    &m->sched, unit, sl, lease, now, now + m->set->lease * SECOND);
	events_unit(m, unit);
	return lease;
}
