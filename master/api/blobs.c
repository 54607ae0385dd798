/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Artifacts: blobs/ab/DIGEST. The bytes stream into tmp/ while their digest
 * is computed; the name appears when it is right and they are synced, by a
 * child because syncing much takes long.
 */
#include "master/api/api.h"
#include "base/digest.h"
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

#define SYNC_HERE    ((int64_t)256 << 10) /* so much is synced at once */
#define SYNC_SECONDS 600

/* A request that writes what comes in. */
struct upload {
	struct master *m;
	struct request *r;
	struct incoming *in; /* NULL: it was taken away */
	const char *path;
	int64_t offset; /* of the first byte that this brings */
	int fd;
};

static const char *
blob_path(const struct master *m, struct arena *a, const char *digest)
{
	return state_path(m->st, a, "blobs/%.2s/%s", digest, digest);
}

/* The digest in the path; NULL: answered. */
static const char *
need_digest(struct request *r, const char *s)
{
	if (strlen(s) == 64 && is_hex(s, 64))
		return s;
	request_problem(
	    r, 400, "bad-digest", "expected 64 lower-case hexadecimal digits");
	return NULL;
}

int
api_blob_size(
    struct master *m, const char *digest, int64_t *size, struct error *err)
{
	enum sql q = SQL_BLOB_SIZE;
	char path[sizeof("blobs/ab/") + KEY_HEX];
	struct stat s;
	int rc = db_one(m->db, q, ARGS(TEXT(digest)), err);

	if (rc > 0)
		*size = db_int(m->db, q, 0);
	db_end(m->db, q);
	if (rc <= 0)
		return rc;
	snprintf(path, sizeof(path), "blobs/%.2s/%.64s", digest, digest);
	return fstatat(m->st->dir, path, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(s.st_mode) && s.st_size == *size;
}

/* -1: not there; -2: answered with an error. */
static int64_t
known_size(struct master *m, struct request *r, const char *digest)
{
	struct error err;
	int64_t size = -1;
	int rc = api_blob_size(m, digest, &size, &err);

	if (rc < 0) {
		request_broken(r, &err);
		return -2;
	}
	return rc ? size : -1;
}

/* The lease in the query; NULL: answered. */
static struct sched_lease *
check_lease(struct master *m, struct request *r)
{
	int64_t lease = request_number(r, "lease"), attempt;
	struct sched_unit *u;

	if (lease < 0 || (attempt = request_number(r, "attempt")) < 0)
		return NULL;
	r->id = lease;
	u = api_lease(m, r, attempt);
	return u ? sched_lease_of(u) : NULL;
}

void
api_blob_head(struct master *m, struct request *r)
{
	const char *digest = need_digest(r, r->path[3]);
	const struct incoming *in;
	int64_t size;

	if (!digest || !check_lease(m, r) ||
	    (size = known_size(m, r, digest)) == -2)
		return;
	if (size >= 0) {
		request_bytes(r, 200, "application/octet-stream", "", 0);
		return;
	}
	in = incoming_find(m, r->id, digest);
	request_problem(r, 404, "not-found", "not uploaded yet");
	request_header(r, "Upload-Offset",
	    arena_printf(&r->arena, "%" PRId64, in ? in->size : 0));
}

/* ---- uploads --------------------------------------------------------------
 */

static void
upload_cleanup(struct request *r)
{
	struct upload *u = r->ctx;

	if (u->fd >= 0)
		close(u->fd);
	if (!u->in)
		return;
	/* without an answer the line broke: what came is kept */
	if (r->answer || u->in->size == 0)
		incoming_drop(u->m, u->in);
	else
		incoming_leave(u->m, u->in);
}

/* The lease is over, or another call brings the same: this one is deaf. */
static void
refuse_taken(struct request *r)
{
	request_later(r, 503, "superseded", 1,
	    "this upload is not wanted any more: ask what there is");
}

static void
upload_take(struct request *r, const char *p, size_t n)
{
	struct upload *u = r->ctx;
	struct incoming *in = u->in;
	struct error err;

	if (!in) {
		refuse_taken(r);
		return;
	}
	in->size += (int64_t)n;
	if (in->size > in->whole) {
		request_problem(r, 400, "bad-request", "more than was told");
		return;
	}
	digest_add(&in->sum, p, n);
	if (file_write_all(u->fd, p, n, &err) < 0)
		request_broken(r, &err);
}

/* Of what is in blobs/ and the lease's other uploads; false: answered. */
static bool
check_total(struct master *m, struct request *r, struct sched_lease *lease,
    const struct incoming *in, int64_t whole)
{
	struct error err;
	int rc = incoming_allowed(m, lease, in, whole, &err);

	if (rc < 0)
		request_broken(r, &err);
	else if (rc == 0)
		request_problem(r, 413, "too-large",
		    "the artifacts of a lease that no report names may have "
		    "%" PRId64 " bytes here",
		    m->set->upload_total);
	return rc > 0;
}

/* Does it go on where the one before ended, or begin? Else it is answered. */
static bool
check_offset(struct request *r, const struct incoming *in, int64_t offset)
{
	int64_t have = in ? in->size : 0;

	if (in && in->settling) {
		request_later(r, 503, "busy", 1, "it is being stored");
		return false;
	}
	if (offset == 0 || offset == have)
		return true;
	request_problem_with(r, 409, "upload-gap",
	    arena_printf(&r->arena,
		"%" PRId64 " bytes are there, so %" PRId64 " is no place to "
		"go on",
		have, offset),
	    json_pack("{s:I}", "offset", (json_int_t)have));
	return false;
}

/* Is it to be written, from offset on? Else it is answered. */
static bool
check_upload(struct master *m, struct request *r, const char *digest,
    struct sched_lease *lease, int64_t offset)
{
	const struct incoming *in = incoming_find(m, lease->id, digest);
	int64_t size, whole = offset + r->length;

