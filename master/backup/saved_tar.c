/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/backup/saved_tar.h"
#include "master/backup/saved.h"
#include "base/error.h"
#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

/* ---- writing --------------------------------------------------------------
 */

static int
bad_archive(struct saved_tar *t, struct error *err)
{
	const char *why = archive_error_string(t->archive);

	if (!why)
		why = "can't be written";
	errno = archive_errno(t->archive);
	return errno > 0 ? fail_errno(err, "%s: %s", t->path, why)
			 : fail(err, "%s: %s", t->path, why);
}

/* It isn't when another process has just made it whole and renamed it. */
static bool
is_at(int fd, const char *path)
{
	struct stat s, t;

	return fstat(fd, &s) == 0 && stat(path, &t) == 0 &&
	    s.st_ino == t.st_ino && s.st_dev == t.st_dev;
}

int
saved_tar_open(
    struct saved_tar *t, const char *path, int64_t time, struct error *err)
{
	*t = (struct saved_tar){.path = path, .fd = -1, .time = time};
	t->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (t->fd < 0)
		return fail_errno(err, "%s", path);
	if (flock(t->fd, LOCK_EX | LOCK_NB) < 0 || !is_at(t->fd, path))
		return fail(err, "%s: another backup is being made", path);
	if (ftruncate(t->fd, 0) < 0 || fchmod(t->fd, 0600) < 0)
		return fail_errno(err, "%s", path);
	t->archive = archive_write_new();
	if (!t->archive)
		return fail(err, "%s: no memory", path);
	if (archive_write_set_format_pax_restricted(t->archive) != ARCHIVE_OK ||
	    archive_write_add_filter_none(t->archive) != ARCHIVE_OK ||
	    archive_write_open_fd(t->archive, t->fd) != ARCHIVE_OK)
		return bad_archive(t, err);
	return 0;
}

static int
write_header(
    struct saved_tar *t, const char *name, int64_t size, struct error *err)
{
	struct archive_entry *e = archive_entry_new();
	int rc;

	if (!e)
		return fail(err, "%s: no memory", t->path);
	archive_entry_set_pathname(e, name);
	archive_entry_set_size(e, size);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_mtime(e, t->time, 0);
	rc = archive_write_header(t->archive, e);
	archive_entry_free(e);
	return rc == ARCHIVE_OK ? 0 : bad_archive(t, err);
}

static int
write_data(struct saved_tar *t, const void *data, size_t len, struct error *err)
{
	const char *p = data;
	la_ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = archive_write_data(t->archive, p, len);
		if (n <= 0)
			return bad_archive(t, err);
	}
	return 0;
}

/* Exactly size bytes: what a log gets meanwhile is for the next backup. */
static int
copy(struct saved_tar *t, int from, int64_t size, struct digest *d,
    struct error *err)
{
	char chunk[CHUNK];
	size_t want;
	ssize_t n;

	for (; size > 0; size -= n) {
		want = size < CHUNK ? (size_t)size : CHUNK;
		n = read(from, chunk, want);
		if (n < 0)
			return fail_errno(err, "read");
		if (n == 0)
			return fail(err, "it became shorter meanwhile");
		digest_add(d, chunk, (size_t)n);
		if (write_data(t, chunk, (size_t)n, err) < 0)
			return -1;
	}
	return 0;
}

int
saved_tar_add(struct saved_tar *t, const char *name, const char *from,
    int64_t *size, char digest[KEY_HEX], struct error *err)
{
	char hex[DIGEST_HEX_MAX];
	struct digest d;
	struct stat s;
	int fd, rc;

	fd = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", from);
	if (fstat(fd, &s) < 0) {
		fail_errno(err, "%s", from);
		close(fd);
		return -1;
	}
	*size = s.st_size;
	digest_init(&d, DIGEST_KEY);
	rc = write_header(t, name, s.st_size, err);
	if (rc == 0 && (rc = copy(t, fd, s.st_size, &d, err)) < 0)
		fail_in(err, "%s", from);
	digest_end(&d, hex);
	memcpy(digest, hex, KEY_HEX);
	close(fd);
	return rc;
}

int
saved_tar_text(struct saved_tar *t, const char *name, const char *text,
    size_t len, struct error *err)
{
	if (write_header(t, name, (int64_t)len, err) < 0)
		return -1;
	return write_data(t, text, len, err);
}

