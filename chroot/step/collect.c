/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/step/collect.h"
#include "chroot/jail/jail.h"
#include "chroot/sys/sys.h"
#include "chroot/sys/walk.h"
#include "base/arena.h"
#include "base/blake2b.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/show.h"
#include "base/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

/* More lines than this about what is left out help nobody. */
#define LINES_MAX 100

/* As a word of a status line. */
static void
add_word(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("/._-+~", *text))
			(void)buf_addc(b, *text);
		else
			(void)buf_addf(b, "%%%02X", (unsigned char)*text);
	}
}

static void
leave_out(struct collect *c, const char *path, const char *why)
{
	struct arena a = {0};
	struct error ignored;
	struct buf b;

	if (c->left_out++ >= LINES_MAX)
		return;
	dprintf(c->log, "autotua-chroot: artifact %s is left out: %s\n",
	    show(&a, path, strnlen(path, PATH_MAX)), why);
	arena_release(&a);
	if (c->status < 0)
		return;
	buf_init(&b, 4 * PATH_MAX);
	(void)buf_adds(&b, "left-out path=");
	add_word(&b, path);
	(void)buf_adds(&b, " why=");
	add_word(&b, why);
	(void)buf_addc(&b, '\n');
	/* who doesn't listen misses the artifacts too, which is found */
	(void)file_write_all(c->status, b.data, b.len, &ignored);
	buf_release(&b);
}

static void
leave_out_more(const struct collect *c)
{
	size_t more = c->left_out - LINES_MAX;

	if (c->left_out <= LINES_MAX)
		return;
	dprintf(
	    c->log, "autotua-chroot: %zu more artifacts are left out\n", more);
	if (c->status >= 0)
		dprintf(c->status, "left-out more=%zu\n", more);
}

/* Can the name stand in reports, JSON and pages? */
static bool
is_plain(const char *name)
{
	size_t n, left = strlen(name);

	for (; left > 0; name += n, left -= n) {
		n = utf8_char(name, left);
		if (n == 0 || utf8_is_control(name, n))
			return false;
	}
	return true;
}

static int
report(struct collect *c, const char *path, off_t size, const char *digest,
    struct error *err)
{
	struct buf b;
	int rc;

	if (c->status < 0)
		return 0;
	buf_init(&b, 4 * PATH_MAX);
	(void)buf_adds(&b, "artifact path=");
	add_word(&b, path);
	(void)buf_addf(&b, " size=%jd digest=%s\n", (intmax_t)size, digest);
	rc = file_write_all(c->status, b.data, b.len, err);
	buf_release(&b);
	return rc;
}

/* Is this to end? Asked between chunks: a file can be larger than any disk. */
static bool
is_over(struct collect *c)
{
	if (jail_stopped(c->watch))
		return true;
	if (c->over == LIMIT_NONE && c->until > 0 && jail_now() >= c->until) {
		c->over = LIMIT_TIME;
		dprintf(c->log,
		    "autotua-chroot: the time is over before all "
		    "artifacts are copied; the rest is left out\n");
	}
	return c->over != LIMIT_NONE;
}

/* For walk(); collect() knows better. */
static int
stop(struct error *err)
{
	return fail(err, "stopped");
}

/* One file on its way. */
struct copy {
	struct collect *c;
	int from, to;
	struct blake2b hash;
};

/* What a hole is read as. */
static int
hash_zeros(struct copy *f, off_t n, struct error *err)
{
	static const char zeros[65536];
	size_t len;

	for (; n > 0; n -= (off_t)len) {
		if (is_over(f->c))
			return stop(err);
		len = n < (off_t)sizeof(zeros) ? (size_t)n : sizeof(zeros);
		blake2b_add(&f->hash, zeros, len);
	}
	return 0;
}

