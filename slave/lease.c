/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/lease.h"
#include "slave/call.h"
#include "slave/conf.h"
#include "slave/contract.h"
#include "slave/pool.h"
#include "slave/running.h"
#include "base/error.h"
#include "base/log.h"
#include "base/proc.h"
#include "run/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define LENGTH_DEFAULT 60000 /* of a lease from the spool, until renewed */
#define NEWS_PAUSE     200   /* milliseconds between progress messages */
#define HELD_PAUSE     10000 /* between looks at what may be sent */

uint32_t
lease_random(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) < 0)
		return 0;
	return r;
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
lease_free(struct lease *l)
{
	struct arena a = l->arena;

	call_cancel(l->host->calls, l->renew);
	call_cancel(l->host->calls, l->send);
	json_decref(l->out.report);
	shut(&l->dir);
	arena_release(&a);
}

bool
lease_is_busy(const struct lease *l)
{
	return l->state == LEASE_RUNNING || l->state == LEASE_KILLED ||
	    l->state == LEASE_DROPPED;
}

/* The spool has no folder for it, or can't be used: give it back. */
static void
cannot_start(struct lease *l, const char *why)
{
	log_err("lease=%" PRId64 " %s", l->id, why);
	ending_set(&l->ending, ENDING_REFUSE_SOFT, NULL, why);
	l->state = LEASE_ENDED;
}

struct numbers {
	int64_t id, attempt, length, nsteps;
};

static int
numbers_of(const json_t *capsule, struct numbers *n, struct error *err)
{
	json_int_t lease = 0, try = -1, seconds = 0;

	if (json_unpack((json_t *)capsule, "{s:I, s:I, s?I}", "lease", &lease,
		"attempt", &try, "lease_seconds", &seconds) < 0 ||
	    lease < 1 || try < 0)
		return fail(err, "a capsule without lease and attempt");
	n->id = lease;
	n->attempt = try;
	n->length =
	    seconds > 0 && seconds <= 86400 ? seconds * 1000 : LENGTH_DEFAULT;
	n->nsteps = (int64_t)json_array_size(json_object_get(capsule, "steps"));
	return 0;
}

static struct lease *
lease_new(struct host *h, const struct numbers *n)
{
	struct arena a = {0};
	struct lease *l = arena_new(&a, struct lease);

	l->arena = a;
	l->host = h;
	l->id = n->id;
	l->attempt = n->attempt;
	l->dir = -1;
	l->length = n->length;
	l->nsteps = n->nsteps;
	l->taken = l->renewed = h->now;
	return l;
}

struct lease *
lease_take(struct host *h, const json_t *capsule, struct error *err)
{
	struct numbers n;
	struct lease *l;

	if (numbers_of(capsule, &n, err) < 0)
		return NULL;
	l = lease_new(h, &n);
	if (spool_add(h->spool, l->id, capsule, err) < 0 ||
	    (l->dir = spool_lease(h->spool, l->id, err)) < 0) {
		cannot_start(l, err->msg);
		return l;
	}
	l->worker = pool_give(h->pool, l, err);
	if (!l->worker) {
		cannot_start(l, err->msg);
		return l;
	}
	log_info("accepted lease=%" PRId64 " attempt=%" PRId64 " root=%s",
	    l->id, l->attempt,
	    json_string_value(json_object_get(capsule, "root")));
	return l;
}

struct lease *
lease_recover(struct host *h, int64_t id, struct error *err)
{
	struct numbers n;
	int dir = spool_lease(h->spool, id, err);
	struct lease *l = NULL;
	json_t *capsule;

	if (dir < 0)
		return NULL;
	capsule = spool_json(dir, "capsule.json", err);
	if (!capsule || numbers_of(capsule, &n, err) < 0)
		goto out;
	n.id = id;
	l = lease_new(h, &n);
	l->dir = dir;
	l->state = LEASE_ENDED;
	spool_sent(dir, &l->out.sent);
	if (!spool_ending(dir, &l->ending)) {
		ending_set(&l->ending, ENDING_DONE, "infrastructure",
		    "the slave was restarted");
		if (spool_end(dir, &l->ending, true, err) < 0)
			log_err("lease=%" PRId64 " %s", id, err->msg);
	}
	log_info(
	    "recovered lease=%" PRId64 " attempt=%" PRId64, id, l->attempt);
out:
	json_decref(capsule);
	if (!l) {
		close(dir);
		(void)spool_remove(h->spool, id, &(struct error){0});
	}
	return l;
}

/* ---- how it ends ----------------------------------------------------------
 */

void
lease_over(struct lease *l)
{
	struct error err;

	shut(&l->dir);
	if (spool_remove(l->host->spool, l->id, &err) < 0)
		log_err("lease=%" PRId64 " spool: %s", l->id, err.msg);
	l->state = LEASE_OVER;
}

void
lease_kill(struct lease *l, enum ending_kind kind, const char *result,
    const char *reason)
{
	if (l->state != LEASE_RUNNING)
		return;
	log_info("killing lease=%" PRId64 " reason=\"%s\"", l->id, reason);
	ending_set(&l->ending, kind, result, reason);
	l->state = LEASE_KILLED;
	worker_kill(l->worker);
}

