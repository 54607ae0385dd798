/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/audit.h"
#include "master/commands.h"
#include "master/store/state.h"
#include "base/error.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

struct row {
	int64_t id, created;
	const char *who, *what, *object, *origin, *digest;
};

static void
row_digest(const struct row *r, const char *before, char digest[KEY_HEX])
{
	char hex[DIGEST_HEX_MAX], number[24];
	struct digest d;

	digest_init(&d, DIGEST_KEY);
	digest_field(&d, before);
	snprintf(number, sizeof(number), "%" PRId64, r->id);
	digest_field(&d, number);
	snprintf(number, sizeof(number), "%" PRId64, r->created);
	digest_field(&d, number);
	digest_field(&d, r->who);
	digest_field(&d, r->what);
	digest_field(&d, r->object);
	digest_field(&d, r->origin);
	digest_end(&d, hex);
	memcpy(digest, hex, KEY_HEX);
}

static struct row
row_here(struct db *db, enum sql q, struct arena *a)
{
	return (struct row){.id = db_int(db, q, 0),
	    .created = db_int(db, q, 1),
	    .who = db_text(db, q, 2, a),
	    .what = db_text(db, q, 3, a),
	    .object = db_text(db, q, 4, a),
	    .origin = db_text(db, q, 5, a),
	    .digest = db_text(db, q, 6, a)};
}

static int
seal(struct db *db, struct audit_head *head, struct error *err)
{
	enum sql q = SQL_AUDIT_ONE;
	struct arena a = {0};
	struct row r;
	int rc;

	memset(head, 0, sizeof(*head));
	while ((rc = db_one(db, q, ARGS(INT(head->id)), err)) > 0) {
		r = row_here(db, q, &a);
		db_end(db, q);
		row_digest(&r, head->digest, head->digest);
		head->id = r.id;
		rc = db_run(db, SQL_AUDIT_SEAL,
		    ARGS(INT(r.id), TEXT(head->digest)), err);
		arena_reset(&a);
		if (rc < 0)
			break;
	}
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

int
audit_head(struct db *db, struct audit_head *head, struct error *err)
{
	enum sql q = SQL_AUDIT_HEAD;
	struct arena a = {0};
	int rc;

	memset(head, 0, sizeof(*head));
	rc = db_one(db, q, NULL, err);
	if (rc > 0) {
		head->id = db_int(db, q, 0);
		snprintf(head->digest, sizeof(head->digest), "%s",
		    db_text(db, q, 1, &a));
		db_end(db, q);
	}
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}

/* The head, of rows that have their digests. */
static int
sealed_head(struct db *db, struct audit_head *head, struct error *err)
{
	if (audit_head(db, head, err) < 0)
		return -1;
	return head->id > 0 && !*head->digest ? seal(db, head, err) : 0;
}

int
audit_seal(struct db *db, struct error *err)
{
	struct audit_head head;

	return sealed_head(db, &head, err);
}

int
audit(struct db *db, int64_t now, const char *who, const char *what,
    const char *object, const char *origin, struct error *err)
{
	struct row r = {.created = now,
	    .who = who,
	    .what = what,
	    .object = object,
	    .origin = origin};
	struct audit_head head;
	char digest[KEY_HEX];

	if (sealed_head(db, &head, err) < 0)
		return -1;
	r.id = head.id + 1;
	row_digest(&r, head.digest, digest);
	return db_run(db, SQL_AUDIT_ADD,
		   ARGS(INT(now), TEXT(who), TEXT(what), TEXT(object),
		       TEXT(origin), INT(r.id), TEXT(digest)),
		   err) < 0
	    ? -1
	    : 0;
}

/* ---- following it -----------------------------------------------------------
 */

/* Does the row follow the one before? */
static int
check_row(const struct row *r, const struct audit_head *before,
    const struct audit_head *noted, struct error *err)
{
	char digest[KEY_HEX];

	if (r->id != before->id + 1)
		return fail(err,
		    "audit: row %" PRId64 " is missing: row %" PRId64
		    " follows row %" PRId64,
		    before->id + 1, r->id, before->id);
	row_digest(r, before->digest, digest);
	if (strcmp(digest, r->digest) != 0)
		return fail(err,
		    "audit: row %" PRId64 " (%s, %s) or one before was "
		    "changed: its digest doesn't fit",
		    r->id, r->what, r->object);
	if (noted && noted->id == r->id && strcmp(noted->digest, digest) != 0)
		return fail(err,
		    "audit: row %" PRId64 " is another than the one noted: "
		    "what is up to it was written anew",
		    r->id);
	return 0;
}

int
audit_verify(struct db *db, const struct audit_head *noted,
    struct audit_head *head, struct error *err)
{
	enum sql q = SQL_AUDIT_LIST;
	struct arena a = {0};
	struct row r;
	int rc;

	memset(head, 0, sizeof(*head));
	db_query(db, q, ARGS(INT(0)));
	while ((rc = db_row(db, q, err)) > 0) {
		r = row_here(db, q, &a);
		if (check_row(&r, head, noted, err) < 0) {
			db_end(db, q);
			rc = -1;
			break;
		}
		head->id = r.id;
		memcpy(head->digest, r.digest, KEY_HEX);
		arena_reset(&a);
	}
	arena_release(&a);
	if (rc == 0 && noted && noted->id > head->id)
		return fail(err,
		    "audit: the last row is %" PRId64 ", but row %" PRId64
		    " was noted: rows were cut off",
		    head->id, noted->id);
	return rc;
}

/* ---- the command ------------------------------------------------------------
 */

static void
print_row(const struct row *r)
{
	time_t t = (time_t)(r->created / 1000000);
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%" PRId64 " %s %s from %s: %s %s\n", r->id, when, r->who,
	    r->origin, r->what, r->object);
}

