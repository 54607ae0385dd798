/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/api/session.h"
#include "master/api/api.h"
#include "master/api/asking.h"
#include "master/jobs/dispatch.h"
#include "master/api/rights.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define TOKEN_FRONT   "ats1-"
#define TOKEN_BYTES   32
#define TOKEN_LEN     (sizeof(TOKEN_FRONT) - 1 + 2 * (size_t)TOKEN_BYTES)
#define CHILD_SECONDS 30

/* ---- who asks ------------------------------------------------------------ */

static bool
deny(struct request *r, const char *code, const char *detail)
{
	request_problem(r, 401, code, "%s", detail);
	request_header(r, "WWW-Authenticate", "Bearer");
	return false;
}

/* The token of the header; NULL when there is none. */
static const char *
token_of(const struct request *r)
{
	const char *s = request_get_header(r, "Authorization");

	if (!s || strncasecmp(s, "Bearer ", 7) != 0)
		return NULL;
	return s + 7 + strspn(s + 7, " ");
}

bool
session_find(struct master *m, struct request *r)
{
	enum sql q = SQL_SESSION_GET;
	const char *token = token_of(r);
	char digest[DIGEST_HEX_MAX];
	struct error err;
	int rc = 0;

	if (!token)
		return true;
	/* the token has all its entropy: a plain digest is enough */
	digest_of(DIGEST_SHA256, token, strlen(token), digest);
	if (strlen(token) == TOKEN_LEN)
		rc = db_one(m->db, q, ARGS(TEXT(digest), INT(now_us())), &err);
	if (rc < 0) {
		request_broken(r, &err);
		return false;
	}
	if (rc == 0)
		return deny(r, "session-over",
		    "the session has ended, or never was: open another one "
		    "(jobuild session open)");
	r->session = db_int(m->db, q, 0);
	r->user = db_text(m->db, q, 1, &r->arena);
	db_end(m->db, q);
	return true;
}

bool
session_may_read(struct master *m, struct request *r)
{
	if (!m->set->closed || r->session || r->slave)
		return true;
	return deny(r, "session-needed",
	    "this master is private: reading needs a session (jobuild session "
	    "open) or a slave's certificate");
}

/* ---- POST session -------------------------------------------------------- */

