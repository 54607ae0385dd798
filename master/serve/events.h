/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has happened lately, for whoever listens (GET events), and answers
 * that go on while something happens (streams). The last events are kept in
 * memory only: a listener who was away for longer, or over a restart, is told
 * to look at everything anew. Nothing leaves before streams_turn(), so what is
 * told is committed by then.
 */
#ifndef MASTER_EVENTS_H
#define MASTER_EVENTS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct master;
struct request;
struct sched_slave;
struct sched_unit;

#define EVENTS_KEPT 8192 /* a power of two */

enum event_kind { EVENT_JOB, EVENT_UNIT, EVENT_STEP, EVENT_SLAVE };

/* Texts are constants, or the schedule's for ever (names of slaves). */
struct event {
	int64_t time, job, unit, attempt, step;
	const char *state, *slave;
	enum event_kind kind;
};

struct stream;
struct events {
	struct event *ring;
	int64_t epoch; /* of the numbers: they begin again with each */
	int64_t n;     /* that have happened; the last EVENTS_KEPT are there */
	struct stream *streams;
	int64_t looked; /* at all streams, last */
	bool noted;     /* there is something for a stream */
};

void events_job(struct master *m, int64_t job, const char *state);
void events_unit(struct master *m, const struct sched_unit *u);
void events_step(struct master *m, const struct sched_unit *u, int64_t step,
    const char *state);
void
events_slave(struct master *m, const struct sched_slave *sl, const char *state);

/* There is more of the unit's log. */
void events_log(struct master *m, int64_t unit);

/* Write what the streams wait for; now is clock_us(). */
void streams_turn(struct master *m, int64_t now);

/* What happened is forgotten; listeners learn it when they come again. */
void events_restart(struct master *m, int64_t epoch);

/* All of them end; the server must run once more for it. */
void streams_close(struct master *m);

size_t streams_count(const struct master *m);

/* ---- for those who answer with a stream -----------------------------------
 */

struct stream {
	struct master *m;
	struct request *r;
	struct buf out; /* what is to be sent */
	size_t sent;    /* of it */
	int64_t heard;  /* when something was sent last */
	int64_t job, unit;
	bool asleep, over, noted;
	struct stream *prev, *next;
	/* something for out, or over; nothing: it sleeps until noted, or idle
	   microseconds have passed */
	void (*fill)(struct stream *s, int64_t now);
	int64_t idle;
	void *ctx;
};

/* Answer r with it; it lives as long as r. */
struct stream *stream_start(struct master *m, struct request *r,
    const char *type, void (*fill)(struct stream *s, int64_t now), void *ctx);

#endif
