/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/logs.h"
#include "master/api/api.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
logs_path(const struct state *st, struct arena *a, int64_t unit,
    int64_t attempt, int64_t step)
{
	return state_path(st, a, "logs/%" PRId64 "/%" PRId64 "/%" PRId64 ".log",
	    unit, attempt, step);
}

int64_t
logs_size(const struct state *st, int64_t unit, int64_t attempt, int64_t step)
{
	struct arena a = {0};
	struct stat s;
	int rc = stat(logs_path(st, &a, unit, attempt, step), &s);

	arena_release(&a);
	return rc < 0 ? 0 : s.st_size;
}

/*
 * The names that lead to the file: the folders may have been made for it, by
 * a process that has died since.
 */
static int
sync_names(const char *path, struct error *err)
{
	char name[PATH_MAX];
	int up, rc = 0;

	snprintf(name, sizeof(name), "%s", path);
	for (up = 0; rc == 0 && up < 3; up++) { /* ATTEMPT, UNIT, logs */
		*strrchr(name, '/') = '\0';
		rc = file_sync_folder(AT_FDCWD, name, err);
	}
	return rc;
}

int
logs_sync(const struct state *st, int64_t unit, int64_t attempt, int64_t step,
    struct error *err)
{
	struct arena a = {0};
	const char *path = logs_path(st, &a, unit, attempt, step);
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 && errno != ENOENT)
		rc = fail_errno(err, "open %s", path);
	if (fd >= 0 && fsync(fd) < 0)
		rc = fail_errno(err, "sync %s", path);
	else if (fd >= 0)
		rc = sync_names(path, err);
	if (fd >= 0)
		close(fd);
	arena_release(&a);
	return rc;
}

/* Make the folder for unit and attempt; logs_sync() makes it last. */
static int
make_folder(const struct state *st, struct arena *a, int64_t unit,
    int64_t attempt, struct error *err)
{
	return file_mkdirs(
	    state_path(st, a, "logs/%" PRId64 "/%" PRId64, unit, attempt), 0700,
	    err);
}

static int
open_log(const struct state *st, struct arena *a, int64_t unit, int64_t attempt,
    int64_t step, struct error *err)
{
	const char *path = logs_path(st, a, unit, attempt, step);
	int flags = O_RDWR | O_CREAT | O_CLOEXEC;
	int fd;

	/* the folder is there already but for the first time */
	if (access(path, F_OK) < 0 &&
	    make_folder(st, a, unit, attempt, err) < 0)
		return -1;
	fd = open(path, flags, 0600);
	if (fd < 0)
		return fail_errno(err, "open %s", path);
	return fd;
}

/* Is what is stored at offset the same as the n bytes at p? */
static bool
is_same(int fd, int64_t offset, const char *p, size_t n)
{
	char chunk[65536];
	ssize_t got;
	size_t want;

	while (n > 0) {
		want = n < sizeof(chunk) ? n : sizeof(chunk);
		got = pread(fd, chunk, want, offset);
		if (got <= 0 || memcmp(chunk, p, (size_t)got) != 0)
			return false;
		p += got;
		n -= (size_t)got;
		offset += got;
	}
	return true;
}

