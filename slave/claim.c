/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/running.h"
#include "base/error.h"
#include "base/log.h"
#include "run/jailer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define POLL_SECONDS 50    /* of a claim */
#define ONCE_SECONDS 1     /* of a claim while own units run */
#define READY_PAUSE  10000 /* between looks at the machine */
#define LOST_PAUSE   1500  /* before a hello, after an answer was lost */
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

/* The master takes back what a hello doesn't list, after a moment. */
void
claim_lost(struct session *s)
{
	s->hello_due = true;
	if (s->hello_wait.at < s->host.now + LOST_PAUSE)
		s->hello_wait.at = s->host.now + LOST_PAUSE;
}

/* Why nothing may be taken now; NULL: it may. */
static const char *
why_not(const struct session *s)
{
	if (*s->contract.closed)
		return s->contract.closed;
	if (s->finishing)
		return "the slave is stopping";
	return contract_is_spent(&s->contract) ? CONTRACT_SPENT : NULL;
}

static void
take(struct session *s, const json_t *capsule)
{
	struct error err;
	struct lease *l;
	int64_t id = json_integer_value(json_object_get(capsule, "lease"));

	/*
	 * A master that was restored counts anew: what is here is of its
	 * former life, and must not pass for what is new. That goes back, by
	 * a hello that doesn't list it.
	 */
	l = find(s, id);
	if (l) {
		lease_drop(l, "the master gave its number to another");
		claim_lost(s);
		return;
	}
	l = lease_take(&s->host, capsule, &err);
	if (!l) {
		log_err("%s", err.msg);
		return;
	}
	l->next = s->leases;
	s->leases = l;
	/* it couldn't even begin: look at the machine before more is asked */
	if (l->state == LEASE_ENDED)
		claim_look(s);
	/* whatever the master thinks: nothing runs while it is closed */
	if (why_not(s))
		lease_give_back(l, why_not(s));
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

void
claim_given(struct session *s, const json_t *answer)
{
	const json_t *capsules = json_object_get(answer, "capsules");
	const json_t *events = json_object_get(answer, "events");
	size_t i;

	for (i = 0; i < json_array_size(capsules); i++)
		take(s, json_array_get(capsules, i));
	for (i = 0; i < json_array_size(events); i++)
		on_event(s, json_array_get(events, i));
}

static void
claimed(struct session *s, const json_t *answer)
{
	const json_t *capsules = json_object_get(answer, "capsules");
	const json_t *events = json_object_get(answer, "events");

	claim_given(s, answer);
	if (json_array_size(capsules) + json_array_size(events) > 0)
		return;
	if (s->once && !s->leases)
		s->idle = true;
	else if (s->host.now - s->claim_start < SPIN_PAUSE)
		s->claim_wait.at = s->claim_start + SPIN_PAUSE;
}

/* The master answers a claim when the next one comes. */
static void
on_last_claim(void *ctx, const struct answer *answer)
{
	struct session *s = ctx;

	s->last_claim = NULL;
	if (answer_is_good(answer))
		claim_given(s, answer->json);
	else if (answer->status == 0)
		claim_lost(s);
}

static void
on_claim(void *ctx, const struct answer *answer)
{
	struct session *s = ctx;

	s->claim = NULL;
	session_heard(s, answer);
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
	struct error why;
	bool unready;

	if (s->host.now < s->ready_at)
		return !s->unready;
	s->ready_at = s->host.now + READY_PAUSE;
	unready = spool_ready(s->host.spool, &why) < 0 ||
	    jailer_ready(s->conf->jailer, -1, s->conf->pressure, &why) < 0;
	if (unready && !s->unready)
		log_warn("no new work: %s", why.msg);
	else if (s->unready && !unready)
		log_info("new work is welcome again");
	s->unready = unready;
	return !unready;
}

void
claim_look(struct session *s)
{
	s->ready_at = 0;
}

int64_t
claim_room(struct session *s)
{
	int64_t free = s->conf->slots - busy_slots(s);

	if (!s->greeted || s->stopping || s->draining || why_not(s) ||
	    lease_traffic_left(&s->host) == 0)
		return 0;
	return free > 0 && is_ready(s) ? free : 0;
}

/*
 * One claim is always on its way, with no free slot too: it brings the
 * events. One that asked for nothing is followed by another when a slot gets
 * free; the master answers the first one then.
 */
void
claim_turn(struct session *s)
{
	struct call_request r = {.method = "POST",
	    .path = "slave/claim",
	    .done = on_claim,
	    .ctx = s};
	int64_t free;
	int wait = POLL_SECONDS;
	json_t *body;

	if (!s->greeted || s->stopping || (s->claim && s->claim_free > 0) ||
	    s->host.now < s->claim_wait.at)
		return;
	free = claim_room(s);
	if (s->claim) {
		if (free <= 0)
			return;
		call_cancel(&s->calls, s->last_claim);
		s->last_claim = s->claim;
		call_redirect(s->last_claim, on_last_claim);
	}
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