static void
print_json(const struct row *r)
{
	json_t *o = json_pack("{s:I, s:f, s:s, s:s, s:s, s:s, s:s}", "row",
	    (json_int_t)r->id, "time", (double)r->created / 1e6, "who", r->who,
	    "what", r->what, "object", r->object, "origin", r->origin, "digest",
	    r->digest);

	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static int
list(struct state *st, bool json, struct error *err)
{
	enum sql q = SQL_AUDIT_LIST;
	struct arena a = {0};
	struct row r;
	int rc;

	db_query(&st->db, q, ARGS(INT(0)));
	while ((rc = db_row(&st->db, q, err)) > 0) {
		r = row_here(&st->db, q, &a);
		if (json)
			print_json(&r);
		else
			print_row(&r);
		arena_reset(&a);
	}
	arena_release(&a);
	return rc;
}

static int
verify(struct state *st, const struct audit_head *noted, struct error *err)
{
	struct audit_head head;

	if (audit_verify(&st->db, noted, &head, err) < 0)
		return -1;
	printf("%" PRId64 " rows, head %" PRId64 ":%s\n", head.id, head.id,
	    head.digest);
	return 0;
}

/* "ROW:DIGEST" as verify prints it. */
static bool
parse_head(const char *s, struct audit_head *head)
{
	const char *p;

	head->id = 0;
	for (p = s; *p >= '0' && *p <= '9' && p - s < 18; p++)
		head->id = head->id * 10 + (*p - '0');
	if (p == s || *p != ':' || strlen(p + 1) != 64 || !is_hex(p + 1, 64))
		return false;
	memcpy(head->digest, p + 1, KEY_HEX);
	return true;
}

int
cmd_audit(const char *path, int argc, char *argv[])
{
	bool listing = argc >= 1 && strcmp(argv[0], "list") == 0;
	struct audit_head noted;
	struct state st;
	struct error err;
	int rc;

	if (!(listing &&
		(argc == 1 || (argc == 2 && !strcmp(argv[1], "--json")))) &&
	    !(argc >= 1 && strcmp(argv[0], "verify") == 0 &&
		(argc == 1 || (argc == 2 && parse_head(argv[1], &noted)))))
		return cmd_usage(
		    "audit list [--json] | audit verify [ROW:DIGEST]");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = listing ? list(&st, argc == 2, &err)
		     : verify(&st, argc == 2 ? &noted : NULL, &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}