int64_t
logs_read(const struct state *st, int64_t unit, int64_t attempt, int64_t step,
    char *p, size_t n)
{
	struct arena a = {0};
	int fd =
	    open(logs_path(st, &a, unit, attempt, step), O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;

	if (fd >= 0) {
		got = pread(fd, p, n, 0);
		close(fd);
	} else if (errno != ENOENT) {
		got = -1;
	}
	arena_release(&a);
	return got;
}

int
logs_restore(const struct state *st, int64_t unit, int64_t attempt,
    int64_t step, const char *text, struct error *err)
{
	struct arena a = {0};
	size_t n = strlen(text);
	int fd = open_log(st, &a, unit, attempt, step, err), rc = 0;

	arena_release(&a);
	if (fd < 0)
		return -1;
	if (!is_same(fd, 0, text, n))
		rc = file_write_all(fd, text, n, err);
	close(fd);
	return rc;
}

/* The log's size then; -1: answered. */
static int64_t
append(struct master *m, struct request *r, int fd, int64_t unit,
    const struct log_piece *l)
{
	size_t old, len = l->len;
	struct error err;
	struct stat st;
	int64_t end = l->offset + (int64_t)l->len, max = m->set->log_max;

	if (fstat(fd, &st) < 0) {
		fail_errno(&err, "log");
		request_broken(r, &err);
		return -1;
	}
	if (l->offset > st.st_size) {
		request_problem_with(r, 409, "log-gap",
		    "bytes before this offset are missing",
		    json_pack("{s:I}", "offset", (json_int_t)st.st_size));
		return -1;
	}
	old = (size_t)(st.st_size - l->offset);
	if (old > l->len)
		old = l->len;
	if (old > 0 && !is_same(fd, l->offset, l->data, old)) {
		request_problem(r, 409, "log-differs",
		    "other bytes are stored at this offset");
		return -1;
	}
	/* what comes up to the limit is kept: it may say what went wrong */
	if (end > max)
		len = l->offset < max ? (size_t)(max - l->offset) : 0;
	if (len > old &&
	    (lseek(fd, l->offset + (int64_t)old, SEEK_SET) < 0 ||
		file_write_all(fd, l->data + old, len - old, &err) < 0)) {
		/* a half is no harm: its bytes are compared next time */
		request_broken(r, &err);
		return -1;
	}
	if (len > old) {
		m->count.log_bytes += (int64_t)(len - old);
		events_log(m, unit);
	}
	if (len < l->len) {
		request_problem(r, 413, "log-full",
		    "a step's log may have %" PRId64 " bytes here", max);
		return -1;
	}
	return end > st.st_size ? end : st.st_size;
}

/*
 * Is there such a step, and may its log grow? A report speaks of all of it,
 * and readers were told that it is: then only what is there may come again.
 * false: answered.
 */
static bool
may_append(struct master *m, struct request *r, const struct sched_unit *u,
    const struct log_piece *l)
{
	int64_t end = l->offset + (int64_t)l->len;
	enum sql q = SQL_STEP_REPORTED;
	bool closed = false;
	struct error err;
	int rc;

	rc = db_one(
	    m->db, q, ARGS(INT(u->id), INT(u->attempt), INT(l->step)), &err);
	if (rc > 0)
		closed = !db_is_null(m->db, q, 0);
	db_end(m->db, q);
	if (rc < 0)
		request_broken(r, &err);
	else if (rc == 0)
		request_problem(r, 400, "bad-query",
		    "the unit has no step %" PRId64, l->step);
	else if (closed && end > logs_size(m->st, u->id, u->attempt, l->step))
		request_problem(r, 409, "log-closed",
		    "the report of this step is stored, and its log ends "
		    "before that");
	return !r->answer;
}

int64_t
logs_append(struct master *m, struct request *r, const struct sched_unit *u,
    const struct log_piece *l)
{
	struct error err;
	int64_t size;
	int fd;

	if (!may_append(m, r, u, l))
		return -1;
	fd = open_log(m->st, &r->arena, u->id, u->attempt, l->step, &err);
	if (fd < 0) {
		request_broken(r, &err);
		return -1;
	}
	size = append(m, r, fd, u->id, l);
	close(fd);
	return size;
}

void
api_log_put(struct master *m, struct request *r)
{
	struct log_piece l = {.data = r->body.data, .len = r->body.len};
	struct sched_unit *u;
	int64_t attempt, size;

	if ((attempt = request_number(r, "attempt")) < 0 ||
	    (l.step = request_number(r, "step")) < 0 ||
	    (l.offset = request_number(r, "offset")) < 0 ||
	    !(u = api_work(m, r, attempt)))
		return;
	size = logs_append(m, r, u, &l);
	if (size >= 0)
		request_json(
		    r, 200, json_pack("{s:I}", "size", (json_int_t)size));
}

/* Can nothing be added to this log any more? */
static bool
is_closed(struct master *m, int64_t unit, int64_t attempt, int64_t step,
    enum unit_state state)
{
	struct error ignored;
	int rc;

	if (unit_state_is_over(state))
		return true;
	rc = db_one(m->db, SQL_REPORT_GET,
	    ARGS(INT(unit), INT(attempt), INT(step)), &ignored);
	db_end(m->db, SQL_REPORT_GET);
	return rc == 1;
}

/* Has the unit such a step? Readers find the end of a unit by it. */
static bool
has_step(struct master *m, int64_t unit, int64_t step)
{
	struct error ignored;
	int64_t n = 0;

	if (db_one(m->db, SQL_STEP_COUNT, ARGS(INT(unit)), &ignored) == 1)
		n = db_int(m->db, SQL_STEP_COUNT, 0);
	db_end(m->db, SQL_STEP_COUNT);
	return step < n;
}

static void
send_log(struct request *r, const char *path, int64_t offset)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || offset >= st.st_size) {
		if (fd >= 0)
			close(fd);
		request_bytes(r, 200, "text/plain; charset=utf-8", "", 0);
		return;
	}
	request_file(r, 200, "text/plain; charset=utf-8", fd, offset,
	    st.st_size - offset);
}

