/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/api/api.h"
#include "master/api/session.h"
#include "master/jobs/dispatch.h"
#include "master/http/parse.h"
#include "base/clock.h"
#include "base/error.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JSON_BODY ((size_t)1 << 20)

static const struct route routes[] = {
    {"GET", "ca", WHO_ANY, 0, api_ca, NULL},
    {"POST", "enroll", WHO_ANY, 65536, api_enroll, NULL},
    {"POST", "slave/renew", WHO_SLAVE, 65536, api_slave_renew, NULL},
    {"POST", "slave/retire", WHO_SLAVE, 65536, api_slave_retire, NULL},
    {"POST", "slave/hello", WHO_SLAVE, JSON_BODY, api_hello, NULL},
    {"POST", "slave/claim", WHO_SLAVE, 65536, api_claim, NULL},
    {"GET", "lease/#/pack", WHO_SLAVE, 0, api_pack, NULL},
    {"POST", "lease/#/renew", WHO_SLAVE, 65536, api_renew, NULL},
    {"PUT", "lease/#/log", WHO_SLAVE, JSON_BODY, api_log_put, NULL},
    {"POST", "lease/#/step", WHO_SLAVE, JSON_BODY, api_step, NULL},
    {"POST", "lease/#/done", WHO_SLAVE, JSON_BODY, api_done, NULL},
    {"POST", "lease/#/refuse", WHO_SLAVE, 65536, api_refuse, NULL},
    {"HEAD", "blob/*", WHO_SLAVE, 0, api_blob_head, NULL},
    {"PUT", "blob/*", WHO_SLAVE, 0, api_blob_put, api_blob_begin},
    {"GET", "stages/*", WHO_SLAVE, 0, api_stage, NULL},
    {"POST", "session", WHO_ANY, 65536, api_session_open, NULL},
    {"GET", "session", WHO_ANY, 0, api_sessions, NULL},
    {"POST", "session/#/end", WHO_ANY, 65536, api_session_end, NULL},
    {"POST", "jobs", WHO_ANY, JSON_BODY, api_submit, api_submit_begin},
    {"GET", "jobs", WHO_ANY, 0, api_jobs, NULL},
    {"GET", "jobs/#", WHO_ANY, 0, api_job, NULL},
    {"GET", "jobs/#/waiting", WHO_ANY, 0, api_waiting, NULL},
    {"GET", "events", WHO_ANY, 0, api_events, NULL},
    {"GET", "locks", WHO_ANY, 0, api_locks, NULL},
    {"POST", "jobs/#/cancel", WHO_ANY, 65536, api_cancel, NULL},
    {"POST", "jobs/#/retry", WHO_ANY, 65536, api_retry, NULL},
    {"POST", "jobs/#/repin", WHO_ANY, 65536, api_repin, NULL},
    {"POST", "jobs/#/priority", WHO_ANY, 65536, api_priority, NULL},
    {"GET", "units/#/log", WHO_ANY, 0, api_log_get, NULL},
    {"GET", "artifacts/*/*", WHO_ANY, 0, api_artifact, NULL},
    {"GET", "slaves", WHO_ANY, 0, api_slaves, NULL},
    {"POST", "slaves/#/drain", WHO_ANY, 65536, api_slave_rule, NULL},
    {"POST", "slaves/#/pause", WHO_ANY, 65536, api_slave_rule, NULL},
    {"POST", "slaves/#/resume", WHO_ANY, 65536, api_slave_rule, NULL},
    {"POST", "slaves/#/retire", WHO_ANY, 65536, api_slave_rule, NULL},
    {"GET", "trees", WHO_ANY, 0, api_trees, NULL},
    {"GET", "stages", WHO_ANY, 0, api_stages, NULL},
    {"GET", "health", WHO_ANY, 0, api_health, NULL},
    {"GET", "metrics", WHO_ANY, 0, api_metrics, NULL},
};

/* There is no number 0, and each other one is written in one way. */
static bool
take_id(const char *s, int64_t *id)
{
	*id = *s == '0' ? -1 : parse_number(s);
	return *id > 0;
}

/* Do the parts of the path from at on fit the pattern? */
static bool
matches(struct request *r, const char *pattern, size_t at)
{
	const char *part, *end;
	size_t n;

	for (part = pattern; *part; part = *end ? end + 1 : end, at++) {
		end = part + strcspn(part, "/");
		n = (size_t)(end - part);
		if (at >= r->npath)
			return false;
		if (*part == '*'       ? !*r->path[at]
			: *part == '#' ? !take_id(r->path[at], &r->id)
				       : strlen(r->path[at]) != n ||
			    memcmp(r->path[at], part, n) != 0)
			return false;
	}
	return at == r->npath;
}