void
lease_cancel(struct lease *l)
{
	const char *why = "cancelled by the master";

	lease_kill(l, ENDING_DONE, "cancelled", why);
	/* what it made may be to go out tomorrow: nobody wants it any more */
	if (l->state == LEASE_ENDED && l->out.held) {
		ending_set(&l->ending, ENDING_DONE, "cancelled", why);
		l->out.spoilt = true;
		l->out.wait.at = 0;
	}
}

void
lease_give_back(struct lease *l, const char *why)
{
	lease_kill(l, ENDING_REFUSE_SOFT, NULL, why);
}

void
lease_stop(struct lease *l)
{
	lease_give_back(l, "the slave was stopped");
}

void
lease_drop(struct lease *l, const char *why)
{
	if (l->state == LEASE_DROPPED || l->state == LEASE_OVER)
		return;
	log_warn("dropped lease=%" PRId64 " attempt=%" PRId64 " reason=\"%s\"",
	    l->id, l->attempt, why);
	call_cancel(l->host->calls, l->renew);
	call_cancel(l->host->calls, l->send);
	l->renew = l->send = NULL;
	if (!l->worker) {
		lease_over(l);
		return;
	}
	l->state = LEASE_DROPPED;
	worker_kill(l->worker);
}

/* It had not been told to end; died is NULL if its worker lives. */
static void
ended_by_itself(struct lease *l, const char *died)
{
	char text[100];
	struct error err;

	if (!died && spool_ending(l->dir, &l->ending)) {
		l->state = LEASE_ENDED;
		/* given back: is there room for what comes next? */
		if (l->ending.kind == ENDING_REFUSE_SOFT)
			claim_look(l->host->session);
		return;
	}
	snprintf(text, sizeof(text), "the slave's worker ended: %s",
	    died ? died : "without a result");
	ending_set(&l->ending, ENDING_DONE, "infrastructure", text);
	if (spool_end(l->dir, &l->ending, true, &err) < 0)
		log_err("lease=%" PRId64 " %s", l->id, err.msg);
	l->state = LEASE_ENDED;
}

/* It has no worker any more. */
static void
without_worker(struct lease *l, const char *died)
{
	struct error err;

	l->worker = NULL;
	l->promised = 0;
	switch (l->state) {
	case LEASE_RUNNING:
		ended_by_itself(l, died);
		break;
	case LEASE_KILLED:
		if (spool_end(l->dir, &l->ending, true, &err) < 0)
			log_err("lease=%" PRId64 " %s", l->id, err.msg);
		l->state = LEASE_ENDED;
		break;
	case LEASE_DROPPED:
		lease_over(l);
		break;
	case LEASE_ENDED:
	case LEASE_OVER:
		break;
	}
	backoff_clear(&l->out.wait);
	if (l->state == LEASE_ENDED)
		log_info("ended lease=%" PRId64 " result=%s reason=\"%s\"",
		    l->id,
		    l->ending.kind == ENDING_DONE ? l->ending.result
						  : "refused",
		    l->ending.reason);
}

void
lease_worked(struct lease *l, bool stale)
{
	if (stale && l->state == LEASE_RUNNING) {
		log_warn("stale lease=%" PRId64, l->id);
		l->worker = NULL;
		lease_over(l);
		return;
	}
	without_worker(l, NULL);
}

void
lease_reaped(struct lease *l, int status)
{
	without_worker(l, proc_status_text(status));
}

/* ---- the owner's traffic ---------------------------------------------------
 */

/* What is on its way to the master. */
static int64_t
flying(const struct host *h)
{
	const struct lease *l;
	int64_t sum = 0;

	for (l = h->session->leases; l; l = l->next)
		sum += l->send ? l->out.flying : 0;
	return sum;
}

/* What workers fetch at this moment, or are about to. */
static int64_t
promised(const struct host *h)
{
	const struct lease *l;
	int64_t sum = 0;

	for (l = h->session->leases; l; l = l->next)
		sum += l->promised;
	return sum;
}

int64_t
lease_traffic_left(const struct host *h)
{
	int64_t left = contract_left(h->contract) - flying(h) - promised(h);

	return left > 0 ? left : 0;
}

/* More than any day has room for: nobody waits for that. */
static void
beyond_a_day(struct lease *l)
{
	static const char why[] = "its results are more than this slave's "
				  "owner lets it send in a day";

	lease_kill(l, ENDING_REFUSE_HARD, NULL, why);
	if (l->state != LEASE_ENDED)
		return;
	/* what was cancelled nobody wants: that is still how it ended */
	if (strcmp(l->ending.result, "cancelled") == 0)
		l->out.spoilt = true;
	else
		ending_set(&l->ending, ENDING_REFUSE_HARD, NULL, why);
}

