/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A user namespace needs a process that is born in it. It shares our memory,
 * which makes its birth cheap, and waits on a pipe of ours, whose end is the
 * end of it too.
 */
#include "chroot/sys/ids.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * 4032 ranges above what container managers hand out and below what no
 * program expects; every state folder begins at a place of its own.
 */
#define BASE_FIRST 0x70000000u
#define SLOTS      4032
#define LOCKS      "/run/autotua.ids" /* of all state folders */

/*
 * Is this the namespace of an ordinary user, where few ids but the range from
 * 1 on are anybody's?
 */
bool
ids_is_users(void)
{
	unsigned long inside, outside, count, end = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");

	if (!f)
		return false;
	while (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3) {
		if (inside + count > end)
			end = inside + count;
	}
	fclose(f);
	return end > IDS_COUNT && end <= BASE_FIRST;
}

static int
lock_slot(int fd, off_t slot)
{
	struct flock l = {.l_type = F_WRLCK,
	    .l_whence = SEEK_SET,
	    .l_start = slot,
	    .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &l);
}

/* Lock the first free slot from a place that depends on the folder on. */
static int
take_slot(struct ids *ids, int state, struct error *err)
{
	struct stat st;
	unsigned i, slot;

	if (fstat(state, &st) < 0)
		return fail_errno(err, "stat");
	for (i = 0; i < SLOTS; i++) {
		slot =
		    (unsigned)((st.st_dev * 31 + st.st_ino) * 64 + i) % SLOTS;
		if (lock_slot(ids->lock, (off_t)slot) == 0) {
			ids->base = BASE_FIRST + slot * IDS_COUNT;
			return 0;
		}
		if (errno != EAGAIN && errno != EACCES)
			return fail_errno(err, "lock ids");
	}
	return fail(err, "all %d ranges of ids are in use", SLOTS);
}

/* The process in the new namespace. */
static int
wait_for_end(void *pipe)
{
	const int *fds = pipe;
	char c;

	close(fds[1]);
	while (read(fds[0], &c, 1) < 0 && errno == EINTR)
		continue;
	_exit(0);
}

static int
write_map(pid_t pid, const char *name, uint32_t base, uint32_t count,
    struct error *err)
{
	char path[64], text[64];
	int fd, n, rc = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = snprintf(text, sizeof(text), "0 %u %u\n", base, count);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		rc = fail_errno(err, "%s", name);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
open_namespace(pid_t pid, uint32_t base, uint32_t count, struct error *err)
{
	char path[64];
	int fd;

	if (write_map(pid, "uid_map", base, count, err) < 0 ||
	    write_map(pid, "gid_map", base, count, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open its user namespace");
	return fd;
}

int
ids_namespace(uint32_t base, uint32_t count, struct error *err)
{
	_Alignas(16) char stack[16384];
	int fds[2], rc;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	pid = clone(wait_for_end, stack + sizeof(stack),
	    CLONE_NEWUSER | CLONE_VM | SIGCHLD, fds);
	if (pid < 0)
		rc = fail_errno(err, "user namespace");
	else
		rc = open_namespace(pid, base, count, err);
	close(fds[1]);
	close(fds[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return rc;
}

static int
open_locks(int state)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(LOCKS, flags, 0600);

	if (fd >= 0)
		return fd;
	return openat(state, "ids", flags, 0600);
}

int
ids_take(struct ids *ids, int state, bool users, struct error *err)
{
	*ids = (struct ids){-1, -1, 0, !users};
	ids->base = 1;
	if (ids->mapped)
		ids->lock = open_locks(state);
	if (ids->mapped && ids->lock < 0)
		fail_errno(err, "open ids");
	else if (!ids->mapped || take_slot(ids, state, err) == 0)
		ids->userns = ids_namespace(ids->base, IDS_COUNT, err);
	if (ids->userns >= 0)
		return 0;
	ids_release(ids);
	return -1;
}

uid_t
ids_root(const struct ids *ids)
{
	return ids->userns < 0 || ids->mapped ? 0 : ids->base;
}

void
ids_release(struct ids *ids)
{
	if (ids->userns >= 0)
		close(ids->userns);
	if (ids->lock >= 0)
		close(ids->lock);
	ids->userns = ids->lock = -1;
	ids->mapped = false;
}

/* recursive: AT_RECURSIVE or 0. */
static int
copy_mount(
    int folder, unsigned recursive, struct mount_attr *attr, struct error *err)
{
	int fd = open_tree(folder, "",
	    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive);

	if (fd < 0)
		return fail_errno(err, "open_tree");
	attr->propagation = MS_PRIVATE;
	if (mount_setattr(
		fd, "", AT_EMPTY_PATH | recursive, attr, sizeof(*attr)) == 0)
		return fd;
	fail_errno(err,
	    (attr->attr_set & MOUNT_ATTR_IDMAP) == 0 ? "mount_setattr"
						     : "id-mapped mount");
	close(fd);
	return -1;
}

int
ids_mount(int folder, int userns, uint64_t attributes, struct error *err)
{
	struct mount_attr attr = {.attr_set = attributes};

	if (userns >= 0) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (uint64_t)userns;
	}
	return copy_mount(folder, 0, &attr, err);
}

int
ids_mount_all(int folder, uint64_t attributes, struct error *err)
{
	struct mount_attr attr = {.attr_set = attributes};

	return copy_mount(folder, AT_RECURSIVE, &attr, err);
}

bool
ids_possible(int state, int folder, bool users)
{
	struct error none;
	struct ids ids;
	int fd;

	if (ids_take(&ids, state, users, &none) < 0)
		return false;
	fd = ids_mount(folder, ids.mapped ? ids.userns : -1, 0, &none);
	if (fd >= 0)
		close(fd);
	ids_release(&ids);
	return fd >= 0;
}
