/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed requests: a child verifies them, then they are done. */
#include "master/dispatch.h"
#include "master/validate.h"
#include "master/wish.h"
#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>
#include <string.h>

#define CANCEL_SECONDS 30
#define RESULT_MAX     ((size_t)512 << 20)

struct asking {
	struct validation v; /* first: what validate() takes */
	struct master *m;
	struct request *r;
	struct wish wish;
	int64_t user, tree;
	char plan[65];       /* key of the plan; "": not to be kept */
	const char *planned; /* its text, when it is known */
};

/* The child's result if the signature is good; else answered. */
static json_t *
verdict(struct asking *a, const struct buf *text, const struct error *err)
{
	struct request *r = a->r;
	json_t *o = NULL;

	if (text && text->data)
		o = json_loadb(text->data, text->len, 0, NULL);
	if (!o && a->m->loop.stop) {
		request_problem(r, 503, "stopping", "the master is stopping");
		return NULL;
	}
	if (!o) {
		log_warn("validation by=%s: %s", a->wish.user,
		    err ? err->msg : "no result");
		request_problem(r, 422, "validation-failed",
		    "the validation %s", err ? err->msg : "had no result");
		return NULL;
	}
	if (!json_is_true(json_object_get(o, "signed"))) {
		a->m->count.refused++;
		log_warn("request refused by=%s from=%s: %s", a->wish.user,
		    r->origin, json_string_value(json_object_get(o, "detail")));
		request_problem(r, 403, "not-authorised", "%s",
		    json_string_value(json_object_get(o, "detail")));
		json_decref(o);
		return NULL;
	}
	return o;
}

static int64_t
id_of(struct master *m, enum sql q, const char *name, struct error *err)
{
	int64_t id = 0;
	int rc = db_one(m->db, q, ARGS(TEXT(name)), err);

	if (rc > 0)
		id = db_int(m->db, q, 0);
	db_end(m->db, q);
	return rc < 0 ? -1 : id;
}

/* ---- submit ----------------------------------------------------------------
 */

static void
answer_refused(struct asking *a, const json_t *o)
{
	const char *trouble = json_string_value(json_object_get(o, "trouble"));
	struct error err;

	if (trouble) {
		request_problem(a->r, 503, "tree-unavailable", "%s", trouble);
		return;
	}
	a->m->count.refused++;
	/* a nonce is good once, also for a job that was refused */
	if (db_run(a->m->db, SQL_NONCE_ADD,
		ARGS(TEXT(a->wish.nonce), INT(now_us())), &err) < 0)
		log_warn("%s", err.msg);
	request_problem_with(a->r, 422, "refused",
	    "the job was refused; nothing was stored",
	    json_pack(
		"{s:O}", "diagnostics", json_object_get(o, "diagnostics")));
}

static void
store(struct asking *a, const json_t *plan)
{
	struct new_job job = {.user = a->user,
	    .tree = a->tree,
	    .user_name = a->wish.user,
	    .request = a->wish.request,
	    .signature = a->wish.signature,
	    .nonce = a->wish.nonce,
	    .origin = a->r->origin,
	    .wish = a->wish.o,
	    .plan = plan};
	struct error err;

	if (dispatch_job(a->m, &job, now_us(), &err) == 0)
		request_json(a->r, 201,
		    json_pack("{s:I, s:I, s:I, s:O}", "job", (json_int_t)job.id,
			"units", (json_int_t)job.nunits, "steps",
			(json_int_t)job.nsteps, "revision",
			json_object_get(plan, "revision")));
	else if (job.replayed)
		request_problem(a->r, 409, "replay",
		    "this request was sent before; sign a new one");
	else
		request_broken(a->r, &err);
}

static void
submit_done(void *ctx, const struct buf *text, const struct error *err)
{
	struct asking *a = ctx;
	json_t *o = verdict(a, text, err);

	if (o && a->planned) {
		json_decref(o);
		o = json_loads(a->planned, 0, NULL);
	} else if (o && json_object_get(o, "units") && *a->plan) {
		plans_put(&a->m->plans, a->plan, text, now_us());
	}
	if (o && json_object_get(o, "units"))
		store(a, o);
	else if (o)
		answer_refused(a, o);
	json_decref(o);
	request_resume(a->r);
}

static int
read_stages(struct asking *a, struct error *err)
{
	struct arena *arena = &a->r->arena;
	struct known_stage *list = NULL;
	struct db *db = a->m->db;
	enum sql q = SQL_STAGE_LIST;
	size_t n = 0;
	int rc;

	db_query(db, q, NULL);
	while ((rc = db_row(db, q, err)) > 0) {
		list = arena_grow(arena, list, n, sizeof(*list));
		list[n].name = db_text(db, q, 0, arena);
		list[n].digest = db_text(db, q, 1, arena);
		list[n++].size = db_int(db, q, 2);
	}
	a->v.stages = list;
	a->v.nstages = n;
	return rc;
}

/* The job's, else the configured one, else the only one. */
static const char *
default_stage(const struct asking *a, const char *wanted)
{
	if (*wanted)
		return wanted;
	if (*a->m->set->stage)
		return a->m->set->stage;
	return a->v.nstages == 1 ? a->v.stages[0].name : "default";
}

