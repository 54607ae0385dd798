/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slaves introduce themselves: enroll and hello. */
#include "master/api/api.h"
#include "master/jobs/dispatch.h"
#include "master/store/pki.h"
#include "master/jobs/wants.h"
#include "plan/plan.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARCHES_MAX       16
#define CAPABILITIES_MAX 1000
#define SLOTS_MAX        10000
#define LABELS_MAX       64
#define STAGES_MAX       1000
#define LAYERS_MAX       10000

/* versions of the protocol that are spoken */
#define PROTOCOL_NEWEST 1
#define PROTOCOL_OLDEST 1
#define CLOSED_MAX      200
#define TIME_LIMIT      ((int64_t)1 << 40) /* seconds since 1970 */

void
api_ca(struct master *m, struct request *r)
{
	struct error err;
	struct buf pem;

	buf_init(&pem, PKI_PEM_MAX);
	if (file_read_at(m->st->dir, "ca.pem", &pem, &err) < 0)
		request_broken(r, &err);
	else
		request_bytes(
		    r, 200, "application/x-pem-file", pem.data, pem.len);
	buf_release(&pem);
}

/* In one transaction: the token dies, the slave is born. 0: bad token. */
static int
write_slave(struct master *m, struct request *r, const char *token,
    const char *name, const char *fingerprint, struct error *err)
{
	char digest[DIGEST_HEX_MAX];
	int64_t now = now_us();
	int n;

	digest_of(DIGEST_SHA256, token, strlen(token), digest);
	if (db_begin(m->db, err) < 0)
		return -1;
	n = db_one(m->db, SQL_TOKEN_GOOD, ARGS(TEXT(digest), INT(now)), err);
	db_end(m->db, SQL_TOKEN_GOOD);
	if (n <= 0) {
		db_rollback(m->db);
		return n;
	}
	r->slave = db_insert(m->db, SQL_SLAVE_ADD,
	    ARGS(TEXT(name), TEXT(fingerprint), INT(now)), err);
	if (r->slave < 0)
		goto failed;
	n = db_run(m->db, SQL_TOKEN_USE,
	    ARGS(TEXT(digest), INT(r->slave), INT(now)), err);
	if (n < 0 ||
	    audit(m->db, now, name, "enroll", fingerprint, r->origin, err) < 0)
		goto failed;
	return db_commit(m->db, err) < 0 ? -1 : 1;
failed:
	if (db_is_duplicate(m->db))
		err->code = EEXIST;
	db_rollback(m->db);
	return -1;
}

static void
answer_enroll(struct master *m, struct request *r, const char *name,
    const struct buf *certificate)
{
	struct error err;
	struct buf ca;

	buf_init(&ca, PKI_PEM_MAX);
	if (file_read_at(m->st->dir, "ca.pem", &ca, &err) < 0)
		request_broken(r, &err);
	else
		request_json(r, 201,
		    json_pack("{s:I, s:s, s:s, s:s, s:s}", "slave",
			(json_int_t)r->slave, "name", name, "certificate",
			certificate->data, "ca", ca.data, "master",
			m->set->name));
	buf_release(&ca);
}

void
api_enroll(struct master *m, struct request *r)
{
	const json_t *o = api_body(r);
	const char *token, *name, *csr;
	char fingerprint[65];
	struct error err;
	struct buf pem;
	int rc;

	if (!o || !(token = api_need_text(r, o, "token", 200)) ||
	    !(name = api_need_text(r, o, "name", 64)) ||
	    !(csr = api_need_text(r, o, "csr", PKI_PEM_MAX)))
		return;
	if (!plain_name(name)) {
		request_problem(r, 400, "bad-field",
		    "\"name\": expected letters, digits and . _ -");
		return;
	}
	buf_init(&pem, PKI_PEM_MAX);
	if (pki_sign(m->st->path, csr, name, m->set->cert_life, &pem,
		fingerprint, &err) < 0) {
		request_problem(
		    r, 400, "bad-request-for-certificate", "%s", err.msg);
		goto out;
	}
	rc = write_slave(m, r, token, name, fingerprint, &err);
	if (rc > 0) {
		sched_slave(&m->sched, r->slave, name);
		log_info("slave enrolled name=%s from=%s", name, r->origin);
		answer_enroll(m, r, name, &pem);
	} else if (rc == 0) {
		request_problem(r, 403, "bad-token",
		    "the token is wrong, used or too old; make a new one with "
		    "\"autotua-master token new\"");
	} else if (err.code == EEXIST) {
		request_problem(r, 409, "name-taken",
		    "there is a slave called %s; choose another with --name",
		    name);
	} else {
		request_broken(r, &err);
	}
out:
	buf_release(&pem);
}

/*
 * An administrator's word comes before the owner's: that one ends by itself.
 * The reason is kept as long as it holds.
 */
void
slave_close(struct sched *s, struct sched_slave *sl)
{
	sched_slave_close(s, sl, sl->ruled ? sl->ruled : sl->own_words);
}

/* Seconds since 1970 as microseconds; 0: there is none. */
static int64_t
time_of(const json_t *o, const char *key)
{
	int64_t t = json_integer_value(json_object_get(o, key));

	return t > 0 && t < TIME_LIMIT ? t * SECOND : 0;
}

