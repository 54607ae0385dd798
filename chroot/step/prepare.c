/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/step/prepare.h"
#include "chroot/step/recipe.h"
#include "chroot/store/layer.h"
#include "chroot/jail/ready.h"
#include "chroot/sys/sys.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECIPE "home/recipe" /* only if it has one */

/* Hold every image, and see that the layers are a chain. */
static int
hold_images(struct run *r, struct error *err)
{
	struct chain on = {r->o->stage, "-", r->o->stage, false, false};
	char digest[OK_VALUE];
	size_t i;
	int fd;

	fd = state_hold(&r->state, IMAGE_STAGE, r->o->stage, err);
	if (fd < 0)
		return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
	r->held[r->nheld++] = fd;
	for (i = 0; i < r->o->nlayers; i++) {
		fd = state_hold(&r->state, IMAGE_LAYER, r->o->layers[i], err);
		if (fd < 0)
			return err->code == ENOENT ? CODE_MISSING
						   : CODE_TROUBLE;
		r->held[r->nheld++] = fd;
		if (layer_check(fd, r->o->layers[i], &on, err) < 0)
			return CODE_BROKEN;
		on.below = r->o->layers[i];
		on.digest = digest;
		if (!layer_top(fd, digest))
			return fail(err, "layer %s has no digest", on.below),
			       CODE_BROKEN;
	}
	return CODE_OK;
}

/* The folder, or the spare one under the job's name. */
static int
take_folder(struct run *r, struct error *err)
{
	if (!r->spare[0]) {
		r->fd = state_new_run(&r->state, r->o->job, err);
		return r->fd < 0 ? -1 : 0;
	}
	if (state_rename_run(&r->state, r->spare, r->o->job, err) < 0)
		return -1;
	r->spare[0] = '\0';
	return 0;
}

/* The run's folder and the images, under the lock of the state. */
static int
claim(struct run *r, struct error *err)
{
	int code = CODE_TROUBLE;

	if (state_lock(&r->state, LOCK_SH, err) < 0)
		return CODE_TROUBLE;
	if (take_folder(r, err) == 0)
		code = hold_images(r, err);
	flock(r->state.fd, LOCK_UN);
	return code;
}

/*
 * A user namespace of the jail's own, and mounts that translate owners on
 * the file system of the state. Without them the host's root is inside, and
 * only where its administrator allows that.
 */
static int
take_ids(struct run *r, struct error *err)
{
	if ((r->o->without & FEATURE_USERNS) != 0)
		fail(err, "without userns");
	else if (ids_take(&r->ids, r->state.fd, r->state.users, err) == 0 &&
	    r->ids.mapped)
		r->folder = ids_mount(r->fd, r->ids.userns,
		    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	if (r->folder >= 0 || (r->ids.userns >= 0 && !r->ids.mapped))
		return 0;
	ids_release(&r->ids);
	if (!r->o->allow_rootful)
		return fail_in(err,
		    "a job can't have ids of its own here: see "
		    "\"autotua-chroot doctor\", or allow its root to be this "
		    "machine's (--allow-rootful)");
	r->lacks |= FEATURE_USERNS;
	return 0;
}

/* The root folder of the jail is upper's: as that of the image below it. */
static int
make_upper(struct run *r, struct error *err)
{
	const struct run_options *o = r->o;
	char path[80];
	struct stat st;
	int image, from, fd, rc = 0;

	image = o->nlayers > 0 ? IMAGE_LAYER : IMAGE_STAGE;
	snprintf(path, sizeof(path), "%s/root",
	    o->nlayers > 0 ? o->layers[o->nlayers - 1] : o->stage);
	from = sys_open_beneath(
	    r->state.images[image], path, O_PATH | O_DIRECTORY);
	if (from < 0)
		return fail_errno(err, "open %s", path);
	fd = sys_open_beneath(r->fd, "upper", O_RDONLY | O_DIRECTORY);
	if (fd < 0 || fstat(from, &st) < 0 ||
	    fchown(fd, st.st_uid, st.st_gid) < 0 ||
	    fchmod(fd, st.st_mode & 07777) < 0)
		rc = fail_errno(err, "prepare upper");
	if (fd >= 0)
		close(fd);
	close(from);
	return rc;
}

/* Those that a run has in any case, and that for a recipe. */
static int
make_folders(struct run *r, bool recipe, struct error *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"upper", 0755}, {"src", 0755}, {"home", 0755},
	    {"home/work", 0755}, {"home/temp", 0755}, {"home/home", 0755},
	    {"home/artifacts", 0755}, {"home/distfiles", 0755}, {RECIPE, 0755}};
	size_t i, n = sizeof(folders) / sizeof(*folders);
	uid_t root = ids_root(&r->ids);

	if (!recipe)
		n--;
	for (i = 0; i < n; i++) {
		if (mkdirat(r->fd, folders[i].name, folders[i].mode) < 0 ||
		    (root != 0 &&
			fchownat(r->fd, folders[i].name, root, root,
			    AT_SYMLINK_NOFOLLOW) < 0))
			return fail_errno(err, "create %s", folders[i].name);
	}
	return 0;
}

