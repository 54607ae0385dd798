/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The order in which a lease's results go out: of each step its log as it
 * grows, then (once K.json is there, so that the log is complete) its
 * artifacts that the master doesn't have, each from where the line broke, then
 * its report; after the last
 * step the end. One call at a time. Every call may be repeated: the master
 * skips what it has. A short rest of the log goes with the report, the last
 * report with the end, and with that the claim for what is next: a unit that
 * is done in a moment costs one call.
 */
#include "slave/call.h"
#include "slave/lease.h"
#include "slave/running.h"
#include "run/unit.h"
#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"
#include "net/http.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_MAX  (1 << 20)  /* bytes of log a call */
#define RIDE_MAX   (32 << 10) /* bytes of log that go with another call */
#define LOOK_PAUSE 500        /* milliseconds between looks at a log */
#define LOOK_FIRST 200        /* until the first look, after the lease came */
#define PAUSE_MAX  30000

static void on_sent(void *ctx, const struct answer *answer);

/* Try again later. */
static void
later(struct lease *l)
{
	backoff_fail(&l->out.wait, l->host->now, PAUSE_MAX, lease_random());
}

/*
 * What this lease has can't be delivered, and not because of the line: only
 * its end goes out.
 */
static void
spoil_as(struct lease *l, const char *result, const char *why)
{
	log_err("lease=%" PRId64 " can't be delivered: %s", l->id, why);
	l->out.spoilt = true;
	lease_kill(l, ENDING_DONE, result, why);
	if (l->state == LEASE_ENDED)
		ending_set(&l->ending, ENDING_DONE, result, why);
}

/* As this machine's failure. */
static void
spoil(struct lease *l, const char *why)
{
	spoil_as(l, "infrastructure", why);
}

/* What the capsule says of the step that is being sent, "" if nothing. */
static const char *
of_step(struct lease *l, const char *name)
{
	struct error err;
	json_t *capsule = spool_json(l->dir, "capsule.json", &err);
	const char *s;

	s = json_string_value(
	    json_object_get(json_array_get(json_object_get(capsule, "steps"),
				(size_t)l->out.sent.step),
		name));
	s = arena_strdup(&l->arena, s ? s : "");
	json_decref(capsule);
	return s;
}

static const char *
atom(struct lease *l)
{
	return of_step(l, "atom");
}

/* Of a step that is cut off while it runs, so that no worker writes one. */
static json_t *
new_report(struct lease *l)
{
	int64_t step = l->out.sent.step;
	double now = unit_clock(),
	       began = l->step == step && l->began > 0 ? l->began : now;

	return json_pack("{s:I, s:s, s:s, s:b, s:f, s:f, s:[], s:{}, s:[], "
			 "s:[], s:I}",
	    "step", (json_int_t)step, "atom", atom(l), "key", of_step(l, "key"),
	    "reused", false, "started", began, "ended", now, "phases",
	    "figures", "messages", "artifacts", "log_bytes",
	    (json_int_t)l->out.sent.log);
}

/* The report says why it ends, and has the part that the master took. */
static void
cut_report(struct lease *l, const char *why)
{
	struct delivery *o = &l->out;
	json_t *artifacts;
	json_int_t log;

	if (!o->report)
		o->report = spool_report(l->dir, o->sent.step);
	if (!o->report)
		o->report = new_report(l);
	artifacts = json_object_get(o->report, "artifacts");
	log = json_integer_value(json_object_get(o->report, "log_bytes"));
	while (json_array_size(artifacts) > o->artifact)
		json_array_remove(artifacts, json_array_size(artifacts) - 1);
	if (log > o->sent.log)
		log = o->sent.log;
	json_object_set_new(o->report, "log_bytes", json_integer(log));
	json_object_set_new(o->report, "result", json_string("limit"));
	json_object_set_new(o->report, "reason", json_string(why));
	o->cut = true;
}

/* The master takes no more of something: a limit, which blames nobody here. */
static void
meet_limit(struct lease *l, enum sending what, const char *text)
{
	struct delivery *o = &l->out;
	struct arena *a = &l->arena;
	const char *path, *why = text;

	path = json_string_value(json_object_get(
	    json_array_get(
		json_object_get(o->report, "artifacts"), o->artifact),
	    "path"));
	if (what == SEND_BLOB && path)
		why = arena_printf(a, "artifact %s: %s", path, text);
	cut_report(l, why);
	if (*atom(l))
		why = arena_printf(a, "%s: %s", atom(l), why);
	spoil_as(l, "limit", why);
}

