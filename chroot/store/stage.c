/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/stage.h"
#include "chroot/sys/id.h"
#include "chroot/sys/sys.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

int
stage_set_name(
    struct state *s, const char *id, const char *name, struct error *err)
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
	int ok = state_look(s, kind, id, err), rc = -1;

	if (ok < 0)
		return -1;
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
