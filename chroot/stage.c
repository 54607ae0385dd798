/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An import fills a folder under run/, as a run does, so that recovery knows
 * it too. The archive is read by a program of its own, see unpacker.h.
 */
#include "chroot/stage.h"
#include "chroot/content.h"
#include "chroot/id.h"
#include "chroot/ids.h"
#include "chroot/image.h"
#include "chroot/sys.h"
#include "chroot/tar.h"
#include "chroot/unpacker.h"
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
int
stage_unpack(struct state *s, int tarball, int root, enum unpack_policy policy,
    struct unpack_count *count, struct error *err)
{
	struct error ignored;
	int mapped = -1, rc;
	struct ids ids;

	if (ids_take(&ids, s->fd, &ignored) == 0 &&
	    fchown(root, ids_root(&ids), ids_root(&ids)) == 0)
		mapped = ids_mount(root, ids.mapped ? ids.userns : -1,
		    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, &ignored);
	if (mapped >= 0)
		rc = unpacker_fill(
		    tarball, mapped, ids.userns, policy, count, err);
	else
		rc = unpacker_fill(tarball, root, -1, policy, count, err);
	if (mapped >= 0)
		close(mapped);
	ids_release(&ids);
	return rc;
}

/* Make new/root from the tarball, below run, and write the text for "ok". */
static int
fill(
    struct state *s, int run, int tarball, char ok[IMAGE_OK], struct error *err)
{
	struct unpack_count count = {0};
	struct image_facts facts;
	int folder, root = -1, rc = -1;

	if (mkdirat(run, "new", 0700) < 0 || mkdirat(run, "new/root", 0755) < 0)
		return fail_errno(err, "create root");
	folder = sys_open_beneath(run, "new", O_RDONLY | O_DIRECTORY);
	if (folder >= 0)
		root = sys_open_beneath(folder, "root", O_RDONLY | O_DIRECTORY);
	if (root < 0) {
		fail_errno(err, "open root");
		goto out;
	}
	if (stage_unpack(s, tarball, root, UNPACK_STAGE, &count, err) < 0)
		goto out;
	tell_left_out(&count);
	if (image_record(folder, &facts, err) < 0)
		goto out;
	image_ok(&facts, ok);
	rc = 0;
out:
	if (root >= 0)
		close(root);
	if (folder >= 0)
		close(folder);
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

int
stage_import_folder(struct state *s, const char *name, struct error *err)
{
	int fd = -1;

	if (state_lock(s, LOCK_SH, err) == 0)
		fd = state_new_run(s, name, err);
	flock(s->fd, LOCK_UN);
	return fd;
}

/* The stage of this id that isn't there yet; was: the tarball before. */
static int
make_stage(struct state *s, int tarball, const struct stat *was, const char *id,
    struct error *err)
{
	char run[32], ok[IMAGE_OK];
	int fd, rc = -1;

