/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An import fills a folder under run/, as a run does, so that recovery knows
 * it too. The archive is read by a program of its own, see unpacker.h.
 */
#include "chroot/stage.h"
#include "chroot/id.h"
#include "chroot/ids.h"
#include "chroot/sys.h"
#include "chroot/unpacker.h"
#include "chroot/walk.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void
tell_left_out(const struct unpack_count *count)
{
	if (count->left_out > 0)
		log_info("left out %" PRIu64 " device nodes and sockets",
		    count->left_out);
	if (count->warnings > 0)
		log_warn("%" PRIu64 " members could not be kept as stored, "
			 "the first: %s",
		    count->warnings, count->warning);
}

/*
 * Unpack as root of a user namespace: whatever the archive makes the unpacker
 * do, it has no powers over this machine. Where there is none, it is root of
 * this machine without most powers, in a chroot.
 */
static int
unpack_mapped(struct state *s, int tarball, int root,
    struct unpack_count *count, struct error *err)
{
	struct error ignored;
	int mapped = -1, rc;
	struct ids ids;

	if (ids_take(&ids, s->fd, &ignored) == 0)
		mapped = ids_mount(root, ids.userns,
		    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &ignored);
	if (mapped >= 0)
		rc = unpacker_fill(
		    tarball, mapped, ids.userns, UNPACK_STAGE, count, err);
	else
		rc = unpacker_fill(tarball, root, -1, UNPACK_STAGE, count, err);
	if (mapped >= 0)
		close(mapped);
	ids_release(&ids);
	return rc;
}

/* Make run/NAME/new/root from the tarball and write the text for "ok". */
static int
fill(struct state *s, int run, int tarball, char ok[256], struct error *err)
{
	struct unpack_count count = {0};
	struct walk_size size;
	int root, rc = -1;

	if (mkdirat(run, "new", 0700) < 0 || mkdirat(run, "new/root", 0755) < 0)
		return fail_errno(err, "create root");
	root = sys_open_beneath(run, "new/root", O_RDONLY | O_DIRECTORY);
	if (root < 0)
		return fail_errno(err, "open root");
	if (unpack_mapped(s, tarball, root, &count, err) < 0 ||
	    walk_size(root, &size, err) < 0)
		goto out;
	tell_left_out(&count);
	snprintf(ok, 256, "size=%" PRIu64 "\nfiles=%" PRIu64 "\nmade=%lld\n",
	    size.bytes, size.files, (long long)time(NULL));
	rc = 0;
out:
	close(root);
	return rc;
}

