/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/step/base.h"
#include "chroot/step/aside.h"
#include "chroot/store/copy.h"
#include "chroot/store/image.h"
#include "chroot/store/room.h"
#include "chroot/step/prepare.h"
#include "chroot/sys/sys.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- flattening ---------------------------------------------------------- */

static int
add_lower(struct buf *o, const char *folder, struct error *err)
{
	char path[160];
	int fd;

	/* by our own working directory: mounts must be this namespace's */
	snprintf(path, sizeof(path), "%s/root", folder);
	fd = sys_open_beneath(AT_FDCWD, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fail_errno(err, "open %s", path);
	/* open until the mount is there, and this process is short-lived */
	if (buf_addf(o, "%s/proc/self/fd/%d", o->len ? ":" : "lowerdir=", fd) <
	    0)
		return fail(err, "too many layers for a mount");
	return 0;
}

/* What a job would see of the chain, at run/JOB/view. */
static int
mount_view(struct run *r, struct error *err)
{
	char folder[80];
	struct buf o;
	size_t i;
	int rc = 0;

	buf_init(&o, 4000);
	for (i = r->o->nlayers; i > r->base.skip && rc == 0; i--) {
		snprintf(
		    folder, sizeof(folder), "layers/%s", r->o->layers[i - 1]);
		rc = add_lower(&o, folder, err);
	}
	if (rc == 0)
		rc = add_lower(&o, r->base.folder, err);
	if (rc == 0 &&
	    buf_adds(
		&o, ids_is_users() ? ",userxattr" : ",redirect_dir=follow") < 0)
		rc = fail(err, "too many layers for a mount");
	if (rc == 0 &&
	    (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		chdir("run") < 0 || chdir(r->o->job) < 0 ||
		mount("overlay", "view", "overlay",
		    MS_RDONLY | MS_NODEV | MS_NOSUID, o.data) < 0))
		rc = fail_errno(err, "mount the chain");
	buf_release(&o);
	return rc;
}

/* run/JOB/flat: the view copied, its list, its ok. */
static int
copy_view(struct run *r, struct error *err)
{
	int from = -1, flat = -1, to = -1, rc = -1;
	struct image_facts facts;
	char ok[IMAGE_OK];

	/* the mount on top of the folder, hence by its path */
	from = open("view", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	flat = sys_open_beneath(r->fd, "flat", O_RDONLY | O_DIRECTORY);
	to = sys_open_beneath(r->fd, "flat/root", O_RDONLY | O_DIRECTORY);
	if (from < 0 || flat < 0 || to < 0) {
		fail_errno(err, "open");
		goto out;
	}
	if (copy_tree(from, to, err) < 0 || image_record(flat, &facts, err) < 0)
		goto out;
	image_ok(&facts, ok);
	rc = state_seal(flat, ok, err);
out:
	if (to >= 0)
		close(to);
	if (flat >= 0)
		close(flat);
	if (from >= 0)
		close(from);
	return rc;
}

static int
make_flat(struct run *r, struct error *err)
{
	if (mkdirat(r->fd, "view", 0700) < 0 ||
	    mkdirat(r->fd, "flat", 0700) < 0 ||
	    mkdirat(r->fd, "flat/root", 0755) < 0)
		return fail_errno(err, "create flat");
	if (mount_view(r, err) < 0)
		return -1;
	return copy_view(r, err);
}

/* Put the whole chain into one copy, beside its top layer. */
static int
flatten(struct run *r, struct error *err)
{
	const char *top = r->o->layers[r->o->nlayers - 1];
	int layer, rc = -1;

	if (aside(r, CLONE_NEWNS, 0, make_flat, err) < 0)
		return -1;
	layer = sys_open_beneath(
	    r->state.images[IMAGE_LAYER], top, O_RDONLY | O_DIRECTORY);
	if (layer < 0)
		return fail_errno(err, "open layer %s", top);
	/* another run may have been faster */
	if (renameat2(r->fd, "flat", layer, "flat", RENAME_NOREPLACE) < 0 &&
	    errno != EEXIST)
		fail_errno(err, "layer %s", top);
	else
		rc = fsync(layer) < 0 ? fail_errno(err, "sync") : 0;
	room_forget(&r->state);
	close(layer);
	return rc;
}

/* ---- which base ---------------------------------------------------------- */

/* Does the layer stand for the whole chain? Its folder, or NULL. */
static const char *
whole_folder(struct run *r, size_t i)
{
	const char *key = r->o->layers[i];
	char whole[OK_VALUE];
	char *path;

	/* held: the stage first, then the layers */
	if (state_ok_value(r->held[i + 1], "whole", whole))
		return arena_printf(&r->arena, "layers/%s", key);
	path = arena_printf(&r->arena, "layers/%s/flat", key);
	return faccessat(r->state.fd, arena_printf(&r->arena, "%s/ok", path),
		   F_OK, AT_SYMLINK_NOFOLLOW) == 0
	    ? path
	    : NULL;
}

static void
find(struct run *r)
{
	const char *folder = NULL;
	size_t i = r->o->nlayers;

	while (i > 0 && !folder)
		folder = whole_folder(r, --i);
	r->base.skip = folder ? i + 1 : 0;
	r->base.folder =
	    folder ? folder : arena_printf(&r->arena, "stages/%s", r->o->stage);
}

int
base_find(struct run *r, struct error *err)
{
	struct error why;

	find(r);
	if (r->o->nlayers - r->base.skip <= BASE_LAYERS_MAX ||
	    (r->o->without & FEATURE_OVERLAY) != 0)
		return 0;
	if (flatten(r, &why) == 0) {
		find(r);
		return 0;
	}
	if (r->watch.stopped)
		return fail(err, "stopped");
	/* it goes as it is, but slower */
	log_warn("%zu layers stay apart: %s", r->o->nlayers, why.msg);
	return 0;
}

/* ---- a copy -------------------------------------------------------------- */

static int
fill_upper(struct run *r, struct error *err)
{
	char path[160];
	int from, to = -1, rc = -1;

	snprintf(path, sizeof(path), "%s/root", r->base.folder);
	from = sys_open_beneath(r->state.fd, path, O_RDONLY | O_DIRECTORY);
	if (from >= 0)
		to = sys_open_beneath(r->fd, "upper", O_RDONLY | O_DIRECTORY);
	if (to < 0)
		fail_errno(err, "open %s", path);
	else
		rc = copy_tree(from, to, err);
	if (to >= 0)
		close(to);
	if (from >= 0)
		close(from);
	return rc < 0 ? fail_in(err, "copy %s", r->base.folder) : 0;
}

int
base_copy(struct run *r, struct error *err)
{
	if (r->base.skip < r->o->nlayers)
		return fail(err,
		    "layer %s was made with overlayfs, which can't be used "
		    "here: remove it, it is made again without",
		    r->o->layers[r->base.skip]);
	if (aside(r, 0, 0, fill_upper, err) < 0)
		return -1;
	r->base.copied = true;
	disk_copied(&r->disk);
	return 0;
}