	snprintf(run, sizeof(run), "import-%ld", (long)getpid());
	fd = stage_import_folder(s, run, err);
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

/* The stage of the tarball at fd, made if it isn't there. */
static int
import_file(struct state *s, int fd, char id[DIGEST_HEX_MAX], struct error *err)
{
	struct stat before;
	int held;

	if (fstat(fd, &before) < 0 || !S_ISREG(before.st_mode))
		return fail(err, "is neither a file nor a folder");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	if (unpacker_digest(fd, id, err) < 0)
		return -1;
	held = state_hold(s, IMAGE_STAGE, id, err);
	if (held >= 0) {
		close(held);
		return 0;
	}
	if (err->code != ENOENT)
		return -1;
	return make_stage(s, fd, &before, id, err);
}

/* The folder as a tarball in a file without a name: always the same bytes. */
static int
pack_folder(struct state *s, int folder, struct error *err)
{
	struct content c = {.n = 0};
	struct tar t;
	int fd, rc = -1;

	fd = openat(s->run, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(err, "create a tarball of it");
	tar_init(&t, fd);
	if (content_read(folder, false, &c, err) == 0 &&
	    tar_add_tree(&t, "", folder, &c, err) == 0)
		rc = tar_end(&t, err);
	tar_release(&t);
	arena_release(&c.arena);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

int
stage_import_fd(struct state *s, int fd, const char *name,
    char id[DIGEST_HEX_MAX], struct error *err)
{
	struct stat st;
	int packed = -1, rc;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		packed = pack_folder(s, fd, err);
		if (packed < 0)
			return -1;
	}
	rc = import_file(s, packed < 0 ? fd : packed, id, err);
	if (packed >= 0)
		close(packed);
	return rc < 0 || !name ? rc : set_name(s, id, name, err);
}

int
stage_import(struct state *s, const char *path, const char *name,
    char id[DIGEST_HEX_MAX], struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return fail_errno(err, "open %s", path);
	rc = stage_import_fd(s, fd, name, id, err);
	close(fd);
	return rc < 0 ? fail_in(err, "%s", path) : 0;
}

/* What an "ok" file says of the image and of what it was made on. */
static void
read_ok(int fd, struct stage_item *item)
{
	char text[OK_VALUE];

	if (state_ok_value(fd, "size", text))
		item->size = strtoull(text, NULL, 10);
	if (!state_ok_value(fd, "digest", item->digest))
		item->digest[0] = '\0';
	if (!state_ok_value(fd, "stage", item->stage))
		item->stage[0] = '\0';
	if (!state_ok_value(fd, "below", item->below))
		snprintf(item->below, sizeof(item->below), "-");
}

/* The copy of its chain that a layer may have beside it, see base.h. */
static void
add_flat(struct state *s, struct stage_item *item)
{
	char path[80], text[OK_VALUE];
	int fd;

	snprintf(path, sizeof(path), "%s/flat/ok", item->id);
	fd = sys_open_beneath(s->images[item->kind], path, O_RDONLY);
	if (fd < 0)
		return;
	if (state_ok_value(fd, "size", text))
		item->size += strtoull(text, NULL, 10);
	close(fd);
}

static int
list_one(struct state *s, enum image kind, const char *id, void *ctx)
{
	struct stage_list *l = ctx;
	struct stage_item *item;
	char path[80];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/ok", id);
	fd = sys_open_beneath(s->images[kind], path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		st.st_mtime = 0;
	l->items = arena_grow(l->arena, l->items, l->n, sizeof(*l->items));
	item = &l->items[l->n++];
	*item = (struct stage_item){.kind = kind, .used = st.st_mtime};
	memcpy(item->id, id, sizeof(item->id));
	read_ok(fd, item);
	close(fd);
	add_flat(s, item);
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

int
stage_drop(struct state *s, enum image kind, const char *id, struct error *err)
{
	struct timespec used[2] = {{.tv_nsec = UTIME_OMIT}};
	struct stat st;
	char path[80];
	int ok, rc = -1;

	snprintf(path, sizeof(path), "%s/ok", id);
	if (fstatat(s->images[kind], path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		st.st_mtim.tv_nsec = UTIME_OMIT;
	ok = state_hold(s, kind, id, err);
	if (ok < 0)
		return -1;
	/* to look at it was no use of it */
	used[1] = st.st_mtim;
	(void)futimens(ok, used);
	if (flock(ok, LOCK_EX | LOCK_NB) == 0) {
		rc = state_bury(s, s->images[kind], id, err);
	} else {
		fail(err, "%s %s is in use by a run; try again later",
		    image_names[kind], id);
		err->code = EBUSY;
	}
	close(ok);
	return rc;
}

int
stage_find(struct state *s, const char *what, struct wanted_image *w,
    struct error *err)
{
	struct wanted named = {.name = what};
	char path[80];
	int kind;

	if (!id_is_key(what) && !id_is_name(what))
		return fail(err, "not an id (64 hexadecimal digits) or name");
	if (id_is_key(what))
		memcpy(named.id, what, sizeof(named.id));
	else if (each_image(s, IMAGE_STAGE, match_name, &named) == 0) {
		fail(err, "no stage is called %s; see the list command", what);
		err->code = ENOENT;
		return -1;
	}
	memcpy(w->id, named.id, sizeof(w->id));
	snprintf(path, sizeof(path), "%s/ok", w->id);
	for (kind = IMAGE_STAGE; kind <= IMAGE_LAYER; kind++) {
		w->kind = (enum image)kind;
		if (faccessat(
			s->images[kind], path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return 0;
	}
	fail(err, "no stage or layer has the id %s", w->id);
	err->code = ENOENT;
	return -1;
}

int
stage_remove(struct state *s, const char *what, struct error *err)
{
	struct wanted_image w;
	int rc;

	if (state_lock(s, LOCK_EX, err) < 0)
		return -1;
	rc = stage_find(s, what, &w, err);
	if (rc == 0)
		rc = stage_drop(s, w.kind, w.id, err);
	flock(s->fd, LOCK_UN);
	return rc < 0 ? -1 : state_empty_trash(s, err);
}
