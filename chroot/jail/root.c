/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root of a jail: overlayfs over stage and layers, in the jail's mount
 * namespace only. redirect_dir is on, so a renamed folder of a lower layer is
 * a note in the upper one; that is sound because a layer is only ever mounted
 * over the very chain it was made on. volatile: nothing is synced before the
 * upper becomes a layer, which is when syncfs() is called.
 *
 * With a user namespace each part is a mount of its own, whose owners are
 * translated. The kernel takes them as descriptors of mounts that are attached
 * nowhere (Linux 6.15), or else once they are attached in this namespace.
 * They stay open until the overlay is there: their end would be the mounts'.
 */
#include "chroot/jail/box.h"
#include "chroot/sys/ids.h"
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
#include <sys/statvfs.h>
#include <unistd.h>

static int
open_plain(const struct box *b, const char *folder, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = sys_open_beneath(AT_FDCWD, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		box_die(b, "open %s: %s", path, strerror(errno));
	return fd;
}

struct part {
	int plain;  /* the folder itself */
	int mapped; /* it with translated owners; -1: they are as they are */
};

struct parts {
	int point; /* where the overlay is attached: the plain upper */
	struct part run;
	int upper, work;            /* in run, mapped if there is one */
	struct part lower[128 + 1]; /* top first */
	size_t nlower;
};

static struct part
open_part(const struct box *b, const char *folder, const char *name,
    uint64_t attributes)
{
	struct part p = {open_plain(b, folder, name), -1};
	struct error err;

	if (!b->mapped)
		return p;
	p.mapped = ids_mount(p.plain, BOX_USERNS,
	    attributes | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &err);
	if (p.mapped < 0)
		box_die(b, "%s/%s: %s", folder, name, err.msg);
	return p;
}

static struct part
open_layer(const struct box *b, const char *key)
{
	char name[80];

	snprintf(name, sizeof(name), "%s/root", key);
	return open_part(b, "layers", name, MOUNT_ATTR_RDONLY);
}

static int
in_use(const struct part *p)
{
	return p->mapped < 0 ? p->plain : p->mapped;
}

static void
open_parts(const struct box *b, struct parts *p)
{
	size_t i;

	p->point = open_plain(b, b->run, "upper");
	p->run = open_part(b, b->run, ".", 0);
	p->upper =
	    sys_open_beneath(in_use(&p->run), "upper", O_PATH | O_DIRECTORY);
	p->work =
	    sys_open_beneath(in_use(&p->run), b->work, O_PATH | O_DIRECTORY);
	if (p->upper < 0 || p->work < 0)
		box_die(b, "open %s: %s", b->run, strerror(errno));
	p->nlower = 0;
	for (i = b->nlayers; i > 0; i--)
		p->lower[p->nlower++] = open_layer(b, b->layers[i - 1]);
	p->lower[p->nlower++] =
	    open_part(b, b->below, "root", MOUNT_ATTR_RDONLY);
}

static void
close_part(const struct part *p)
{
	if (p->mapped >= 0)
		close(p->mapped);
	close(p->plain);
}

static void
close_parts(struct parts *p)
{
	size_t i;

	for (i = 0; i < p->nlower; i++)
		close_part(&p->lower[i]);
	close(p->work);
	close(p->upper);
	close_part(&p->run);
	close(p->point);
}

static void
attach_part(const struct box *b, int mapped, int point)
{
	if (move_mount(mapped, "", point, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		box_die(b, "attach a layer: %s", strerror(errno));
}

/*
 * Attach the mapped parts: images over themselves, the run's folder over the
 * overlay's own, which nobody opens by its path.
 */
static void
attach_parts(const struct box *b, struct parts *p)
{
	size_t i;
	int point;

	if (!b->mapped)
		return;
	for (i = 0; i < p->nlower; i++)
		attach_part(b, p->lower[i].mapped, p->lower[i].plain);
	point = open_plain(b, b->run, b->work);
	attach_part(b, p->run.mapped, point);
	close(point);
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
			in_use(&p->lower[i])) < 0)
			return -1;
	}
	if (fsconfig(fs, FSCONFIG_SET_FD, "upperdir", NULL, p->upper) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FD, "workdir", NULL, p->work) < 0 ||
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
	if (move_mount(fd, "", p->point, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		box_die(b, "attach the root: %s", strerror(errno));
	return fd;
failed:
	close(fs);
	return -1;
}

/* The same by mount(2), whose options are a text of at most a page. */
static int
mount_by_text(const struct box *b, const struct parts *p)
{
	char path[96];
	struct buf o;
	size_t i;
	int fd;

	buf_init(&o, 4000);
	for (i = 0; i < p->nlower; i++)
		(void)buf_addf(&o, "%s/proc/self/fd/%d",
		    i == 0 ? "lowerdir=" : ":", in_use(&p->lower[i]));
	if (buf_addf(&o,
		",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,"
		"%s,metacopy=off,index=off",
		p->upper, p->work,
		is_users(b) ? "userxattr" : "redirect_dir=on") < 0)
		box_die(b, "overlayfs: too many layers for this kernel");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->point);
	if (mount("overlay", path, "overlay", MS_NODEV | MS_NOSUID, o.data) <
	    0) {
		if (errno == ENODEV || errno == EINVAL || errno == EOPNOTSUPP)
			no_overlay(b, strerror(errno));
		box_die(b, "overlayfs (%s): %s", o.data, strerror(errno));
	}
	buf_release(&o);
	snprintf(path, sizeof(path), "%s/upper", b->run);
	/* by its path once more, to come out on top of the new mount */
	fd = sys_open_in_root(AT_FDCWD, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		box_die(b, "open the root: %s", strerror(errno));
	return fd;
}

/* The upper as it is, for it holds everything already. */
static int
mount_copy(const struct box *b)
{
	struct error err;
	int plain = open_plain(b, b->run, "upper"), fd;

	fd = ids_mount(plain, b->mapped ? BOX_USERNS : -1,
	    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &err);
	if (fd < 0)
		box_die(b, "the root: %s", err.msg);
	if (move_mount(fd, "", plain, "",
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		box_die(b, "attach the root: %s", strerror(errno));
	close(plain);
	return fd;
}

static int
mount_overlay(const struct box *b)
{
	struct statvfs vfs;
	struct parts p;
	int root = -1;

	open_parts(b, &p);
	if ((b->without & FEATURE_DETACHED) == 0)
		root = mount_by_descriptors(b, &p, !b->mapped);
	if (root < 0) {
		box_lacks(b, FEATURE_DETACHED);
		attach_parts(b, &p);
		if ((b->without & FEATURE_FSCONFIG) == 0)
			root = mount_by_descriptors(b, &p, true);
	}
	if (root < 0) {
		box_lacks(b, FEATURE_FSCONFIG);
		root = mount_by_text(b, &p);
	}
	/* overlayfs falls back to this without an error */
	if (fstatvfs(root, &vfs) < 0 || (vfs.f_flag & ST_RDONLY) != 0)
		no_overlay(b, "mounted the root read-only");
	close_parts(&p);
	return root;
}

int
root_mount(const struct box *b)
{
	if (b->copied)
		return mount_copy(b);
	if ((b->without & FEATURE_OVERLAY) != 0)
		no_overlay(b, "without overlay");
	return mount_overlay(b);
}
