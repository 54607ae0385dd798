/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/kept.h"
#include "master/master.h"
#include "master/store/logs.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SHORT_MAX  4096 /* bytes of a log that is kept */
#define SYNC_EVERY (30 * SECOND)
#define SYNC_LIMIT 600 /* seconds */

int
kept_log(struct master *m, int64_t unit, int64_t attempt, int64_t step,
    struct error *err)
{
	char text[SHORT_MAX + 1];
	int64_t n = logs_read(m->st, unit, attempt, step, text, sizeof(text));

	if (n == 0)
		return 0;
	if (n < 0 || n > SHORT_MAX || memchr(text, '\0', (size_t)n) ||
	    utf8_valid(text, (size_t)n) < (size_t)n)
		return logs_sync(m->st, unit, attempt, step, err);
	text[n] = '\0';
	return db_run(m->db, SQL_KEPT_ADD,
		   ARGS(INT(unit), INT(attempt), INT(step), TEXT(text)),
		   err) < 0
	    ? -1
	    : 0;
}

int
kept_current(struct master *m, int64_t unit, int64_t attempt, struct error *err)
{
	enum sql q = SQL_STEP_CURRENT;
	int64_t step;
	int rc;

	rc = db_one(m->db, q, ARGS(INT(unit), INT(attempt)), err);
	if (rc <= 0)
		return rc;
	step = db_int(m->db, q, 0);
	db_end(m->db, q);
	return kept_log(m, unit, attempt, step, err);
}

static void
add_failed(struct kept *k, int64_t id)
{
	k->failed =
	    arena_grow(&k->arena, k->failed, k->nfailed, sizeof(*k->failed));
	k->failed[k->nfailed++] = id;
}

int
kept_restore(struct master *m, struct error *err)
{
	enum sql q = SQL_KEPT_LIST;
	struct kept *k = &m->kept;
	struct arena a = {0};
	struct error why;
	int rc;

	arena_release(&k->arena);
	k->failed = NULL;
	k->nfailed = 0;
	db_query(m->db, q, NULL);
	while ((rc = db_row(m->db, q, err)) > 0) {
		if (logs_restore(m->st, db_int(m->db, q, 1),
			db_int(m->db, q, 2), db_int(m->db, q, 3),
			db_text(m->db, q, 4, &a), &why) < 0) {
			log_err("a log that is kept: %s", why.msg);
			add_failed(k, db_int(m->db, q, 0));
		}
		arena_release(&a);
	}
	k->unread = rc < 0;
	return rc;
}

static int64_t
last_row(struct master *m, struct error *err)
{
	enum sql q = SQL_KEPT_LAST;
	int64_t last = 0;

	if (db_one(m->db, q, NULL, err) < 0)
		return -1;
	last = db_int(m->db, q, 0);
	db_end(m->db, q);
	return last;
}

static void
sync_work(void *ctx, int out)
{
	const struct master *m = ctx;
	struct arena a = {0};
	const char *path = state_path(m->st, &a, "logs");
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error err;

	if (dir >= 0 && syncfs(dir) == 0)
		return;
	fail_errno(&err, "sync %s", path);
	child_fail(out, &err);
}

/* All up to the last row, but for those that have no file. */
static int
drop_rows(struct master *m, struct error *err)
{
	const struct kept *k = &m->kept;
	int64_t after = 0, before;
	size_t i;

	for (i = 0; i <= k->nfailed; i++) {
		before = i < k->nfailed ? k->failed[i] : k->last + 1;
		if (db_run(m->db, SQL_KEPT_DROP, ARGS(INT(after), INT(before)),
			err) < 0)
			return -1;
		after = before;
	}
	return 0;
}

static void
synced(void *ctx, const struct buf *text, const struct error *ended)
{
	struct master *m = ctx;
	struct error err;

	m->kept.working = false;
	if (m->loop.stop)
		return;
	if (child_result(text, ended, &err) < 0 || drop_rows(m, &err) < 0)
		log_err("logs that are kept: %s", err.msg);
}

void
kept_turn(struct master *m, int64_t clock)
{
	struct child_work work = {.work = sync_work,
	    .done = synced,
	    .ctx = m,
	    .limit = SYNC_LIMIT,
	    .max = 4096};
	struct error err;

	if (m->kept.working || clock - m->kept.at < SYNC_EVERY)
		return;
	m->kept.at = clock;
	if ((m->kept.unread || m->kept.nfailed > 0) &&
	    kept_restore(m, &err) < 0) {
		log_err("logs that are kept: %s", err.msg);
		return;
	}
	m->kept.last = last_row(m, &err);
	if (m->kept.last < 0)
		log_err("%s", err.msg);
	if (m->kept.last <= 0)
		return;
	m->kept.working = true;
	child_start(&m->loop, &work);
}

void
kept_release(struct master *m)
{
	arena_release(&m->kept.arena);
}