/* Copy the data from offset up to end. */
static int
copy_range(struct copy *f, off_t offset, off_t end, struct error *err)
{
	char data[65536];
	ssize_t n;
	size_t want;

	if (lseek(f->to, offset, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	while (offset < end) {
		if (is_over(f->c))
			return stop(err);
		want = sizeof(data);
		if (end - offset < (off_t)want)
			want = (size_t)(end - offset);
		n = pread(f->from, data, want, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(err, "read");
		if (n == 0)
			return fail(err, "became shorter meanwhile");
		blake2b_add(&f->hash, data, (size_t)n);
		if (file_write_all(f->to, data, (size_t)n, err) < 0)
			return -1;
		offset += n;
	}
	return 0;
}

/* Copy what is not a hole: a job can make files larger than any disk. */
static int
copy_data(struct copy *f, off_t size, struct error *err)
{
	off_t data = 0, hole = 0;

	while (hole < size) {
		data = lseek(f->from, hole, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			return fail_errno(err, "seek");
		if (hash_zeros(f, data - hole, err) < 0)
			return -1;
		hole = lseek(f->from, data, SEEK_HOLE);
		if (hole < 0)
			return fail_errno(err, "seek");
		if (hole > size)
			hole = size;
		if (copy_range(f, data, hole, err) < 0)
			return -1;
	}
	if (hash_zeros(f, size - hole, err) < 0)
		return -1;
	if (ftruncate(f->to, size) < 0)
		return fail_errno(err, "set size");
	return 0;
}

/*
 * In the folder that is filled we work with its owner's rights and not ours:
 * the owner may exchange folders in there for others' while we do.
 */
static void
be_owner(const struct collect *c)
{
	(void)setfsgid(c->group);
	(void)setfsuid(c->owner);
}

static void
be_ourselves(void)
{
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
}

/* Make a file (its descriptor) or a folder (0) in there. */
static int
make(const struct collect *c, const char *path, bool folder)
{
	int fd;

	be_owner(c);
	if (folder)
		fd = mkdirat(c->to, path, 0755);
	else
		fd = sys_create_beneath(c->to, path, 0600);
	be_ourselves();
	return fd;
}

static void
drop(const struct collect *c, const char *path)
{
	be_owner(c);
	(void)unlinkat(c->to, path, 0);
	be_ourselves();
}

/* The file, its mode and its line of status. */
static int
copy_whole(struct copy *f, const char *path, struct error *err)
{
	char digest[KEY_HEX];
	struct stat st;

	if (fstat(f->from, &st) < 0)
		return fail_errno(err, "stat");
	if (!S_ISREG(st.st_mode))
		return fail(err, "is no file any more");
	f->to = make(f->c, path, false);
	if (f->to < 0)
		return fail_errno(err, "create");
	blake2b_init(&f->hash);
	if (copy_data(f, st.st_size, err) < 0) {
		drop(f->c, path);
		return -1;
	}
	blake2b_end(&f->hash, digest);
	if (fchmod(f->to, (st.st_mode & 0111) != 0 ? 0755 : 0644) < 0)
		return fail_errno(err, "chmod");
	return report(f->c, path, st.st_size, digest, err);
}

static int
copy_file(struct collect *c, const struct walk_entry *e, struct error *err)
{
	struct copy f = {.c = c, .to = -1};
	int rc = -1;

	f.from = openat(
	    e->dirfd, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (f.from < 0)
		fail_errno(err, "open");
	else
		rc = copy_whole(&f, e->path, err);
	if (f.to >= 0)
		close(f.to);
	if (f.from >= 0)
		close(f.from);
	return rc < 0 ? fail_in(err, "artifact %.200s", e->path) : 0;
}

/* Is there room for one more of this size? */
static bool
fits(struct collect *c, off_t size)
{
	c->files++;
	c->bytes += size;
	if (c->files_max > 0 && c->files > c->files_max) {
		c->over = LIMIT_FILES;
		dprintf(c->log,
		    "autotua-chroot: artifacts are more than %" PRId64
		    " files and folders; the rest is left out\n",
		    c->files_max);
	} else if (c->bytes_max > 0 && c->bytes > c->bytes_max) {
		c->over = LIMIT_ARTIFACTS;
		dprintf(c->log,
		    "autotua-chroot: artifacts are more than %" PRId64
		    " bytes; the rest is left out\n",
		    c->bytes_max);
	}
	return c->over == LIMIT_NONE;
}

static int
collect_one(void *ctx, const struct walk_entry *e, struct error *err)
{
	struct collect *c = ctx;

	if (is_over(c))
		return stop(err);
	if (!is_plain(e->name)) {
		leave_out(c, e->path,
		    "its name has control characters or is not UTF-8");
		return 1;
	}
	if (S_ISREG(e->st.st_mode))
		return fits(c, e->st.st_size) ? copy_file(c, e, err) : 1;
	if (!S_ISDIR(e->st.st_mode)) {
		leave_out(c, e->path,
		    S_ISLNK(e->st.st_mode)
			? "it is a symbolic link; copy the file instead"
			: "it is neither a file nor a folder");
		return 0;
	}
	if (e->deep) {
		leave_out(c, e->path, "it is nested too deep");
		return 1;
	}
	if (!fits(c, 0))
		return 1;
	if (make(c, e->path, true) < 0)
		return fail_errno(err, "artifact %.200s", e->path);
	return 0;
}

int
collect(struct collect *c, int from, struct error *err)
{
	struct error why;

	if (walk(from, collect_one, c, &why) < 0 && c->over == LIMIT_NONE &&
	    !c->watch->stopped) {
		*err = why;
		return -1;
	}
	leave_out_more(c);
	return 0;
}
