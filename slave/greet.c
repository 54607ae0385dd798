/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/running.h"
#include "slave/images.h"
#include "slave/probe.h"
#include "plan/plan.h"
#include "base/log.h"

#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PROBE_EVERY ((int64_t)3600 * 1000)
#define UNFIT_EVERY ((int64_t)60 * 1000) /* the owner may mend it */
#define HELLO_PAUSE 30000 /* milliseconds, after changes of images */
#define STAGES_MAX  200   /* that a hello names, last used first */
#define LAYERS_MAX  2000

bool
answer_is_good(const struct answer *answer)
{
	return answer->status >= 200 && answer->status < 300;
}

/* ---- what this machine offers ---------------------------------------------
 */

void
probe_turn(struct session *s)
{
	struct error err;

	if (s->probe > 0 || s->host.now < s->next_probe || s->stopping)
		return;
	s->next_probe = s->host.now + PROBE_EVERY;
	s->probe = probe_start(s->conf, &s->probe_fd, &err);
	if (s->probe < 0)
		log_err("capabilities: %s", err.msg);
}

void
probe_listen(struct session *s)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(s->probe_fd, chunk, sizeof(chunk))) > 0) {
		if (buf_add(&s->probe_text, chunk, (size_t)n) < 0)
			break;
	}
}

/* Where jails can't hold a job the machine isn't lent. */
static void
take_fitness(struct session *s, json_t *about)
{
	const json_t *why = json_object_get(about, "unfit");

	contract_set_unfit(&s->contract, json_string_value(why));
	if (why)
		s->next_probe = s->host.now + UNFIT_EVERY;
	s->next_look = 0;
	json_object_del(about, "unfit");
}

void
probe_reaped(struct session *s, int status)
{
	json_t *about = NULL;

	probe_listen(s);
	close(s->probe_fd);
	s->probe_fd = -1;
	s->probe = -1;
	if (status == 0 && s->probe_text.data)
		about =
		    json_loadb(s->probe_text.data, s->probe_text.len, 0, NULL);
	buf_release(&s->probe_text);
	if (!about) {
		log_err("capabilities could not be found out; trying again");
		s->next_probe = s->host.now + SESSION_PAUSE_MAX;
		return;
	}
	take_fitness(s, about);
	json_decref(s->about);
	s->about = about;
	s->hello_due = s->renewed = true;
	s->said_renewed = false;
}

/* ---- hello ----------------------------------------------------------------
 */

void
session_heard(struct session *s, const struct answer *answer)
{
	heard_note(&s->heard, s->state, answer, time(NULL));
}

/*
 * One that was retired is so for ever. Others may be known again: to a master
 * that was restored, or after an upgrade.
 */
void
session_rejected(struct session *s, const struct answer *answer)
{
	bool retired = strcmp(answer->code, "retired") == 0;

	if (retired || s->once) {
		fail(s->err, "the master refuses this slave (status %d): %s%s",
		    answer->status, answer->text,
		    retired ? "; to lend this machine again delete cert.pem "
			      "and enroll with a token of \"autotua-master "
			      "token new --slave NAME\"; the spool stays"
			    : "");
		s->failed = true;
	} else if (s->hello_wait.tries == 0) {
		log_err("the master refuses this slave (status %d): %s",
		    answer->status, answer->text);
	}
}

