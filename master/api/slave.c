/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slaves introduce themselves: enroll and hello. */
#include "master/api/api.h"
#include "master/admin/slaves.h"
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

/* Who wants to join, and with which token. */
struct joining {
	const char *name, *fingerprint;
	char digest[DIGEST_HEX_MAX];
	const char *place; /* whose the token is for; NULL: a new slave's */
	int64_t id;
	int64_t now;
};

/* 0: the token is wrong, used or too old. */
static int
find_token(
    struct master *m, struct joining *j, struct arena *a, struct error *err)
{
	enum sql q = SQL_TOKEN_GOOD;
	int rc = db_one(m->db, q, ARGS(TEXT(j->digest), INT(j->now)), err);

	if (rc > 0)
		j->place = db_text(m->db, q, 0, a);
	db_end(m->db, q);
	return rc;
}

/*
 * The slave of this name has another certificate from now on. What one that
 * was retired has done counts no more for it than before. 0: there is none.
 */
static int
take_place(struct master *m, struct joining *j, struct error *err)
{
	enum sql q = SQL_SLAVE_BY_NAME;
	struct arena a = {0};
	bool retired = false;
	int rc = db_one(m->db, q, ARGS(TEXT(j->name)), err);

	if (rc > 0) {
		j->id = db_int(m->db, q, 0);
		retired = strcmp(db_text(m->db, q, 1, &a), "retired") == 0;
	}
	db_end(m->db, q);
	arena_release(&a);
	if (rc <= 0)
		return rc;
	if (retired &&
	    db_run(m->db, SQL_UNIT_DISOWN, ARGS(INT(j->id)), err) < 0)
		return -1;
	return db_run(m->db, SQL_SLAVE_REJOIN,
	    ARGS(INT(j->id), TEXT(j->fingerprint), INT(j->now)), err);
}

static int
write_slave(struct master *m, struct joining *j, struct error *err)
{
	int n = j->place ? take_place(m, j, err) : 0;

	if (n == 0)
		j->id = db_insert(m->db, SQL_SLAVE_ADD,
		    ARGS(TEXT(j->name), TEXT(j->fingerprint), INT(j->now)),
		    err);
	return n < 0 || j->id < 0 ? -1 : 0;
}

/* In one transaction: the token dies, the slave is born. 0: bad token. */
static int
join(struct master *m, struct request *r, struct joining *j, struct error *err)
{
	int n;

	if (db_begin(m->db, err) < 0)
		return -1;
	n = find_token(m, j, &r->arena, err);
	if (n > 0 && j->place && strcmp(j->place, j->name) != 0)
		n = 0;
	if (n <= 0) {
		db_rollback(m->db);
		return n;
	}
	if (write_slave(m, j, err) < 0 ||
	    db_run(m->db, SQL_TOKEN_USE,
		ARGS(TEXT(j->digest), INT(j->id), INT(j->now)), err) < 0 ||
	    audit(m->db, j->now, j->name, "enroll", j->fingerprint, r->origin,
		err) < 0) {
		if (db_is_duplicate(m->db))
			err->code = EEXIST;
		db_rollback(m->db);
		return -1;
	}
	return db_commit(m->db, err) < 0 ? -1 : 1;
}

static void
refuse_join(struct request *r, const struct joining *j, const struct error *err)
{
	if (j->place && strcmp(j->place, j->name) != 0)
		request_problem(r, 403, "bad-token",
		    "the token is for the slave %s: enroll with --name %s",
		    j->place, j->place);
	else if (!err)
		request_problem(r, 403, "bad-token",
		    "the token is wrong, used or too old; make a new one with "
		    "\"autotua-master token new\"");
	else if (err->code == EEXIST)
		request_problem(r, 409, "name-taken",
		    "there is a slave called %s; choose another with --name, "
		    "or take its place with a token of \"autotua-master token "
		    "new --slave %s\"",
		    j->name, j->name);
	else
		request_broken(r, err);
}

static void
answer_enroll(struct master *m, struct request *r, const struct joining *j,
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
			(json_int_t)j->id, "name", j->name, "certificate",
			certificate->data, "ca", ca.data, "master",
			m->set->name));
	buf_release(&ca);
}

void
api_enroll(struct master *m, struct request *r)
{
	const json_t *o = api_body(r);
	const char *token, *csr;
	char fingerprint[65];
	struct joining j = {.fingerprint = fingerprint, .now = now_us()};
	struct error err;
	struct buf pem;
	int rc;

	if (!o || !(token = api_need_text(r, o, "token", 200)) ||
	    !(j.name = api_need_text(r, o, "name", 64)) ||
	    !(csr = api_need_text(r, o, "csr", PKI_PEM_MAX)))
		return;
	if (!plain_name(j.name)) {
		request_problem(r, 400, "bad-field",
		    "\"name\": expected letters, digits and . _ -");
		return;
	}
	digest_of(DIGEST_SHA256, token, strlen(token), j.digest);
	buf_init(&pem, PKI_PEM_MAX);
	if (pki_sign(m->st->path, csr, j.name, m->set->cert_life, &pem,
		fingerprint, &err) < 0) {
		request_problem(
		    r, 400, "bad-request-for-certificate", "%s", err.msg);
		goto out;
	}
	rc = join(m, r, &j, &err);
	if (rc > 0) {
		slaves_joined(m, j.id, j.name);
		log_info("slave enrolled name=%s from=%s", j.name, r->origin);
		answer_enroll(m, r, &j, &pem);
	} else {
		refuse_join(r, &j, rc < 0 ? &err : NULL);
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
	sl->known = true;
	api_take_hello(&m->sched, sl, o);
	/* who claimed before may be gone by now */
	claims_again(m, sl);
	take_back(m, sl, json_object_get(o, "leases"));
	request_json(r, 200,
	    json_pack("{s:s, s:I, s:I}", "master", m->set->name,
		"lease_seconds", (json_int_t)m->set->lease, "grace_seconds",
		(json_int_t)m->set->grace));
}