/* Where programs that watch others look by custom. */
static const struct route healthz = {"GET", "", WHO_ANY, 0, api_healthz, NULL};
static const struct route metrics = {"GET", "", WHO_ANY, 0, api_metrics, NULL};

static bool
is_reading(const struct request *r)
{
	return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
}

/* The route; else answered with 404 or 405. */
static const struct route *
find_route(struct request *r)
{
	const struct route *get = NULL;
	bool known = false;
	size_t i;

	if (r->npath == 1 && is_reading(r) && !strcmp(r->path[0], "healthz"))
		return &healthz;
	if (r->npath == 1 && is_reading(r) && !strcmp(r->path[0], "metrics"))
		return &metrics;
	if (r->npath < 3 || strcmp(r->path[0], "api") != 0 ||
	    strcmp(r->path[1], "v1") != 0) {
		request_problem(r, 404, "not-found",
		    "nothing is served here; the API is below /api/v1/");
		return NULL;
	}
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!matches(r, routes[i].pattern, 2))
			continue;
		if (strcmp(routes[i].method, r->method) == 0)
			return &routes[i];
		known = true;
		if (strcmp(routes[i].method, "GET") == 0)
			get = &routes[i];
	}
	if (get && strcmp(r->method, "HEAD") == 0)
		return get;
	if (known)
		request_problem(r, 405, "method-not-allowed",
		    "%s is not served here", r->method);
	else
		request_problem(
		    r, 404, "not-found", "there is no such endpoint");
	return NULL;
}

/* May everybody read this, whatever the master is? */
static bool
is_open(const struct request *r)
{
	return r->route->handle == api_health ||
	    r->route->handle == api_healthz || r->route->handle == api_ca;
}

/* Who asks, by certificate; else answered with 403. */
static bool
find_slave(struct master *m, struct request *r)
{
	enum sql q = SQL_SLAVE_BY_FINGERPRINT;
	struct sched_slave *sl;
	struct error err;
	char fingerprint[65];
	bool retired, is_next;
	int rc;

	if (!request_peer(r, fingerprint)) {
		request_problem(r, 403, "not-authorised",
		    "only slaves may do this: a certificate of this master's "
		    "CA is needed (autotua-slave enroll)");
		return false;
	}
	rc = db_one(m->db, q, ARGS(TEXT(fingerprint)), &err);
	if (rc < 0) {
		request_broken(r, &err);
		return false;
	}
	if (rc == 0) {
		request_problem(r, 403, "not-authorised",
		    "this certificate is of no slave that is known here: "
		    "enroll anew, under the old name with a token of "
		    "\"autotua-master token new --slave NAME\"");
		return false;
	}
	r->slave = db_int(m->db, q, 0);
	r->slave_name = db_text(m->db, q, 1, &r->arena);
	retired = strcmp(db_text(m->db, q, 2, &r->arena), "retired") == 0;
	is_next = db_int(m->db, q, 3) != 0;
	db_end(m->db, q);
	if (is_next && !api_slave_renewed(m, r, fingerprint))
		return false;
	sl = sched_slave(&m->sched, r->slave, r->slave_name);
	if (retired && !sl->retired)
		sched_slave_retire(&m->sched, sl);
	sched_seen(&m->sched, sl, loop_now(&m->loop));
	request_of_slave(r);
	if (retired)
		request_problem(
		    r, 403, "retired", "slave %s was retired", r->slave_name);
	return !retired;
}

/*
 * Who asks? A slave's certificate is needed for some routes, and is good for
 * reading what a private master has.
 */
static bool
find_asker(struct master *m, struct request *r)
{
	char fingerprint[65];

	if (r->route->who == WHO_SLAVE)
		return find_slave(m, r);
	if (!session_find(m, r))
		return false;
	if (!is_reading(r) || is_open(r))
		return true;
	if (m->set->closed && !r->session && request_peer(r, fingerprint))
		return find_slave(m, r);
	return session_may_read(m, r);
}

/* Who has a network has all addresses of it: half of one of IPv6 counts. */
static size_t
address_len(const struct request *r)
{
	const char *p = r->origin;
	int colons = 0;

	for (; *p && colons < 4; p++)
		colons += *p == ':';
	return (size_t)(p - r->origin);
}

