/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/stages/stage_read.h"
#include "master/serve/confine.h"
#include "master/serve/loop.h"
#include "master/store/state.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/filters.h"
#include "base/show.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHUNK   (1 << 20)
#define SECONDS 900 /* for all of it */
#define TURN_MS 200

struct reading {
	struct packages *packages;
	const char *path;
	struct archive *archive;
	int fd;
	char *chunk;
	bool over;
	int rc;
	struct error *err;
};

/* ---- in the child ---------------------------------------------------------
 */

/* The library's own ways ask what kind of file it is. */
static la_ssize_t
next_chunk(struct archive *a, void *ctx, const void **data)
{
	const struct reading *r = ctx;
	ssize_t n;

	*data = r->chunk;
	do
		n = read(r->fd, r->chunk, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	return n;
}

static int
unreadable(const struct reading *r, struct error *err)
{
	const char *why = archive_error_string(r->archive);

	fail(err, "read the archive: %s", why ? why : "no memory");
	err->code = EBADMSG;
	return -1;
}

/* All of the member that the archive stands at. */
static int
read_member(const struct reading *r, const char *name, struct error *err)
{
	const void *data;
	struct buf text;
	size_t n;
	int64_t at;
	int rc;

	buf_init(&text, PACKAGES_FILE_MAX);
	while ((rc = archive_read_data_block(r->archive, &data, &n, &at)) ==
	    ARCHIVE_OK) {
		/* a hole is not what such a file has */
		if ((size_t)at != text.len || buf_add(&text, data, n) < 0)
			break;
	}
	if (rc == ARCHIVE_EOF)
		rc = packages_take(r->packages, name,
		    text.data ? text.data : "", text.len, err);
	else if (rc == ARCHIVE_OK)
		rc = fail(err, "%s is too large, or has holes", name);
	else
		rc = unreadable(r, err);
	buf_release(&text);
	return rc;
}

static int
read_members(const struct reading *r, struct error *err)
{
	struct archive_entry *e;
	const char *name;
	int rc;

	while ((rc = archive_read_next_header(r->archive, &e)) == ARCHIVE_OK ||
	    rc == ARCHIVE_WARN) {
		name = archive_entry_pathname(e);
		if (!name || archive_entry_filetype(e) != AE_IFREG ||
		    archive_entry_hardlink(e))
			continue;
		if (packages_wants(r->packages, name) == PACKAGES_TEXT &&
		    read_member(r, name, err) < 0)
			return -1;
	}
	return rc == ARCHIVE_EOF ? 0 : unreadable(r, err);
}

static int
read_archive(struct reading *r, struct error *err)
{
	int rc = -1;

	r->archive = archive_read_new();
	if (!r->archive)
		return fail(err, "no memory");
	/* those that the chroot takes; none of them starts a program */
	archive_read_support_format_tar(r->archive);
	archive_read_support_format_gnutar(r->archive);
	filters_allow(r->archive);
	if (archive_read_open(r->archive, r, NULL, next_chunk, NULL) !=
	    ARCHIVE_OK)
		unreadable(r, err);
	else
		rc = read_members(r, err);
	archive_read_free(r->archive);
	return rc;
}

static int
read_stage(struct reading *r, struct buf *text, struct error *err)
{
	r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return fail_errno(err, "open %s", r->path);
	r->chunk = arena_array(r->packages->arena, CHUNK, char);
	if (confine(err) < 0 || read_archive(r, err) < 0)
		return -1;
	return packages_write(r->packages, text, err);
}

static void
work(void *ctx, int out)
{
	struct error err = {0};
	struct buf text;

	buf_init(&text, PACKAGES_TEXT_MAX);
	if (read_stage(ctx, &text, &err) < 0)
		child_fail(out, &err);
	else
		(void)file_write_all(out, text.data, text.len, &err);
}

/* ---- in the parent --------------------------------------------------------
 */

/* What it says may be anybody's words. */
static void
take(void *ctx, const struct buf *text, const struct error *ended)
{
	struct reading *r = ctx;
	struct error err;

	r->over = true;
	if (child_result(text, ended, &err) == 0) {
		r->rc = packages_read(r->packages, text->data ? text->data : "",
		    text->len, r->err);
		return;
	}
	r->rc = fail(
	    r->err, "%s", show(r->packages->arena, err.msg, strlen(err.msg)));
	r->err->code = err.code;
}

int
stage_read(const char *path, struct packages *p, struct error *err)
{
	struct reading r = {.packages = p, .path = path, .err = err};
	const struct child_work w = {.work = work,
	    .done = take,
	    .ctx = &r,
	    .limit = SECONDS,
	    .max = PACKAGES_TEXT_MAX};
	struct loop l;

	if (loop_open(&l, err) < 0)
		return -1;
	l.max_children = 1;
	child_start(&l, &w);
	while (!r.over) {
		loop_children(&l, clock_us());
		if (!r.over)
			loop_turn(&l, TURN_MS);
	}
	loop_close(&l);
	return r.rc;
}

int
stage_packages_write(struct state *st, const char *digest,
    const struct packages *p, struct error *err)
{
	struct arena a = {0};
	int rc;
	size_t i;

	rc = db_run(&st->db, SQL_STAGE_FORGET, ARGS(TEXT(digest)), err);
	if (rc >= 0)
		rc = db_run(&st->db, SQL_STAGE_KNOWN,
		    ARGS(TEXT(digest), TEXT(packages_managers(p, &a))), err);
	for (i = 0; rc >= 0 && i < p->n; i++)
		rc = db_run(&st->db, SQL_STAGE_PACKAGE,
		    ARGS(TEXT(digest), TEXT(p->items[i].name),
			TEXT(p->items[i].version)),
		    err);
	arena_release(&a);
	return rc < 0 ? -1 : 0;
}
