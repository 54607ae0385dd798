/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/backup/backup.h"
#include "master/commands.h"
#include "master/backup/restore.h"
#include "master/serve/loop.h"
#include "master/store/state.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What the master gave away after the backup was made has numbers that it
 * doesn't know. They must not come again, also when the same backup is
 * restored twice: those of people go on by the time that has passed, a
 * millisecond for each, which nobody uses up. By that of a lease a slave's
 * result of then would be taken for something else: they go on anywhere.
 */
#define NUMBERS_SKIPPED 1000000
#define LEASES_SKIPPED  ((uint64_t)1 << 40) /* at most */

void
restore_tell(void *ctx, const char *text)
{
	struct restore *r = ctx;

	fprintf(stderr, "autotua-master: %s: %s\n", r->dir, text);
	r->bad++;
}

int
restore_open(struct restore *r, const char *name, struct error *err)
{
	bool conf = strcmp(name, "master.conf") == 0;
	char *path =
	    arena_printf(&r->arena, "%s/%s", r->to, conf ? CONF_HALF : name);
	char *slash = strrchr(path, '/');
	int fd;

	*slash = '\0';
	if (file_mkdirs(path, 0700, err) < 0)
		return -1;
	*slash = '/';
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "create %s", path);
	return fd;
}

/* A file that isn't right is told and counted; -1 is trouble of ours. */
static int
take(struct restore *r, const struct saved_file *f, struct error *err)
{
	const char *place = saved_place(&r->list, f, &r->arena);
	const char *from = arena_printf(&r->arena, "%s/%s", r->dir, place);
	struct error bad = {0};
	char digest[KEY_HEX];
	int to = -1, rc;

	if (r->to && (to = restore_open(r, f->path, err)) < 0)
		return -1;
	rc = saved_digest(from, f->size, to, digest, &bad);
	if (to >= 0 && close(to) < 0)
		return fail_errno(err, "%s/%s", r->to, f->path);
	if (rc < 0 && bad.code != ENODATA && bad.code != ENOENT) {
		*err = bad;
		return -1;
	}
	if (rc < 0)
		restore_tell(r, bad.msg);
	else if (strcmp(digest, f->digest) != 0)
		restore_tell(r,
		    arena_printf(
			&r->arena, "%s: other bytes than were saved", place));
	return 0;
}

static int
take_all(struct restore *r, struct error *err)
{
	size_t i;

	for (i = 0; i < r->list.n; i++) {
		if (take(r, &r->list.files[i], err) < 0)
			return -1;
	}
	return 0;
}

int
restore_look(struct restore *r, struct error *err)
{
	if (r->list.schema > migrations_count)
		return fail(err,
		    "%s: its schema %" PRId64 " is newer than this program's "
		    "%d; use the newer autotua-master",
		    r->dir, r->list.schema, migrations_count);
	if (!map_gets(&r->list.by_path, "master.conf") ||
	    !map_gets(&r->list.by_path, "master.db"))
		return fail(err,
		    "%s: the list has no master.conf or no "
		    "master.db",
		    r->dir);
	return 0;
}

static int
open_list(struct restore *r, struct error *err)
{
	int rc = saved_read(&r->list, r->dir, err);

	if (rc == 0)
		return fail(
		    err, "%s: no backup here (there is no \"list\")", r->dir);
	return rc < 0 ? -1 : restore_look(r, err);
}

int
restore_examine(struct restore *r, const char *path, struct error *err)
{
	int version = 0;

	if (r->bad)
		return 0; /* told already */
	if (db_examine(path, &version, restore_tell, r, err) < 0)
		return -1;
	if (version != r->list.schema)
		restore_tell(r,
		    arena_printf(&r->arena,
			"the database has schema %d, "
			"the list says %" PRId64,
			version, r->list.schema));
	return 0;
}

int
restore_judge(const struct restore *r, struct error *err)
{
	if (r->bad)
		return fail(err, "%s: %d files are not what was saved%s",
		    r->dir, r->bad,
		    r->to ? "; nothing can be served from "
			    "what was restored"
			  : "");
	return 0;
}

static int
read_all(struct restore *r, struct error *err)
{
	const struct saved_file *f;
	const char *db;

	if (open_list(r, err) < 0 || take_all(r, err) < 0)
		return -1;
	f = map_gets(&r->list.by_path, "master.db");
	db = arena_printf(
	    &r->arena, "%s/%s", r->dir, saved_place(&r->list, f, &r->arena));
	if (restore_examine(r, db, err) < 0)
		return -1;
	return restore_judge(r, err);
}

static bool
is_file(const char *path)
{
	struct stat s;

	return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}

int
backup_verify(const char *dir, struct error *err)
{
	struct restore r = {.dir = dir};
	int rc;

	saved_init(&r.list, &r.arena);
	rc = is_file(dir) ? restore_tar(&r, err) : read_all(&r, err);
	if (rc == 0)
		printf("%s: %zu files of master %s, all as they were saved\n",
		    dir, r.list.n, r.list.name);
	arena_release(&r.arena);
	return rc;
}