/* Unless it is none of this kind: not too often? else answered with 429. */
static bool
may_ask(struct master *m, struct request *r, char kind, const void *name,
    size_t len, int64_t rate, bool none)
{
	if (none || limit_take(&m->limit, kind, name, len, rate, clock_us()))
		return true;
	m->count.limited++;
	request_later(r, 429, "too-many-requests", 1,
	    "too many requests come from here: wait a little, and less often");
	return false;
}

void
api_begin(void *ctx, struct request *r)
{
	struct master *m = ctx;
	char fingerprint[65];

	r->route = find_route(r);
	if (!r->route)
		return;
	if (!may_ask(m, r, 'a', r->origin, address_len(r), m->set->rate_address,
		request_peer(r, fingerprint)) ||
	    !find_asker(m, r) ||
	    !may_ask(m, r, 's', &r->slave, sizeof(r->slave), m->set->rate_slave,
		r->slave == 0) ||
	    !may_ask(m, r, 'u', r->user, r->user ? strlen(r->user) : 0,
		m->set->rate_user, !r->user))
		return;
	r->body_max = r->route->body_max;
	if (r->route->begin)
		r->route->begin(m, r);
}

void
api_handle(void *ctx, struct request *r)
{
	r->route->handle(ctx, r);
}

/* Those wait for something to happen. */
static bool
is_patient(const struct request *r)
{
	return r->route->handle == api_claim ||
	    r->route->handle == api_events || r->route->handle == api_log_get;
}

void
api_over(void *ctx, struct request *r)
{
	struct master *m = ctx;
	unsigned class = r->status / 100;

	if (r->answer && class < 6)
		m->count.requests[class]++;
	if (r->answer && r->route && !is_patient(r))
		histogram_add(&m->answered, clock_us() - r->began);
}

json_t *
api_body(struct request *r)
{
	json_error_t bad;

	r->json = json_loadb(r->body.data ? r->body.data : "", r->body.len,
	    JSON_REJECT_DUPLICATES, &bad);
	if (r->json && json_is_object(r->json))
		return r->json;
	request_problem(r, 400, "bad-json", "the body is no JSON object: %s",
	    r->json ? "another type" : bad.text);
	return NULL;
}

const char *
api_text(const json_t *o, const char *key, size_t max)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s && strlen(s) <= max ? s : NULL;
}

const char *
api_need_text(struct request *r, const json_t *o, const char *key, size_t max)
{
	const char *s = api_text(o, key, max);

	if (!s)
		request_problem(r, 400, "bad-field",
		    "\"%s\": expected a text of 1 to %zu bytes", key, max);
	return s;
}

int64_t
api_need_number(struct request *r, const json_t *o, const char *key,
    int64_t min, int64_t max)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_integer(v) && json_integer_value(v) >= min &&
	    json_integer_value(v) <= max)
		return json_integer_value(v);
	request_problem(r, 400, "bad-field",
	    "\"%s\": expected a number from %" PRId64 " to %" PRId64, key, min,
	    max);
	return -1;
}

void
api_stale(struct master *m, struct request *r)
{
	m->count.stale++;
	request_problem(r, 409, "stale-attempt",
	    "lease %" PRId64 " is not held by %s with this attempt (any more)",
	    r->id, r->slave_name);
}

struct sched_unit *
api_lease(struct master *m, struct request *r, int64_t attempt)
{
	struct sched_unit *u = sched_leased(&m->sched, r->id);

	if (!u || u->lease->slave->id != r->slave || u->attempt != attempt) {
		api_stale(m, r);
		return NULL;
	}
	u->lease->heard = true;
	sched_renew(&m->sched, u, loop_now(&m->loop) + m->set->lease * SECOND);
	return u;
}

struct sched_unit *
api_work(struct master *m, struct request *r, int64_t attempt)
{
	struct sched_unit *u = api_lease(m, r, attempt);
	struct error err;

	if (u && dispatch_accepted(m, u, loop_now(&m->loop), &err) < 0) {
		request_broken(r, &err);
		return NULL;
	}
	return u;
}

json_t *
api_lease_events(struct sched_unit *u)
{
	json_t *list = json_array();

	if (u->job->cancelled) {
		u->lease->told = true;
		json_array_append_new(list,
		    json_pack("{s:s, s:I}", "event", "cancel", "lease",
			(json_int_t)u->lease->id));
	}
	return list;
}

json_t *
api_time(int64_t us)
{
	return us ? json_real((double)us / 1e6) : json_null();
}
