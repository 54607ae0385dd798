/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/trees.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *
key_of(struct arena *a, const char *revision, const struct recipe_id *ids,
    size_t n)
{
	char hex[DIGEST_HEX_MAX];
	struct digest d;
	size_t i;

	digest_init(&d, DIGEST_KEY);
	digest_field(&d, "tree of a unit");
	digest_field(&d, revision);
	for (i = 0; i < n; i++)
		digest_field(&d, id_format(a, &ids[i]));
	digest_end(&d, hex);
	return arena_strdup(a, hex);
}

/* Take its lock in another way; that is not one step for others. */
static int
lock_as(const struct kept_tree *k, int operation, struct error *err)
{
	while (flock(k->lock, operation) < 0) {
		if (errno != EINTR)
			return fail_errno(err, "lock %s", k->path);
	}
	return 0;
}

/* A folder, as older versions have it, too. */
static int
remove_it(const struct kept_tree *k, struct error *err)
{
	return file_remove_tree(AT_FDCWD, k->path, err);
}

static bool
is_there(struct kept_tree *k)
{
	return stat(k->path, &k->st) == 0 && S_ISREG(k->st.st_mode);
}

/* Who finds it there uses it beside others; who doesn't fetches it alone. */
static int
take(struct kept_tree *k, struct error *err)
{
	if (lock_as(k, LOCK_SH, err) < 0)
		return -1;
	/* when it was used last */
	(void)futimens(k->lock, NULL);
	k->there = is_there(k);
	if (k->there)
		return 0;
	if (lock_as(k, LOCK_EX, err) < 0)
		return -1;
	k->there = is_there(k);
	return k->there ? lock_as(k, LOCK_SH, err) : remove_it(k, err);
}

int
trees_take(struct kept_tree *k, const char *state, const char *revision,
    const struct recipe_id *ids, size_t n, struct arena *a, struct error *err)
{
	const char *key = key_of(a, revision, ids, n), *lock;

	k->path = arena_printf(a, "%s/trees/%s", state, key);
	lock = arena_printf(a, "%s.lock", k->path);
	if (file_mkdirs(arena_printf(a, "%s/trees", state), 0700, err) < 0)
		return -1;
	k->lock = open(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (k->lock < 0)
		return fail_errno(err, "open %s", lock);
	if (take(k, err) == 0)
		return 0;
	close(k->lock);
	k->lock = -1;
	return -1;
}

int
trees_begin(const struct kept_tree *k, struct error *err)
{
	struct arena a = {0};
	const char *folder = arena_strndup(
	    &a, k->path, (size_t)(strrchr(k->path, '/') - k->path));
	int fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	if (fd < 0)
		fail_errno(err, "temporary file in %s", folder);
	arena_release(&a);
	return fd;
}

int
trees_keep(struct kept_tree *k, int fd, struct error *err)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, k->path, AT_SYMLINK_FOLLOW) < 0)
		return fail_errno(err, "create %s", k->path);
	k->there = is_there(k);
	return lock_as(k, LOCK_SH, err);
}

int
trees_spoilt(struct kept_tree *k, struct error *err)
{
	if (lock_as(k, LOCK_EX, err) < 0)
		return -1;
	k->there = false;
	return remove_it(k, err);
}

/* The lock's file stays: somebody may be waiting for it. */
static void
prune(int dir, const char *lock, time_t before)
{
	char name[KEY_HEX];
	struct error err;
	struct stat st;
	int fd;

	if (fstatat(dir, lock, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_mtime >= before)
		return;
	fd = openat(dir, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(name, sizeof(name), "%.64s", lock);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
	    st.st_mtime < before && file_remove_tree(dir, name, &err) < 0)
		log_warn("trees: %s", err.msg);
	close(fd);
}

void
trees_prune(const char *state, long seconds)
{
	struct arena a = {0};
	DIR *dir = opendir(arena_printf(&a, "%s/trees", state));
	time_t before = time(NULL) - seconds;
	struct dirent *e;

	arena_release(&a);
	while (dir && (e = readdir(dir)) != NULL) {
		if (strlen(e->d_name) == KEY_HEX - 1 + 5 &&
		    strcmp(e->d_name + KEY_HEX - 1, ".lock") == 0)
			prune(dirfd(dir), e->d_name, before);
	}
	if (dir)
		closedir(dir);
}