static void
start(struct lease *l, enum sending what, struct call_request *r)
{
	l->out.flying = r->size;
	r->done = on_sent;
	r->ctx = l;
	l->out.sending = what;
	l->send = call_start(l->host->calls, r);
}

static void
send_log(struct lease *l, int64_t size)
{
	struct delivery *o = &l->out;
	struct call_request r = {.method = "PUT", .offset = o->sent.log};
	char path[128];
	struct error err;
	int fd = spool_log(l->dir, o->sent.step, &err);

	if (fd < 0) {
		spoil(l, err.msg);
		return;
	}
	r.size = size - o->sent.log;
	if (r.size > CHUNK_MAX)
		r.size = CHUNK_MAX;
	o->chunk = r.size;
	snprintf(path, sizeof(path),
	    "lease/%" PRId64 "/log?attempt=%" PRId64 "&step=%" PRId64
	    "&offset=%" PRId64,
	    l->id, l->attempt, o->sent.step, o->sent.log);
	r.path = path;
	r.fd = fd;
	start(l, SEND_LOG, &r);
	close(fd);
}

static void
send_artifact(struct lease *l, const json_t *artifact)
{
	struct delivery *o = &l->out;
	struct call_request r = {.method = "HEAD", .fd = -1};
	const char *digest, *name;
	struct error err;
	json_int_t size;
	char path[160];

	if (json_unpack((json_t *)artifact, "{s:s, s:s, s:I}", "path", &name,
		"digest", &digest, "size", &size) < 0 ||
	    strlen(digest) > 64) {
		spoil(l, "an artifact without path, size and digest");
		return;
	}
	snprintf(path, sizeof(path),
	    "blob/%s?lease=%" PRId64 "&attempt=%" PRId64, digest, l->id,
	    l->attempt);
	r.path = path;
	if (!o->missing) {
		start(l, SEND_ASK, &r);
		return;
	}
	r.method = "PUT";
	/* what came before the line broke is there */
	r.offset = o->from > 0 && o->from <= size ? o->from : 0;
	r.size = size - r.offset;
	if (lease_is_held(l, r.size))
		return;
	if (r.offset > 0)
		snprintf(path + strlen(path), sizeof(path) - strlen(path),
		    "&offset=%" PRId64, r.offset);
	r.fd = spool_artifact(l->dir, o->sent.step, name, &err);
	if (r.fd < 0) {
		spoil(l, err.msg);
		return;
	}
	start(l, SEND_BLOB, &r);
	close(r.fd);
}

static void
post(struct lease *l, enum sending what, const char *call, json_t *body)
{
	struct call_request r = {.method = "POST", .body = body};
	char path[64];

	snprintf(path, sizeof(path), "lease/%" PRId64 "/%s", l->id, call);
	json_object_set_new(body, "attempt", json_integer(l->attempt));
	r.path = path;
	start(l, what, &r);
	json_decref(body);
}

/* What of the step's log is left, if it is short text; else NULL. */
static json_t *
rest_of_log(struct lease *l, int64_t size)
{
	const struct delivery *o = &l->out;
	size_t n = (size_t)(size - o->sent.log);
	struct error err;
	json_t *json = NULL;
	char *text;
	int fd;

	if (o->apart || n > RIDE_MAX)
		return NULL;
	fd = spool_log(l->dir, o->sent.step, &err);
	if (fd < 0)
		return NULL;
	text = arena_alloc(&l->arena, 1, n + 1);
	if (pread(fd, text, n, o->sent.log) == (ssize_t)n &&
	    !memchr(text, 0, n) && utf8_valid(text, n) == n)
		json = json_pack("{s:I, s:I, s:s%}", "step",
		    (json_int_t)o->sent.step, "offset", (json_int_t)o->sent.log,
		    "text", text, n);
	close(fd);
	return json;
}

/* log is taken: NULL if it is sent already. */
static void
send_step(struct lease *l, json_t *log)
{
	json_t *body = json_copy(l->out.report);

	if (log)
		json_object_set_new(body, "log", log);
	post(l, SEND_STEP, "step", body);
}

