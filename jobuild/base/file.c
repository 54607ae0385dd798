/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file.h"
#include "buf.h"
#include "error.h"
#include "utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int
file_read_at(int dirfd, const char *name, struct buf *b, struct error *err)
{
	int fd, rc;

	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail_errno(err, "open %s", name);
	rc = buf_read(b, fd, err);
	if (rc < 0)
		fail_in(err, "%s", name);
	close(fd);
	return rc;
}

bool
file_is_below(const char *path)
{
	const char *p = path, *end;
	size_t n;

	do {
		end = strchrnul(p, '/');
		n = (size_t)(end - p);
		if (n == 0 || (n == 1 && *p == '.') ||
		    (n == 2 && memcmp(p, "..", 2) == 0))
			return false;
		p = end + 1;
	} while (*end);
	for (p = path; *p; p += n) {
		n = utf8_char(p, strnlen(p, 4));
		if (n == 0 || utf8_is_control(p, n))
			return false;
	}
	return true;
}

int
file_read(const char *path, struct buf *b, struct error *err)
{
	return file_read_at(AT_FDCWD, path, b, err);
}

const char *
file_argument(const char *arg)
{
	return strcmp(arg, "-") == 0 ? "<standard input>" : arg;
}

int
file_read_argument(const char *arg, struct buf *b, struct error *err)
{
	if (strcmp(arg, "-") != 0)
		return file_read(arg, b, err);
	if (buf_read(b, STDIN_FILENO, err) < 0)
		return fail_in(err, "%s", file_argument(arg));
	return 0;
}

void
file_read_text(int dirfd, const char *name, char *text, size_t size)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

int
file_write_all(int fd, const void *p, size_t n, struct error *err)
{
	const char *s = p;
	ssize_t w;

	while (n > 0) {
		w = write(fd, s, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return fail_errno(err, "write");
		s += w;
		n -= (size_t)w;
	}
	return 0;
}

int
file_end_output(struct error *err)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (errno == 0)
		return fail(err, "standard output: a part of it was lost");
	return fail_errno(err, "standard output");
}

int
file_create(
    const char *path, const void *p, size_t n, mode_t mode, struct error *err)
{
	int fd, rc;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return fail_errno(err, "create %s", path);
	rc = file_write_all(fd, p, n, err);
	if (rc < 0)
		fail_in(err, "%s", path);
	close(fd);
	return rc;
}

int
file_sync_parent(int dirfd, const char *name, struct error *err)
{
	char dir[PATH_MAX] = ".";
	const char *slash = strrchr(name, '/');

	if (slash == name)
		snprintf(dir, sizeof(dir), "/");
	else if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - name), name);
	return file_sync_folder(dirfd, dir, err);
}

int
file_sync_folder(int dirfd, const char *dir, struct error *err)
{
	int fd, rc = 0;

	fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", dir);
	if (fsync(fd) < 0)
		rc = fail_errno(err, "sync %s", dir);
	close(fd);
	return rc;
}

/* What a file gets that takes another's place. */
struct looks {
	mode_t mode;
	const struct stat *owner; /* NULL: who writes it */
	const char *acl;          /* whose access list; NULL: the folder's */
	bool sync;
};

#define ACL "system.posix_acl_access"

/* Give fd the access list of the file at path, or none if that has none. */
static int
copy_acl(const char *path, int fd)
{
	char acl[XATTR_SIZE_MAX];
	ssize_t n = lgetxattr(path, ACL, acl, sizeof(acl));
	int rc;

	if (n < 0 && errno != ENODATA)
		return errno == EOPNOTSUPP ? 0 : -1;
	rc = n < 0 ? fremovexattr(fd, ACL)
		   : fsetxattr(fd, ACL, acl, (size_t)n, 0);
	return rc < 0 && errno != ENODATA ? -1 : 0;
}

static int
dress(int fd, const char *name, const struct looks *l, struct error *err)
{
	if (l->owner && fchown(fd, l->owner->st_uid, l->owner->st_gid) < 0)
		return fail_errno(
		    err, "%s: its owner and group can't be kept", name);
	if (l->acl && copy_acl(l->acl, fd) < 0)
		return fail_errno(
		    err, "%s: its access list can't be kept", name);
	if (fchmod(fd, l->mode) < 0)
		return fail_errno(err, "write %s", name);
	return 0;
}

static int
replace(int dirfd, const char *name, const void *p, size_t n,
    const struct looks *l, struct error *err)
{
	char tmp[PATH_MAX];
	int fd, rc = -1;

	if (snprintf(tmp, sizeof(tmp), "%s.%ld.new", name, (long)getpid()) >=
	    (int)sizeof(tmp))
		return fail(err, "%s: name too long", name);
	unlinkat(dirfd, tmp, 0);
	fd = openat(dirfd, tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "create %s", name);
	if (file_write_all(fd, p, n, err) < 0) {
		fail_in(err, "%s", name);
		goto out;
	}
	if (dress(fd, name, l, err) < 0)
		goto out;
	if ((l->sync && fsync(fd) < 0) ||
	    renameat(dirfd, tmp, dirfd, name) < 0) {
		fail_errno(err, "write %s", name);
		goto out;
	}
	rc = l->sync ? file_sync_parent(dirfd, name, err) : 0;
out:
	if (rc < 0)
		unlinkat(dirfd, tmp, 0);
	close(fd);
	return rc;
}

int
file_write_at(int dirfd, const char *name, const void *p, size_t n, mode_t mode,
    struct error *err)
{
	struct looks l = {.mode = mode, .sync = true};

