/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed requests that change a job that is there. */
#include "master/api/asking.h"
#include "master/jobs/dispatch.h"
#include "master/api/rights.h"
#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define CHILD_SECONDS 30

struct asking *
asking_about_job(struct master *m, struct request *r, const char *kind)
{
	struct wish w = {0};
	const json_t *job;

	if (!wish_read(m, r, kind, &w))
		return NULL;
	job = json_object_get(w.o, "job");
	if (json_is_integer(job) && json_integer_value(job) == r->id)
		return asking_new(m, r, &w);
	request_problem(r, 400, "bad-request",
	    "request: \"job\": is not the one of the path");
	return NULL;
}

bool
asking_may_change(struct asking *a)
{
	struct request *r = a->r;
	enum sql q = SQL_JOB_GET;
	const char *user = NULL;
	struct error err;
	int rc = db_one(a->m->db, q, ARGS(INT(r->id)), &err);

	if (rc > 0)
		user = db_text(a->m->db, q, 1, &r->arena);
	db_end(a->m->db, q);
	if (rc < 0)
		request_broken(r, &err);
	else if (rc == 0)
		request_problem(r, 404, "not-found", "there is no such job");
	else if (strcmp(user, a->wish.user) != 0)
		(void)rights_need(a->m, r, a->wish.user, RIGHT_OPERATE,
		    arena_printf(&r->arena,
			"job %" PRId64 " is of %s: to change it", r->id, user));
	return r->answer == NULL;
}

struct sched_job *
asking_open_job(struct asking *a)
{
	struct sched_job *job = sched_job_get(&a->m->sched, a->r->id);

	if (job && !job->cancelled)
		return job;
	request_problem(a->r, 409, "job-over",
	    "job %" PRId64 " has ended already", a->r->id);
	return NULL;
}

static struct change
change_of(const struct asking *a)
{
	return (struct change){.job = a->r->id,
	    .user = a->wish.user,
	    .nonce = a->wish.nonce,
	    .origin = a->origin,
	    .now = loop_now(&a->m->loop)};
}

void
asking_unstored(struct asking *a, const struct error *err)
{
	if (err->code == EEXIST)
		request_problem(a->r, 409, "replay",
		    "this request was sent before; sign a new one");
	else if (err->code == ESTALE)
		request_problem(a->r, 409, "stage-removed", "%s", err->msg);
	else
		request_broken(a->r, err);
}

/* The child has verified the request: then act on the job. */
static void
finish(struct asking *a, const struct buf *text, const struct error *err,
    void (*act)(struct asking *a, const struct change *change))
{
	json_t *o = asking_verdict(a, text, err);
	struct change change = change_of(a);

	if (o && asking_may_change(a))
		act(a, &change);
	json_decref(o);
	request_resume(a->r);
}

/* ---- cancel -------------------------------------------------------------- */

static void
cancel(struct asking *a, const struct change *change)
{
	struct sched_job *job = asking_open_job(a);
	struct error err = {0};

	if (!job)
		return;
	if (dispatch_cancel(a->m, job, change, &err) < 0)
		asking_unstored(a, &err);
	else
		request_json(a->r, 200, json_object());
}

static void
cancel_done(void *ctx, const struct buf *text, const struct error *err)
{
	finish(ctx, text, err, cancel);
}

void
api_cancel(struct master *m, struct request *r)
{
	struct asking *a = asking_about_job(m, r, "cancel");

	if (a)
		asking_start(a, CHILD_SECONDS, cancel_done);
}

/* ---- retry --------------------------------------------------------------- */

static void
retry(struct asking *a, const struct change *change)
{
	struct sched_job *job = sched_job_get(&a->m->sched, a->r->id);
	struct error err = {0};
	size_t n;

	if (job && job->cancelled) {
		request_problem(a->r, 409, "still-ending",
		    "a slave has not given job %" PRId64 " up yet; try again "
		    "in a moment",
		    a->r->id);
		return;
	}
	if (dispatch_retry(a->m, change, &n, &err) < 0)
		asking_unstored(a, &err);
	else if (n == 0)
		request_problem(a->r, 409, "nothing-to-retry",
		    "no unit of job %" PRId64 " has failed or was cancelled",
		    a->r->id);
	else
		request_json(a->r, 200,
		    json_pack("{s:I, s:I}", "job", (json_int_t)a->r->id,
			"units", (json_int_t)n));
}

static void
retry_done(void *ctx, const struct buf *text, const struct error *err)
{
	finish(ctx, text, err, retry);
}

void
api_retry(struct master *m, struct request *r)
{
	struct asking *a = asking_about_job(m, r, "retry");

	if (a)
		asking_start(a, CHILD_SECONDS, retry_done);
}

/* ---- priority ------------------------------------------------------------ */

static void
priority(struct asking *a, const struct change *change)
{
	struct sched_job *job = asking_open_job(a);
	int64_t n = json_integer_value(json_object_get(a->wish.o, "priority"));
	struct error err = {0};

	if (!job)
		return;
	if (dispatch_priority(a->m, job, n, change, &err) < 0)
		asking_unstored(a, &err);
	else
		request_json(a->r, 200,
		    json_pack("{s:I, s:I}", "job", (json_int_t)a->r->id,
			"priority", (json_int_t)n));
}

static void
priority_done(void *ctx, const struct buf *text, const struct error *err)
{
	finish(ctx, text, err, priority);
}

void
api_priority(struct master *m, struct request *r)
{
	struct asking *a = asking_about_job(m, r, "priority");

	if (a && wish_priority(r, &a->wish, true))
		asking_start(a, CHILD_SECONDS, priority_done);
}
