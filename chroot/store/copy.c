/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/copy.h"
#include "chroot/store/content.h"
#include "chroot/sys/sys.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct copy {
	int from, to;
};

/* ---- bytes --------------------------------------------------------------- */

static int
copy_by_hand(int from, int to, off_t at, off_t end, struct error *err)
{
	char data[65536];
	ssize_t n;
	size_t want;

	if (lseek(to, at, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	for (; at < end; at += n) {
		want = sizeof(data);
		if (end - at < (off_t)want)
			want = (size_t)(end - at);
		n = pread(from, data, want, at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return fail_errno(err, "read");
		else if (n == 0)
			return fail(err, "became shorter meanwhile");
		if (file_write_all(to, data, (size_t)n, err) < 0)
			return -1;
	}
	return 0;
}

/* By the kernel, where both are on one kind of file system. */
static int
copy_range(int from, int to, off_t at, off_t end, struct error *err)
{
	off_t in = at, out = at;
	ssize_t n = 1;

	while (in < end && n > 0)
		n = copy_file_range(from, &in, to, &out, (size_t)(end - in), 0);
	return in < end ? copy_by_hand(from, to, in, end, err) : 0;
}

static int
copy_data(int from, int to, off_t size, struct error *err)
{
	off_t data, hole = 0;

	if (size == 0 || ioctl(to, FICLONE, from) == 0)
		return 0;
	while (hole < size) {
		data = lseek(from, hole, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0 || (hole = lseek(from, data, SEEK_HOLE)) < 0)
			return fail_errno(err, "seek");
		if (copy_range(from, to, data, hole, err) < 0)
			return -1;
	}
	return ftruncate(to, size) < 0 ? fail_errno(err, "set size") : 0;
}

/* ---- entries ------------------------------------------------------------- */

static int
copy_file(struct copy *c, const struct content_entry *e, struct error *err)
{
	int from, to, rc = -1;

	from = sys_open_beneath(c->from, e->path, O_RDONLY | O_NONBLOCK);
	if (from < 0)
		return fail_errno(err, "open");
	to = sys_create_beneath(c->to, e->path, 0600);
	if (to < 0) {
		fail_errno(err, "create");
	} else {
		rc = copy_data(from, to, e->size, err);
		close(to);
	}
	close(from);
	return rc;
}

/* The entry itself; all folders on the way are ours and no links. */
static int
make_entry(struct copy *c, const struct content_entry *e, struct error *err)
{
	int rc;

	if (e->first)
		rc = linkat(c->to, e->first->path, c->to, e->path, 0);
	else if (S_ISREG(e->mode))
		return copy_file(c, e, err);
	else if (S_ISLNK(e->mode))
		rc = symlinkat(e->target, c->to, e->path);
	else if (S_ISDIR(e->mode) && strcmp(e->path, ".") == 0)
		rc = 0;
	else if (S_ISDIR(e->mode))
		rc = mkdirat(c->to, e->path, 0700);
	else if (S_ISFIFO(e->mode))
		rc = mkfifoat(c->to, e->path, 0600);
	else
		return fail(err, "is neither file, folder, link nor pipe");
	return rc < 0 ? fail_errno(err, "create") : 0;
}

static int
copy_attributes(
    struct copy *c, const struct content_entry *e, struct error *err)
{
	struct content_attribute *list = NULL;
	struct arena a = {0};
	int from, to, i, n = -1;
	char path[32];

	from = sys_open_beneath(c->from, e->path, O_PATH | O_NOFOLLOW);
	to = sys_open_beneath(c->to, e->path, O_PATH | O_NOFOLLOW);
	if (from < 0 || to < 0)
		fail_errno(err, "open");
	else
		n = content_attributes(from, &a, &list, err);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", to);
	for (i = 0; i < n; i++) {
		if (setxattr(
			path, list[i].name, list[i].value, list[i].size, 0) < 0)
			n = fail_errno(err, "attribute %s", list[i].name);
	}
	if (to >= 0)
		close(to);
	if (from >= 0)
		close(from);
	arena_release(&a);
	return n < 0 ? -1 : 0;
}

/* Who isn't root can't give its copy to a group that it isn't in. */
static int
set_owner(struct copy *c, const struct content_entry *e, struct error *err)
{
	struct stat st;

	if (fstatat(c->to, e->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(err, "stat");
	if (st.st_uid == e->uid && (st.st_gid == e->gid || geteuid() != 0))
		return 0;
	return fchownat(c->to, e->path, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0
	    ? fail_errno(err, "chown")
	    : 0;
}

/*
 * Owner before mode and attributes, which a new owner would lose; mode last,
 * as it may be that of a file which its owner can't write.
 */
static int
dress_entry(struct copy *c, const struct content_entry *e, struct error *err)
{
	if (e->first)
		return 0;
	if (set_owner(c, e, err) < 0 ||
	    (e->attributes && copy_attributes(c, e, err) < 0))
		return -1;
	return !S_ISLNK(e->mode) &&
		fchmodat(c->to, e->path, e->mode & 07777, 0) < 0
	    ? fail_errno(err, "chmod")
	    : 0;
}

static int
set_time(struct copy *c, const struct content_entry *e, struct error *err)
{
	struct timespec t[2] = {e->mtime, e->mtime};

	return utimensat(c->to, e->path, t, AT_SYMLINK_NOFOLLOW) < 0
	    ? fail_errno(err, "set time")
	    : 0;
}

static int
copy_entry(struct copy *c, const struct content_entry *e, struct error *err)
{
	if (e->deep)
		return fail(err, "%.200s: is nested too deep", e->path);
	/* nobody answers at it any more */
	if (S_ISSOCK(e->mode))
		return 0;
	if (make_entry(c, e, err) < 0 ||
	    (!S_ISDIR(e->mode) && dress_entry(c, e, err) < 0))
		return fail_in(err, "%.200s", e->path);
	return 0;
}

/* A folder once nothing more is made in it, which changes its time. */
static int
finish_entry(struct copy *c, const struct content_entry *e, struct error *err)
{
	if (S_ISSOCK(e->mode))
		return 0;
	if ((S_ISDIR(e->mode) && dress_entry(c, e, err) < 0) ||
	    set_time(c, e, err) < 0)
		return fail_in(err, "%.200s", e->path);
	return 0;
}

int
copy_tree(int from, int to, struct error *err)
{
	struct content l = {.n = 0};
	struct copy c = {from, to};
	int rc = content_read(from, false, &l, err);
	size_t i;

	for (i = 0; i < l.n && rc == 0; i++)
		rc = copy_entry(&c, &l.entries[i], err);
	for (i = l.n; i > 0 && rc == 0; i--)
		rc = finish_entry(&c, &l.entries[i - 1], err);
	arena_release(&l.arena);
	return rc;
}
