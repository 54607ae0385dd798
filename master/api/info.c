/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is shown of the master itself. */
#include "master/api/api.h"
#include "master/http/httpd.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

static bool
is_degraded(const struct master *m)
{
	return m->reserve.low || db_is_halted(m->db);
}

void
api_health(struct master *m, struct request *r)
{
	const struct reserve *d = &m->reserve;

	request_json(r, 200,
	    json_pack("{s:s, s:s, s:s, s:f, s:{s:I, s:I, s:b}}", "status",
		is_degraded(m) ? "degraded" : "ok", "master", m->set->name,
		"version", VERSION, "time", (double)now_us() / 1e6, "disk",
		"free", (json_int_t)d->free, "reserve", (json_int_t)d->wanted,
		"low", d->low));
}

void
api_healthz(struct master *m, struct request *r)
{
	const char *text = "ok\n";

	if (db_is_halted(m->db))
		text = arena_printf(&r->arena,
		    "nothing can be stored, nothing is taken: %s\n",
		    m->db->lost);
	else if (m->reserve.low)
		text = "disk is low: nothing is taken\n";
	request_bytes(r, is_degraded(m) ? 503 : 200,
	    "text/plain; charset=utf-8", text, strlen(text));
}

static const char *
slave_state(const struct master *m, const struct sched_slave *sl)
{
	int64_t now = loop_now(&m->loop);

	if (sl->retired)
		return "retired";
	if (sl->paused_until > now)
		return "quarantine";
	return sched_is_online(&m->sched, sl, now) ? "online" : "offline";
}

static json_t *
slave_json(struct master *m, struct arena *a)
{
	enum sql q = SQL_SLAVE_LIST;
	const char *text = db_text(m->db, q, 3, a);
	json_t *hello = text ? json_loads(text, 0, NULL) : json_object();
	const struct sched_slave *sl;
	int64_t seen = db_int(m->db, q, 4);
	json_t *o;

	sl = sched_slave(
	    &m->sched, db_int(m->db, q, 0), db_text(m->db, q, 1, a));
	/* what is stored may be of a clock that was wrong */
	if (sl->seen > 0)
		seen = sl->seen;
	o = json_pack("{s:I, s:s, s:s, s:s?, s:O?, s:I, s:I, s:o, s:O?, s:O?}",
	    "slave", (json_int_t)sl->id, "name", sl->name, "state",
	    slave_state(m, sl), "closed", sl->ruled ? sl->ruled : sl->own_words,
	    "arches", json_object_get(hello, "arches"), "slots",
	    (json_int_t)json_integer_value(json_object_get(hello, "slots")),
	    "leased", (json_int_t)sl->leased, "last_seen", api_time(seen),
	    "capabilities", json_object_get(hello, "capabilities"), "labels",
	    json_object_get(hello, "labels"));
	json_decref(hello);
	if (sl->strikes > 0)
		json_object_set_new(o, "quarantine",
		    json_pack("{s:I, s:I, s:o}", "failures",
			(json_int_t)sl->strikes, "pauses",
			(json_int_t)sl->pauses, "until",
			api_time(sl->paused_until)));
	return o;
}

static json_t *
tree_json(struct master *m, struct arena *a)
{
	enum sql q = SQL_TREE_LIST;

	return json_pack("{s:s, s:s, s:o}", "name", db_text(m->db, q, 0, a),
	    "url", db_text(m->db, q, 1, a), "created",
	    api_time(db_int(m->db, q, 2)));
}

static json_t *
stage_json(struct master *m, struct arena *a)
{
	enum sql q = SQL_STAGE_LIST;

	return json_pack("{s:s, s:s, s:I, s:o, s:s?, s:I}", "name",
	    db_text(m->db, q, 0, a), "digest", db_text(m->db, q, 1, a), "size",
	    (json_int_t)db_int(m->db, q, 2), "created",
	    api_time(db_int(m->db, q, 3)), "managers", db_text(m->db, q, 4, a),
	    "packages", (json_int_t)db_int(m->db, q, 5));
}

/* All rows of q, each as what row makes of it. */
static void
answer_rows(struct master *m, struct request *r, enum sql q, const char *name,
    json_t *(*row)(struct master *, struct arena *))
{
	json_t *list = json_array();
	struct error err;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, &err)) > 0)
		json_array_append_new(list, row(m, &r->arena));
	if (rc == 0) {
		request_json(r, 200, json_pack("{s:o}", name, list));
		return;
	}
	json_decref(list);
	request_broken(r, &err);
}

