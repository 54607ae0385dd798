/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/jobs/wish.h"
#include "master/jobs/validate.h"
#include "run/folder.h"
#include "base/digest.h"
#include "base/error.h"

#include <inttypes.h>
#include <string.h>

#define REQUEST_MAX   ((size_t)512 << 10)
#define SIGNATURE_MAX ((size_t)64 << 10)
#define OLD_SECONDS   600
#define AHEAD_SECONDS 60
#define ARCHES_MAX    16
#define LABELS_MAX    16
#define LABEL_MAX     64
#define PARAMETERS    64

static bool
bad(struct request *r, const char *key, const char *what)
{
	request_problem(
	    r, 400, "bad-request", "request: \"%s\": %s", key, what);
	return false;
}

/*
 * Was it made for this master, and now? Of what was made before a backup was
 * restored nobody knows whether it was sent before.
 */
static bool
check_time(struct master *m, struct request *r, const json_t *o)
{
	const char *name = api_text(o, "master", 64);
	json_t *time = json_object_get(o, "time");
	double age;

	if (!name || strcmp(name, m->set->name) != 0) {
		request_problem(r, 403, "not-authorised",
		    "the request is for another master: this one is \"%s\"",
		    m->set->name);
		return false;
	}
	if (!json_is_number(time))
		return bad(r, "time", "expected seconds since 1970");
	age = (double)now_us() / 1e6 - json_number_value(time);
	if (age > OLD_SECONDS || age < -AHEAD_SECONDS) {
		request_problem(r, 403, "not-authorised",
		    "the request was made %.0f seconds %s by its clock; at "
		    "most %d are allowed: compare the clocks",
		    age < 0 ? -age : age, age < 0 ? "in the future" : "ago",
		    age < 0 ? AHEAD_SECONDS : OLD_SECONDS);
		return false;
	}
	if (json_number_value(time) < (double)m->restored) {
		request_problem(r, 409, "replay",
		    "the request was made before this master was restored "
		    "from a backup, and may have been sent then; sign a new "
		    "one");
		return false;
	}
	return true;
}

/* Seen before? The insert that counts comes with the job's transaction. */
static bool
check_nonce(struct master *m, struct request *r, const char *nonce)
{
	struct error err;
	int rc;

	if (!nonce || strlen(nonce) != 32 || !is_hex(nonce, 32))
		return bad(
		    r, "nonce", "expected 32 lower-case hexadecimal digits");
	rc = db_one(m->db, SQL_NONCE_SEEN, ARGS(TEXT(nonce)), &err);
	db_end(m->db, SQL_NONCE_SEEN);
	if (rc < 0)
		request_broken(r, &err);
	if (rc > 0)
		request_problem(r, 409, "replay",
		    "this request was sent before; sign a new one");
	return rc == 0;
}

/* The signed text as JSON, kept where the request's is. */
static json_t *
parse_inner(struct request *r, const char *text)
{
	json_error_t why;
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &why);

	if (o && json_is_object(o)) {
		json_object_set_new(r->json, "parsed", o);
		return o;
	}
	request_problem(r, 400, "bad-request", "request: is no JSON object: %s",
	    o ? "another type" : why.text);
	json_decref(o);
	return NULL;
}

bool
wish_read(struct master *m, struct request *r, const char *kind, struct wish *w)
{
	const json_t *o = api_body(r);
	const char *said;

	if (!o || !(w->request = api_need_text(r, o, "request", REQUEST_MAX)))
		return false;
	if (r->session && !json_object_get(o, "signature")) {
		w->session = r->session;
		w->signature =
		    arena_printf(&r->arena, "session %" PRId64, r->session);
	} else if (!(w->signature =
			   api_need_text(r, o, "signature", SIGNATURE_MAX))) {
		return false;
	}
	w->o = parse_inner(r, w->request);
	if (!w->o)
		return false;
	w->kind = kind;
	said = api_text(w->o, "kind", 32);
	if (!said || strcmp(said, kind) != 0)
		return bad(r, "kind", "another one is expected here");
	w->user = api_text(w->o, "user", USER_MAX);
	if (!w->user || !user_valid(w->user, strlen(w->user)))
		return bad(r, "user", "expected [a-z][a-z0-9_-]{0,31}");
	if (w->session && strcmp(w->user, r->user) != 0)
		return bad(r, "user", "the session is another user's");
	w->nonce = api_text(w->o, "nonce", 32);
	return check_time(m, r, w->o) && check_nonce(m, r, w->nonce);
}