	return replace(dirfd, name, p, n, &l, err);
}

int
file_replace_at(int dirfd, const char *name, const void *p, size_t n,
    mode_t mode, struct error *err)
{
	struct looks l = {.mode = mode};

	return replace(dirfd, name, p, n, &l, err);
}

int
file_write(
    const char *path, const void *p, size_t n, mode_t mode, struct error *err)
{
	return file_write_at(AT_FDCWD, path, p, n, mode, err);
}

int
file_rewrite(const char *path, const void *p, size_t n, struct error *err)
{
	struct stat st;
	struct looks l = {.owner = &st, .acl = path, .sync = true};

	if (lstat(path, &st) < 0)
		return fail_errno(err, "%s", path);
	l.mode = st.st_mode & 07777;
	return replace(AT_FDCWD, path, p, n, &l, err);
}

int
file_mkdirs(const char *path, mode_t mode, struct error *err)
{
	char part[PATH_MAX];
	size_t i, n = strlen(path);
	struct stat st;

	if (n == 0 || n >= sizeof(part))
		return fail(err, "\"%s\": not a usable path", path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	for (i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return fail_errno(err, "create folder %s", part);
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return fail(err, "%s: is not a folder", path);
	return 0;
}

/* Is what fd shows another file system than dev, or a mount point? */
static bool
is_foreign(int fd, dev_t dev)
{
	struct statx sx;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_dev != dev)
		return true;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &sx) < 0)
		return false;
	return (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/* Open the folder name, with rights given back to its owner if need be. */
static DIR *
enter(int dirfd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);
	struct stat st;
	DIR *dir;

	if (fd < 0 && errno == EACCES &&
	    fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(dirfd, name, flags);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && (st.st_mode & 0300) != 0300)
		(void)fchmod(fd, 0700);
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	return dir;
}

/* How a tree is emptied; folders below DEPTH levels are moved up to top. */
struct emptying {
	DIR *top;
	dev_t dev;
	unsigned serial; /* of what was moved up */
};
#define DEPTH 16

static int
empty_folder(struct emptying *m, DIR *dir, int depth, struct error *err);

/* Move the folder fd/name beside top's entries, where it is met again. */
static int
move_up(struct emptying *m, int fd, const char *name, struct error *err)
{
	char fresh[32];

	do
		snprintf(fresh, sizeof(fresh), ".rm-%u", ++m->serial);
	while (faccessat(dirfd(m->top), fresh, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	if (renameat(fd, name, dirfd(m->top), fresh) < 0)
		return fail_errno(err, "delete %s", name);
	return 0;
}

/* Delete the folder fd/name, or leave it to a later turn. */
static int
remove_folder(
    struct emptying *m, int fd, const char *name, int depth, struct error *err)
{
	DIR *sub;
	int rc;

	if (unlinkat(fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	sub = enter(fd, name);
	if (!sub)
		return fail_errno(err, "delete %s", name);
	if (is_foreign(dirfd(sub), m->dev))
		rc = fail(err, "%s is a mount point", name);
	else if (depth == DEPTH)
		rc = move_up(m, fd, name, err);
	else
		rc = empty_folder(m, sub, depth + 1, err);
	closedir(sub);
	if (rc == 0 && depth < DEPTH && unlinkat(fd, name, AT_REMOVEDIR) < 0)
		return fail_errno(err, "delete %s", name);
	return rc;
}

/* Delete the entries of the folder dir. */
static int
empty_folder(struct emptying *m, DIR *dir, int depth, struct error *err)
{
	struct dirent *e;
	int fd = dirfd(dir);

	while ((errno = 0, e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type != DT_DIR &&
		    (unlinkat(fd, e->d_name, 0) == 0 || errno == ENOENT))
			continue;
		if (remove_folder(m, fd, e->d_name, depth, err) < 0)
			return -1;
	}
	return 0;
}

int
file_remove_tree(int dirfd_, const char *name, struct error *err)
{
	struct emptying m = {.serial = 0};
	unsigned before;
	struct stat st;
	int rc = -1;

	if (unlinkat(dirfd_, name, 0) == 0 || errno == ENOENT)
		return 0;
	m.top = enter(dirfd_, name);
	if (!m.top)
		return fail_errno(err, "delete %s", name);
	if (fstat(dirfd(m.top), &st) < 0) {
		fail_errno(err, "stat %s", name);
		goto out;
	}
	m.dev = st.st_dev;
	do {
		before = m.serial;
		rewinddir(m.top);
		if (empty_folder(&m, m.top, 0, err) < 0)
			goto out;
	} while (m.serial != before);
	rc = 0;
out:
	closedir(m.top);
	if (rc == 0 && unlinkat(dirfd_, name, AT_REMOVEDIR) < 0)
		return fail_errno(err, "delete %s", name);
	return rc;
}

int
file_room(int dirfd_, int64_t bytes, struct error *err)
{
	static const char some[4096];
	int fd, rc = 0;

	fd = openat(dirfd_, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "takes no files");
	if (fallocate(fd, 0, 0, bytes) < 0) {
		rc = fail_errno(
		    err, "has no room for %" PRId64 " KiB", bytes >> 10);
		/* not every file system can promise */
		if (err->code == EOPNOTSUPP)
			rc = file_write_all(fd, some, sizeof(some), err);
	}
	close(fd);
	return rc;
}

bool
file_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool
file_is_empty(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	/* two are itself and the one above it */
	while (n <= 2 && readdir(dir))
		n++;
	closedir(dir);
	return n <= 2;
}