/* With the last step, of which log may be the rest, if there is one. */
static void
send_done(struct lease *l, json_t *log)
{
	const struct ending *e = &l->ending;
	json_t *body =
	    json_pack("{s:s, s:s}", "result", e->result, "reason", e->reason);
	int64_t room = claim_room(l->host->session);

	if (log)
		json_object_set_new(body, "log", log);
	if (l->out.spoilt)
		json_object_set_new(body, "spoilt", json_true());
	if (l->out.report && (!l->out.spoilt || l->out.cut))
		json_object_set(body, "report", l->out.report);
	l->out.claimed = room;
	if (room > 0)
		json_object_set_new(body, "claim",
		    json_pack("{s:I}", "free", (json_int_t)room));
	post(l, SEND_END, "done", body);
}

static void
send_end(struct lease *l)
{
	const struct ending *e = &l->ending;

	switch (e->kind) {
	case ENDING_DONE:
		send_done(l, NULL);
		return;
	case ENDING_REFUSE_SOFT:
	case ENDING_REFUSE_HARD:
		post(l, SEND_END, "refuse",
		    json_pack("{s:s, s:s}", "kind",
			e->kind == ENDING_REFUSE_HARD ? "hard" : "soft",
			"reason", e->reason));
		return;
	}
}

/* Is the report that is to be sent the last one? */
static bool
is_last(const struct lease *l)
{
	const json_t *result = json_object_get(l->out.report, "result");
	const char *word = json_string_value(result);

	return l->out.sent.step + 1 >= l->nsteps || !word ||
	    strcmp(word, "passed") != 0;
}

/*
 * The report, and what can go with it. The last one waits for the end, which
 * comes at once after it.
 */
static void
send_report(struct lease *l, int64_t size)
{
	json_t *log = NULL;

	if (size > l->out.sent.log && !(log = rest_of_log(l, size)))
		send_log(l, size);
	else if (l->out.apart || !is_last(l))
		send_step(l, log);
	else if (l->state == LEASE_ENDED)
		send_done(l, log);
	else
		json_decref(log);
}

/* Is it enough to say how it ended? */
static bool
only_the_end(const struct lease *l)
{
	return l->out.spoilt || l->dir < 0 ||
	    (l->state != LEASE_RUNNING && l->ending.kind != ENDING_DONE);
}

/* A log that has just begun may be at its end in a moment. */
static bool
is_early(struct lease *l)
{
	int64_t until = l->taken + LOOK_FIRST;

	if (l->state != LEASE_RUNNING || l->out.report || l->host->now >= until)
		return false;
	l->out.wait.at = until;
	return true;
}

void
deliver_turn(struct lease *l)
{
	struct delivery *o = &l->out;
	const json_t *artifact;
	int64_t size;

	if (l->send || l->host->now < o->wait.at)
		return;
	/* as long as nothing is in flight, look again after a pause */
	o->wait.at = l->host->now + LOOK_PAUSE;
	if (only_the_end(l)) {
		if (l->state == LEASE_ENDED)
			send_end(l);
		return;
	}
	/* the report first: once it is there, the log doesn't grow */
	if (!o->report)
		o->report = spool_report(l->dir, o->sent.step);
	size = spool_log_size(l->dir, o->sent.step);
	if (size > o->sent.log && lease_is_held(l, size - o->sent.log))
		return;
	artifact = json_array_get(
	    json_object_get(o->report, "artifacts"), o->artifact);
	if (artifact && size <= o->sent.log)
		send_artifact(l, artifact);
	else if (o->report && !artifact)
		send_report(l, size);
	else if (size > o->sent.log && !is_early(l))
		send_log(l, size);
	else if (size <= o->sent.log && l->state == LEASE_ENDED)
		send_end(l);
}

int64_t
deliver_due(const struct lease *l)
{
	return l->send ? INT64_MAX : l->out.wait.at;
}

static void
step_sent(struct lease *l, const json_t *answer)
{
	struct delivery *o = &l->out;
	struct error err;

	json_decref(o->report);
	o->report = NULL;
	o->artifact = 0;
	o->sent.step++;
	o->sent.log = 0;
	if (spool_set_sent(l->dir, &o->sent, &err) < 0)
		log_warn("lease=%" PRId64 " %s", l->id, err.msg);
	lease_events(l, answer);
}

