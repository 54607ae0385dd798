/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed requests: a child verifies them, then they are done. */
#include "master/api/asking.h"
#include "master/jobs/dispatch.h"
#include "master/api/rights.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define RESULT_MAX ((size_t)512 << 20)

/* It couldn't be verified for want of disk: that is no "no". */
static bool
has_no_room(const json_t *verdict, struct error *err)
{
	json_int_t code = json_integer_value(json_object_get(verdict, "errno"));
	const char *text =
	    json_string_value(json_object_get(verdict, "detail"));

	if (code != ENOSPC && code != EDQUOT)
		return false;
	fail(err, "%s", text ? text : "no room");
	err->code = (int)code;
	return true;
}

json_t *
asking_verdict(
    struct asking *a, const struct buf *text, const struct error *err)
{
	struct request *r = a->r;
	struct error full;
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
	if (has_no_room(o, &full)) {
		request_broken(r, &full);
		json_decref(o);
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
answer_stored(struct asking *a, const struct new_job *job, unsigned status)
{
	request_json(a->r, status,
	    json_pack("{s:I, s:I, s:I, s:O}", "job", (json_int_t)job->id,
		"units", (json_int_t)job->nunits, "steps",
		(json_int_t)job->nsteps, "revision",
		json_object_get(job->plan, "revision")));
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
	    .origin = a->origin,
	    .wish = a->wish.o,
	    .plan = plan};
	struct error err;

	if (dispatch_job(a->m, &job, loop_now(&a->m->loop), &err) == 0)
		answer_stored(a, &job, 201);
	else
		asking_unstored(a, &err);
}

static void
submit_done(void *ctx, const struct buf *text, const struct error *err)
{
	struct asking *a = ctx;
	json_t *o = asking_verdict(a, text, err);

	if (o && a->planned) {
		json_decref(o);
		o = json_loads(a->planned, 0, NULL);
	} else if (o && json_object_get(o, "units") && *a->plan) {
		plans_put(&a->m->plans, a->plan, text, clock_us());
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
		a->v.how = state_mirror(m->st, db_int(m->db, q, 2) != 0);
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

struct asking *
asking_new(struct master *m, struct request *r, const struct wish *w)
{
	struct asking *a = arena_new(&r->arena, struct asking);
	struct error err;

	a->m = m;
	a->r = r;
	a->wish = *w;
	a->origin = r->origin;
	if (w->session)
		a->origin = arena_printf(
		    &r->arena, "%s session %" PRId64, r->origin, w->session);
	a->v.trusted = w->session > 0;
	a->v.arena = &r->arena;
	a->v.kind = w->kind;
	a->v.user = w->user;
	a->v.request = w->request;
	a->v.signature = w->signature;
	a->v.now = now_us() / SECOND;
	a->v.verdicts = m->st->path;
	if (wish_keys(m, r, &a->v.keys, &a->v.nkeys) < 0)
		return NULL;
	a->user = id_of(m, SQL_USER_ID, w->user, &err);
	if (a->user > 0)
		return rights_need(m, r, w->user,
			   strcmp(w->kind, "session") == 0 ? RIGHT_READ
							   : RIGHT_MAINTAIN,
			   w->kind)
		    ? a
		    : NULL;
	if (a->user < 0)
		request_broken(r, &err);
	else
		request_problem(r, 403, "not-authorised",
		    "there is no user \"%s\" here; the administrator adds "
		    "one with \"autotua-master user add\"",
		    w->user);
	return NULL;
}

/* A first fetch may take long; somebody else may be at it, too. */
static bool
gets_on(void *ctx, int64_t since)
{
	const struct asking *a = ctx;

	return a->v.mirror && mirror_busy(a->v.mirror, since);
}

void
asking_start(struct asking *a, int64_t limit,
    void (*done)(void *, const struct buf *, const struct error *))
{
	struct child_work work = {.work = validate,
	    .done = done,
	    .ctx = a,
	    .limit = limit,
	    .gets_on = gets_on,
	    .max = RESULT_MAX};

	static char yes[] = "{\"signed\":true}";
	const struct buf known = {.data = yes, .len = sizeof(yes) - 1};

	request_wait(a->r);
	if (a->v.trusted && (!a->v.tree || a->v.planned)) {
		/* nothing is left that would block */
		done(a, &known, NULL);
		return;
	}
	a->m->count.validations++;
	child_start(&a->m->loop, &work);
}

/* What the child is to plan. */
static bool
want(struct asking *a, const struct wanted *w)
{
	struct error err;

	if (!find_tree(a, w->tree))
		return false;
	if (read_stages(a, &err) < 0) {
		request_broken(a->r, &err);
		return false;
	}
	a->v.packs = state_path(a->m->st, &a->r->arena, "packs");
	a->v.revision = w->revision;
	a->v.root = w->root;
	a->v.arches = w->arches;
	a->v.narches = w->narches;
	a->v.stage = default_stage(a, w->stage);
	a->v.parameters = w->parameters;
	return true;
}

static void
look_for_plan(struct asking *a)
{
	const struct buf *text;

	if (!plans_key(&a->v, a->plan))
		return;
	text = plans_get(&a->m->plans, a->plan, clock_us());
	if (!text)
		return;
	a->m->count.known++;
	a->v.planned = true;
	a->planned = arena_strndup(&a->r->arena, text->data, text->len);
}

/* A job needs room on the disk; what is too large is told by who reads it. */
void
api_submit_begin(struct master *m, struct request *r)
{
	if (r->length <= (int64_t)r->body_max)
		reserve_allows(m, r, 503);
}

void
api_submit(struct master *m, struct request *r)
{
	struct wanted wanted = {0};
	struct wish w = {0};
	struct asking *a;

	if (!wish_read(m, r, "submit", &w) || !wish_submit(r, &w, &wanted) ||
	    !(a = asking_new(m, r, &w)) || !want(a, &wanted))
		return;
	if (json_is_true(json_object_get(w.o, "security")) &&
	    !rights_need(m, r, w.user, RIGHT_OPERATE, "\"security\""))
		return;
	look_for_plan(a);
	asking_start(a, m->set->validation, submit_done);
}

/* ---- repin -----------------------------------------------------------------
 */

/* Has no slave accepted a unit of it? */
static bool
is_untouched(struct asking *a)
{
	const struct sched_job *job = asking_open_job(a);
	const struct sched_lease *l;
	const struct sched_unit *u;

	if (!job)
		return false;
	if (job->started) {
		request_problem(a->r, 409, "already-accepted",
		    "a slave has accepted a unit of job %" PRId64
		    " already: cancel it and submit another",
		    a->r->id);
		return false;
	}
	for (u = job->units; u; u = u->next) {
		l = sched_lease_of(u);
		if (!l)
			continue;
		request_problem(a->r, 409, "being-offered",
		    "slave %s has just been given a unit of job %" PRId64
		    " and hasn't said yet whether it takes it: try again in "
		    "a moment",
		    l->slave->name, a->r->id);
		return false;
	}
	return true;
}

static void
store_again(struct asking *a, const json_t *plan)
{
	struct new_job job = {.id = a->r->id,
	    .user_name = a->wish.user,
	    .nonce = a->wish.nonce,
	    .origin = a->origin,
	    .wish = a->job,
	    .plan = plan};
	struct error err;

	/* all of it may have changed while the child was at work */
	if (!asking_may_change(a) || !is_untouched(a))
		return;
	if (dispatch_repin(a->m, &job, loop_now(&a->m->loop), &err) == 0)
		answer_stored(a, &job, 200);
	else
		asking_unstored(a, &err);
}

static void
repin_done(void *ctx, const struct buf *text, const struct error *err)
{
	struct asking *a = ctx;
	json_t *o = asking_verdict(a, text, err);

	if (o && json_object_get(o, "units"))
		store_again(a, o);
	else if (o)
		answer_refused(a, o);
	json_decref(o);
	request_resume(a->r);
}

/* What the job was submitted with, kept with the request; NULL: answered. */
static const json_t *
read_job(struct asking *a)
{
	struct request *r = a->r;
	enum sql q = SQL_JOB_REQUEST;
	struct error err;
	json_t *o = NULL;

	if (db_one(a->m->db, q, ARGS(INT(r->id)), &err) > 0)
		o = json_loads(db_text(a->m->db, q, 0, &r->arena), 0, NULL);
	else
		fail(&err, "job %" PRId64 ": no request", r->id);
	db_end(a->m->db, q);
	if (o)
		json_object_set_new(r->json, "job", o);
	else
		request_broken(r, &err);
	return o;
}

void
api_repin(struct master *m, struct request *r)
{
	struct asking *a = asking_about_job(m, r, "repin");
	struct wanted wanted = {0};
	struct wish w = {0};

	if (!a || !asking_may_change(a) || !is_untouched(a) ||
	    !(a->job = read_job(a)))
		return;
	w.o = a->job;
	if (wish_submit(r, &w, &wanted) &&
	    wish_revision(r, &a->wish, &wanted.revision) && want(a, &wanted))
		asking_start(a, m->set->validation, repin_done);
}
