/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/place.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER    (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define LINKS_MAX 40 /* as the kernel */

struct place {
	int fd;              /* the folder that has been reached */
	char rest[PATH_MAX]; /* the way from there on */
	int links;           /* followed so far */
	bool users;
};

/* Could others move what is in the folder, not being who made that? */
static int
check_folder(int folder, struct error *err)
{
	char link[40], path[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstat(folder, &st) < 0)
		return fail_errno(err, "stat");
	if (st.st_uid == geteuid() &&
	    ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return fail(err,
	    "others than root may exchange it: choose another folder with -s, "
	    "or chown root: the folder above it, %.120s, and chmod go-w that",
	    path);
}

/* The open folder and each above it, up to the top. */
static int
check_upwards(int folder, struct error *err)
{
	struct stat last, st = {.st_ino = 0};
	int fd = openat(folder, ".", FOLDER), up, rc;

	do {
		last = st;
		if (fd < 0 || fstat(fd, &st) < 0)
			rc = fail_errno(err, "open the folder above");
		else
			rc = check_folder(fd, err);
		if (rc < 0)
			break;
		up = openat(fd, "..", FOLDER);
		close(fd);
		fd = up;
	} while (st.st_ino != last.st_ino || st.st_dev != last.st_dev);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The folder becomes the one that has been reached. */
static int
enter(struct place *p, int fd, const char *name, struct error *err)
{
	if (fd < 0)
		return fail_errno(err, "%.100s", name);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = fd;
	return 0;
}

/* Where the way begins: at the top, or here. */
static int
begin(struct place *p, struct error *err)
{
	const char *at = p->rest[0] == '/' ? "/" : ".";

	if (enter(p, open(at, FOLDER), at, err) < 0)
		return -1;
	return p->users ? 0 : check_upwards(p->fd, err);
}

/* In a sticky folder what is root's is nobody else's to exchange. */
static bool
is_trusted(const struct place *p, const struct stat *link, bool last)
{
	struct stat st;

	if (link->st_uid == geteuid())
		return true;
	/* fs.protected_symlinks is for who leaves links to the kernel */
	return p->users && !last && fstat(p->fd, &st) == 0 &&
	    (st.st_mode & S_ISVTX) == 0;
}

/* Where the link leads to comes before the rest. */
static int
follow(struct place *p, const char *name, bool last, struct error *err)
{
	size_t rest = strlen(p->rest) + 1;
	char way[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(err, "%.100s", name);
	if (!S_ISLNK(st.st_mode) || p->links++ >= LINKS_MAX) {
		errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
		return fail_errno(err, "%.100s", name);
	}
	if (!is_trusted(p, &st, last))
		return fail(err,
		    "%.100s is somebody else's link; choose another folder "
		    "with -s",
		    name);
	n = readlinkat(p->fd, name, way, sizeof(way));
	if (n < 0)
		return fail_errno(err, "%.100s", name);
	if ((size_t)n + 1 + rest > sizeof(way))
		return fail(err, "%.100s leads to too long a path", name);
	memmove(p->rest + n + 1, p->rest, rest);
	memcpy(p->rest, way, (size_t)n);
	p->rest[n] = '/';
	return way[0] == '/' ? begin(p, err) : 0;
}

/* The first name of the rest is cut off; is there one? */
static bool
cut(struct place *p, char name[PATH_MAX], bool *last)
{
	const char *from = p->rest + strspn(p->rest, "/"), *to;
	size_t n = strcspn(from, "/");

	memcpy(name, from, n);
	name[n] = '\0';
	to = from + n + strspn(from + n, "/");
	*last = *to == '\0';
	memmove(p->rest, to, strlen(to) + 1);
	return n > 0;
}

static int
step(struct place *p, const char *name, bool last, struct error *err)
{
	int fd = openat(p->fd, name, FOLDER);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(p->fd, name, last ? 0700 : 0755) < 0 &&
		    errno != EEXIST)
			return fail_errno(err, "create folder %.100s", name);
		fd = openat(p->fd, name, FOLDER);
	}
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return follow(p, name, last, err);
	if (enter(p, fd, name, err) < 0)
		return -1;
	/* whoever owns the last one is told another remedy */
	return p->users || last ? 0 : check_folder(fd, err);
}

int
place_open(const char *path, bool users, struct error *err)
{
	struct place p = {.fd = -1, .users = users};
	char name[PATH_MAX];
	bool last;
	int rc;

	if (path[0] == '\0' || strlen(path) >= sizeof(p.rest))
		return fail(err, "is no usable path");
	memcpy(p.rest, path, strlen(path) + 1);
	rc = begin(&p, err);
	while (rc == 0 && cut(&p, name, &last))
		rc = step(&p, name, last, err);
	if (rc < 0 && p.fd >= 0)
		close(p.fd);
	return rc < 0 ? -1 : p.fd;
}