/* ---- restoring --------------------------------------------------------------
 */

int
restore_empty(const char *path, struct error *err)
{
	struct dirent *e;
	int rc = 0;
	DIR *d;

	if (file_mkdirs(path, 0700, err) < 0)
		return -1;
	d = opendir(path);
	if (!d)
		return fail_errno(err, "open %s", path);
	rc = state_check_whole(dirfd(d), path, err);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = fail(err,
			    "%s: it has \"%s\" in it; restore into an empty "
			    "folder",
			    path, e->d_name);
	}
	closedir(d);
	return rc;
}

static int
make_folders(const char *path, struct error *err)
{
	static const char *const names[] = {
	    "stages", "trees", "packs", "blobs", "logs", "tmp"};
	struct arena a = {0};
	size_t i;
	int rc = 0, fd;

	for (i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++)
		rc = file_mkdirs(
		    arena_printf(&a, "%s/%s", path, names[i]), 0700, err);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rc == 0 && (fd < 0 || syncfs(fd) < 0))
		rc = fail_errno(err, "sync %s", path);
	if (fd >= 0)
		close(fd);
	arena_release(&a);
	return rc;
}

static int
skip(struct db *db, const char *table, int64_t by, struct error *err)
{
	int n = db_run(db, SQL_IDS_JUMP, ARGS(TEXT(table), INT(by)), err);

	/* there was none of them yet */
	if (n == 0)
		n = db_run(db, SQL_IDS_BEGIN, ARGS(TEXT(table), INT(by)), err);
	return n < 0 ? -1 : 0;
}

static int
skip_numbers(struct db *db, int64_t saved, struct error *err)
{
	int64_t passed = (now_us() - saved) / 1000, by = NUMBERS_SKIPPED;
	uint64_t any;

	if (getrandom(&any, sizeof(any), 0) != (ssize_t)sizeof(any))
		return fail_errno(err, "random bytes");
	by += passed > 0 ? passed : 0;
	return skip(db, "job", by, err) < 0 || skip(db, "unit", by, err) < 0
	    ? -1
	    : skip(db, "lease", by + (int64_t)(any % LEASES_SKIPPED), err);
}

/*
 * What was used since the backup would be good again: join words and sessions
 * end, and requests that were signed before are refused.
 */
static int
end_former(struct db *db, struct error *err)
{
	char now[32];

	snprintf(now, sizeof(now), "%" PRId64, now_us() / 1000000);
	return db_run(db, SQL_TOKEN_FORGET, NULL, err) < 0 ||
		db_run(db, SQL_SESSION_PRUNE, ARGS(INT(INT64_MAX)), err) < 0 ||
		db_run(db, SQL_META_SET, ARGS(TEXT("restored"), TEXT(now)),
		    err) < 0
	    ? -1
	    : 0;
}

static int
step_forward(struct restore *r, struct error *err)
{
	const char *path = arena_printf(&r->arena, "%s/master.db", r->to);
	struct db db;
	int rc = -1;

	if (db_open(&db, path, false, err) < 0)
		return state_full(r->to, err);
	if (db_begin(&db, err) == 0 &&
	    skip_numbers(&db, r->list.time, err) == 0 &&
	    end_former(&db, err) == 0)
		rc = cmd_finish(&db, "restore", r->dir, err);
	else
		db_rollback(&db);
	db_close(&db);
	return rc;
}

/* With master.conf, and not before, it is a folder to serve from. */
static int
name_conf(struct restore *r, struct error *err)
{
	const char *half = arena_printf(&r->arena, "%s/" CONF_HALF, r->to);
	const char *conf = arena_printf(&r->arena, "%s/master.conf", r->to);

	if (rename(half, conf) < 0)
		return fail_errno(err, "rename %s", half);
	return file_sync_parent(AT_FDCWD, conf, err);
}

int
backup_restore(const char *path, const char *dir, struct error *err)
{
	struct restore r = {.dir = dir, .to = path};
	int rc = -1;

	saved_init(&r.list, &r.arena);
	if (is_file(dir)) {
		rc = restore_tar(&r, err);
	} else if (open_list(&r, err) == 0 && restore_empty(path, err) == 0) {
		saved_init(&r.list, &r.arena);
		rc = read_all(&r, err);
	}
	if (rc == 0)
		rc = make_folders(path, err);
	if (rc == 0)
		rc = step_forward(&r, err);
	if (rc == 0)
		rc = name_conf(&r, err);
	if (rc == 0)
		printf("%s: %zu files of master %s\n", path, r.list.n,
		    r.list.name);
	arena_release(&r.arena);
	return rc;
}

int
cmd_restore(const char *path, int argc, char *argv[])
{
	bool only = argc == 2 && strcmp(argv[0], "--verify") == 0;
	struct error err;
	int rc;

	if (!only && (argc != 1 || argv[0][0] == '-'))
		return cmd_usage("restore [--verify] DIR|FILE.tar");
	rc = only ? backup_verify(argv[1], &err)
		  : backup_restore(path, argv[0], &err);
	return rc < 0 ? cmd_failed(&err) : 0;
}