	if ((size = known_size(m, r, digest)) == -2)
		return false;
	if (r->length < 0)
		request_problem(
		    r, 411, "length-required", "Content-Length is needed here");
	else if (whole > m->set->upload_max)
		request_problem(r, 413, "too-large",
		    "an artifact may have %" PRId64 " bytes here",
		    m->set->upload_max);
	else if (size >= 0 && size != whole)
		request_problem(r, 422, "digest-mismatch",
		    "the bytes with this digest are %" PRId64, size);
	else if (size >= 0)
		request_json(r, 200, json_object());
	else if (check_offset(r, in, offset) &&
	    check_total(m, r, lease, in, whole))
		reserve_allows(m, r, 507);
	return r->answer == NULL;
}

/* What has come, or from its begin on, in place of an earlier one. */
static struct incoming *
find_or_begin(struct master *m, struct request *r, const char *digest,
    int64_t lease, int64_t offset)
{
	struct incoming *in = incoming_find(m, lease, digest);

	if (in && offset > 0) {
		in->whole = offset + r->length;
		return in;
	}
	if (in)
		incoming_drop(m, in);
	return incoming_new(m, lease, digest, r->length);
}

/* Its file, which has what was taken and no byte else. */
static int
open_file(struct upload *u, struct error *err)
{
	const struct incoming *in = u->in;
	struct stat s;

	u->fd = open(in->path,
	    O_WRONLY | O_APPEND | O_CLOEXEC |
		(u->offset > 0 ? 0 : O_CREAT | O_TRUNC),
	    0600);
	if (u->fd < 0 || fstat(u->fd, &s) < 0)
		return fail_errno(err, "open %s", in->path);
	return s.st_size == u->offset
	    ? 0
	    : fail(err, "%s: is not as it was left", in->path);
}

/* The query's, which may be without; -1: answered. */
static int64_t
read_offset(struct request *r)
{
	return request_query(r, "offset") ? request_number(r, "offset") : 0;
}

void
api_blob_begin(struct master *m, struct request *r)
{
	const char *digest = need_digest(r, r->path[3]);
	struct sched_lease *lease = digest ? check_lease(m, r) : NULL;
	int64_t offset = lease ? read_offset(r) : -1;
	struct upload *u;
	struct error err;

	if (offset < 0 || !check_upload(m, r, digest, lease, offset))
		return;
	u = arena_new(&r->arena, struct upload);
	u->m = m;
	u->r = r;
	u->path = blob_path(m, &r->arena, digest);
	r->ctx = u;
	r->cleanup = upload_cleanup;
	r->take = upload_take;
	u->offset = offset;
	u->fd = -1;
	incoming_take(find_or_begin(m, r, digest, lease->id, offset), &u->in);
	if (open_file(u, &err) < 0)
		request_broken(r, &err);
}

/* Sync the bytes, give them their name, sync that. */
static int
settle(const struct upload *u, struct error *err)
{
	const char *from = u->in->path;
	char dir[PATH_MAX];
	int fd, rc = 0;

	snprintf(dir, sizeof(dir), "%.*s",
	    (int)(strrchr(u->path, '/') - u->path), u->path);
	fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		rc = fail_errno(err, "sync %s", from);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		rc = file_mkdirs(dir, 0700, err);
	if (rc == 0 && rename(from, u->path) < 0)
		rc = fail_errno(err, "rename %s", from);
	if (rc < 0 || file_sync_parent(AT_FDCWD, u->path, err) < 0)
		return -1;
	/* the folder itself may be a new one */
	return file_sync_parent(AT_FDCWD, dir, err);
}

static void
settle_work(void *ctx, int out)
{
	struct error err = {0};

	if (settle(ctx, &err) < 0)
		child_fail(out, &err);
}

static void
record(struct upload *u)
{
	const struct incoming *in = u->in;
	struct sched_unit *unit = sched_leased(&u->m->sched, in->lease);
	struct request *r = u->r;
	struct error err;

