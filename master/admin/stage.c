/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/commands.h"
#include "master/serve/loop.h"
#include "master/stages/stage_read.h"
#include "master/store/state.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copy from to to; size and digest of what was copied. */
static int
copy(int from, int to, int64_t *size, char hex[DIGEST_HEX_MAX],
    struct error *err)
{
	char chunk[1 << 16];
	struct digest d;
	ssize_t n;
	int rc = 0;

	*size = 0;
	digest_init(&d, DIGEST_KEY);
	while (rc == 0 && (n = read(from, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = fail_errno(err, "read");
			break;
		}
		digest_add(&d, chunk, (size_t)n);
		*size += n;
		rc = file_write_all(to, chunk, (size_t)n, err);
	}
	digest_end(&d, hex);
	if (rc == 0 && fsync(to) < 0)
		rc = fail_errno(err, "sync");
	return rc;
}

/* The tarball becomes stages/DIGEST. */
static int
take_file(struct state *st, struct arena *a, const char *file, int64_t *size,
    char hex[DIGEST_HEX_MAX], struct error *err)
{
	/* not in tmp/: a serve that starts would empty it */
	const char *dir = state_path(st, a, "stages");
	const char *tmp = arena_printf(a, "%s/.new-%ld", dir, (long)getpid());
	const char *path;
	int from = -1, to = -1, rc = -1;

	from = open(file, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return fail_errno(err, "open %s", file);
	to = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0) {
		fail_errno(err, "create %s", tmp);
		goto out;
	}
	if (copy(from, to, size, hex, err) < 0) {
		fail_in(err, "%s", file);
		goto out;
	}
	path = arena_printf(a, "%s/%s", dir, hex);
	if (rename(tmp, path) < 0)
		fail_errno(err, "rename %s", tmp);
	else
		rc = file_sync_parent(AT_FDCWD, path, err);
out:
	if (rc < 0 && to >= 0)
		unlink(tmp);
	if (to >= 0)
		close(to);
	close(from);
	return rc;
}

/* packages: NULL when they couldn't be read. */
static int
record(struct state *st, struct arena *a, const char *name, const char *digest,
    int64_t size, const struct packages *packages, struct error *err)
{
	const char *path = state_path(st, a, "stages/%s", digest);

	if (db_begin(&st->db, err) < 0)
		return -1;
	if (access(path, F_OK) < 0) {
		db_rollback(&st->db);
		return fail_errno(err, "%s was removed meanwhile", path);
	}
	if (db_run(&st->db, SQL_STAGE_ADD,
		ARGS(TEXT(digest), INT(size), INT(now_us())), err) < 0 ||
	    db_run(&st->db, SQL_STAGE_NAME, ARGS(TEXT(name), TEXT(digest)),
		err) < 0 ||
	    (packages && stage_packages_write(st, digest, packages, err) < 0)) {
		db_rollback(&st->db);
		return -1;
	}
	return cmd_finish(&st->db, "stage add", digest, err);
}

/* The database is closed meanwhile, see stage_read(). 1: they are known. */
static int
read_packages(struct state *st, struct arena *a, const char *digest,
    struct packages *packages, struct error *why, struct error *err)
{
	bool known;

	db_close(&st->db);
	known = stage_read(
		    state_path(st, a, "stages/%s", digest), packages, why) == 0;
	if (db_open(&st->db, state_path(st, a, "master.db"), false, err) < 0)
		return state_full(st->path, err);
	return known;
}

/* No slave could unpack it: it goes, unless it is a stage from before. */
static int
refuse(struct state *st, struct arena *a, const char *file, const char *digest,
    const struct error *why, struct error *err)
{
	int rc = db_one(&st->db, SQL_STAGE_SIZE, ARGS(TEXT(digest)), err);

	db_end(&st->db, SQL_STAGE_SIZE);
	if (rc == 0)
		unlink(state_path(st, a, "stages/%s", digest));
	return rc < 0 ? -1 : fail(err, "%s: no stage: %s", file, why->msg);
}

static int
stage_add(struct state *st, struct arena *a, const char *name, const char *file,
    struct error *err)
{
	char hex[DIGEST_HEX_MAX];
	struct packages packages;
	struct error why;
	int64_t size;
	int known;

