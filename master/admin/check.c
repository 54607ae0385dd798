/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is everything that the database promises there? Also while it is served:
 * what is being stored at this moment is in its folder before it is in the
 * database, so files that are young are no orphans. No artifact is removed as
 * long as this looks.
 */
#include "master/backup/backup.h"
#include "master/commands.h"
#include "master/store/logs.h"
#include "master/serve/loop.h"
#include "master/backup/saved.h"
#include "master/store/state.h"
#include "base/error.h"
#include "base/map.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define YOUNG 3600 /* seconds */

/* What the database is to know of an artifact: is it lost? */
struct mark {
	const char *digest, *path;
	bool lost;
	struct stat seen; /* all 0: it wasn't there */
};

/* UNKNOWN: it can't be looked at, at this moment. */
enum found { FOUND_RIGHT, FOUND_LOST, FOUND_UNKNOWN };

struct check {
	struct arena arena;
	struct state *st;
	bool quick; /* sizes only */
	struct map known;
	int files, bad, orphans;
	struct mark *marks;
	size_t nmarks;
};

static void __attribute__((format(printf, 2, 3)))
bad(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("%s\n", arena_vprintf(&c->arena, fmt, ap));
	va_end(ap);
	c->bad++;
}

static void
bad_database(void *ctx, const char *text)
{
	bad(ctx,
	    "master.db: %s; stop the master and restore a backup "
	    "(autotua-master restore)",
	    text);
}

/* A file that has its digest as its name. */
static enum found
check_named(struct check *c, const char *path, const char *digest, int64_t size,
    const char *remedy, struct stat *seen)
{
	const char *full = state_path(c->st, &c->arena, "%s", path);
	char found[KEY_HEX];
	struct error err;
	bool gone;

	c->files++;
	if (stat(full, seen) < 0) {
		gone = errno == ENOENT;
		bad(c, "%s: %s; %s", path, strerror(errno), remedy);
		*seen = (struct stat){0};
		return gone ? FOUND_LOST : FOUND_UNKNOWN;
	}
	if (seen->st_size != size) {
		bad(c, "%s: has %" PRId64 " bytes, not %" PRId64 "; %s", path,
		    (int64_t)seen->st_size, size, remedy);
		return FOUND_LOST;
	}
	if (c->quick)
		return FOUND_RIGHT;
	if (saved_digest(full, size, -1, found, &err) < 0) {
		bad(c, "%s; %s", err.msg, remedy);
		return FOUND_UNKNOWN;
	}
	if (strcmp(found, digest) == 0)
		return FOUND_RIGHT;
	bad(c, "%s: other bytes than its name says; %s", path, remedy);
	return FOUND_LOST;
}

/*
 * A lost artifact is taken in again and stands for no later job, until it is
 * back; a quick look can't tell that it is.
 */
static void
mark(struct check *c, const char *digest, const char *path, bool was,
    enum found found, const struct stat *seen)
{
	bool lost = found == FOUND_LOST;

	if (found == FOUND_UNKNOWN || was == lost || (c->quick && !lost))
		return;
	c->marks =
	    arena_grow(&c->arena, c->marks, c->nmarks, sizeof(*c->marks));
	c->marks[c->nmarks++] = (struct mark){digest, path, lost, *seen};
}

/* Has somebody brought it since it was looked at? Then it isn't lost. */
static bool
is_back(struct check *c, const struct mark *m)
{
	const struct stat *was = &m->seen;
	struct stat s = {0};

	if (stat(state_path(c->st, &c->arena, "%s", m->path), &s) < 0)
		return false;
	return s.st_dev != was->st_dev || s.st_ino != was->st_ino ||
	    s.st_size != was->st_size ||
	    s.st_ctim.tv_sec != was->st_ctim.tv_sec ||
	    s.st_ctim.tv_nsec != was->st_ctim.tv_nsec;
}

static int
write_marks(struct check *c, struct error *err)
{
	struct db *db = &c->st->db;
	const struct mark *m;
	size_t i;

	if (c->nmarks == 0)
		return 0;
	if (db_begin(db, err) < 0)
		return -1;
	for (i = 0; i < c->nmarks; i++) {
		m = &c->marks[i];
		if (m->lost && is_back(c, m))
			continue;
		if (db_run(db, SQL_BLOB_LOST,
			ARGS(TEXT(m->digest), INT(m->lost)), err) < 0) {
			db_rollback(db);
			return -1;
		}
	}
	return db_commit(db, err);
}