	if (db_run(u->m->db, SQL_BLOB_ADD,
		ARGS(TEXT(in->digest), INT(in->size), INT(now_us()),
		    INT(in->lease)),
		&err) < 0) {
		request_broken(r, &err);
		return;
	}
	if (unit)
		unit->lease->unnamed += in->size;
	u->m->count.blob_bytes += in->size;
	request_json(r, 201, json_object());
}

static void
settled(void *ctx, const struct buf *text, const struct error *err)
{
	struct upload *u = ctx;
	struct error failed;

	if (child_result(text, err, &failed) == 0) {
		record(u);
	} else {
		fail_in(&failed, "artifact");
		request_broken(u->r, &failed);
	}
	request_resume(u->r);
}

/* All bytes are here, and right: into their place. */
static void
store(struct upload *u)
{
	struct child_work work = {.work = settle_work,
	    .done = settled,
	    .ctx = u,
	    .limit = SYNC_SECONDS,
	    .max = 4096};
	struct error err;

	if (u->in->size > SYNC_HERE) {
		u->in->settling = true;
		request_wait(u->r);
		child_start(&u->m->loop, &work);
	} else if (settle(u, &err) < 0) {
		request_broken(u->r, &err);
	} else {
		record(u);
	}
}

void
api_blob_put(struct master *m, struct request *r)
{
	struct upload *u = r->ctx;
	struct incoming *in = u->in;
	char hex[DIGEST_HEX_MAX];

	(void)m;
	if (!in) {
		refuse_taken(r);
		return;
	}
	digest_end(&in->sum, hex);
	in->summing = false;
	if (in->size != in->whole || strcmp(hex, in->digest) != 0)
		request_problem(r, 422, "digest-mismatch",
		    "%" PRId64 " bytes came, with digest %s", in->size, hex);
	else
		store(u);
}

/* ---- what is there --------------------------------------------------------
 */

/* A name that is safe in a header, or NULL. */
static const char *
harmless(const char *name)
{
	const char *p;

	for (p = name; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f || strchr("\"\\/;", *p))
			return NULL;
	}
	return name;
}

/* Does a report name it, and is it here? Else it is answered. */
static bool
check_artifact(struct master *m, struct request *r, const char *digest)
{
	enum sql q = SQL_ARTIFACT_NAMED;
	struct error err;
	int64_t size;
	int rc = db_one(m->db, q, ARGS(TEXT(digest)), &err);

	db_end(m->db, q);
	if (rc == 0)
		request_problem(
		    r, 404, "not-found", "no report names this artifact");
	else if (rc > 0 && (rc = api_blob_size(m, digest, &size, &err)) == 0)
		request_problem(r, 404, "lost",
		    "the master has lost this artifact; \"autotua-master "
		    "check\" there says what to do");
	if (rc < 0)
		request_broken(r, &err);
	return rc > 0;
}

void
api_artifact(struct master *m, struct request *r)
{
	const char *digest = need_digest(r, r->path[3]);
	const char *name = harmless(r->path[4]);

	if (!digest || !check_artifact(m, r, digest))
		return;
	api_file(
	    r, blob_path(m, &r->arena, digest), "application/octet-stream");
	if (r->status < 300)
		request_header(r, "Content-Disposition",
		    arena_printf(&r->arena, "attachment; filename=\"%s\"",
			name ? name : digest));
}

void
api_stage(struct master *m, struct request *r)
{
	const char *digest = need_digest(r, r->path[3]);
	struct error err;
	int rc;

	if (!digest)
		return;
	rc = db_one(m->db, SQL_STAGE_SIZE, ARGS(TEXT(digest)), &err);
	db_end(m->db, SQL_STAGE_SIZE);
	if (rc < 0)
		request_broken(r, &err);
	else if (rc == 0)
		request_problem(r, 404, "not-found", "there is no such stage");
	else
		api_file(r, state_path(m->st, &r->arena, "stages/%s", digest),
		    "application/octet-stream");
}
