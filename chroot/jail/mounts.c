/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a jail sees besides its stage: /dev, /proc, /sys, /tmp, /autotua. A
 * mount point may have come from an image, so it is opened below the new
 * root without following any link; a link there is refused. mount(2) gets it
 * as /proc/self/fd/N of the host's /proc, which is still ours here; what is
 * only seen at a second place is copied and attached by descriptors. /dev and
 * /proc are the same for all jobs, so they are made beside the root and moved
 * there, which may be much later. The nursery they are made in is /sys then:
 * to unmount it would be a wait for all processors.
 */
#include "chroot/jail/box.h"
#include "chroot/jail/limit.h"
#include "chroot/jail/order.h"
#include "chroot/sys/sys.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int
open_point(const struct box *b, int root, const char *name)
{
	int flags = O_PATH | O_DIRECTORY;
	int fd = sys_open_in_root(root, name, flags);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(root, name, 0755) < 0)
			box_die(b, "create /%s: %s", name, strerror(errno));
		fd = sys_open_in_root(root, name, flags);
	}
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		box_die(b,
		    "/%s of the stage or its layers is not a folder (a link "
		    "is refused): something is mounted there, so make it an "
		    "empty folder",
		    name);
	if (fd < 0)
		box_die(b, "open /%s: %s", name, strerror(errno));
	return fd;
}

/* mount(2) onto an open folder or file, which is closed. */
static void
mount_on(const struct box *b, int fd, const char *what, const char *type,
    unsigned long flags, const char *options)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (mount(what, path, type, flags, options) < 0)
		box_die(b, "mount %s (%s): %s", type ? type : what,
		    options ? options : "bind", strerror(errno));
	close(fd);
}

