/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/serve/events.h"
#include "master/api/api.h"
#include "master/http/parse.h"
#include "base/error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 200 /* events written at once */

static const char *const kind_names[] = {"job", "unit", "step", "slave"};

/* ---- what happens ---------------------------------------------------------
 */

static void
note(struct master *m, int64_t job, int64_t unit)
{
	struct events *e = &m->events;
	struct stream *s;

	for (s = e->streams; s; s = s->next) {
		if (s->unit ? s->unit == unit : (!s->job || s->job == job)) {
			s->noted = true;
			e->noted = true;
		}
	}
}

static void
add(struct master *m, const struct event *what)
{
	struct events *e = &m->events;
	struct event *at;

	if (!e->ring) {
		e->ring = calloc(EVENTS_KEPT, sizeof(*e->ring));
		if (!e->ring)
			abort();
	}
	at = &e->ring[e->n++ & (EVENTS_KEPT - 1)];
	*at = *what;
	at->time = now_us();
	note(m, what->job, what->unit);
}

void
events_restart(struct master *m, int64_t epoch)
{
	m->events.epoch = epoch;
	m->events.n = 0;
	streams_close(m);
}

void
events_job(struct master *m, int64_t job, const char *state)
{
	add(m, &(struct event){.kind = EVENT_JOB, .job = job, .state = state});
}

void
events_unit(struct master *m, const struct sched_unit *u)
{
	add(m,
	    &(struct event){.kind = EVENT_UNIT,
		.job = u->job->id,
		.unit = u->id,
		.attempt = u->attempt,
		.state = unit_state_names[u->state],
		.slave = sched_lease_of(u) ? u->lease->slave->name : NULL});
}

void
events_step(struct master *m, const struct sched_unit *u, int64_t step,
    const char *state)
{
	add(m,
	    &(struct event){.kind = EVENT_STEP,
		.job = u->job->id,
		.unit = u->id,
		.attempt = u->attempt,
		.step = step,
		.state = state});
}

void
events_slave(struct master *m, const struct sched_slave *sl, const char *state)
{
	add(m,
	    &(struct event){
		.kind = EVENT_SLAVE, .slave = sl->name, .state = state});
}

void
events_log(struct master *m, int64_t unit)
{
	struct events *e = &m->events;
	struct stream *s;

	for (s = e->streams; s; s = s->next) {
		if (s->unit == unit) {
			s->noted = true;
			e->noted = true;
		}
	}
}

/* ---- GET events ------------------------------------------------------------
 */

/* Where a listener is. */
struct listener {
	int64_t next; /* number of the next event */
	bool greeted, lost;
};

static void
add_number(json_t *o, const char *name, int64_t n, bool wanted)
{
	if (wanted)
		json_object_set_new(o, name, json_integer(n));
}

static json_t *
event_json(const struct event *e)
{
	bool of_unit = e->kind == EVENT_UNIT || e->kind == EVENT_STEP;
	json_t *o = json_pack(
	    "{s:s, s:o}", "state", e->state, "time", api_time(e->time));

	add_number(o, "job", e->job, e->kind != EVENT_SLAVE);
	add_number(o, "unit", e->unit, of_unit);
	add_number(o, "attempt", e->attempt, of_unit);
	add_number(o, "step", e->step, e->kind == EVENT_STEP);
	if (e->slave)
		json_object_set_new(o, "slave", json_string(e->slave));
	return o;
}

static void
write_event(struct stream *s, const char *kind, int64_t number, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);

	buf_addf(&s->out,
	    "id: %" PRIx64 "-%" PRId64 "\nevent: %s\ndata: %s\n\n",
	    (uint64_t)s->m->events.epoch, number, kind, text ? text : "{}");
	free(text);
	json_decref(o);
}

static void
fill(struct stream *s, int64_t now)
{
	struct events *e = &s->m->events;
	struct listener *l = s->ctx;
	const struct event *at;
	int i;

	if (!l->lost && e->n - l->next > EVENTS_KEPT)
		l->lost = true;
	if (!l->greeted || l->lost) {
		if (l->lost)
			l->next = e->n;
		write_event(s, l->lost ? "reset" : "hello", l->next,
		    json_pack("{s:s}", "master", s->m->set->name));
		l->greeted = true;
		l->lost = false;
	}
	for (i = 0; i < BATCH && l->next < e->n; l->next++) {
		at = &e->ring[l->next & (EVENTS_KEPT - 1)];
		if (s->job && at->job != s->job)
			continue;
		write_event(
		    s, kind_names[at->kind], l->next + 1, event_json(at));
		i++;
	}
	/* so that both sides see when the line is dead */
	if (s->out.len == 0 && now - s->heard >= s->idle)
		buf_adds(&s->out, ": still here\n\n");
}

/* "EPOCH-NUMBER" of ours as the number; -1: it is nothing that we have. */
static int64_t
parse_last(const struct master *m, const char *text)
{
	int64_t n = parse_event(text, (uint64_t)m->events.epoch);

	if (n > m->events.n || m->events.n - n > EVENTS_KEPT)
		return -1;
	return n;
}

void
api_events(struct master *m, struct request *r)
{
	const char *last = request_get_header(r, "Last-Event-ID");
	struct listener *l = arena_new(&r->arena, struct listener);
	int64_t job = 0;

	if (request_query(r, "job") && (job = request_number(r, "job")) < 0)
		return;
	l->next = m->events.n;
	if (last) {
		l->next = parse_last(m, last);
		l->lost = l->next < 0;
		l->greeted = !l->lost;
	}
	stream_start(m, r, "text/event-stream", fill, l)->job = job;
}
