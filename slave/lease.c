/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/lease.h"
#include "slave/call.h"
#include "slave/conf.h"
#include "slave/contract.h"
#include "slave/worker.h"
#include "base/error.h"
#include "base/log.h"
#include "base/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define LENGTH_DEFAULT 60000 /* of a lease from the spool, until renewed */
#define NEWS_PAUSE     200   /* milliseconds between progress messages */

uint32_t
lease_random(void)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) < 0)
		return 0;
	return r;
}

static struct lease *
lease_new(struct host *h, int64_t id, int64_t attempt)
{
	struct arena a = {0};
	struct lease *l = arena_new(&a, struct lease);

	l->arena = a;
	l->host = h;
	l->id = id;
	l->attempt = attempt;
	l->dir = l->say = l->leash = -1;
	l->worker = -1;
	l->length = LENGTH_DEFAULT;
	l->renewed = h->now;
	return l;
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
	shut(&l->say);
	shut(&l->leash);
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

static int
numbers_of(const json_t *capsule, int64_t *id, int64_t *attempt,
    int64_t *length, struct error *err)
{
	json_int_t lease = 0, try = -1, seconds = 0;

	if (json_unpack((json_t *)capsule, "{s:I, s:I, s?I}", "lease", &lease,
		"attempt", &try, "lease_seconds", &seconds) < 0 ||
	    lease < 1 || try < 0)
		return fail(err, "a capsule without lease and attempt");
	*id = lease;
	*attempt = try;
	*length =
	    seconds > 0 && seconds <= 86400 ? seconds * 1000 : LENGTH_DEFAULT;
	return 0;
}

struct lease *
lease_take(struct host *h, const json_t *capsule, struct error *err)
{
	int64_t id, attempt, length;
	struct lease *l;

	if (numbers_of(capsule, &id, &attempt, &length, err) < 0)
		return NULL;
	l = lease_new(h, id, attempt);
	l->length = length;
	if (spool_add(h->spool, id, capsule, err) < 0 ||
	    (l->dir = spool_lease(h->spool, id, err)) < 0) {
		cannot_start(l, err->msg);
		return l;
	}
	l->worker = worker_start(h->conf, id, contract_left(h->contract),
	    l->dir, &l->say, &l->leash, err);
	if (l->worker < 0) {
		cannot_start(l, err->msg);
		return l;
	}
	log_info("accepted lease=%" PRId64 " attempt=%" PRId64 " root=%s", id,
	    attempt, json_string_value(json_object_get(capsule, "root")));
	return l;
}

struct lease *
lease_recover(struct host *h, int64_t id, struct error *err)
{
	int64_t named, attempt, length;
	int dir = spool_lease(h->spool, id, err);
	struct lease *l = NULL;
	json_t *capsule;

	if (dir < 0)
		return NULL;
	capsule = spool_json(dir, "capsule.json", err);
	if (!capsule || numbers_of(capsule, &named, &attempt, &length, err) < 0)
		goto out;
	l = lease_new(h, id, attempt);
	l->length = length;
	l->dir = dir;
	l->state = LEASE_ENDED;
	spool_sent(dir, &l->out.sent);
	if (!spool_ending(dir, &l->ending)) {
		ending_set(&l->ending, ENDING_DONE, "infrastructure",
		    "the slave was restarted");
		if (spool_end(dir, &l->ending, err) < 0)
			log_err("lease=%" PRId64 " %s", id, err->msg);
	}
	log_info("recovered lease=%" PRId64 " attempt=%" PRId64, id, attempt);
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
	shut(&l->leash);
	kill(l->worker, SIGKILL);
}

void
lease_cancel(struct lease *l)
{
	lease_kill(l, ENDING_DONE, "cancelled", "cancelled by the master");
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
	if (l->worker < 0) {
		lease_over(l);
		return;
	}
	l->state = LEASE_DROPPED;
	shut(&l->leash);
	kill(l->worker, SIGKILL);
}

/* The worker is dead and had not been told to die. */
static void
ended_by_itself(struct lease *l, int status)
{
	char text[100];
	struct error err;

	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_STALE) {
		log_warn("stale lease=%" PRId64, l->id);
		lease_over(l);
		return;
	}
	if (status != 0 || !spool_ending(l->dir, &l->ending)) {
		snprintf(text, sizeof(text), "the slave's worker ended: %s",
		    proc_status_text(status));
		ending_set(&l->ending, ENDING_DONE, "infrastructure", text);
		if (spool_end(l->dir, &l->ending, &err) < 0)
			log_err("lease=%" PRId64 " %s", l->id, err.msg);
	}
	l->state = LEASE_ENDED;
}

void
lease_reaped(struct lease *l, int status)
{
	struct error err;

	lease_listen(l);
	shut(&l->say);
	shut(&l->leash);
	l->worker = -1;
	switch (l->state) {
	case LEASE_RUNNING:
		ended_by_itself(l, status);
		break;
	case LEASE_KILLED:
		if (spool_end(l->dir, &l->ending, &err) < 0)
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

/* ---- what the worker says -------------------------------------------------
 */

static void
on_line(struct lease *l, const char *line)
{
	char state[16];
	int64_t step, bytes;

	if (sscanf(line, "moved %" SCNd64, &bytes) == 1)
		contract_moved(l->host->contract, bytes, time(NULL));
	if (sscanf(line, "state %" SCNd64 " %15s", &step, state) == 2) {
		l->step = step;
		snprintf(l->at, sizeof(l->at), "%s", state);
		l->news = true;
	}
	/* whatever it was: there may be something to send */
	if (l->out.wait.tries == 0)
		l->out.wait.at = 0;
}

void
lease_listen(struct lease *l)
{
	char *end;
	ssize_t n;

	if (l->say < 0)
		return;
	for (;;) {
		n = read(
		    l->say, l->line + l->nline, sizeof(l->line) - 1 - l->nline);
		if (n == 0)
			shut(&l->say);
		if (n <= 0)
			return;
		l->nline += (size_t)n;
		l->line[l->nline] = '\0';
		while ((end = strchr(l->line, '\n')) != NULL) {
			*end++ = '\0';
			on_line(l, l->line);
			l->nline -= (size_t)(end - l->line);
			memmove(l->line, end, l->nline + 1);
		}
		if (l->nline == sizeof(l->line) - 1)
			l->nline = 0;
	}
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
renew_due(const struct lease *l)
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
	if (!l->renew && l->host->now >= renew_due(l))
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
	due = l->renew ? INT64_MAX : renew_due(l);
	if (l->state == LEASE_RUNNING && expiry(l) < due)
		due = expiry(l);
	sends = deliver_due(l);
	return sends < due ? sends : due;
}
