/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/running.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define POLL_SECONDS 50    /* of a claim */
#define ONCE_SECONDS 1     /* of a claim while own units run */
#define READY_PAUSE  10000 /* between looks at the machine */
#define SPIN_PAUSE   1000  /* after an empty answer that came too early */

static int64_t
busy_slots(const struct session *s)
{
	const struct lease *l;
	int64_t n = 0;

	for (l = s->leases; l; l = l->next)
		n += lease_is_busy(l);
	return n;
}

static struct lease *
find(const struct session *s, int64_t id)
{
	struct lease *l;

	for (l = s->leases; l; l = l->next) {
		if (l->id == id && l->state != LEASE_OVER)
			return l;
	}
	return NULL;
}

static void
take(struct session *s, const json_t *capsule)
{
	struct error err;
	struct lease *l;
	int64_t id = json_integer_value(json_object_get(capsule, "lease"));

	if (find(s, id)) {
		log_warn("lease=%" PRId64 " was given twice", id);
		return;
	}
	l = lease_take(&s->host, capsule, &err);
	if (!l) {
		log_err("%s", err.msg);
		return;
	}
	l->next = s->leases;
	s->leases = l;
	/* whatever the master thinks: nothing runs while it is closed */
	if (*s->contract.closed || s->finishing)
		lease_give_back(l,
		    *s->contract.closed ? s->contract.closed
					: "the slave is stopping");
}

static void
on_event(struct session *s, const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));
	struct lease *l;

	if (!name)
		return;
	if (strcmp(name, "cancel") == 0) {
		l = find(
		    s, json_integer_value(json_object_get(event, "lease")));
		if (l)
			lease_cancel(l);
	} else if (strcmp(name, "release") == 0) {
		l = find(
		    s, json_integer_value(json_object_get(event, "lease")));
		if (l)
			lease_give_back(l, "paused by an administrator");
	} else if (strcmp(name, "drain") == 0) {
		log_info("draining: the master gives nothing new");
		s->draining = true;
	} else if (strcmp(name, "hello-again") == 0) {
		s->draining = false;
		s->hello_due = true;
	}
}

static void
claimed(struct session *s, const json_t *answer)
{
	const json_t *capsules = json_object_get(answer, "capsules");
	const json_t *events = json_object_get(answer, "events");
	size_t i;

	for (i = 0; i < json_array_size(capsules); i++)
		take(s, json_array_get(capsules, i));
	for (i = 0; i < json_array_size(events); i++)
		on_event(s, json_array_get(events, i));
	if (json_array_size(capsules) + json_array_size(events) > 0)
		return;
	if (s->once && !s->leases)
		s->idle = true;
	else if (s->host.now - s->claim_start < SPIN_PAUSE)
		s->claim_wait.at = s->claim_start + SPIN_PAUSE;
}

static void
on_claim(void *ctx, const struct answer *answer)
{
	struct session *s = ctx;

	s->claim = NULL;
	if (answer_is_good(answer)) {
		backoff_clear(&s->claim_wait);
		claimed(s, answer->json);
		return;
	}
	if (strcmp(answer->code, "hello-again") == 0) {
		s->greeted = false;
		s->hello_due = true;
		return;
	}
	if (answer->status == 401 || answer->status == 403)
		session_rejected(s, answer);
	else if (s->claim_wait.tries == 0)
		log_warn("claim status=%d: %s", answer->status, answer->text);
	backoff_fail(
	    &s->claim_wait, s->host.now, SESSION_PAUSE_MAX, lease_random());
}

/*
 * Should this machine take more? autotua-chroot knows its disk and how hard
 * it is pressed.
 */
static bool
is_ready(struct session *s)
{
	char percent[32];
	const char *const argv[] = {s->conf->chroot, "-s",
	    s->conf->chroot_state, "ready", "--pressure", percent, NULL};
	struct error none;
	struct buf reason;
	bool unready;

	if (s->host.now < s->ready_at)
		return !s->unready;
	s->ready_at = s->host.now + READY_PAUSE;
	snprintf(percent, sizeof(percent), "%" PRId64, s->conf->pressure);
	buf_init(&reason, 4096);
	unready = proc_run(argv, &reason, &none) < 0 && reason.len > 0;
	if (unready && !s->unready)
		log_warn("no new work: %.*s", (int)strcspn(reason.data, "\n"),
		    reason.data);
	else if (s->unready && !unready)
		log_info("new work is welcome again");
	buf_release(&reason);
	s->unready = unready;
	return !unready;
}

/*
 * One claim is always on its way, with no free slot too: it brings the
 * events. One that asked for nothing is replaced when a slot gets free.
 */
void
claim_turn(struct session *s)
{
	struct call_request r = {.method = "POST",
	    .path = "slave/claim",
	    .done = on_claim,
	    .ctx = s};
	int64_t free = s->conf->slots - busy_slots(s);
	int wait = POLL_SECONDS;
	json_t *body;

	if (!s->greeted || s->stopping)
		return;
	if (s->draining || s->finishing || *s->contract.closed)
		free = 0;
	if (s->claim && s->claim_free > 0)
		return;
	if (free > 0 && !is_ready(s))
		free = 0;
	if (s->claim) {
		if (free <= 0)
			return;
		call_cancel(&s->calls, s->claim);
		s->claim = NULL;
	}
	if (s->host.now < s->claim_wait.at)
		return;
	if (s->once)
		wait = s->leases ? ONCE_SECONDS : 0;
	body = json_pack("{s:I, s:i}", "free", (json_int_t)free, "wait", wait);
	r.timeout = wait + 15;
	r.body = body;
	s->claim_free = free;
	s->claim_start = s->host.now;
	s->claim = call_start(&s->calls, &r);
	json_decref(body);
}
