/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people change of a job that is there; retry.c has the longest. */
#include "master/jobs/dispatch.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>

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
dispatch_nonce(
    struct master *m, const char *nonce, int64_t now, struct error *err)
{
	if (db_run(m->db, SQL_NONCE_ADD, ARGS(TEXT(nonce), INT(now)), err) >= 0)
		return 0;
	if (db_is_duplicate(m->db))
		err->code = EEXIST;
	return -1;
}

/* The nonce and the audit's line of a change; an administrator's has both. */
static int
write_change(struct master *m, const struct change *ch, const char *what,
    struct error *err)
{
	char object[32];

	snprintf(object, sizeof(object), "job %" PRId64, ch->job);
	if (!ch->nonce)
		return 0;
	if (dispatch_nonce(m, ch->nonce, ch->now, err) < 0)
		return -1;
	return audit(m->db, ch->now, ch->user, what, object, ch->origin, err);
}

int
dispatch_cancel(struct master *m, struct sched_job *job,
    const struct change *change, struct error *err)
{
	const struct sched_unit *u;

	if (db_begin(m->db, err) < 0)
		return -1;
	if (write_change(m, change, "cancel", err) < 0 ||
	    write_cancel(m, job, change->now, err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	log_info("job cancelled job=%" PRId64 " by=%s", job->id, change->user);
	sched_cancel(&m->sched, job, change->now);
	for (u = job->units; u; u = u->next) {
		if (u->state == UNIT_CANCELLED)
			events_unit(m, u);
	}
	events_job(m, job->id, "cancelled");
	if (job->nopen == 0)
		sched_job_drop(&m->sched, job);
	return 0;
}

int
dispatch_priority(struct master *m, struct sched_job *job, int64_t priority,
    const struct change *change, struct error *err)
{
	if (db_begin(m->db, err) < 0)
		return -1;
	if (write_change(m, change, "priority", err) < 0 ||
	    db_run(m->db, SQL_JOB_PRIORITY, ARGS(INT(job->id), INT(priority)),
		err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	log_info("job priority job=%" PRId64 " by=%s priority=%" PRId64,
	    job->id, change->user, priority);
	sched_job_priority(&m->sched, job, priority);
	return 0;
}
