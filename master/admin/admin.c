/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an administrator does on the master's machine, also while serve runs:
 * the database is shared, and each command is one transaction.
 */
#include "master/commands.h"
#include "master/serve/loop.h"
#include "master/store/pki.h"
#include "master/api/rights.h"
#include "master/store/state.h"
#include "tree/sign/sign.h"
#include "recipe/atom.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define KEY_MAX (1 << 20)

int
cmd_failed(const struct error *err)
{
	fprintf(stderr, "autotua-master: %s\n", err->msg);
	return error_is_full(err) ? EXIT_LATER : 1;
}

int
cmd_usage(const char *line)
{
	fprintf(stderr, "usage: autotua-master [-C STATE] %s\n", line);
	return EXIT_USAGE;
}

int
cmd_json(json_t *document)
{
	size_t flags = JSON_INDENT(2);

	/* controls above 127, and what turns text around */
	if (isatty(STDOUT_FILENO))
		flags |= JSON_ENSURE_ASCII;
	json_dumpf(document, stdout, flags);
	putchar('\n');
	json_decref(document);
	return 0;
}

static const char *
whoami(char out[32])
{
	snprintf(out, 32, "uid %ld", (long)getuid());
	return out;
}

int
cmd_finish(
    struct db *db, const char *what, const char *object, struct error *err)
{
	char who[32];

	if (audit(db, now_us(), whoami(who), what, object, "command", err) <
	    0) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, err);
}

/* ---- user -------------------------------------------------------------------
 */

int
user_key_write(struct db *db, const char *name, const char *fingerprint,
    const char *armour, struct error *err)
{
	int64_t now = now_us(), id;

	if (db_run(db, SQL_USER_ADD, ARGS(TEXT(name), INT(now)), err) < 0 ||
	    db_one(db, SQL_USER_ID, ARGS(TEXT(name)), err) <= 0)
		return -1;
	id = db_int(db, SQL_USER_ID, 0);
	db_end(db, SQL_USER_ID);
	if (db_run(db, SQL_USER_KEY_ADD,
		ARGS(TEXT(fingerprint), INT(id), TEXT(armour), INT(now)),
		err) >= 0)
		return 0;
	if (db_is_duplicate(db))
		return fail(err,
		    "key %s is registered already, or was and is revoked "
		    "(autotua-master key list)",
		    fingerprint);
	return -1;
}

static int
user_add(
    struct state *st, const char *name, const char *file, struct error *err)
{
	char fingerprint[FINGERPRINT_MAX];
	struct verifier *v = NULL;
	struct buf b;
	int rc = -1;

	if (!user_valid(name, strlen(name)))
		return fail(err,
		    "user \"%s\": expected a name as the tree's folders have, "
		    "[a-z][a-z0-9_-]{0,31}",
		    name);
	buf_init(&b, KEY_MAX);
	if (file_read(file, &b, err) < 0)
		goto out;
	/* opening it checks that signatures by it can be accepted at all */
	if (verifier_open(&v, b.data, b.len, err) < 0) {
		fail_in(err, "%s", file);
		goto out;
	}
	snprintf(
	    fingerprint, sizeof(fingerprint), "%s", verifier_fingerprint(v));
	verifier_close(v);
	if (db_begin(&st->db, err) < 0)
		goto out;
	if (user_key_write(&st->db, name, fingerprint, b.data, err) < 0) {
		db_rollback(&st->db);
		goto out;
	}
	rc = cmd_finish(&st->db, "user add", fingerprint, err);
	if (rc == 0)
		printf("%s %s\n", name, fingerprint);
out:
	buf_release(&b);
	return rc;
}

int
user_show_all(struct state *st, struct error *err)
{
	struct arena a = {0};
	int rc;

	db_query(&st->db, SQL_USER_LIST, NULL);
	while ((rc = db_row(&st->db, SQL_USER_LIST, err)) > 0)
		printf("%s %s%s\n", db_text(&st->db, SQL_USER_LIST, 0, &a),
		    db_text(&st->db, SQL_USER_LIST, 1, &a),
		    db_is_null(&st->db, SQL_USER_LIST, 3) ? "" : " revoked");
	arena_release(&a);
	return rc;
}

int
cmd_user(const char *path, int argc, char *argv[])
{
	struct state st;
	struct error err;
	int rc;

	bool rights = argc >= 1 && strcmp(argv[0], "rights") == 0;

	if (!(argc == 3 && (rights || strcmp(argv[0], "add") == 0)) &&
	    !(argc == 1 && (rights || strcmp(argv[0], "list") == 0)))
		return cmd_usage("user add NAME KEYFILE | user list | "
				 "user rights [NAME RIGHT]");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	if (rights)
		rc = rights_command(&st, argc == 3 ? argv[1] : NULL,
		    argc == 3 ? argv[2] : NULL, &err);
	else
		rc = argc == 3 ? user_add(&st, argv[1], argv[2], &err)
			       : user_show_all(&st, &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}

/* ---- token ------------------------------------------------------------------
 */

/* name: of the slave whose place it is for, or NULL. */
static int
token_new(struct state *st, const char *name, struct error *err)
{
	unsigned char random[16];
	char object[DIGEST_HEX_MAX + 80];
	char word[128], digest[DIGEST_HEX_MAX], fingerprint[65];
	int64_t now = now_us();
	struct arena a = {0};
	size_t i, n;
	int rc;

	rc = pki_fingerprint(state_path(st, &a, "ca.pem"), fingerprint, err);
	arena_release(&a);
	if (rc < 0)
		return -1;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fail_errno(err, "random bytes");
	n = (size_t)snprintf(word, sizeof(word), "aut1-");
	for (i = 0; i < sizeof(random); i++)
		n += (size_t)snprintf(
		    word + n, sizeof(word) - n, "%02x", random[i]);
	snprintf(word + n, sizeof(word) - n, "-%s", fingerprint);
	digest_of(DIGEST_SHA256, word, strlen(word), digest);
	if (db_begin(&st->db, err) < 0)
		return -1;
	if (db_run(&st->db, SQL_TOKEN_ADD,
		ARGS(TEXT(digest), INT(now),
		    INT(now + st->set.token_life * 1000000), TEXT(name)),
		err) < 0) {
		db_rollback(&st->db);
		return -1;
	}
	snprintf(object, sizeof(object), "%s%s%s", digest, name ? " for " : "",
	    name ? name : "");
	rc = cmd_finish(&st->db, "token new", object, err);
	if (rc == 0)
		printf("%s\n", word);
	return rc;
}

int
cmd_token(const char *path, int argc, char *argv[])
{
	struct state st;
	struct error err;
	const char *name = argc == 3 ? argv[2] : NULL;
	int rc;

	if ((argc != 1 && argc != 3) || strcmp(argv[0], "new") != 0 ||
	    (name && strcmp(argv[1], "--slave") != 0))
		return cmd_usage("token new [--slave NAME]");
	if (name && (!plain_name(name) || strlen(name) > 64)) {
		fail(&err,
		    "--slave: expected up to 64 letters, digits and . _ -");
		return cmd_failed(&err);
	}
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = token_new(&st, name, &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}
