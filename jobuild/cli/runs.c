/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/runs.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PASSED "passed" /* a file in the folder of a run that did */

int
runs_lock(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(err, "%s", path);
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return fd;
	fail_errno(err, "lock %s", path);
	close(fd);
	return -1;
}

int
runs_new(
    struct arena *a, const char *parent, const char **path, struct error *err)
{
	time_t t = time(NULL);
	char stamp[32];
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	*path = arena_printf(a, "%s/%s-%ld", parent, stamp, (long)getpid());
	if (file_mkdirs(*path, 0755, err) < 0)
		return -1;
	return runs_lock(*path, err);
}

int
runs_end(int fd, bool passed, struct error *err)
{
	return passed ? file_write_at(fd, PASSED, "", 0, 0644, err) : 0;
}

/* 20240131-235959-12345: nothing else is ever deleted. */
static bool
is_run(const char *name)
{
	size_t i;

	for (i = 0; i < 15; i++) {
		if (i == 8 ? name[i] != '-' : name[i] < '0' || name[i] > '9')
			return false;
	}
	return name[15] == '-' && name[16] &&
	    name[16 + strspn(name + 16, "0123456789")] == '\0';
}

static int
filter(const struct dirent *e)
{
	return is_run(e->d_name);
}

static int
newest_first(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*b)->d_name, (*a)->d_name);
}

/* Delete it if its run has ended. */
static bool
remove_run(int dirfd, const char *name)
{
	struct error ignored;
	bool gone = false;
	int fd;

	fd = openat(
	    dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		gone = file_remove_tree(dirfd, name, &ignored) == 0;
	close(fd);
	return gone;
}

static bool
has_passed(int dirfd, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/" PASSED, name);
	return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

size_t
runs_clean(const char *parent, size_t keep)
{
	size_t failed = 0, removed = 0;
	struct dirent **list = NULL;
	int dirfd, n, i;

	dirfd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (keep == 0 || dirfd < 0) {
		if (dirfd >= 0)
			close(dirfd);
		return 0;
	}
	n = scandirat(dirfd, ".", &list, filter, newest_first);
	for (i = 0; i < n; i++) {
		bool bad = !has_passed(dirfd, list[i]->d_name);

		failed += bad;
		if ((size_t)i >= keep && (!bad || failed > keep))
			removed += remove_run(dirfd, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	close(dirfd);
	return removed;
}