void
api_slaves(struct master *m, struct request *r)
{
	answer_rows(m, r, SQL_SLAVE_LIST, "slaves", slave_json);
}

void
api_trees(struct master *m, struct request *r)
{
	answer_rows(m, r, SQL_TREE_LIST, "trees", tree_json);
}

void
api_stages(struct master *m, struct request *r)
{
	answer_rows(m, r, SQL_STAGE_LIST, "stages", stage_json);
}

/* ---- metrics ----------------------------------------------------------------
 */

static void
metric(struct buf *b, const char *name, const char *type, int64_t value)
{
	buf_addf(b, "# TYPE autotua_%s %s\nautotua_%s %" PRId64 "\n", name,
	    type, name, value);
}

/* One line a state, out of a query that gives state and count. */
static void
by_state(struct master *m, struct buf *b, const char *name, enum sql q)
{
	struct arena a = {0};
	struct error err;

	buf_addf(b, "# TYPE autotua_%s gauge\n", name);
	db_query(m->db, q, NULL);
	while (db_row(m->db, q, &err) > 0)
		buf_addf(b, "autotua_%s{state=\"%s\"} %" PRId64 "\n", name,
		    db_text(m->db, q, 0, &a), db_int(m->db, q, 1));
	arena_release(&a);
}

static void
slaves_by_state(const struct master *m, struct buf *b)
{
	static const char *const states[] = {
	    "online", "offline", "quarantine", "retired"};
	const struct sched_slave *sl;
	size_t i;
	int n;

	buf_adds(b, "# TYPE autotua_slaves gauge\n");
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		n = 0;
		for (sl = m->sched.slaves; sl; sl = sl->next)
			n += strcmp(slave_state(m, sl), states[i]) == 0;
		buf_addf(b, "autotua_slaves{state=\"%s\"} %d\n", states[i], n);
	}
}

static void
requests_by_code(const struct master *m, struct buf *b)
{
	int i;

	buf_adds(b, "# TYPE autotua_http_requests_total counter\n");
	for (i = 2; i < 6; i++)
		buf_addf(b,
		    "autotua_http_requests_total{code=\"%dxx\"} %" PRId64 "\n",
		    i, m->count.requests[i]);
}

void
api_metrics(struct master *m, struct request *r)
{
	const struct counters *c = &m->count;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_addf(&b,
	    "# TYPE autotua_build_info gauge\n"
	    "autotua_build_info{version=\"%s\"} 1\n",
	    VERSION);
	by_state(m, &b, "jobs", SQL_JOB_COUNTS);
	by_state(m, &b, "units", SQL_UNIT_COUNTS);
	slaves_by_state(m, &b);
	requests_by_code(m, &b);
	metric(&b, "jobs_submitted_total", "counter", c->jobs);
	metric(&b, "requests_refused_total", "counter", c->refused);
	metric(&b, "validations_total", "counter", c->validations);
	metric(&b, "validations_reused_total", "counter", c->known);
	metric(&b, "leases_granted_total", "counter", c->leases);
	metric(&b, "leases_expired_total", "counter", c->expired);
	metric(&b, "stale_calls_total", "counter", c->stale);
	metric(&b, "log_bytes_total", "counter", c->log_bytes);
	metric(&b, "artifact_bytes_total", "counter", c->blob_bytes);
	metric(&b, "leases_held", "gauge", (int64_t)m->sched.nleased);
	metric(&b, "units_ready", "gauge", (int64_t)m->sched.nready);
	metric(&b, "long_polls", "gauge", (int64_t)claims_count(m));
	metric(
	    &b, "connections", "gauge", (int64_t)httpd_connections(m->httpd));
	metric(&b, "children", "gauge", m->loop.running);
	metric(&b, "reloads_total", "counter", m->reloads);
	metric(&b, "requests_limited_total", "counter", c->limited);
	metric(&b, "transactions_total", "counter", c->turns);
	metric(&b, "transactions_lost_total", "counter", c->lost);
	metric(&b, "halted", "gauge", db_is_halted(m->db));
	histogram_write(&m->waited, "unit_wait", &b);
	histogram_write(&m->ran, "unit_run", &b);
	histogram_write(&m->answered, "request", &b);
	reserve_metrics(m, &b);
	request_bytes(
	    r, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
	buf_release(&b);
}