void
api_take_hello(struct sched *s, struct sched_slave *sl, const json_t *hello)
{
	const json_t *offer = json_object_get(hello, "resources");
	const char *name, *closed = api_text(hello, "closed", CLOSED_MAX);
	json_t *v;
	size_t i;

	sched_slave_reset(
	    sl, json_integer_value(json_object_get(hello, "slots")));
	json_array_foreach(json_object_get(hello, "arches"), i, v)
	{
		if (json_is_string(v))
			sched_slave_arch(sl, json_string_value(v));
	}
	json_object_foreach(json_object_get(hello, "capabilities"), name, v)
	{
		if (json_is_string(v))
			sched_slave_can(sl, name, json_string_value(v));
	}
	json_object_foreach(json_object_get(hello, "labels"), name, v)
	{
		sched_slave_label(sl, name, json_is_true(v));
	}
	json_array_foreach(json_object_get(hello, "stages"), i, v)
	{
		if (json_is_string(v))
			sched_slave_stage(sl, json_string_value(v));
	}
	json_array_foreach(json_object_get(hello, "layers"), i, v)
	{
		if (json_is_string(v))
			sched_slave_layer(sl, json_string_value(v));
	}
	sl->offer[SCHED_MEMORY] = wants_amount(offer, "memory");
	sl->offer[SCHED_CPUS] = wants_amount(offer, "cpus");
	sl->offer[SCHED_DISK] = wants_amount(offer, "disk");
	sl->own_words = closed ? arena_strdup(&sl->arena, closed) : NULL;
	sl->own_until = time_of(hello, "closed_until");
	slave_close(s, sl);
	sched_slave_ready(s, sl);
}

/*
 * Do we understand each other? One whose keys have a newer format than ours
 * doesn't compare them, so it may come before its master.
 */
static bool
check_version(struct request *r, const json_t *o)
{
	int64_t version = api_need_number(r, o, "version", 0, INT32_MAX);
	bool newer = version > PROTOCOL_NEWEST;

	if (version < 0)
		return false;
	if (!newer && version >= PROTOCOL_OLDEST &&
	    json_integer_value(json_object_get(o, "keys")) >= KEY_OLDEST)
		return true;
	request_problem_with(r, 426, "upgrade-required",
	    newer ? "this slave is too new for its master: upgrade that one "
		    "first"
		  : "this slave is too old for its master: upgrade it",
	    json_pack("{s:i, s:i, s:i}", "oldest", PROTOCOL_OLDEST, "newest",
		PROTOCOL_NEWEST, "keys", KEY_OLDEST));
	return false;
}

/* false: answered with 400 or 426. */
static bool
check_hello(struct request *r, const json_t *o)
{
	const json_t *arches = json_object_get(o, "arches");
	const json_t *caps = json_object_get(o, "capabilities");

	if (!check_version(r, o))
		return false;
	if (api_need_number(r, o, "slots", 1, SLOTS_MAX) < 0)
		return false;
	if (json_is_array(arches) && json_array_size(arches) >= 1 &&
	    json_array_size(arches) <= ARCHES_MAX &&
	    json_object_size(caps) <= CAPABILITIES_MAX &&
	    json_object_size(json_object_get(o, "labels")) <= LABELS_MAX &&
	    json_array_size(json_object_get(o, "stages")) <= STAGES_MAX &&
	    json_array_size(json_object_get(o, "layers")) <= LAYERS_MAX)
		return true;
	request_problem(r, 400, "bad-field",
	    "\"arches\": expected 1 to %d; at most %d \"capabilities\", %d "
	    "\"labels\", %d \"stages\" and %d \"layers\"",
	    ARCHES_MAX, CAPABILITIES_MAX, LABELS_MAX, STAGES_MAX, LAYERS_MAX);
	return false;
}

static bool
lists(const json_t *list, int64_t id)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		if (json_integer_value(v) == id)
			return true;
	}
	return false;
}

/*
 * A lease that we gave but the slave never heard of: the answer to its claim
 * was lost. What was given a moment ago may still be on its way.
 */
static void
take_back(struct master *m, const struct sched_slave *sl, const json_t *held)
{
	struct sched_lease *l, *next;
	int64_t now = loop_now(&m->loop);
	struct error err;

	if (!json_is_array(held))
		return;
	for (l = m->sched.first_lease; l; l = next) {
		next = l->next;
		if (l->slave != sl || l->heard || now - l->granted < SECOND ||
		    lists(held, l->id))
			continue;
		if (dispatch_unheard(m, l->unit, now, &err) < 0)
			log_err("%s", err.msg);
	}
}

void
api_hello(struct master *m, struct request *r)
{
	const json_t *o = api_body(r);
	struct sched_slave *sl;
	struct error err;
	bool renewed, opened;
	char *text;
	int rc, forgiven = 0;

	if (!o || !check_hello(r, o))
		return;
	sl = sched_slave(&m->sched, r->slave, r->slave_name);
	renewed = json_is_true(json_object_get(o, "renewed"));
	opened = sl->own_words && !api_text(o, "closed", CLOSED_MAX);
	text = json_dumps(o, JSON_COMPACT);
	rc = db_run(m->db, SQL_SLAVE_HELLO,
	    ARGS(INT(r->slave), TEXT(text), INT(now_us())), &err);
	free(text);
	if (rc >= 0 && (renewed || opened))
		forgiven = db_run(m->db, SQL_REFUSAL_FORGET,
		    ARGS(INT(r->slave), INT(renewed)), &err);
	if (rc < 0 || forgiven < 0) {
		request_broken(r, &err);
		return;
	}
	if (forgiven > 0)
		sched_forgive(&m->sched, r->slave, renewed);
	api_take_hello(&m->sched, sl, o);
	sl->known = true;
	/* who claimed before may be gone by now */
	claims_again(m, sl);
	take_back(m, sl, json_object_get(o, "leases"));
	request_json(r, 200,
	    json_pack("{s:s, s:I, s:I}", "master", m->set->name,
		"lease_seconds", (json_int_t)m->set->lease, "grace_seconds",
		(json_int_t)m->set->grace));
}