/* ---- a log that is still written -------------------------------------------
 */

#define FOLLOW_IDLE (50 * SECOND)
#define FOLLOW_MAX  65536

struct follow {
	int64_t unit, attempt, step, offset; /* whose file */
	const char *path;
};

/* Has the log come to its end, or begun anew? Asked before the last read. */
static bool
is_through(struct master *m, const struct follow *f)
{
	enum sql q = SQL_UNIT_GET;
	struct error ignored;
	struct arena tmp = {0};
	bool over = true;
	int state;

	if (db_one(m->db, q, ARGS(INT(f->unit)), &ignored) > 0) {
		state = unit_state_parse(db_text(m->db, q, 1, &tmp));
		over = db_int(m->db, q, 0) != f->attempt;
		db_end(m->db, q);
		over = over ||
		    is_closed(m, f->unit, f->attempt, f->step,
			(enum unit_state)state);
	}
	arena_release(&tmp);
	return over;
}

static void
follow(struct stream *s, int64_t now)
{
	bool through, idle = now - s->heard >= s->idle;
	struct follow *f = s->ctx;
	static char chunk[FOLLOW_MAX];
	ssize_t n = 0;
	int fd;

	through = is_through(s->m, f);
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = pread(fd, chunk, sizeof(chunk), f->offset);
		close(fd);
	}
	if (n > 0 && buf_add(&s->out, chunk, (size_t)n) == 0)
		f->offset += n;
	/* after a silence the reader asks again, from where it is */
	s->over = n <= 0 && (through || idle);
}

static void
follow_log(struct master *m, struct request *r, int64_t unit, int64_t attempt,
    int64_t step, int64_t offset)
{
	struct follow *f = arena_new(&r->arena, struct follow);
	struct stream *s;

	f->unit = unit;
	f->attempt = attempt;
	f->step = step;
	f->offset = offset;
	f->path = logs_path(m->st, &r->arena, unit, attempt, step);
	s = stream_start(m, r, "text/plain; charset=utf-8", follow, f);
	s->unit = unit;
	s->idle = FOLLOW_IDLE;
}

void
api_log_get(struct master *m, struct request *r)
{
	enum sql q = SQL_UNIT_GET;
	int64_t step, offset = 0, attempt, unit;
	struct stat st = {0};
	struct error err;
	const char *path;
	int rc, state;
	bool closed;

	if ((step = request_number(r, "step")) < 0 ||
	    (request_query(r, "offset") &&
		(offset = request_number(r, "offset")) < 0))
		return;
	rc = db_one(m->db, q, ARGS(INT(r->id)), &err);
	if (rc < 0) {
		request_broken(r, &err);
		return;
	}
	if (rc == 0) {
		request_problem(r, 404, "not-found", "there is no such unit");
		return;
	}
	attempt = db_int(m->db, q, 0);
	state = unit_state_parse(db_text(m->db, q, 1, &r->arena));
	unit = db_int(m->db, q, 2);
	db_end(m->db, q);
	if (!has_step(m, r->id, step)) {
		request_problem(
		    r, 404, "not-found", "the unit has no such step");
		return;
	}
	/* asked before the file is read: "closed" means that all was sent */
	closed = is_closed(m, unit, attempt, step, (enum unit_state)state);
	path = logs_path(m->st, &r->arena, unit, attempt, step);
	stat(path, &st);
	if (!closed && request_query(r, "follow"))
		follow_log(m, r, unit, attempt, step, offset);
	else
		send_log(r, path, offset);
	request_header(r, "X-Log-State", closed ? "closed" : "open");
	request_header(r, "X-Log-Size",
	    arena_printf(&r->arena, "%lld", (long long)st.st_size));
	request_header(
	    r, "X-Log-Attempt", arena_printf(&r->arena, "%" PRId64, attempt));
}