/* What the master knows about the tree; false: answered. */
static bool
find_tree(struct asking *a, const char *name)
{
	struct master *m = a->m;
	struct request *r = a->r;
	enum sql q = SQL_TREE_GET;
	struct error err;
	int rc = db_one(m->db, q, ARGS(TEXT(name)), &err);

	if (rc > 0) {
		a->tree = db_int(m->db, q, 0);
		a->v.url = db_text(m->db, q, 1, &r->arena);
		a->v.tree = name;
		a->v.mirror =
		    state_path(m->st, &r->arena, "trees/%s.git", name);
		db_end(m->db, q);
		return true;
	}
	if (rc < 0)
		request_broken(r, &err);
	else
		request_problem(r, 422, "no-such-tree",
		    "there is no tree \"%s\" here; GET /api/v1/trees has the "
		    "list",
		    name);
	return false;
}

static struct asking *
asking_new(struct master *m, struct request *r, const struct wish *w)
{
	struct asking *a = arena_new(&r->arena, struct asking);
	struct error err;

	a->m = m;
	a->r = r;
	a->wish = *w;
	a->v.arena = &r->arena;
	a->v.kind = w->kind;
	a->v.user = w->user;
	a->v.request = w->request;
	a->v.signature = w->signature;
	a->v.now = now_us() / SECOND;
	if (wish_keys(m, r, &a->v.keys, &a->v.nkeys) < 0)
		return NULL;
	a->user = id_of(m, SQL_USER_ID, w->user, &err);
	if (a->user > 0)
		return a;
	if (a->user < 0)
		request_broken(r, &err);
	else
		request_problem(r, 403, "not-authorised",
		    "there is no user \"%s\" here; the administrator adds "
		    "one with \"autotua-master user add\"",
		    w->user);
	return NULL;
}

static void
start_child(struct asking *a, int64_t limit,
    void (*done)(void *, const struct buf *, const struct error *))
{
	struct child_work work = {.work = validate,
	    .done = done,
	    .ctx = a,
	    .limit = limit,
	    .max = RESULT_MAX};

	a->m->count.validations++;
	request_wait(a->r);
	child_start(&a->m->loop, &work);
}

static void
look_for_plan(struct asking *a)
{
	const struct buf *text;

	if (!plans_key(&a->v, a->plan))
		return;
	text = plans_get(&a->m->plans, a->plan, now_us());
	if (!text)
		return;
	a->m->count.known++;
	a->v.planned = true;
	a->planned = arena_strndup(&a->r->arena, text->data, text->len);
}

void
api_submit(struct master *m, struct request *r)
{
	struct wanted wanted = {0};
	struct wish w = {0};
	struct error err;
	struct asking *a;

	if (!wish_read(m, r, "submit", &w) || !wish_submit(r, &w, &wanted) ||
	    !(a = asking_new(m, r, &w)) || !find_tree(a, wanted.tree))
		return;
	if (read_stages(a, &err) < 0) {
		request_broken(r, &err);
		return;
	}
	a->v.packs = state_path(m->st, &r->arena, "packs");
	a->v.revision = wanted.revision;
	a->v.root = wanted.root;
	a->v.arches = wanted.arches;
	a->v.narches = wanted.narches;
	a->v.stage = default_stage(a, wanted.stage);
	a->v.parameters = wanted.parameters;
	look_for_plan(a);
	start_child(a, m->set->validation, submit_done);
}

/* ---- cancel ----------------------------------------------------------------
 */

/* The open job of the path, if it is this user's; NULL: answered. */
static struct sched_job *
find_job(struct asking *a)
{
	struct sched_job *job = sched_job_get(&a->m->sched, a->r->id);
	struct error err;
	int rc;

	if (!job || job->cancelled) {
		rc = db_one(a->m->db, SQL_JOB_GET, ARGS(INT(a->r->id)), &err);
		db_end(a->m->db, SQL_JOB_GET);
		if (rc < 0)
			request_broken(a->r, &err);
		else if (rc == 0)
			request_problem(
			    a->r, 404, "not-found", "there is no such job");
		else
			request_problem(a->r, 409, "job-over",
			    "job %" PRId64 " has ended already", a->r->id);
		return NULL;
	}
	if (strcmp(job->user, a->wish.user) == 0)
		return job;
	request_problem(a->r, 403, "not-authorised", "job %" PRId64 " is of %s",
	    a->r->id, job->user);
	return NULL;
}

static void
cancel_done(void *ctx, const struct buf *text, const struct error *err)
{
	struct asking *a = ctx;
	json_t *o = verdict(a, text, err);
	struct sched_job *job;
	struct error failed;

	if (o && (job = find_job(a)) != NULL) {
		if (dispatch_cancel(a->m, job, a->wish.user, a->wish.nonce,
			a->r->origin, now_us(), &failed) < 0)
			request_broken(a->r, &failed);
		else
			request_json(a->r, 200, json_object());
	}
	json_decref(o);
	request_resume(a->r);
}

void
api_cancel(struct master *m, struct request *r)
{
	struct wish w = {0};
	struct asking *a;
	const json_t *job;

	if (!wish_read(m, r, "cancel", &w))
		return;
	job = json_object_get(w.o, "job");
	if (!json_is_integer(job) || json_integer_value(job) != r->id) {
		request_problem(r, 400, "bad-request",
		    "request: \"job\": is not the one of the path");
		return;
	}
	a = asking_new(m, r, &w);
	if (a)
		start_child(a, CANCEL_SECONDS, cancel_done);
}