static void
log_sent(struct lease *l, const json_t *answer)
{
	struct delivery *o = &l->out;
	json_int_t total = json_integer_value(json_object_get(answer, "size"));

	/* it may have more already, from before a restart */
	if (total > o->sent.log &&
	    total <= spool_log_size(l->dir, o->sent.step))
		o->sent.log = total;
	else
		o->sent.log += o->chunk;
	/* don't run after a log line by line */
	if (l->state == LEASE_RUNNING && !o->report && o->chunk < CHUNK_MAX)
		o->wait.at = l->host->now + LOOK_PAUSE;
}

static void
succeeded(struct lease *l, enum sending what, const json_t *answer)
{
	struct delivery *o = &l->out;

	switch (what) {
	case SEND_NOTHING:
		break;
	case SEND_LOG:
		log_sent(l, answer);
		break;
	case SEND_ASK:
	case SEND_BLOB:
		o->artifact++;
		o->missing = false;
		break;
	case SEND_STEP:
		step_sent(l, answer);
		break;
	case SEND_END:
		if (o->claimed > 0)
			claim_given(l->host->session, answer);
		lease_over(l);
		break;
	}
}

/* The master answered no, for a reason that this lease can do something for. */
static bool
corrected(struct lease *l, enum sending what, const struct answer *answer)
{
	struct delivery *o = &l->out;
	json_int_t offset;

	if (what == SEND_ASK && answer->status == 404) {
		o->missing = true;
		o->from = answer->offset;
		return true;
	}
	if (strcmp(answer->code, "step-missing") == 0 && !o->again) {
		/* it has lost what it acknowledged: everything once more */
		o->again = true;
		/* or doesn't know of reports that come with the end */
		o->apart = true;
		json_decref(o->report);
		o->report = NULL;
		o->artifact = 0;
		memset(&o->sent, 0, sizeof(o->sent));
		return true;
	}
	if (strcmp(answer->code, "log-gap") == 0) {
		offset =
		    json_integer_value(json_object_get(answer->json, "offset"));
		if (offset < 0 || offset >= o->sent.log)
			return false;
		o->sent.log = offset;
		return true;
	}
	if (strcmp(answer->code, "log-differs") == 0) {
		log_warn("lease=%" PRId64 " step=%" PRId64
			 " has another log at the master",
		    l->id, o->sent.step);
		o->sent.log = spool_log_size(l->dir, o->sent.step);
		return true;
	}
	return false;
}

/* Results wait too for a master that doesn't know this slave for a while. */
static bool
is_passing(const struct answer *answer)
{
	return answer->status < 400 || answer->status == 401 ||
	    answer->status == 403 || http_may_pass(answer->status);
}

static void
failed(struct lease *l, enum sending what, const struct answer *answer)
{
	if (strcmp(answer->code, "stale-attempt") == 0) {
		lease_drop(l, "the master took it away");
		return;
	}
	/* then without it */
	if (what == SEND_END && l->out.cut && !is_passing(answer)) {
		l->out.cut = false;
		return;
	}
	if (strcmp(answer->code, "blob-missing") == 0) {
		l->out.artifact = 0;
		later(l);
		return;
	}
	/* after a broken line it may have other bytes than it had before */
	if (what == SEND_BLOB)
		l->out.missing = false;
	if (strcmp(answer->code, "upload-gap") == 0) {
		later(l);
		return;
	}
	if (is_passing(answer)) {
		/* leases may have been given in an answer that was lost */
		if (what == SEND_END && l->out.claimed > 0)
			claim_lost(l->host->session);
		if (l->out.wait.tries == 0)
			log_warn("lease=%" PRId64 " status=%d: %s", l->id,
			    answer->status, answer->text);
		later(l);
		return;
	}
	if (what == SEND_END && l->out.spoilt)
		lease_drop(l, answer->text);
	else if (answer->status == 413)
		meet_limit(l, what, answer->text);
	else
		spoil(l, answer->text);
}

static void
on_sent(void *ctx, const struct answer *answer)
{
	struct lease *l = ctx;
	enum sending what = l->out.sending;
	bool good = answer->status >= 200 && answer->status < 300;

	l->send = NULL;
	l->out.sending = SEND_NOTHING;
	if (what != SEND_END)
		l->out.claimed = 0;
	if (good || corrected(l, what, answer)) {
		backoff_clear(&l->out.wait);
		if (good)
			succeeded(l, what, answer->json);
	} else {
		failed(l, what, answer);
	}
}
