/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backup out of one tar file. It is read twice: at first everything is
 * compared with the list, which comes last, and the database is looked into;
 * only what has passed that is written, and compared again on the way.
 */
#include "master/commands.h"
#include "master/backup/restore.h"
#include "master/backup/saved_tar.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tarred {
	struct restore *r;
	struct map seen;   /* by name in the tar: struct saved_file */
	struct map places; /* by name in the tar: what the list says */
	int list;
	char scratch[64]; /* a folder */
	const char *db;   /* in it */
};

/* ---- looking ----------------------------------------------------------------
 */

static int
look_place(void *ctx, const char *name, int64_t size, struct error *err)
{
	struct tarred *t = ctx;
	const char *slash = strchr(name, '/');
	int fd;

	if (map_gets(&t->seen, name)) {
		fail(err, "%s: %s: it is there twice", t->r->dir, name);
		return -2;
	}
	if (strcmp(name, "list") == 0 && size > (int64_t)SAVED_LIST_MAX) {
		fail(err, "%s: a list of %lld bytes is none of a backup",
		    t->r->dir, (long long)size);
		return -2;
	}
	if (strcmp(name, "list") == 0)
		return t->list;
	if (!slash || strcmp(slash, "/master.db") != 0)
		return -1;
	fd = open(t->db, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		fail_errno(err, "%s", t->db);
		return -2;
	}
	return fd;
}

static int
look_seen(void *ctx, const char *name, int64_t size, const char *digest, int fd,
    struct error *err)
{
	struct tarred *t = ctx;
	struct arena *a = &t->r->arena;
	struct saved_file *f = arena_new(a, struct saved_file);

	(void)err;
	f->path = arena_strdup(a, name);
	f->size = size;
	memcpy(f->digest, digest, KEY_HEX);
	*map_puts(&t->seen, f->path) = f;
	if (fd >= 0 && fd != t->list)
		close(fd);
	return 0;
}

static int
read_list(struct tarred *t, struct error *err)
{
	struct restore *r = t->r;
	struct buf b;
	int rc = -1;

	if (!map_gets(&t->seen, "list"))
		return fail(err,
		    "%s: no backup of a master (there is no \"list\" in it), "
		    "or one that isn't whole",
		    r->dir);
	buf_init(&b, SAVED_LIST_MAX);
	if (lseek(t->list, 0, SEEK_SET) < 0)
		fail_errno(err, "%s: list", r->dir);
	else if (buf_read(&b, t->list, err) < 0)
		fail_in(err, "%s: list", r->dir);
	else
		rc = saved_parse(&r->list, &b,
		    arena_printf(&r->arena, "%s: list", r->dir), err);
	buf_release(&b);
	return rc < 0 ? -1 : restore_look(r, err);
}

/* Each file of the list is there as it says, and nothing else is. */
static void
compare(struct tarred *t)
{
	const struct saved_file *f, *there;
	struct restore *r = t->r;
	const char *place;
	size_t i;

	for (i = 0; i < r->list.n; i++) {
		f = &r->list.files[i];
		place = saved_place(&r->list, f, &r->arena);
		*map_puts(&t->places, place) = &r->list.files[i];
		there = map_gets(&t->seen, place);
		if (!there)
			restore_tell(
			    r, arena_printf(&r->arena, "%s: missing", place));
		else if (there->size != f->size ||
		    strcmp(there->digest, f->digest) != 0)
			restore_tell(r,
			    arena_printf(&r->arena,
				"%s: other bytes than were saved", place));
	}
	for (i = 0; i < t->seen.n; i++) {
		there = t->seen.items[i].value;
		if (strcmp(there->path, "list") != 0 &&
		    !map_gets(&t->places, there->path))
			restore_tell(r,
			    arena_printf(&r->arena,
				"%s: the list doesn't have it", there->path));
	}
}

static int
look(struct tarred *t, struct error *err)
{
	struct saved_tar_reader reader = {look_place, look_seen, t};

	if (saved_tar_read(t->r->dir, &reader, err) < 0 ||
	    read_list(t, err) < 0)
		return -1;
	compare(t);
	if (restore_examine(t->r, t->db, err) < 0)
		return -1;
	return restore_judge(t->r, err);
}

/* ---- writing ----------------------------------------------------------------
 */

static int
write_place(void *ctx, const char *name, int64_t size, struct error *err)
{
	struct tarred *t = ctx;
	const struct saved_file *f = map_gets(&t->places, name);
	int fd;

	(void)size;
	if (strcmp(name, "list") == 0)
		return -1;
	if (!f) {
		fail(err, "%s: %s: it changed while it was read", t->r->dir,
		    name);
		return -2;
	}
	fd = restore_open(t->r, f->path, err);
	return fd < 0 ? -2 : fd;
}

static int
write_seen(void *ctx, const char *name, int64_t size, const char *digest,
    int fd, struct error *err)
{
	struct tarred *t = ctx;
	const struct saved_file *f = map_gets(&t->places, name);

	if (fd < 0)
		return 0;
	if (close(fd) < 0)
		return fail_errno(err, "%s/%s", t->r->to, name);
	if (size != f->size || strcmp(digest, f->digest) != 0)
		return fail(err, "%s: %s: it changed while it was read",
		    t->r->dir, name);
	return 0;
}

static int
write_all(struct tarred *t, struct error *err)
{
	struct saved_tar_reader reader = {write_place, write_seen, t};
	struct restore *r = t->r;

	if (restore_empty(r->to, err) < 0)
		return -1;
	return saved_tar_read(r->dir, &reader, err);
}

/* ---- the whole --------------------------------------------------------------
 */

/* A place for the list and the database, which must be a file to be seen. */
static int
make_scratch(struct tarred *t, struct error *err)
{
	const char *base = getenv("TMPDIR"), *list;
	int n;

	n = snprintf(t->scratch, sizeof(t->scratch), "%s/autotua-XXXXXX",
	    base && *base == '/' && strlen(base) < 40 ? base : "/var/tmp");
	if (n < 0 || !mkdtemp(t->scratch)) {
		t->scratch[0] = '\0';
		return fail_errno(err, "a folder for the database");
	}
	t->db = arena_printf(&t->r->arena, "%s/master.db", t->scratch);
	list = arena_printf(&t->r->arena, "%s/list", t->scratch);
	t->list = open(list, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return t->list < 0 ? fail_errno(err, "create %s", list) : 0;
}

static void
drop_scratch(struct tarred *t)
{
	struct error ignored;

	if (t->list >= 0)
		close(t->list);
	if (t->scratch[0])
		(void)file_remove_tree(AT_FDCWD, t->scratch, &ignored);
}

int
restore_tar(struct restore *r, struct error *err)
{
	struct tarred t = {.r = r, .list = -1};
	int rc = -1;

	map_init(&t.seen, &r->arena);
	map_init(&t.places, &r->arena);
	if (make_scratch(&t, err) == 0 && look(&t, err) == 0)
		rc = r->to ? write_all(&t, err) : 0;
	drop_scratch(&t);
	return rc;
}