/* All files that a query names by digest and size. */
static int
check_files(struct check *c, enum sql q, const char *folder, const char *remedy,
    struct error *err)
{
	bool blobs = q == SQL_BLOB_LIST, was;
	const char *digest, *path;
	enum found found;
	struct stat seen;
	int64_t size;
	int rc;

	db_query(&c->st->db, q, NULL);
	while ((rc = db_row(&c->st->db, q, err)) > 0) {
		digest = db_text(&c->st->db, q, 0, &c->arena);
		size = db_int(&c->st->db, q, 1);
		was = blobs && db_int(&c->st->db, q, 2);
		path = blobs ? arena_printf(&c->arena, "%s/%.2s/%s", folder,
				   digest, digest)
			     : arena_printf(&c->arena, "%s/%s", folder, digest);
		*map_puts(&c->known, path) = c;
		found = check_named(c, path, digest, size, remedy, &seen);
		if (blobs)
			mark(c, digest, path, was, found, &seen);
	}
	return rc < 0 ? -1 : write_marks(c, err);
}

/* Bytes that serve will write to the log's file when it starts. */
static int64_t
kept_size(struct check *c, int64_t unit, int64_t attempt, int64_t step)
{
	struct db *db = &c->st->db;
	struct arena a = {0};
	struct error none;
	int64_t size = 0;

	if (db_one(db, SQL_KEPT_GET, ARGS(INT(unit), INT(attempt), INT(step)),
		&none) > 0)
		size = (int64_t)strlen(db_text(db, SQL_KEPT_GET, 0, &a));
	db_end(db, SQL_KEPT_GET);
	arena_release(&a);
	return size;
}

/* A step that was reported had so many bytes of log. */
static int
check_logs(struct check *c, struct error *err)
{
	enum sql q = SQL_REPORT_ALL;
	struct db *db = &c->st->db;
	int64_t want, have;
	struct arena a = {0};
	json_t *body;
	int rc;

	db_query(db, q, NULL);
	while ((rc = db_row(db, q, err)) > 0) {
		body = json_loads(db_text(db, q, 3, &a), 0, NULL);
		want = json_integer_value(json_object_get(body, "log_bytes"));
		json_decref(body);
		have = logs_size(c->st, db_int(db, q, 0), db_int(db, q, 1),
		    db_int(db, q, 2));
		c->files++;
		if (have < want &&
		    kept_size(c, db_int(db, q, 0), db_int(db, q, 1),
			db_int(db, q, 2)) < want)
			bad(c,
			    "logs/%" PRId64 "/%" PRId64 "/%" PRId64
			    ".log: has %" PRId64 " of %" PRId64
			    " bytes; copy it from a backup",
			    db_int(db, q, 0), db_int(db, q, 1),
			    db_int(db, q, 2), have, want);
		arena_reset(&a);
	}
	arena_release(&a);
	return rc;
}

/* The mirror of a tree, and in it what jobs that aren't over are pinned to. */
static void
check_mirror(
    struct check *c, const char *tree, const char *const revisions[], size_t n)
{
	const char *path = state_path(c->st, &c->arena, "trees/%s.git", tree);
	struct error err;

	c->files++;
	if (access(path, F_OK) == 0) {
		if (mirror_sound(path, revisions, n, &err) < 0)
			bad(c, "%s", err.msg);
	} else if (n > 0) {
		bad(c,
		    "trees/%s.git: isn't there; fetch it (autotua-master "
		    "tree sync %s)",
		    tree, tree);
	}
}

/* Of a tree; SIZE_MAX: the database can't tell. */
static size_t
revisions_of(
    struct check *c, const char *tree, const char ***list, struct error *err)
{
	enum sql q = SQL_TREE_REVISIONS;
	struct db *db = &c->st->db;
	size_t n = 0;
	int rc;

	db_query(db, q, ARGS(TEXT(tree)));
	while ((rc = db_row(db, q, err)) > 0) {
		*list = arena_grow(&c->arena, *list, n, sizeof(**list));
		(*list)[n++] = db_text(db, q, 0, &c->arena);
	}
	return rc < 0 ? SIZE_MAX : n;
}

