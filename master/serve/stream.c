/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream sleeps (its connection is suspended) when it has nothing to send;
 * the server library asks it for more whenever the peer can take some.
 */
#include "master/serve/events.h"
#include "master/http/httpd_int.h"
#include "master/master.h"
#include "base/clock.h"

#include <microhttpd.h>
#include <string.h>

#define LOOK_TIME SECOND
#define IDLE_TIME (15 * SECOND)
#define OUT_MAX   ((size_t)1 << 20)

static ssize_t
give(void *ctx, uint64_t pos, char *to, size_t max)
{
	struct stream *s = ctx;
	size_t n;

	(void)pos;
	if (s->sent == s->out.len && db_is_pending(s->m->db)) {
		/* it might tell what isn't stored: after the turn */
		s->noted = s->m->events.noted = s->asleep = true;
		MHD_suspend_connection(s->r->con);
		return 0;
	}
	if (s->sent == s->out.len) {
		s->out.len = 0;
		s->sent = 0;
		s->noted = false;
		if (!s->over)
			s->fill(s, clock_us());
	}
	n = s->out.len - s->sent;
	if (n == 0 && s->over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0) {
		s->asleep = true;
		MHD_suspend_connection(s->r->con);
		return 0;
	}
	if (n > max)
		n = max;
	memcpy(to, s->out.data + s->sent, n);
	s->sent += n;
	s->heard = clock_us();
	return (ssize_t)n;
}

static void
cleanup(struct request *r)
{
	struct stream *s = r->ctx;
	struct events *e = &s->m->events;

	if (s->prev)
		s->prev->next = s->next;
	else
		e->streams = s->next;
	if (s->next)
		s->next->prev = s->prev;
	buf_release(&s->out);
}

struct stream *
stream_start(struct master *m, struct request *r, const char *type,
    void (*fill)(struct stream *s, int64_t now), void *ctx)
{
	struct stream *s = arena_new(&r->arena, struct stream);

	s->m = m;
	s->r = r;
	s->fill = fill;
	s->ctx = ctx;
	s->heard = clock_us();
	s->idle = IDLE_TIME;
	buf_init(&s->out, OUT_MAX);
	s->next = m->events.streams;
	if (s->next)
		s->next->prev = s;
	m->events.streams = s;
	r->ctx = s;
	r->cleanup = cleanup;
	r->answer = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, 16384, give, s, NULL);
	if (!r->answer)
		abort(); /* out of memory */
	r->status = 200;
	request_header(r, "Content-Type", type);
	request_header(r, "X-Content-Type-Options", "nosniff");
	request_header(r, "Cache-Control", "no-store");
	return s;
}

static void
wake(struct stream *s)
{
	if (!s->asleep)
		return;
	s->asleep = false;
	request_go_on(s->r);
}

void
streams_turn(struct master *m, int64_t now)
{
	struct events *e = &m->events;
	bool all = now - e->looked >= LOOK_TIME || now < e->looked;
	struct stream *s;

	if (!e->noted && !all)
		return;
	e->noted = false;
	if (all)
		e->looked = now;
	for (s = e->streams; s; s = s->next) {
		if (s->noted || now - s->heard >= s->idle || now < s->heard)
			wake(s);
	}
}

void
streams_close(struct master *m)
{
	struct stream *s;

	for (s = m->events.streams; s; s = s->next) {
		s->over = true;
		wake(s);
	}
}

size_t
streams_count(const struct master *m)
{
	const struct stream *s;
	size_t n = 0;

	for (s = m->events.streams; s; s = s->next)
		n++;
	return n;
}