/* A word as ARCH has it. */
static bool
is_word(const char *s)
{
	size_t n = strlen(s);

	return n >= 1 && n <= 32 &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static bool
read_arches(struct request *r, const json_t *o, struct wanted *out)
{
	const json_t *list = json_object_get(o, "arches");
	const char **words, *s;
	size_t i, k;

	out->narches = json_array_size(list);
	if (out->narches < 1 || out->narches > ARCHES_MAX)
		return bad(r, "arches", "expected a list of 1 to 16");
	words = arena_array(&r->arena, out->narches, const char *);
	for (i = 0; i < out->narches; i++) {
		s = json_string_value(json_array_get(list, i));
		if (!s || !is_word(s))
			return bad(r, "arches", "expected words like amd64");
		for (k = 0; k < i; k++) {
			if (strcmp(words[k], s) == 0)
				return bad(r, "arches", "one is there twice");
		}
		words[i] = s;
	}
	out->arches = words;
	return true;
}

static bool
read_parameters(struct request *r, const json_t *o, struct wanted *out)
{
	json_t *list = json_object_get(o, "parameters"), *value;
	const char *name;
	struct error err;

	out->parameters = list;
	if (!list)
		return true;
	if (!json_is_object(list) || json_object_size(list) > PARAMETERS)
		return bad(r, "parameters", "expected an object of up to 64");
	json_object_foreach(list, name, value)
	{
		if (!json_is_string(value))
			return bad(r, "parameters", "expected texts");
		if (parameter_check(arena_printf(&r->arena, "%s=%s", name,
					json_string_value(value)),
			&err) < 0)
			return bad(r, "parameters", err.msg);
	}
	return true;
}

/* An atom; user/name-1.0 means exactly that version. */
static bool
read_root(struct request *r, const json_t *o, struct wanted *out)
{
	const char *s = api_text(o, "root", 200);
	struct error err;

	if (!s)
		return bad(r, "root", "expected user/name");
	if (id_parse(&r->arena, s, strlen(s), &out->root.id)) {
		out->root.op = ATOM_EQ;
		return true;
	}
	if (atom_parse(&r->arena, s, strlen(s), &out->root, &err) < 0)
		return bad(r, "root", err.msg);
	return true;
}

/* "" when it is absent; NULL when it is no text of up to max bytes. */
static const char *
optional_text(const json_t *o, const char *key, size_t max)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return "";
	if (!json_is_string(v) || json_string_length(v) > max)
		return NULL;
	return json_string_value(v);
}

/* A label as owners of slaves write them. */
static bool
is_label(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "._+-";
	size_t n = strlen(s);

	return n >= 1 && n <= LABEL_MAX && strspn(s, letters) == n;
}

static bool
read_labels(struct request *r, const json_t *o)
{
	const json_t *list = json_object_get(o, "labels"), *security;
	const char *s;
	size_t i, k;

	if (list &&
	    (!json_is_array(list) || json_array_size(list) > LABELS_MAX))
		return bad(r, "labels", "expected a list of up to 16");
	for (i = 0; i < json_array_size(list); i++) {
		s = json_string_value(json_array_get(list, i));
		if (!s || !is_label(s))
			return bad(r, "labels",
			    "expected up to 64 letters, digits and . _ + -");
		for (k = 0; k < i; k++) {
			if (strcmp(json_string_value(json_array_get(list, k)),
				s) == 0)
				return bad(r, "labels", "one is there twice");
		}
	}
	security = json_object_get(o, "security");
	if (security && !json_is_boolean(security))
		return bad(r, "security", "expected true or false");
	return true;
}

bool
wish_priority(struct request *r, const struct wish *w, bool needed)
{
	const json_t *n = json_object_get(w->o, "priority");

	if (!n && !needed)
		return true;
	if (json_is_integer(n) && json_integer_value(n) >= -PRIORITY_MAX &&
	    json_integer_value(n) <= PRIORITY_MAX)
		return true;
	return bad(r, "priority", "expected -1000 to 1000");
}

bool
wish_revision(struct request *r, const struct wish *w, const char **out)
{
	*out = optional_text(w->o, "revision", 200);
	if (*out && **out != '-')
		return true;
	return bad(r, "revision", "expected an id, branch or tag");
}

bool
wish_submit(struct request *r, const struct wish *w, struct wanted *out)
{
	const json_t *reuse = json_object_get(w->o, "reuse");

	out->tree = api_text(w->o, "tree", 64);
	if (!out->tree || !plain_name(out->tree))
		return bad(r, "tree", "expected the name of a tree");
	if (!wish_revision(r, w, &out->revision))
		return false;
	out->stage = optional_text(w->o, "stage", 64);
	if (!out->stage || (*out->stage && !plain_name(out->stage)))
		return bad(r, "stage", "expected the name of a stage");
	if (!wish_priority(r, w, false))
		return false;
	if (reuse && !json_is_boolean(reuse))
		return bad(r, "reuse", "expected true or false");
	if (!read_labels(r, w->o))
		return false;
	return read_root(r, w->o, out) && read_arches(r, w->o, out) &&
	    read_parameters(r, w->o, out);
}

int
wish_keys(struct master *m, struct request *r, const struct user_key **keys,
    size_t *n)
{
	enum sql q = SQL_USER_KEYS;
	struct user_key *list = NULL;
	struct error err;
	int rc;

	*n = 0;
	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, &err)) > 0) {
		list = arena_grow(&r->arena, list, *n, sizeof(*list));
		list[*n].user = db_text(m->db, q, 0, &r->arena);
		list[*n].fingerprint = db_text(m->db, q, 1, &r->arena);
		list[*n].armour = db_text(m->db, q, 2, &r->arena);
		++*n;
	}
	*keys = list;
	if (rc < 0)
		request_broken(r, &err);
	return rc;
}