int
saved_tar_end(struct saved_tar *t, struct error *err)
{
	if (archive_write_close(t->archive) != ARCHIVE_OK)
		return bad_archive(t, err);
	return fsync(t->fd) < 0 ? fail_errno(err, "sync %s", t->path) : 0;
}

void
saved_tar_release(struct saved_tar *t)
{
	if (t->archive)
		archive_write_free(t->archive);
	if (t->fd >= 0)
		close(t->fd);
	*t = (struct saved_tar){.fd = -1};
}

/* ---- reading --------------------------------------------------------------
 */

struct reading {
	const struct saved_tar_reader *to;
	struct archive *archive;
	const char *path;
	int64_t size; /* of the whole */
};

static int
unreadable(const struct reading *r, struct error *err)
{
	const char *why = archive_error_string(r->archive);

	return fail(
	    err, "%s: %s; take another backup", r->path, why ? why : "damaged");
}

/*
 * What kind of member it is that a backup doesn't have; NULL: a good one. One
 * with holes could be larger than any disk.
 */
static const char *
refusal(const struct reading *r, struct archive_entry *e, const char *name)
{
	if (archive_entry_hardlink(e) || archive_entry_symlink(e))
		return "a link";
	if (archive_entry_filetype(e) != AE_IFREG)
		return "not a plain file";
	if (!name || !saved_is_inside(name))
		return "a name that doesn't stay below the top";
	if (strpbrk(name, "\n\r"))
		return "a line's end in its name";
	if (!archive_entry_size_is_set(e) || archive_entry_size(e) < 0)
		return "no size";
	if (archive_entry_sparse_count(e) > 0 ||
	    archive_entry_size(e) > r->size)
		return "a sparse file";
	return NULL;
}

static int
pour(const struct reading *r, int fd, struct digest *d, int64_t *size,
    struct error *err)
{
	char chunk[CHUNK];
	la_ssize_t n;

	*size = 0;
	while ((n = archive_read_data(r->archive, chunk, sizeof(chunk))) > 0) {
		digest_add(d, chunk, (size_t)n);
		*size += n;
		if (fd >= 0 && file_write_all(fd, chunk, (size_t)n, err) < 0)
			return -2;
	}
	return n < 0 ? unreadable(r, err) : 0;
}

static int
read_member(const struct reading *r, struct archive_entry *e, struct error *err)
{
	const char *name = archive_entry_pathname(e);
	const char *no = refusal(r, e, name);
	char hex[DIGEST_HEX_MAX];
	struct digest d;
	int64_t size;
	int fd, rc;

	if (no)
		return fail(err, "%s: no backup of a master: %s: %s", r->path,
		    name ? name : "(a member)", no);
	fd = r->to->place(r->to->ctx, name, archive_entry_size(e), err);
	if (fd < -1)
		return -2;
	digest_init(&d, DIGEST_KEY);
	rc = pour(r, fd, &d, &size, err);
	digest_end(&d, hex);
	if (rc < 0)
		return rc;
	return r->to->seen(r->to->ctx, name, size, hex, fd, err) < 0 ? -2 : 0;
}

static int
read_members(const struct reading *r, struct error *err)
{
	struct archive_entry *e;
	int rc, bad;

	while ((rc = archive_read_next_header(r->archive, &e)) == ARCHIVE_OK) {
		bad = read_member(r, e, err);
		if (bad < 0)
			return bad;
	}
	return rc == ARCHIVE_EOF ? 0 : unreadable(r, err);
}

int
saved_tar_read(
    const char *path, const struct saved_tar_reader *reader, struct error *err)
{
	struct reading r = {.to = reader, .path = path};
	struct stat s;
	int fd, rc = -1;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0) {
		fail_errno(err, "open %s", path);
		goto out;
	}
	r.size = s.st_size;
	r.archive = archive_read_new();
	if (!r.archive) {
		fail(err, "%s: no memory", path);
		goto out;
	}
	if (archive_read_support_format_tar(r.archive) != ARCHIVE_OK ||
	    archive_read_open_fd(r.archive, fd, CHUNK) != ARCHIVE_OK) {
		unreadable(&r, err);
		goto out;
	}
	rc = read_members(&r, err);
out:
	if (r.archive)
		archive_read_free(r.archive);
	if (fd >= 0)
		close(fd);
	return rc;
}