/*
 * Is it a file of the one whose store this is? So nobody has sources that
 * are others' files.
 */
static int
check_stored(struct run *r, const struct stat *st, struct error *err)
{
	if (!S_ISREG(st->st_mode))
		return fail(err, "is no file");
	if (st->st_uid != r->o->owner)
		return fail(err, "belongs to user %u, not to %u",
		    (unsigned)st->st_uid, (unsigned)r->o->owner);
	return 0;
}

int
prepare_open_stored(
    struct run *r, int store, const char *stored, struct error *err)
{
	int fd = sys_open_beneath(store, stored, O_RDONLY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return fail_errno(err, "open it");
	if (fstat(fd, &st) < 0)
		fail_errno(err, "stat");
	else if (check_stored(r, &st, err) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The store is on another file system: the job gets a copy. */
static int
copy_source(struct run *r, int store, int src, const struct source *s,
    struct error *err)
{
	int from = prepare_open_stored(r, store, s->stored, err);
	int to = -1, rc = -1;
	ssize_t n = 1;

	if (from < 0)
		return -1;
	to =
	    openat(src, s->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (to < 0) {
		fail_errno(err, "create");
		goto out;
	}
	while (n > 0)
		n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
	/* that is for one kind of file system */
	if (n < 0)
		n = 1;
	while (n > 0)
		n = sendfile(to, from, NULL, 1 << 30);
	rc = n < 0 ? fail_errno(err, "copy") : 0;
out:
	if (to >= 0)
		close(to);
	close(from);
	return rc;
}

/*
 * A source by hard link. What has been linked is looked at, not what was
 * there before: the store's owner may change it at any moment.
 */
static int
link_source(struct run *r, int store, int src, const struct source *s,
    struct error *err)
{
	struct stat st;

	if (linkat(store, s->stored, src, s->name, 0) == 0) {
		if (fstatat(src, s->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail_errno(err, "stat");
		if (check_stored(r, &st, err) == 0)
			return 0;
		(void)unlinkat(src, s->name, 0);
		return -1;
	}
	if (errno == EEXIST)
		return fail(err, "is given twice");
	if (errno != EXDEV && errno != EMLINK && errno != EPERM)
		return fail_errno(err, "link it");
	return copy_source(r, store, src, s, err);
}

int
prepare_store(struct run *r)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	if (r->o->store >= 0)
		return openat(r->o->store, ".", flags);
	return openat(r->state.fd, "distfiles", flags);
}

static int
link_sources(struct run *r, struct error *err)
{
	const struct source *s = r->o->sources;
	int store, src = -1, rc = CODE_TROUBLE;
	size_t i;

	if (r->o->nsources == 0)
		return CODE_OK;
	store = prepare_store(r);
	if (store < 0) {
		fail_errno(err, "%s/distfiles", r->state.path);
		return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
	}
	src = sys_open_beneath(r->fd, "src", O_RDONLY | O_DIRECTORY);
	if (src < 0) {
		fail_errno(err, "open src");
		goto out;
	}
	for (i = 0; i < r->o->nsources; i++) {
		err->code = 0;
		if (link_source(r, store, src, &s[i], err) < 0) {
			fail_in(err, "source %s (%s)", s[i].name, s[i].stored);
			if (err->code == ENOENT)
				rc = CODE_MISSING;
			goto out;
		}
	}
	rc = CODE_OK;
out:
	if (src >= 0)
		close(src);
	close(store);
	return rc;
}

/*
 * Control groups for what is to be limited. Where there are none, or some are
 * missing, processes are limited one by one and counted.
 */
static int
make_groups(struct run *r, const char *name, struct error *err)
{
	const struct limits *l = &r->o->limits;
	struct stat st;

	if (r->places)
		r->groups = *r->places;
	else
		cgroup_find(&r->groups, l, r->o->without);
	if (fstat(r->state.fd, &st) < 0)
		return fail_errno(err, "stat %s", r->state.path);
	if (cgroup_make(&r->groups,
		arena_printf(&r->arena, "autotua-%llx-%s",
		    (unsigned long long)st.st_dev * 31 + st.st_ino, name),
		r->fd, err) < 0)
		return -1;
	r->lacks |= cgroup_lacks(&r->groups, l);
	r->poor = (l->memory > 0 && !r->groups.of[CONTROL_MEMORY].path[0]) ||
	    (l->pids > 0 && !r->groups.of[CONTROL_PIDS].path[0]);
	return 0;
}

bool
prepare_same_kinds(const struct limits *a, const struct limits *b)
{
	return (a->memory > 0) == (b->memory > 0) &&
	    (a->pids > 0) == (b->pids > 0) && (a->cpus > 0) == (b->cpus > 0);
}

/*
 * Those that were made ahead, with process 1 in them, if the job has limits of
 * these kinds.
 */
static int
take_groups(struct run *r, struct error *err)
{
	if (prepare_same_kinds(&r->ahead, &r->o->limits))
		return 0;
	seed_drop(&r->watch.ahead);
	cgroup_remove(&r->groups);
	r->lacks &= ~(unsigned)(FEATURE_CGROUP2 | FEATURE_CGROUP1);
	r->places = NULL;
	return make_groups(r, r->o->job, err);
}

/* A job with ids of its own would see owners that it can't have. */
static int
check_layers(struct run *r, struct error *err)
{
	size_t i;

	/* held: the stage first, then the layers */
	for (i = 0; r->ids.userns >= 0 && i < r->o->nlayers; i++) {
		if (layer_is_rootful(r->held[i + 1]))
			return fail(err,
			    "layer %s was made by a job whose root was this "
			    "machine's (--allow-rootful): remove it, it is "
			    "made again",
			    r->o->layers[i]);
	}
	return 0;
}

/* Some of it may have been made ahead. */
static int
make_all(struct run *r, bool ahead, struct error *err)
{
	bool recipe = r->o->recipe >= 0;

	if (!ahead &&
	    (take_ids(r, err) < 0 || make_folders(r, recipe, err) < 0))
		return -1;
	if (check_layers(r, err) < 0)
		return -1;
	if (r->o->nest && r->ids.userns < 0)
		return fail(err, "a nesting job must have ids of its own");
	if (ahead && !recipe && unlinkat(r->fd, RECIPE, AT_REMOVEDIR) < 0)
		return fail_errno(err, "remove %s", RECIPE);
	if (make_upper(r, err) < 0)
		return -1;
	if ((ahead ? take_groups(r, err) : make_groups(r, r->o->job, err)) < 0)
		return -1;
	return cgroup_limit(&r->groups, &r->o->limits, err);
}

/* What the root stands on; without overlayfs a copy of it. */
static int
make_base(struct run *r, struct error *err)
{
	int rc = base_find(r, err);

	if (rc == 0 && (r->o->without & FEATURE_OVERLAY) != 0) {
		r->lacks |= FEATURE_OVERLAY;
		rc = base_copy(r, err);
	}
	if (rc == 0)
		return CODE_OK;
	return r->watch.stopped ? CODE_STOPPED : CODE_TROUBLE;
}

int
prepare(struct run *r, struct error *err)
{
	bool ahead = r->fd >= 0;
	int code;

	code = claim(r, err);
	if (code != CODE_OK)
		return code;
	disk_begin(&r->disk, r->fd, r->o->limits.disk, r->o->reserve);
	if (ready(r->fd, r->o->reserve, r->o->pressure, err) < 0 ||
	    make_all(r, ahead, err) < 0)
		return CODE_TROUBLE;
	code = link_sources(r, err);
	if (code == CODE_OK && recipe_prepare(r, err) < 0)
		code = r->watch.stopped ? CODE_STOPPED : CODE_TROUBLE;
	return code == CODE_OK ? make_base(r, err) : code;
}

static int
plant(struct run *r, struct error *err)
{
	struct box b = {.net = NETWORK_NO,
	    .netns = -1,
	    .userns = r->ids.userns,
	    .base = r->ids.base,
	    .mapped = r->ids.mapped,
	    .without = r->o->without,
	    .limits = r->o->limits,
	    .poor = r->poor,
	    .groups = &r->groups,
	    .ahead = true};

	return seed_start(&r->watch.ahead, &b, err);
}

int
prepare_ahead(struct run *r, const struct run_options *o,
    const struct cgroup *places, struct error *err)
{
	r->o = o;
	r->places = places;
	if (state_lock(&r->state, LOCK_SH, err) < 0)
		return -1;
	snprintf(r->spare, sizeof(r->spare), "spare.%ld", (long)getpid());
	r->fd = state_new_run(&r->state, r->spare, err);
	flock(r->state.fd, LOCK_UN);
	if (r->fd < 0 || take_ids(r, err) < 0 ||
	    make_folders(r, true, err) < 0 || make_groups(r, r->spare, err) < 0)
		return -1;
	r->ahead = o->limits;
	return plant(r, err);
}