/* The file or folder at path once more, attached nowhere. */
static int
copy_of(int dirfd, const char *path)
{
	return open_tree(
	    dirfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

/*
 * Attach such a copy to the open point, which is name. The copy has its
 * attributes before it can be seen anywhere.
 */
static void
attach(const struct box *b, int copy, int point, const char *name,
    uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes | MOUNT_ATTR_NOSUID};

	if (copy < 0 ||
	    mount_setattr(copy, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ||
	    move_mount(copy, "", point, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		box_die(b, "bind to /%s: %s", name, strerror(errno));
}

/* The same where name is in the root already. */
static void
attach_at(const struct box *b, int root, int copy, const char *name,
    uint64_t attributes)
{
	int point = sys_open_in_root(root, name, O_PATH);

	if (point < 0)
		box_die(b, "open /%s: %s", name, strerror(errno));
	attach(b, copy, point, name, attributes);
	/* cppcheck-suppress invalidFunctionArg ; box_die() doesn't return */
	close(point);
}

/* On a folder that the host has for certain and that we need no more. */
int
mount_nursery(const struct box *b)
{
	int fd;

	if (mount("sys", "run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		"mode=0755,size=4k,nr_inodes=16") < 0)
		box_die(b, "mount the nursery: %s", strerror(errno));
	fd = open("run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		box_die(b, "open the nursery: %s", strerror(errno));
	return fd;
}

static const struct {
	const char *name;
	unsigned major, minor;
} nodes[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8},
    {"urandom", 1, 9}, {"tty", 5, 0}};

/* Where nodes can't be made (a container): the host's, if it is the right. */
static void
bind_node(const struct box *b, int root, int dev, const char *name, dev_t rdev)
{
	char host[32], path[32];
	struct stat st;
	int fd;

	snprintf(host, sizeof(host), "/dev/%s", name);
	if (lstat(host, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != rdev)
		box_die(b, "%s of this machine is not the usual device", host);
	fd = openat(dev, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		box_die(b, "create %s: %s", host, strerror(errno));
	/* cppcheck-suppress invalidFunctionArg ; box_die() doesn't return */
	close(fd);
	snprintf(path, sizeof(path), "dev/%s", name);
	fd = copy_of(AT_FDCWD, host);
	attach_at(b, root, fd, path, 0);
	close(fd);
}

static void
fill_dev(const struct box *b, int root, int dev)
{
	static const char *const links[][2] = {{"/proc/self/fd", "fd"},
	    {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
	    {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}};
	size_t i;
	dev_t rdev;

	for (i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		rdev = makedev(nodes[i].major, nodes[i].minor);
		if (mknodat(dev, nodes[i].name, S_IFCHR | 0666, rdev) < 0)
			bind_node(b, root, dev, nodes[i].name, rdev);
	}
	for (i = 0; i < sizeof(links) / sizeof(*links); i++) {
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			box_die(b, "create /dev/%s: %s", links[i][1],
			    strerror(errno));
	}
	if (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 01777) < 0)
		box_die(b, "create folders in /dev: %s", strerror(errno));
}

void
mount_dev(const struct box *b, int root)
{
	char options[80];
	int dev;

	snprintf(options, sizeof(options),
	    "newinstance,ptmxmode=0666,mode=0620,gid=%u", b->base + 5);
	mount_on(b, open_point(b, root, "dev"), "dev", "tmpfs",
	    MS_NOSUID | MS_NOEXEC, "mode=0755,size=1m,nr_inodes=1024");
	dev = open_point(b, root, "dev");
	fill_dev(b, root, dev);
	close(dev);
	mount_on(b, open_point(b, root, "dev/pts"), "devpts", "devpts",
	    MS_NOSUID | MS_NOEXEC, options);
	mount_on(b, open_point(b, root, "dev/shm"), "shm", "tmpfs",
	    MS_NOSUID | MS_NODEV, "mode=1777,size=256m,nr_inodes=65536");
}

static void
cover(const struct box *b, int copy, int point, const char *name,
    uint64_t attributes)
{
	attach(b, copy, point, name, attributes);
	close(copy);
	close(point);
}

/* Root of the jail is root of the host: what it could write to is masked. */
void
mount_proc(const struct box *b, int root)
{
	static const char *const locked[] = {"proc/sys", "proc/irq", "proc/bus",
	    "proc/fs", "proc/sysrq-trigger", "proc/acpi"};
	static const char *const hidden[] = {"proc/kcore", "proc/kmsg",
	    "proc/keys", "proc/key-users", "proc/timer_list", "proc/kallsyms"};
	size_t i;
	int fd;

	mount_on(b, open_point(b, root, "proc"), "proc", "proc",
	    MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	if (b->poor && b->limits.memory > 0) {
		fd = open_point(b, root, "proc/sys");
		limit_ipc(fd);
		close(fd);
	}
	for (i = 0; i < sizeof(locked) / sizeof(*locked); i++) {
		fd = sys_open_in_root(root, locked[i], O_PATH);
		if (fd >= 0)
			cover(b, copy_of(fd, ""), fd, locked[i],
			    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV |
				MOUNT_ATTR_NOEXEC);
	}
	for (i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
		fd = sys_open_in_root(root, hidden[i], O_PATH);
		if (fd >= 0)
			cover(b, copy_of(AT_FDCWD, "/dev/null"), fd, hidden[i],
			    0);
	}
}

/* On the upper layer, so that limits of disk hold for it; not in a layer. */
void
mount_tmp(const struct box *b, int root)
{
	if (mkdirat(root, "tmp", 01777) < 0 && errno != EEXIST)
		box_die(b, "create /tmp: %s", strerror(errno));
}

static void
move_to(const struct box *b, int from, int point, const char *name)
{
	if (move_mount(from, "", point, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		box_die(b, "move /%s: %s", name, strerror(errno));
}

/* What has been made in the nursery, to its place. */
void
mount_moved(const struct box *b, int nursery, int root)
{
	static const char *const names[] = {"dev", "proc"};
	size_t i;
	int from, point;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		from = open_point(b, nursery, names[i]);
		point = open_point(b, root, names[i]);
		move_to(b, from, point, names[i]);
		close(from);
		close(point);
	}
}

int
mount_point_of_sys(const struct box *b, int root)
{
	return open_point(b, root, "sys");
}

void
mount_sys(const struct box *b, int nursery, int point)
{
	move_to(b, nursery, point, "sys");
}

/* Empty: what reads /sys gets "not there" instead of the host's hardware. */
void
mount_emptied(const struct box *b, int nursery)
{
	static const char *const names[] = {"dev", "proc", BOX_ROOT};
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (unlinkat(nursery, names[i], AT_REMOVEDIR) < 0)
			box_die(b, "empty /sys: %s", strerror(errno));
	}
	if (mount_setattr(nursery, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		box_die(b, "protect /sys: %s", strerror(errno));
}

void
mount_autotua(const struct box *b, const struct parts *p, int root)
{
	close(open_point(b, root, "autotua"));
	attach_at(b, root, p->fd[PART_HOME], "autotua", MOUNT_ATTR_NODEV);
	if (p->fd[PART_RECIPE] >= 0)
		attach_at(b, root, p->fd[PART_RECIPE], "autotua/recipe",
		    MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);
	attach_at(b, root, p->fd[PART_SRC], "autotua/distfiles",
	    MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);
}

/* Open the jail's resolv.conf, made if nothing is there; -1: can't be used. */
static int
open_resolver(int root)
{
	static const char conf[] = "etc/resolv.conf";
	int etc, fd;

	fd = sys_open_links_in_root(root, conf, O_PATH);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	etc = sys_open_in_root(root, "etc", O_PATH | O_DIRECTORY);
	if (etc < 0)
		return -1;
	/* a link to nothing is there and stays: EEXIST */
	fd = openat(etc, "resolv.conf",
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	close(etc);
	return fd;
}

void
mount_resolver(const struct box *b, const struct parts *p, int root)
{
	struct stat st;
	int fd;

	if (b->net == NETWORK_PRIVATE && p->fd[PART_RESOLVER] < 0)
		dprintf(BOX_LOG,
		    "autotua-chroot: /etc/resolv.conf of this machine names "
		    "no server that a private network can reach\n");
	if (p->fd[PART_RESOLVER] < 0)
		return;
	fd = open_resolver(root);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		dprintf(BOX_LOG,
		    "autotua-chroot: /etc/resolv.conf of the stage can't be "
		    "replaced by this machine's; make it a file, or host "
		    "names won't be found\n");
	} else {
		attach(b, p->fd[PART_RESOLVER], fd, "etc/resolv.conf",
		    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
	}
	if (fd >= 0)
		close(fd);
}
