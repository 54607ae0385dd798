/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An import fills a folder under run/, as a run does, so that recovery knows
 * it too. The archive is read by a child that has made the folder its root
 * and has given up what it doesn't need: it can't reach anything else.
 */
#include "chroot/stage.h"
#include "chroot/id.h"
#include "chroot/priv.h"
#include "chroot/sys.h"
#include "chroot/unpack.h"
#include "chroot/walk.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the unpacking child says at its end. */
struct verdict {
	bool good;
	struct unpack_count count;
	struct error err;
};

static _Noreturn void
unpack_child(int tarball, int root, int answer)
{
	struct verdict v = {.good = false};

	unpack_prepare();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || fchdir(root) < 0 ||
	    chroot(".") < 0)
		fail_errno(&v.err, "chroot");
	else if (priv_drop(PRIV_UNPACK, &v.err) == 0)
		v.good = unpack(tarball, UNPACK_STAGE, &v.count, &v.err) == 0;
	if (write(answer, &v, sizeof(v)) < 0)
		_exit(1);
	_exit(0);
}

/* Unpack tarball into the folder root by a child. */
static int
unpack_into(
    int tarball, int root, struct unpack_count *count, struct error *err)
{
	struct verdict v = {.good = false};
	int fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	pid = fork();
	if (pid == 0)
		unpack_child(tarball, root, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return fail_errno(err, "fork");
	}
	do
		n = read(fds[0], &v, sizeof(v));
	while (n < 0 && errno == EINTR);
	close(fds[0]);
	waitpid(pid, NULL, 0);
	if (n != sizeof(v))
		return fail(err, "the unpacking process died");
	*count = v.count;
	if (!v.good)
		*err = v.err;
	return v.good ? 0 : -1;
}

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

/* Make run/NAME/new/root from the tarball and write the text for "ok". */
static int
fill(int run, int tarball, char ok[256], struct error *err)
{
	struct unpack_count count = {0};
	struct walk_size size;
	int root, rc = -1;

	if (mkdirat(run, "new", 0700) < 0 || mkdirat(run, "new/root", 0755) < 0)
		return fail_errno(err, "create root");
	root = sys_open_beneath(run, "new/root", O_RDONLY | O_DIRECTORY);
	if (root < 0)
		return fail_errno(err, "open root");
	if (unpack_into(tarball, root, &count, err) < 0 ||
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
	else if (fill(fd, tarball, ok, err) < 0)
		rc = -1;
	else if (!is_same(tarball, was))
		fail(err, "changed while it was read; import it again");
	else
		rc = state_publish(s, IMAGE_STAGE, id, fd, "new", ok, err);
	if (rc < 0)
		(void)state_discard(s, s->run, run, &(struct error){0});
	else if (state_discard(s, s->run, run, err) < 0)
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
    int (*visit)(struct state *, const char *id, void *), void *ctx)
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
			rc = visit(s, e->d_name, ctx);
	}
	closedir(dir);
	return rc;
}

struct wanted {
	const char *name;
	char id[65];
};

static int
match_name(struct state *s, const char *id, void *ctx)
{
	struct wanted *w = ctx;
	char name[64];

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
	if (digest_of_fd(DIGEST_KEY, fd, id, err) < 0)
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

struct listing {
	json_t *array;
	enum image kind;
};

static int
list_one(struct state *s, const char *id, void *ctx)
{
	struct listing *l = ctx;
	char path[80], size[OK_VALUE] = "0", name[64];
	struct stat st;
	json_t *item;
	int fd;

	snprintf(path, sizeof(path), "%s/ok", id);
	fd = sys_open_beneath(s->images[l->kind], path, O_RDONLY);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		st.st_mtime = 0;
	(void)state_ok_value(fd, "size", size);
	close(fd);
	item = json_pack("{s:s, s:s, s:I, s:I}", "kind", image_names[l->kind],
	    "id", id, "size", (json_int_t)strtoll(size, NULL, 10), "used",
	    (json_int_t)st.st_mtime);
	if (l->kind == IMAGE_STAGE && read_name(s, id, name))
		json_object_set_new(item, "name", json_string(name));
	json_array_append_new(l->array, item);
	return 0;
}

static int
by_use(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;
	json_int_t u = json_integer_value(json_object_get(*x, "used"));
	json_int_t v = json_integer_value(json_object_get(*y, "used"));

	return u == v ? 0 : u < v ? 1 : -1;
}

json_t *
stage_list(struct state *s)
{
	json_t *all = json_array(), **items;
	struct listing l = {.array = NULL};
	size_t i, n;

	for (l.kind = IMAGE_STAGE; l.kind <= IMAGE_LAYER; l.kind++) {
		l.array = json_array();
		each_image(s, l.kind, list_one, &l);
		n = json_array_size(l.array);
		items = calloc(n + 1, sizeof(json_t *));
		if (!items)
			abort();
		for (i = 0; i < n; i++)
			items[i] = json_array_get(l.array, i);
		qsort(items, n, sizeof(json_t *), by_use);
		for (i = 0; i < n; i++)
			json_array_append(all, items[i]);
		free(items);
		json_decref(l.array);
	}
	return all;
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