static int
check_trees(struct check *c, struct error *err)
{
	const char **revisions = NULL, *tree;
	size_t n;
	int rc;

	db_query(&c->st->db, SQL_TREE_LIST, NULL);
	while ((rc = db_row(&c->st->db, SQL_TREE_LIST, err)) > 0) {
		tree = db_text(&c->st->db, SQL_TREE_LIST, 0, &c->arena);
		revisions = NULL;
		n = revisions_of(c, tree, &revisions, err);
		if (n == SIZE_MAX)
			return -1;
		check_mirror(c, tree, revisions, n);
	}
	return rc;
}

/* ---- what nobody knows ------------------------------------------------------
 */

static void
orphan(struct check *c, const char *path)
{
	const char *full = state_path(c->st, &c->arena, "%s", path);
	struct stat s;

	if (lstat(full, &s) < 0 || time(NULL) - s.st_ctime < YOUNG)
		return;
	printf(
	    "%s: nothing in the database names it; it may be deleted\n", path);
	c->orphans++;
}

static int
look_into(struct check *c, const char *folder,
    void (*each)(struct check *c, const char *path, const char *name),
    struct error *err)
{
	const char *where = state_path(c->st, &c->arena, "%s", folder);
	struct dirent *e;
	DIR *d = opendir(where);

	if (!d)
		return fail_errno(err, "open %s", where);
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			each(c,
			    arena_printf(&c->arena, "%s/%s", folder, e->d_name),
			    e->d_name);
	}
	closedir(d);
	return 0;
}

static void
each_file(struct check *c, const char *path, const char *name)
{
	(void)name;
	if (!map_gets(&c->known, path))
		orphan(c, path);
}

static void
each_blob_folder(struct check *c, const char *path, const char *name)
{
	struct error err;

	(void)name;
	if (look_into(c, path, each_file, &err) < 0)
		orphan(c, path);
}

static void
each_unit(struct check *c, const char *path, const char *name)
{
	int64_t unit = 0;
	const char *p;
	struct error err;
	int rc;

	for (p = name; *p >= '0' && *p <= '9' && p - name < 18; p++)
		unit = unit * 10 + (*p - '0');
	rc = db_one(&c->st->db, SQL_UNIT_ONE, ARGS(INT(*p ? 0 : unit)), &err);
	db_end(&c->st->db, SQL_UNIT_ONE);
	if (rc == 0)
		orphan(c, path);
}

/* ---- the whole --------------------------------------------------------------
 */

static void
check_audit(struct check *c)
{
	struct audit_head head;
	struct error err;

	if (audit_verify(&c->st->db, NULL, &head, &err) < 0)
		bad(c, "%s; compare with a backup and the journal", err.msg);
}

static int
check_all(struct check *c, struct error *err)
{
	int version;

	if (db_examine(state_path(c->st, &c->arena, "master.db"), &version,
		bad_database, c, err) < 0)
		return -1;
	if (check_files(c, SQL_STAGE_ALL, "stages",
		"add the stage again (autotua-master stage add) or copy it "
		"from a backup",
		err) < 0 ||
	    check_files(c, SQL_BLOB_LIST, "blobs",
		"copy it from a backup and check again, or run the job again",
		err) < 0 ||
	    check_logs(c, err) < 0 || check_trees(c, err) < 0)
		return -1;
	if (look_into(c, "stages", each_file, err) < 0 ||
	    look_into(c, "blobs", each_blob_folder, err) < 0)
		return -1;
	check_audit(c);
	return look_into(c, "logs", each_unit, err);
}

static int
check_state(struct state *st, bool quick, struct error *err)
{
	struct check c = {.st = st, .quick = quick};
	int rc, lock = state_blobs(st, false, err);

	if (lock < 0)
		return -1;
	map_init(&c.known, &c.arena);
	rc = check_all(&c, err);
	close(lock);
	if (rc == 0)
		printf("%d files looked at, %d wrong, %d orphans\n", c.files,
		    c.bad, c.orphans);
	arena_release(&c.arena);
	return rc < 0 ? -1 : c.bad;
}

int
cmd_check(const char *path, int argc, char *argv[])
{
	bool quick = argc == 1 && strcmp(argv[0], "--quick") == 0;
	struct state st;
	struct error err;
	int rc;

	if (argc == 1 && argv[0][0] != '-')
		return backup_verify(argv[0], &err) < 0 ? cmd_failed(&err) : 0;
	if (argc != quick)
		return cmd_usage("check [--quick] | check DIR|FILE.tar");
	if (state_open(&st, path, &err) < 0)
		return cmd_failed(&err);
	rc = check_state(&st, quick, &err);
	state_close(&st);
	return rc < 0 ? cmd_failed(&err) : rc > 0;
}
