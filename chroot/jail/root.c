/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root of a jail: overlayfs over stage and layers, in the jail's mount
 * namespace only. redirect_dir is on, so a renamed folder of a lower layer is
 * a note in the upper one; that is sound because a layer is only ever mounted
 * over the very chain it was made on. volatile: nothing is synced before the
 * upper becomes a layer, which is when syncfs() is called.
 *
 * What it stands on are folders of two mounts, whose owners are translated and
 * which have come from the parent: of all images, and of the run. The kernel
 * takes such folders while their mounts are attached nowhere (Linux 6.15), or
 * else once they are attached in this namespace.
 */
#include "chroot/jail/box.h"
#include "chroot/jail/order.h"
#include "chroot/sys/sys.h"
#include "base/buf.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A folder of the nursery, made for this mount to be attached to. */
static int
make_point(const struct box *b, int nursery, const char *name)
{
	int fd = -1;

	if (mkdirat(nursery, name, 0700) == 0 || errno == EEXIST)
		fd = sys_open_in_root(nursery, name, O_PATH | O_DIRECTORY);
	if (fd < 0)
		box_die(b, "create a mount point: %s", strerror(errno));
	return fd;
}

static void
attach(const struct box *b, int mount, int nursery, const char *name)
{
	int point = make_point(b, nursery, name);

	if (move_mount(mount, "", point, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		box_die(b, "attach %s: %s", name, strerror(errno));
	close(point);
}

/* All that overlayfs stands on, for a kernel that wants it so. */
static void
attach_parts(const struct box *b, const struct parts *p, int nursery)
{
	attach(b, p->fd[PART_IMAGES], nursery, "images");
	attach(b, p->fd[PART_RUN], nursery, "run");
}

/* It has mounts of its own by now. */
static void
detach_parts(const struct box *b, int nursery)
{
	static const char *const names[] = {"images", "run"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (fchdir(nursery) < 0 || umount2(names[i], MNT_DETACH) < 0 ||
		    unlinkat(nursery, names[i], AT_REMOVEDIR) < 0)
			box_die(b, "detach %s: %s", names[i], strerror(errno));
	}
}

/* In the namespace of an ordinary user marks are attributes of its files. */
static bool
is_users(const struct box *b)
{
	return b->userns >= 0 && !b->mapped;
}

/* All of the options; -1 if the kernel knows one of them not. */
static int
configure(const struct box *b, int fs, const struct parts *p)
{
	bool users = is_users(b);

	size_t i;

	for (i = 0; i < p->nlower; i++) {
		if (fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL,
			p->lower[i]) < 0)
			return -1;
	}
	if (fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, p->fd[PART_UPPER]) <
		0 ||
	    fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, p->fd[PART_WORK]) <
		0 ||
	    (users &&
		fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0) ||
	    (!users &&
		fsconfig(fs, FSCONFIG_SET_STRING, "redirect_dir", "on", 0) <
		    0) ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "metacopy", "off", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "index", "off", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		return -1;
	return 0;
}

/* What the kernel says about the failure of fs, or errno's text. */
static const char *
why(int fs, char text[256])
{
	int saved = errno;
	ssize_t n = read(fs, text, 255);

	if (n <= 0)
		return strerror(saved);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The caller makes a copy then. */
static _Noreturn void
no_overlay(const struct box *b, const char *text)
{
	box_lacks(b, FEATURE_OVERLAY);
	box_die(b,
	    "overlayfs: %s: the file system of the state folder can't be its "
	    "upper layer; use ext4, xfs or btrfs",
	    text);
}

/*
 * With descriptors of all parts (Linux 6.13). Returns the mounted root, or
 * -1 when this kernel can't do it so; then, if the parts are attached
 * already, that is for want of the options.
 */
static int
mount_by_descriptors(const struct box *b, const struct parts *p, bool attached)
{
	char text[256];
	int fs, fd;

	fs = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0 && errno == ENODEV)
		no_overlay(b, "this kernel has no overlayfs: modprobe overlay");
	if (fs < 0)
		return -1;
	if (configure(b, fs, p) < 0)
		goto failed;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
		if (!attached && errno == EINVAL)
			goto failed;
		if (errno == EINVAL || errno == EOPNOTSUPP)
			no_overlay(b, why(fs, text));
		box_die(b, "overlayfs: %s", why(fs, text));
	}
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID);
	if (fd < 0)
		box_die(b, "overlayfs: %s", why(fs, text));
	close(fs);
	return fd;
failed:
	close(fs);
	return -1;
}

/* The same by mount(2), whose options are a text of at most a page. */
static int
mount_by_text(const struct box *b, const struct parts *p, int nursery)
{
	int fd = make_point(b, nursery, BOX_ROOT);
	char path[96];
	struct buf o;
	size_t i;

	buf_init(&o, 4000);
	for (i = 0; i < p->nlower; i++)
		(void)buf_addf(&o, "%s/proc/self/fd/%d",
		    i == 0 ? "lowerdir=" : ":", p->lower[i]);
	if (buf_addf(&o,
		",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,"
		"%s,metacopy=off,index=off",
		p->fd[PART_UPPER], p->fd[PART_WORK],
		is_users(b) ? "userxattr" : "redirect_dir=on") < 0)
		box_die(b, "overlayfs: too many layers for this kernel");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (mount("overlay", path, "overlay", MS_NODEV | MS_NOSUID, o.data) <
	    0) {
		if (errno == ENODEV || errno == EINVAL || errno == EOPNOTSUPP)
			no_overlay(b, strerror(errno));
		box_die(b, "overlayfs (%s): %s", o.data, strerror(errno));
	}
	buf_release(&o);
	close(fd);
	/* by its path once more, to come out on top of the new mount */
	fd = sys_open_in_root(nursery, BOX_ROOT, O_PATH | O_DIRECTORY);
	if (fd < 0)
		box_die(b, "open the root: %s", strerror(errno));
	return fd;
}

static int
mount_overlay(const struct box *b, const struct parts *p, int nursery)
{
	struct statvfs vfs;
	int root = -1;
	bool attached;

	if ((b->without & FEATURE_DETACHED) == 0)
		root = mount_by_descriptors(b, p, false);
	attached = root < 0;
	if (attached) {
		box_lacks(b, FEATURE_DETACHED);
		attach_parts(b, p, nursery);
		if ((b->without & FEATURE_FSCONFIG) == 0)
			root = mount_by_descriptors(b, p, true);
	}
	if (root >= 0) {
		attach(b, root, nursery, BOX_ROOT);
	} else {
		box_lacks(b, FEATURE_FSCONFIG);
		root = mount_by_text(b, p, nursery);
	}
	if (attached)
		detach_parts(b, nursery);
	/* overlayfs falls back to this without an error */
	if (fstatvfs(root, &vfs) < 0 || (vfs.f_flag & ST_RDONLY) != 0)
		no_overlay(b, "mounted the root read-only");
	return root;
}

int
root_mount(const struct box *b, const struct parts *p, int nursery)
{
	int root = p->fd[PART_ROOT];

	if (root >= 0) {
		attach(b, root, nursery, BOX_ROOT);
		return root;
	}
	if ((b->without & FEATURE_OVERLAY) != 0)
		no_overlay(b, "without overlay");
	return mount_overlay(b, p, nursery);
}