static void
on_hello(void *ctx, const struct answer *answer)
{
	struct session *s = ctx;
	const char *name = "";
	json_int_t grace;

	s->hello = NULL;
	session_heard(s, answer);
	if (answer_is_good(answer)) {
		backoff_clear(&s->hello_wait);
		grace = json_integer_value(
		    json_object_get(answer->json, "grace_seconds"));
		if (grace > 0 && grace <= 86400)
			s->host.grace = grace * 1000;
		name =
		    json_string_value(json_object_get(answer->json, "master"));
		if (!s->greeted)
			log_info("connected master=%s url=%s", name ? name : "",
			    s->conf->url);
		s->greeted = true;
		s->renewed = s->renewed && !s->said_renewed;
		return;
	}
	s->hello_due = true;
	if (answer->status == 401 || answer->status == 403 ||
	    answer->status == 426)
		session_rejected(s, answer);
	else if (s->hello_wait.tries == 0)
		log_warn("hello status=%d: %s", answer->status, answer->text);
	backoff_fail(
	    &s->hello_wait, s->host.now, SESSION_PAUSE_MAX, lease_random());
}

static json_t *
labels_json(const struct slave_conf *c)
{
	json_t *o = json_object();
	struct error none;
	bool mandatory;
	char name[80];
	size_t i;

	for (i = 0; i < c->labels.n; i++) {
		if (conf_label(c->labels.items[i], name, sizeof(name),
			&mandatory, &none) == 0)
			json_object_set_new(o, name, json_boolean(mandatory));
	}
	return o;
}

/* What all slots together have; without a limit, what the machine has. */
static json_t *
resources_json(const struct session *s)
{
	const struct slave_conf *c = s->conf;
	struct statvfs v;
	int64_t cpus = sysconf(_SC_NPROCESSORS_ONLN), disk = 0, memory;

	if (statvfs(c->state, &v) == 0)
		disk = (int64_t)(v.f_bavail * v.f_frsize) - c->disk_reserve;
	if (c->cpus > 0 && c->cpus * c->slots < cpus)
		cpus = c->cpus * c->slots;
	if (c->disk > 0 && c->disk * c->slots < disk)
		disk = c->disk * c->slots;
	memory = c->memory * c->slots;
	return json_pack("{s:I, s:I, s:I}", "memory", (json_int_t)memory,
	    "cpus", (json_int_t)cpus, "disk",
	    (json_int_t)(disk > 0 ? disk : 1));
}

static void
add_offer(const struct session *s, json_t *body)
{
	const struct slave_conf *c = s->conf;
	const char *closed = s->contract.closed;
	json_t *stages, *layers;

	json_object_set_new(body, "slots", json_integer(c->slots));
	json_object_set_new(body, "resources", resources_json(s));
	json_object_set_new(body, "labels", labels_json(c));
	images_list(c->jailer, &stages, STAGES_MAX, &layers, LAYERS_MAX);
	json_object_set_new(body, "stages", stages);
	json_object_set_new(body, "layers", layers);
	json_object_set_new(
	    body, "closed", *closed ? json_string(closed) : json_null());
	if (s->contract.until > 0)
		json_object_set_new(body, "closed_until",
		    json_integer((json_int_t)s->contract.until));
}

void
hello_turn(struct session *s)
{
	struct call_request r = {.method = "POST",
	    .path = "slave/hello",
	    .done = on_hello,
	    .ctx = s};
	json_t *body, *held;
	struct lease *l;

	if (s->hello_soon && s->host.now >= s->hello_at + HELLO_PAUSE)
		s->hello_due = true;
	if (s->hello || !s->hello_due || !s->about || s->stopping ||
	    s->host.now < s->hello_wait.at)
		return;
	body = json_deep_copy(s->about);
	held = json_array();
	for (l = s->leases; l; l = l->next) {
		if (l->state != LEASE_DROPPED)
			json_array_append_new(held, json_integer(l->id));
	}
	json_object_set_new(body, "leases", held);
	json_object_set_new(body, "version", json_integer(1));
	json_object_set_new(body, "keys", json_integer(KEY_FORMAT));
	json_object_set_new(body, "renewed", json_boolean(s->renewed));
	s->said_renewed = s->renewed;
	add_offer(s, body);
	s->hello_due = s->hello_soon = false;
	s->hello_at = s->host.now;
	r.body = body;
	s->hello = call_start(&s->calls, &r);
	json_decref(body);
}