static int
make_token(char token[TOKEN_LEN + 1], struct error *err)
{
	unsigned char raw[TOKEN_BYTES];
	size_t i;

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return fail_errno(err, "random bytes");
	memcpy(token, TOKEN_FRONT, sizeof(TOKEN_FRONT));
	for (i = 0; i < sizeof(raw); i++)
		snprintf(
		    token + sizeof(TOKEN_FRONT) - 1 + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

/* How long it is to last: what was asked for, at most what is configured. */
static int64_t
life_of(const struct asking *a)
{
	const json_t *n = json_object_get(a->wish.o, "seconds");
	int64_t max = a->m->set->session_life;

	if (!json_is_integer(n) || json_integer_value(n) < 1 ||
	    json_integer_value(n) > max)
		return max;
	return json_integer_value(n);
}

static int64_t
write_session(struct asking *a, const char *key, const char *token,
    int64_t expires, struct error *err)
{
	int64_t now = now_us();
	char digest[DIGEST_HEX_MAX], object[40];
	struct db *db = a->m->db;
	int64_t id;

	digest_of(DIGEST_SHA256, token, strlen(token), digest);
	if (dispatch_nonce(a->m, a->wish.nonce, now, err) < 0)
		return -1;
	id = db_insert(db, SQL_SESSION_ADD,
	    ARGS(INT(a->user), TEXT(digest), TEXT(key), INT(now), INT(expires),
		TEXT(a->r->origin)),
	    err);
	if (id < 0)
		return -1;
	snprintf(object, sizeof(object), "session %" PRId64, id);
	if (audit(db, now, a->wish.user, "session open", object, a->r->origin,
		err) < 0)
		return -1;
	return id;
}

static void
open_session(struct asking *a, const char *key)
{
	int64_t expires = now_us() + life_of(a) * SECOND, id = -1;
	char token[TOKEN_LEN + 1];
	struct error err = {0};

	if (make_token(token, &err) == 0 && db_begin(a->m->db, &err) == 0) {
		id = write_session(a, key, token, expires, &err);
		if (id < 0)
			db_rollback(a->m->db);
		else if (db_commit(a->m->db, &err) < 0)
			id = -1;
	}
	if (id >= 0)
		request_json(a->r, 201,
		    json_pack("{s:I, s:s, s:s, s:o}", "session", (json_int_t)id,
			"user", a->wish.user, "token", token, "expires",
			api_time(expires)));
	else
		asking_unstored(a, &err);
}

static void
session_done(void *ctx, const struct buf *text, const struct error *err)
{
	struct asking *a = ctx;
	json_t *o = asking_verdict(a, text, err);

	if (o)
		open_session(a, json_string_value(json_object_get(o, "key")));
	json_decref(o);
	request_resume(a->r);
}

void
api_session_open(struct master *m, struct request *r)
{
	struct wish w = {0};
	struct asking *a;

	if (!wish_read(m, r, "session", &w))
		return;
	if (w.session) {
		request_problem(r, 400, "bad-request",
		    "a session is opened by a signed request, not by another "
		    "session");
		return;
	}
	a = asking_new(m, r, &w);
	if (a)
		asking_start(a, CHILD_SECONDS, session_done);
}

/* ---- what there is ------------------------------------------------------- */

/* Is there a session behind the request? false: answered. */
static bool
need_session(struct request *r)
{
	return r->session > 0 ||
	    deny(r, "session-needed",
		"this needs a session: open one (jobuild session open)");
}

static json_t *
row_json(struct master *m, struct request *r)
{
	enum sql q = SQL_SESSION_LIST;
	int64_t id = db_int(m->db, q, 0);

	return json_pack("{s:I, s:s, s:o, s:o, s:s, s:s, s:b}", "session",
	    (json_int_t)id, "user", db_text(m->db, q, 1, &r->arena), "created",
	    api_time(db_int(m->db, q, 2)), "expires",
	    api_time(db_int(m->db, q, 3)), "origin",
	    db_text(m->db, q, 4, &r->arena), "key",
	    db_text(m->db, q, 5, &r->arena), "this", id == r->session);
}

/* Its user's; an administrator's are everybody's. */
void
api_sessions(struct master *m, struct request *r)
{
	enum sql q = SQL_SESSION_LIST;
	struct error err;
	json_t *list;
	int rc;

	if (!need_session(r))
		return;
	rc = rights_has(m, r->user, RIGHT_ADMIN, &err);
	if (rc < 0) {
		request_broken(r, &err);
		return;
	}
	list = json_array();
	db_query(m->db, q, ARGS(TEXT(rc ? NULL : r->user), INT(now_us())));
	while ((rc = db_row(m->db, q, &err)) > 0)
		json_array_append_new(list, row_json(m, r));
	if (rc == 0) {
		request_json(r, 200, json_pack("{s:o}", "sessions", list));
		return;
	}
	json_decref(list);
	request_broken(r, &err);
}

/* Whose it is; NULL: there is none that isn't over. Answered. */
static const char *
owner_of(struct master *m, struct request *r)
{
	enum sql q = SQL_SESSION_OWNER;
	const char *user = NULL;
	struct error err;
	int rc = db_one(m->db, q, ARGS(INT(r->id), INT(now_us())), &err);

	if (rc > 0)
		user = db_text(m->db, q, 0, &r->arena);
	db_end(m->db, q);
	if (rc < 0)
		request_broken(r, &err);
	else if (rc == 0)
		request_problem(r, 404, "not-found",
		    "there is no session %" PRId64 " (any more)", r->id);
	return user;
}

static int
write_end(struct master *m, struct request *r, struct error *err)
{
	char object[40];
	int64_t now = now_us();

	if (db_begin(m->db, err) < 0)
		return -1;
	snprintf(object, sizeof(object), "session %" PRId64, r->id);
	if (db_run(m->db, SQL_SESSION_END, ARGS(INT(r->id), INT(now)), err) <
		0 ||
	    audit(m->db, now, r->user, "session end", object,
		arena_printf(
		    &r->arena, "%s session %" PRId64, r->origin, r->session),
		err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	return db_commit(m->db, err);
}

void
api_session_end(struct master *m, struct request *r)
{
	const char *user;
	struct error err;

	if (!need_session(r) || !(user = owner_of(m, r)))
		return;
	if (strcmp(user, r->user) != 0 &&
	    !rights_need(m, r, r->user, RIGHT_ADMIN,
		"to end a session of somebody else"))
		return;
	if (write_end(m, r, &err) < 0) {
		request_broken(r, &err);
		return;
	}
	log_info("session ended session=%" PRId64 " by=%s", r->id, r->user);
	request_json(r, 200, json_pack("{s:I}", "session", (json_int_t)r->id));
}