	if (!plain_name(name))
		return fail(err,
		    "stage \"%s\": expected letters, digits and . _ -", name);
	if (take_file(st, a, file, &size, hex, err) < 0)
		return -1;
	packages_init(&packages, a);
	known = read_packages(st, a, hex, &packages, &why, err);
	if (known < 0)
		return -1;
	if (!known && why.code == EBADMSG)
		return refuse(st, a, file, hex, &why, err);
	if (!known)
		fprintf(stderr,
		    "autotua-master: %s: its packages are not known, so "
		    "REQUIRES can't name any: %s\n",
		    file, why.msg);
	if (record(st, a, name, hex, size, known ? &packages : NULL, err) < 0)
		return -1;
	printf("%s %s\n", name, hex);
	return 0;
}

/* ---- remove ---------------------------------------------------------------
 */

/* The digest of a name, or of a stage without one; NULL: there is none. */
static const char *
find(struct state *st, struct arena *a, const char *name, struct error *err)
{
	enum sql q = SQL_STAGE_GET;
	const char *digest = NULL;
	int rc = db_one(&st->db, q, ARGS(TEXT(name)), err);

	if (rc > 0)
		digest = db_text(&st->db, q, 1, a);
	db_end(&st->db, q);
	if (rc == 0)
		fail(err,
		    "there is no stage \"%s\"; \"autotua-master stage list\" "
		    "has the list",
		    name);
	return digest;
}

/* The first number that a query has for a stage; 0: none. */
static int64_t
ask(struct state *st, enum sql q, const char *digest, struct error *err)
{
	int rc = db_one(&st->db, q, ARGS(TEXT(digest)), err);
	int64_t n = rc > 0 ? db_int(&st->db, q, 0) : rc;

	db_end(&st->db, q);
	return n;
}

/* In a transaction. 1: nothing of it is left in the database. */
static int
forget(struct state *st, const char *name, const char *digest, char kept[64],
    struct error *err)
{
	int64_t names, job;

	if (db_run(&st->db, SQL_STAGE_UNNAME, ARGS(TEXT(name)), err) < 0 ||
	    (names = ask(st, SQL_STAGE_NAMES, digest, err)) < 0 ||
	    (job = ask(st, SQL_STAGE_JOB, digest, err)) < 0)
		return -1;
	*kept = '\0';
	if (names > 0)
		snprintf(kept, 64, "it has another name");
	else if (job > 0)
		snprintf(kept, 64, "job %" PRId64 " has it", job);
	if (*kept)
		return 0;
	if (db_run(&st->db, SQL_STAGE_FORGET, ARGS(TEXT(digest)), err) < 0 ||
	    db_run(&st->db, SQL_STAGE_DROP, ARGS(TEXT(digest)), err) < 0)
		return -1;
	return 1;
}

/* Nobody can add it again between the look and the end of its file. */
static int
drop_file(
    struct state *st, struct arena *a, const char *digest, struct error *err)
{
	const char *path = state_path(st, a, "stages/%s", digest);
	int64_t size;
	int rc = 0;

	if (db_begin(&st->db, err) < 0)
		return -1;
	size = ask(st, SQL_STAGE_SIZE, digest, err);
	if (size < 0 || (size == 0 && unlink(path) < 0 && errno != ENOENT))
		rc = size < 0 ? -1 : fail_errno(err, "delete %s", path);
	db_rollback(&st->db);
	return rc;
}

static int
stage_remove(
    struct state *st, struct arena *a, const char *name, struct error *err)
{
	const char *digest;
	char kept[64];
	int rc;