bool
lease_is_held(struct lease *l, int64_t bytes)
{
	const struct host *h = l->host;
	int64_t left = contract_left(h->contract) - flying(h);

	if (h->conf->traffic > 0 && bytes > h->conf->traffic) {
		beyond_a_day(l);
		return true;
	}
	l->out.held = bytes > left;
	if (l->out.held)
		contract_wait(h->contract, bytes);
	else if (bytes <= left - promised(h))
		return false;
	l->out.wait.at = h->now + HELD_PAUSE;
	return true;
}

/* ---- what the worker says -------------------------------------------------
 */

/* May its worker fetch so much? All of it, or nothing. */
static void
grant(struct lease *l, int64_t bytes)
{
	if (l->state != LEASE_RUNNING)
		return;
	if (bytes < 0 || bytes > lease_traffic_left(l->host))
		bytes = 0;
	l->promised += bytes;
	worker_grant(l->worker, bytes);
}

static void
moved(struct lease *l, int64_t bytes, int64_t rest)
{
	contract_moved(l->host->contract, bytes, time(NULL));
	l->promised = rest;
}

void
lease_line(struct lease *l, const char *line)
{
	int64_t step, bytes, rest;
	char state[16];

	if (sscanf(line, "want %" SCNd64, &bytes) == 1)
		grant(l, bytes);
	if (sscanf(line, "moved %" SCNd64 " %" SCNd64, &bytes, &rest) == 2)
		moved(l, bytes, rest);
	if (sscanf(line, "state %" SCNd64 " %15s", &step, state) == 2) {
		if (l->began == 0 || step != l->step)
			l->began = unit_clock();
		l->step = step;
		snprintf(l->at, sizeof(l->at), "%s", state);
		l->news = true;
	}
	/* whatever it was: there may be something to send */
	if (l->out.wait.tries == 0)
		l->out.wait.at = 0;
}

/* ---- renew ----------------------------------------------------------------
 */

void
lease_events(struct lease *l, const json_t *answer)
{
	const json_t *event;
	const char *name;
	size_t i;

	json_array_foreach(json_object_get(answer, "events"), i, event)
	{
		name = json_string_value(json_object_get(event, "event"));
		if (name && strcmp(name, "cancel") == 0)
			lease_cancel(l);
	}
}

static void
on_renewed(void *ctx, const struct answer *answer)
{
	struct lease *l = ctx;
	json_int_t seconds;

	l->renew = NULL;
	if (answer->status >= 200 && answer->status < 300) {
		backoff_clear(&l->renew_wait);
		l->renewed = l->host->now;
		seconds = json_integer_value(
		    json_object_get(answer->json, "lease_seconds"));
		if (seconds > 0 && seconds <= 86400)
			l->length = seconds * 1000;
		lease_events(l, answer->json);
		return;
	}
	if (strcmp(answer->code, "stale-attempt") == 0) {
		lease_drop(l, "the master took it away");
		return;
	}
	if (l->renew_wait.tries == 0)
		log_warn("renew lease=%" PRId64 " status=%d: %s", l->id,
		    answer->status, answer->text);
	l->news = l->news || *l->at;
	backoff_fail(
	    &l->renew_wait, l->host->now, l->length / 6, lease_random());
}

static void
renew(struct lease *l)
{
	struct call_request r = {.method = "POST",
	    .timeout = l->length / 3000 + 5,
	    .done = on_renewed,
	    .ctx = l};
	char path[64];
	json_t *body;

	snprintf(path, sizeof(path), "lease/%" PRId64 "/renew", l->id);
	body = json_pack("{s:I}", "attempt", (json_int_t)l->attempt);
	if (*l->at && l->state == LEASE_RUNNING) {
		json_object_set_new(body, "step", json_integer(l->step));
		json_object_set_new(body, "state", json_string(l->at));
	}
	r.path = path;
	r.body = body;
	l->news = false;
	l->renew = call_start(l->host->calls, &r);
	json_decref(body);
}

/* When the next renewal is to be sent. */
static int64_t
renewal_due(const struct lease *l)
{
	int64_t due = l->renewed + (l->news ? NEWS_PAUSE : l->length / 3);

	return due < l->renew_wait.at ? l->renew_wait.at : due;
}

/* When work that can't be renewed is given up. */
static int64_t
expiry(const struct lease *l)
{
	return l->renewed + l->length + l->host->grace;
}

void
lease_turn(struct lease *l)
{
	if (l->state == LEASE_OVER || l->state == LEASE_DROPPED)
		return;
	if (l->state == LEASE_RUNNING && l->host->now >= expiry(l)) {
		lease_drop(l, "it could not be renewed in time");
		return;
	}
	if (!l->renew && l->host->now >= renewal_due(l))
		renew(l);
	deliver_turn(l);
}

int64_t
lease_due(const struct lease *l)
{
	int64_t due, sends;

	if (l->state == LEASE_OVER)
		return l->host->now;
	if (l->state == LEASE_DROPPED)
		return INT64_MAX;
	due = l->renew ? INT64_MAX : renewal_due(l);
	if (l->state == LEASE_RUNNING && expiry(l) < due)
		due = expiry(l);
	sends = deliver_due(l);
	return sends < due ? sends : due;
}