/* Is the file at fd still as it was, or was the digest that of other bytes? */
static bool
is_same(int fd, const struct stat *a)
{
	struct stat b;

	return fstat(fd, &b) == 0 && a->st_size == b.st_size &&
	    a->st_mtim.tv_sec == b.st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b.st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

/* The stage of this id that isn't there yet; was: the tarball before. */
static int
make_stage(struct state *s, int tarball, const struct stat *was, const char *id,
    struct error *err)
{
	char run[32], ok[256];
	int fd = -1, rc = -1;

	snprintf(run, sizeof(run), "import-%ld", (long)getpid());
	if (state_lock(s, LOCK_SH, err) == 0)
		fd = state_new_run(s, run, err);
	flock(s->fd, LOCK_UN);
	if (fd < 0)
		return -1;
	if (lseek(tarball, 0, SEEK_SET) < 0)
		fail_errno(err, "seek");
	else if (fill(s, fd, tarball, ok, err) < 0)
		rc = -1;
	else if (!is_same(tarball, was))
		fail(err, "changed while it was read; import it again");
	else
		rc = state_publish(s, IMAGE_STAGE, id, fd, "new", ok, err);
	if (rc < 0)
		(void)state_end_run(s, run, &(struct error){0});
	else if (state_end_run(s, run, err) < 0)
		rc = -1;
	close(fd);
	return rc < 0 ? -1 : 0;
}

/* Read the name of a stage; false if it has none. */
static bool
read_name(struct state *s, const char *id, char name[64])
{
	char path[80];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/name", id);
	fd = sys_open_beneath(s->images[IMAGE_STAGE], path, O_RDONLY);
	if (fd < 0)
		return false;
	n = read(fd, name, 63);
	close(fd);
	name[n > 0 ? n : 0] = '\0';
	return id_is_name(name);
}

/* Call visit for each whole image of a kind until it returns non-zero. */
static int
each_image(struct state *s, enum image kind,
    int (*visit)(struct state *, enum image, const char *id, void *), void *ctx)
{
	struct dirent *e;
	DIR *dir;
	int fd, rc = 0;

	fd = openat(s->images[kind], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (id_is_key(e->d_name))
			rc = visit(s, kind, e->d_name, ctx);
	}
	closedir(dir);
	return rc;
}

struct wanted {
	const char *name;
	char id[65];
};

static int
match_name(struct state *s, enum image kind, const char *id, void *ctx)
{
	struct wanted *w = ctx;
	char name[64];

	(void)kind;
	if (!read_name(s, id, name) || strcmp(name, w->name) != 0)
		return 0;
	memcpy(w->id, id, sizeof(w->id));
	return 1;
}

/* Give the stage this name, and take it from the one that had it. */
static int
set_name(struct state *s, const char *id, const char *name, struct error *err)
{
	struct wanted w = {.name = name};
	char path[80];

	while (each_image(s, IMAGE_STAGE, match_name, &w) == 1) {
		if (strcmp(w.id, id) == 0)
			return 0;
		snprintf(path, sizeof(path), "%s/name", w.id);
		if (unlinkat(s->images[IMAGE_STAGE], path, 0) < 0)
			return fail_errno(err, "take the name from %s", w.id);
	}
	snprintf(path, sizeof(path), "%s/name", id);
	return file_write_at(
	    s->images[IMAGE_STAGE], path, name, strlen(name), 0600, err);
}

int
stage_import(struct state *s, const char *tarball, const char *name,
    char id[DIGEST_HEX_MAX], struct error *err)
{
	struct stat before;
	int fd, held, rc = -1;

	fd = open(tarball, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", tarball);
	if (fstat(fd, &before) < 0 || !S_ISREG(before.st_mode)) {
		fail(err, "%s is not a file", tarball);
		goto out;
	}
	if (unpacker_digest(fd, id, err) < 0)
		goto out;
	held = state_hold(s, IMAGE_STAGE, id, err);
	if (held >= 0) {
		close(held);
	} else if (err->code != ENOENT ||
	    make_stage(s, fd, &before, id, err) < 0) {
		fail_in(err, "%s", tarball);
		goto out;
	}
	rc = name ? set_name(s, id, name, err) : 0;
out:
	close(fd);
	return rc;
}

static int
list_one(struct state *s, enum image kind, const char *id, void *ctx)
{
	struct stage_list *l = ctx;
	struct stage_item *item;
	char path[80], size[OK_VALUE] = "0";
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/ok", id);
	fd = sys_open_beneath(s->images[kind], path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		st.st_mtime = 0;
	(void)state_ok_value(fd, "size", size);
	close(fd);
	l->items = arena_grow(l->arena, l->items, l->n, sizeof(*l->items));
	item = &l->items[l->n++];
	*item = (struct stage_item){.kind = kind, .used = st.st_mtime};
	item->size = strtoull(size, NULL, 10);
	memcpy(item->id, id, sizeof(item->id));
	if (kind != IMAGE_STAGE || !read_name(s, id, item->name))
		item->name[0] = '\0';
	return 0;
}

/* Stages before layers, what was used last first. */
static int
by_use(const void *a, const void *b)
{
	const struct stage_item *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->used == y->used ? 0 : x->used < y->used ? 1 : -1;
}

void
stage_list(struct state *s, struct arena *a, struct stage_list *l)
{
	*l = (struct stage_list){.arena = a};
	each_image(s, IMAGE_STAGE, list_one, l);
	each_image(s, IMAGE_LAYER, list_one, l);
	if (l->n > 0)
		qsort(l->items, l->n, sizeof(*l->items), by_use);
}

/* Move it to the trash, if no run holds its "ok" file. */
static int
remove_image(
    struct state *s, enum image kind, const char *id, struct error *err)
{
	int ok, rc = -1;

	ok = state_hold(s, kind, id, err);
	if (ok < 0)
		return -1;
	if (flock(ok, LOCK_EX | LOCK_NB) < 0)
		fail(err, "%s %s is in use by a run; try again later",
		    image_names[kind], id);
	else
		rc = state_bury(s, s->images[kind], id, err);
	close(ok);
	return rc;
}

int
stage_remove(struct state *s, const char *what, struct error *err)
{
	struct wanted w = {.name = what};
	int rc;

	if (id_is_key(what))
		memcpy(w.id, what, sizeof(w.id));
	else if (!id_is_name(what))
		return fail(err, "not an id (64 hexadecimal digits) or name");
	else if (each_image(s, IMAGE_STAGE, match_name, &w) == 0) {
		fail(err, "no stage is called %s; see the list command", what);
		err->code = ENOENT;
		return -1;
	}
	if (state_lock(s, LOCK_EX, err) < 0)
		return -1;
	rc = remove_image(s, IMAGE_STAGE, w.id, err);
	if (rc < 0 && err->code == ENOENT) {
		rc = remove_image(s, IMAGE_LAYER, w.id, err);
		if (rc < 0 && err->code == ENOENT) {
			fail(err, "no stage or layer has the id %s", w.id);
			err->code = ENOENT;
		}
	}
	flock(s->fd, LOCK_UN);
	return rc < 0 ? -1 : state_empty_trash(s, err);
}
