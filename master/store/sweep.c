/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/sweep.h"
#include "master/master.h"
#include "master/serve/turn.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR         (3600 * SECOND)
#define DAY          (24 * HOUR)
#define AGAIN        (60 * SECOND) /* while a backup is made */
#define GONE         "gone"        /* in tmp/ */
#define DELETE_LIMIT 600           /* seconds */

/* What one sweep removes. */
struct batch {
	struct arena arena;
	const char **digests;
	size_t n;
};

/* Candidates, as many as are done at once (see sql.c). */
static int
find(struct master *m, struct batch *b, struct error *err)
{
	enum sql q = SQL_BLOB_LEFT;
	const char *digest;
	int rc;

	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		digest = db_text(m->db, q, 0, &b->arena);
		if (incoming_settles(m, digest))
			continue;
		b->digests = arena_grow(
		    &b->arena, b->digests, b->n, sizeof(*b->digests));
		b->digests[b->n++] = digest;
	}
	return rc;
}

/* Their rows; those that another report names stay, and are none any more. */
static int
forget(struct master *m, struct batch *b, struct error *err)
{
	size_t i, n = 0;
	int rc;

	for (i = 0; i < b->n; i++) {
		rc = db_run(
		    m->db, SQL_BLOB_DROP, ARGS(TEXT(b->digests[i])), err);
		if (rc == 0 &&
		    db_run(m->db, SQL_BLOB_NAMED, ARGS(TEXT(b->digests[i])),
			err) < 0)
			rc = -1;
		if (rc < 0)
			return -1;
		if (rc > 0)
			b->digests[n++] = b->digests[i];
	}
	b->n = n;
	return 0;
}

/* -1: nothing has changed. */
static int
forget_all(struct master *m, struct batch *b, int64_t now, struct error *err)
{
	if (db_begin(m->db, err) < 0)
		return -1;
	if (forget(m, b, err) < 0) {
		db_rollback(m->db);
		return -1;
	}
	if (db_commit(m->db, err) < 0)
		return -1;
	turn_end(m, now);
	return db_is_halted(m->db) ? fail(err, "nothing was removed") : 0;
}

/* Packs that nobody asked for in a day: they are made again when wanted. */
static int
drop_packs(int state, struct error *err)
{
	int64_t old = (now_us() - DAY) / SECOND;
	int fd = openat(state, "packs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;

	if (!d)
		return fail_errno(err, "open packs");
	while ((e = readdir(d)) != NULL) {
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(st.st_mode) && st.st_mtime < old)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	return 0;
}

static void
delete_work(void *ctx, int out)
{
	const struct master *m = ctx;
	int dir = open(m->st->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error err;

	if (dir < 0)
		fail_errno(&err, "open %s", m->st->path);
	else if (file_remove_tree(dir, "tmp/" GONE, &err) == 0 &&
	    drop_packs(dir, &err) == 0)
		return;
	child_fail(out, &err);
}

static void
deleted(void *ctx, const struct buf *text, const struct error *ended)
{
	struct master *m = ctx;
	struct error err;

	m->sweep.working = false;
	if (child_result(text, ended, &err) < 0)
		log_err("what nobody needs any more: %s", err.msg);
}

/* Out of blobs/: to delete large ones takes long. */
static void
put_aside(struct master *m, struct batch *b)
{
	const char *d, *from;
	size_t i;

	if (mkdirat(m->st->dir, "tmp/" GONE, 0700) < 0 && errno != EEXIST)
		log_err("create tmp/" GONE ": %s", strerror(errno));
	for (i = 0; i < b->n; i++) {
		d = b->digests[i];
		from = arena_printf(&b->arena, "blobs/%.2s/%s", d, d);
		if (renameat(m->st->dir, from, m->st->dir,
			arena_printf(&b->arena, "tmp/" GONE "/%s", d)) < 0 &&
		    errno != ENOENT)
			log_err("remove %s: %s", from, strerror(errno));
	}
}

static void
sweep(struct master *m, struct batch *b, int64_t now)
{
	struct child_work work = {.work = delete_work,
	    .done = deleted,
	    .ctx = m,
	    .limit = DELETE_LIMIT,
	    .max = 4096};
	struct error err;

	if (find(m, b, &err) < 0 ||
	    (b->n > 0 && forget_all(m, b, now, &err) < 0)) {
		log_err("artifacts that no report names: %s", err.msg);
		return;
	}
	if (b->n > 0) {
		log_info("removed what no report names artifacts=%zu", b->n);
		put_aside(m, b);
		m->sweep.at = now; /* there may be more */
	}
	m->sweep.working = true;
	child_start(&m->loop, &work);
}

void
sweep_turn(struct master *m, int64_t now)
{
	struct batch b = {0};
	struct error err;
	int lock;

	if (now > m->sweep.at - HOUR && now < m->sweep.at)
		return;
	if (m->sweep.working || db_is_halted(m->db) || db_is_pending(m->db))
		return;
	m->sweep.at = now + HOUR;
	lock = state_blobs(m->st, true, &err);
	if (lock < 0) {
		if (err.code == EWOULDBLOCK)
			m->sweep.at = now + AGAIN;
		else
			log_err("%s", err.msg);
		return;
	}
	sweep(m, &b, now);
	close(lock);
	arena_release(&b.arena);
}