	if (db_begin(&st->db, err) < 0)
		return -1;
	digest = find(st, a, name, err);
	rc = digest ? forget(st, name, digest, kept, err) : -1;
	if (rc < 0) {
		db_rollback(&st->db);
		return -1;
	}
	if (cmd_finish(&st->db, "stage remove", name, err) < 0)
		return -1;
	if (rc == 0)
		printf("the stage %s stays: %s\n", digest, kept);
	return rc == 0 ? 0 : drop_file(st, a, digest, err);
}

/* ---- list and show --------------------------------------------------------
 */

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

/* What the row of a query of stages has. */
static json_t *
row_json(struct state *st, enum sql q, struct arena *a)
{
	return json_pack("{s:s, s:s, s:I, s:f, s:s?}", "name",
	    db_text(&st->db, q, 0, a), "digest", db_text(&st->db, q, 1, a),
	    "size", (json_int_t)db_int(&st->db, q, 2), "created",
	    (double)db_int(&st->db, q, 3) / 1e6, "managers",
	    db_text(&st->db, q, 4, a));
}

static int
stage_list(struct state *st, struct arena *a, bool json, struct error *err)
{
	enum sql q = SQL_STAGE_LIST;
	json_t *list = json_array(), *o;
	int64_t n;
	int rc;

	db_query(&st->db, q, NULL);
	while ((rc = db_row(&st->db, q, err)) > 0) {
		n = db_int(&st->db, q, 5);
		o = row_json(st, q, a);
		json_object_set_new(o, "packages", json_integer(n));
		json_array_append_new(list, o);
		if (!json)
			printf("%s %s %s %" PRId64 "\n", text(o, "name"),
			    text(o, "digest"),
			    *text(o, "managers") ? text(o, "managers") : "none",
			    n);
	}
	if (rc == 0 && json)
		return cmd_json(list);
	json_decref(list);
	return rc;
}

/* Prints them too, without json. */
static json_t *
packages_of(struct state *st, const char *digest, bool json, struct arena *a,
    struct error *err)
{
	enum sql q = SQL_STAGE_PACKAGES;
	json_t *list = json_array(), *o;
	int rc;

	db_query(&st->db, q, ARGS(TEXT(digest)));
	while ((rc = db_row(&st->db, q, err)) > 0) {
		o = json_pack("{s:s, s:s}", "name", db_text(&st->db, q, 0, a),
		    "version", db_text(&st->db, q, 1, a));
		json_array_append_new(list, o);
		if (!json)
			printf("%s %s\n", text(o, "name"), text(o, "version"));
	}
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

static int
stage_show(struct state *st, struct arena *a, const char *name, bool json,
    struct error *err)
{
	enum sql q = SQL_STAGE_GET;
	json_t *o = NULL, *list;
	int rc = db_one(&st->db, q, ARGS(TEXT(name)), err);

	if (rc > 0)
		o = row_json(st, q, a);
	db_end(&st->db, q);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return fail(err,
		    "there is no stage \"%s\"; \"autotua-master stage list\" "
		    "has the list",
		    name);
	list = packages_of(st, text(o, "digest"), json, a, err);
	if (list && json) {
		json_object_set(o, "packages", list);
		cmd_json(json_incref(o));
	}
	json_decref(list);
	json_decref(o);
	return list ? 0 : -1;
}

static int
run(struct state *st, int argc, char *argv[], bool json, struct error *err)
{
	struct arena a = {0};
	int rc;

	if (strcmp(argv[0], "add") == 0)
		rc = stage_add(st, &a, argv[1], argv[2], err);
	else if (strcmp(argv[0], "remove") == 0)
		rc = stage_remove(st, &a, argv[1], err);
	else if (argc == 1)
		rc = stage_list(st, &a, json, err);
	else
		rc = stage_show(st, &a, argv[1], json, err);
	arena_release(&a);
	return rc;
}

int
cmd_stage(const char *path, int argc, char *argv[])
{
	static const struct {
		const char *name;
		int words;
	} known[] = {{"add", 3}, {"remove", 2}, {"list", 1}, {"show", 2}};
	bool json = false, good = false;
	struct state st;
	struct error err;
	size_t i;
	int rc;

	if (argc > 1 && strcmp(argv[argc - 1], "--json") == 0) {
		json = true;
		argc--;
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		good |= argc == known[i].words &&
		    strcmp(argv[0], known[i].name) == 0 && (i > 1 || !json);
	if (!good)
		return cmd_usage("stage add NAME FILE | stage remove NAME | "
				 "stage list [--json] | "
				 "stage show NAME [--json]");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = run(&st, argc, argv, json, &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : 0;
}
