/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/sys/walk.h"
#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

struct level {
	DIR *dir;
	size_t len; /* of the path, with the slash at its end */
};

struct walk {
	struct level levels[WALK_DEPTH];
	int depth; /* levels in use */
	char path[PATH_MAX];
	dev_t dev;
	bool live;
};

/* Go into the folder name of dirfd; len is what its entries are put after. */
static int
enter(
    struct walk *w, int dirfd, const char *name, size_t len, struct error *err)
{
	int fd;
	DIR *dir;

	fd = openat(
	    dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", w->path);
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return fail_errno(err, "read %s", w->path);
	}
	w->levels[w->depth].dir = dir;
	w->levels[w->depth++].len = len;
	return 0;
}

/* Show one name of the folder on top; enters it if it is one. */
static int
show_name(struct walk *w, const char *name,
    int (*visit)(void *, const struct walk_entry *, struct error *), void *ctx,
    struct error *err)
{
	struct level *top = &w->levels[w->depth - 1];
	struct walk_entry e = {dirfd(top->dir), name, w->path, {0}, false};
	size_t n = strlen(name);
	int rc;

	if (top->len + n + 2 > sizeof(w->path))
		return fail(err, "%.*s: path is too long", 200, w->path);
	memcpy(w->path + top->len, name, n + 1);
	if (fstatat(e.dirfd, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(err, "stat %s", w->path);
	if (S_ISDIR(e.st.st_mode))
		e.deep = w->depth == WALK_DEPTH || e.st.st_dev != w->dev ||
		    top->len + n > WALK_PATH;
	rc = visit(ctx, &e, err);
	if (rc != 0 || !S_ISDIR(e.st.st_mode) || e.deep)
		return rc < 0 ? -1 : 0;
	if (enter(w, e.dirfd, name, top->len + n + 1, err) < 0)
		return -1;
	memcpy(w->path + top->len + n, "/", 2);
	return 0;
}

/* Until all is shown; an error of what is live is only that entry's. */
static int
go(struct walk *w,
    int (*visit)(void *, const struct walk_entry *, struct error *), void *ctx,
    struct error *err)
{
	struct level *top;
	struct dirent *e;

	while (w->depth > 0) {
		top = &w->levels[w->depth - 1];
		errno = 0;
		e = readdir(top->dir);
		if (!e && errno != 0 && !w->live)
			return fail_errno(err, "read %s", w->path);
		if (!e) {
			closedir(top->dir);
			w->depth--;
			continue;
		}
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (show_name(w, e->d_name, visit, ctx, err) < 0 && !w->live)
			return -1;
	}
	return 0;
}

static int
start(struct walk *w, int dirfd,
    int (*visit)(void *, const struct walk_entry *, struct error *), void *ctx,
    struct error *err)
{
	struct stat st;
	int rc;

	if (fstat(dirfd, &st) < 0)
		return fail_errno(err, "stat");
	w->dev = st.st_dev;
	if (enter(w, dirfd, ".", 0, err) < 0)
		return -1;
	rc = go(w, visit, ctx, err);
	while (w->depth > 0)
		closedir(w->levels[--w->depth].dir);
	return rc;
}

int
walk(int dirfd,
    int (*visit)(void *ctx, const struct walk_entry *e, struct error *err),
    void *ctx, struct error *err)
{
	struct walk w = {.depth = 0};

	return start(&w, dirfd, visit, ctx, err);
}

int
walk_live(int dirfd,
    int (*visit)(void *ctx, const struct walk_entry *e, struct error *err),
    void *ctx)
{
	struct walk w = {.depth = 0, .live = true};
	struct error none;

	return start(&w, dirfd, visit, ctx, &none);
}

static int
add_share(void *ctx, const struct walk_entry *e, struct error *err)
{
	struct walk_size *size = ctx;
	uint64_t links = S_ISDIR(e->st.st_mode) ? 1 : e->st.st_nlink;

	(void)err;
	size->bytes +=
	    (uint64_t)e->st.st_blocks * 512 / (links > 0 ? links : 1);
	size->files += 1.0 / (double)(links > 0 ? links : 1);
	return 0;
}

void
walk_size_live(int dirfd, struct walk_size *size)
{
	*size = (struct walk_size){0, 0};
	(void)walk_live(dirfd, add_share, size);
}
