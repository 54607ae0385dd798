/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The root of a job has DAC_OVERRIDE over each file whose
 * owner and group are ids of its user namespace. Mounted with owners
 * translated, the folder's files would all be: the caller can have root's
 * there, and it can put any folder of root's there while we look, so that
 * looking is of no use. Mounted as it is, none of them is; all belong to
 * nobody, and the kernel lets the job read what everybody may. The callers that
 * are other users make their folders so.
 *
 * Root of this machine isn't held by that. For such a job the folder is copied,
 * by a process that is the caller and nothing else.
 */
#include "chroot/step/recipe.h"
#include "chroot/step/aside.h"
#include "chroot/step/prepare.h"
#include "chroot/store/copy.h"
#include "chroot/sys/sys.h"
#include "base/error.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY "recipe" /* in the run's folder */

static bool
is_foreign(const struct run *r)
{
	return r->o->owner != geteuid();
}

static bool
is_copied(const struct run *r)
{
	return is_foreign(r) && r->ids.userns < 0;
}

/* A change of credentials undoes what ends us with our parent. */
static int
become_caller(const struct run *r, struct error *err)
{
	uid_t owner = r->o->owner;
	gid_t group = r->o->group;

	if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
	    setresuid(owner, owner, owner) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail_errno(err, "become user %u", (unsigned)owner);
	return 0;
}

/* In a process of its own. */
static int
copy_as_caller(struct run *r, struct error *err)
{
	int to = sys_open_beneath(r->fd, COPY, O_RDONLY | O_DIRECTORY), rc = -1;

	if (to < 0)
		return fail_errno(err, "open " COPY);
	if (become_caller(r, err) == 0)
		rc = copy_tree(r->o->recipe, to, err);
	close(to);
	return rc;
}

int
recipe_prepare(struct run *r, struct error *err)
{
	if (r->o->recipe < 0 || !is_copied(r))
		return 0;
	if (mkdirat(r->fd, COPY, 0700) < 0 ||
	    fchownat(
		r->fd, COPY, r->o->owner, r->o->group, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(err, "create " COPY);
	return aside(r, 0, r->watch.end, copy_as_caller, err) < 0
	    ? fail_in(err, "recipe folder")
	    : 0;
}

static int
mount_copy(struct run *r, uint64_t attributes, struct error *err)
{
	int folder = sys_open_beneath(r->fd, COPY, O_RDONLY | O_DIRECTORY), fd;

	if (folder < 0)
		return fail_errno(err, "open " COPY);
	fd = ids_mount(folder, -1, attributes, err);
	close(folder);
	return fd;
}

int
recipe_mount(struct run *r, int *mount, struct error *err)
{
	uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;

	*mount = -1;
	if (r->o->recipe < 0)
		return 0;
	if (is_copied(r))
		*mount = mount_copy(r, attributes, err);
	else if (r->ids.mapped && !is_foreign(r))
		*mount =
		    ids_mount(r->o->recipe, r->ids.userns, attributes, err);
	/* its file system may have no mounts that translate */
	if (*mount < 0 && !is_copied(r))
		*mount = ids_mount(r->o->recipe, -1, attributes, err);
	return *mount < 0 ? fail_in(err, "recipe folder") : 0;
}
