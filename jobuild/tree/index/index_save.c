/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing the index file: what this tree has found out as a further part, or,
 * merged in order with what the old file has that is still of use, as a whole
 * new one. A part that a crash has cut ends the file for readers, and the next
 * writer makes it anew.
 */
#include "index_file.h"
#include "tree/private.h"
#include "user.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH      (1024 * 1024)
#define STALE_DAYS 7          /* days of use may be behind so much */
#define LARGE      2          /* so often the first part's size: anew */
#define ENTRY_MAX  (64 << 20) /* bytes of one package */
#define PER_PATH   4          /* entries of a package that are kept */

/* One entry to be: of the old file, of a package or of a maintainer. */
struct item {
	const char *path;
	const unsigned char *oid;
	const struct index_entry *old;
	const struct package *package;
	const struct user *user;
	size_t part; /* of the old file; INDEX_PARTS: a new one */
	uint32_t day;
	bool current; /* this tree has it */
};

struct writer {
	struct index *x; /* the file as it is */
	struct tree *t;
	int64_t day;
	struct arena arena, bytes;
	struct item *items;
	size_t n;
	struct index_entry *list;
	struct buf names, out;
	uint64_t begin; /* of the part */
	uint64_t at;    /* what was written, without out */
	int fd;
};

static bool
is_user_path(const char *path)
{
	return strchr(path, '/') == NULL;
}

/* Is the old entry about something of this tree? */
static bool
is_current(const struct writer *w, const char *path, const unsigned char *oid)
{
	const struct package *p;
	const struct user *u;

	if (is_user_path(path)) {
		u = map_gets(&w->t->users, path);
		return u && memcmp(u->oid.id, oid, GIT_OID_RAWSZ) == 0;
	}
	p = map_gets(&w->t->packages, path);
	return p && memcmp(p->oid.id, oid, GIT_OID_RAWSZ) == 0;
}

/* Of equal ones that which was written last comes first. */
static int
by_order(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = index_order(x->path, x->oid, y->path, y->oid);

	return c ? c : (x->part < y->part) - (x->part > y->part);
}

static void
add_item(struct writer *w, const struct item *item)
{
	w->items = arena_grow(&w->arena, w->items, w->n, sizeof(*w->items));
	w->items[w->n++] = *item;
}

/* What a part of the old file has that is of use. */
static void
collect_part(struct writer *w, size_t part)
{
	const struct index_part *p = &w->x->parts[part];
	const struct index_entry *e;
	struct item item;

	for (e = p->list; e < p->list + p->n; e++) {
		item = (struct item){.path = p->names + e->path,
		    .oid = e->oid,
		    .old = e,
		    .part = part,
		    .day = e->day};
		item.current = is_current(w, item.path, item.oid);
		if (item.current)
			item.day = (uint32_t)w->day;
		if (e->len > 0 && w->day - item.day <= INDEX_DAYS)
			add_item(w, &item);
	}
}

/* What this tree has found out. */
static void
collect_new(struct writer *w)
{
	const struct tree *t = w->t;
	struct item item = {
	    .day = (uint32_t)w->day, .part = INDEX_PARTS, .current = true};
	size_t i;

	for (i = 0; i < t->packages.n; i++) {
		item.package = t->packages.items[i].value;
		item.path = item.package->path;
		item.oid = item.package->oid.id;
		if (item.package->fresh)
			add_item(w, &item);
	}
	item.package = NULL;
	for (i = 0; i < t->users.n; i++) {
		item.user = t->users.items[i].value;
		item.path = item.user->name;
		item.oid = item.user->oid.id;
		if (item.user->fresh && user_complete(w->t, item.user))
			add_item(w, &item);
	}
}

static void
sort_items(struct writer *w)
{
	if (w->n > 1)
		qsort(w->items, w->n, sizeof(*w->items), by_order);
}

/* Only the first of equal ones stays. */
static void
drop_repeated(struct writer *w)
{
	const struct item *last;
	size_t i, kept = 0;

	for (i = 0; i < w->n; i++) {
		last = kept > 0 ? &w->items[kept - 1] : NULL;
		if (!last ||
		    index_order(last->path, last->oid, w->items[i].path,
			w->items[i].oid) != 0)
			w->items[kept++] = w->items[i];
	}
	w->n = kept;
}

/* Of what one package was over time, the last ones. */
static size_t
thin_out(struct item *group, size_t n)
{
	size_t i, oldest;

	for (; n > PER_PATH; n--) {
		for (i = oldest = 0; i < n; i++) {
			if (!group[i].current &&
			    (group[oldest].current ||
				group[i].day < group[oldest].day))
				oldest = i;
		}
		memmove(&group[oldest], &group[oldest + 1],
		    (n - oldest - 1) * sizeof(*group));
	}
	return n;
}

static void
thin_out_all(struct writer *w)
{
	size_t i, k, n, kept = 0;

	for (i = 0; i < w->n; i = k) {
		for (k = i + 1; k < w->n; k++) {
			if (strcmp(w->items[k].path, w->items[i].path) != 0)
				break;
		}
		n = thin_out(&w->items[i], k - i);
		memmove(&w->items[kept], &w->items[i], n * sizeof(struct item));
		kept += n;
	}
	w->n = kept;
}

static int
flush(struct writer *w, struct error *err)
{
	if (file_write_all(w->fd, w->out.data, w->out.len, err) < 0)
		return -1;
	w->at += w->out.len;
	w->out.len = 0;
	return 0;
}

/* An entry as it stands: whether it is right shows when it is used. */
static int
copy_old(struct writer *w, const struct index_entry *old, struct error *err)
{
	char *bytes = arena_alloc(&w->bytes, old->len, 1);

	if (index_read(w->x->fd, bytes, old->len, old->at) < 0)
		return fail(err, "%s: is not to be read", w->x->file);
	buf_add(&w->out, bytes, old->len);
	arena_reset(&w->bytes);
	return 0;
}

static int
put_item(struct writer *w, size_t i, struct error *err)
{
	const struct item *item = &w->items[i];
	struct index_entry *e = &w->list[i];
	size_t begin = w->out.len;

	e->at = w->at + begin;
	if (item->package)
		entry_write(&w->out, item->package);
	else if (item->user)
		user_write(&w->out, w->t, item->user);
	else if (copy_old(w, item->old, err) < 0)
		return -1;
	if (w->out.len - begin > ENTRY_MAX)
		w->out.len = begin;
	e->len = (uint32_t)(w->out.len - begin);
	e->sum =
	    item->old ? item->old->sum : index_sum(w->out.data + begin, e->len);
	return w->out.len > FLUSH ? flush(w, err) : 0;
}

/* Maintainers' together, in front: all of them are read, of the rest a few. */
static int
put_items(struct writer *w, bool users, struct error *err)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		if (is_user_path(w->items[i].path) == users &&
		    put_item(w, i, err) < 0)
			return -1;
	}
	return 0;
}

static void
put_directory(struct writer *w)
{
	struct index_entry *e;
	size_t i;

	for (i = 0; i < w->n; i++) {
		e = &w->list[i];
		memcpy(e->oid, w->items[i].oid, sizeof(e->oid));
		e->day = w->items[i].day;
		e->path = (uint32_t)w->names.len;
		buf_add(
		    &w->names, w->items[i].path, strlen(w->items[i].path) + 1);
	}
	buf_add(&w->out, w->list, w->n * sizeof(*w->list));
	buf_add(&w->out, w->names.data, w->names.len);
}

static int
put_part(struct writer *w, struct error *err)
{
	struct index_head head;
	size_t begin;

	w->list = arena_array(&w->arena, w->n, struct index_entry);
	w->at = w->begin;
	index_head(&head);
	buf_add(&w->out, &head, sizeof(head));
	if (put_items(w, true, err) < 0 || put_items(w, false, err) < 0)
		return -1;
	begin = w->out.len;
	head.count = w->n;
	head.directory = w->at + begin;
	put_directory(w);
	head.sum = index_sum(w->out.data + begin, w->out.len - begin);
	head.end = w->at + w->out.len;
	head.day = (uint64_t)w->day;
	if (flush(w, err) < 0)
		return -1;
	if (pwrite(w->fd, &head, sizeof(head), (off_t)w->begin) != sizeof(head))
		return fail_errno(err, "write");
	return 0;
}

/* The folder, and a lock in it; -2: another writer has that. */
static int
take_lock(struct arena *a, const char *file, struct error *err)
{
	const char *slash = strrchr(file, '/');
	int fd;

	if (slash && slash > file &&
	    file_mkdirs(
		arena_strndup(a, file, (size_t)(slash - file)), 0700, err) < 0)
		return -1;
	file = arena_printf(a, "%s.lock", file);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_errno(err, "open %s", file);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -2;
}

/* Everything that is of use, as a file that takes the old one's place. */
static int
write_file(struct writer *w, struct error *err)
{
	const char *file = w->x->file;
	const char *new = arena_printf(&w->arena, "%s.new", file);
	size_t i;
	int rc;

	for (i = 0; i < w->x->nparts; i++)
		collect_part(w, i);
	sort_items(w);
	drop_repeated(w);
	thin_out_all(w);
	w->begin = 0;
	w->fd = open(
	    new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd < 0)
		return fail_errno(err, "open %s", new);
	rc = put_part(w, err);
	close(w->fd);
	if (rc == 0 && rename(new, file) < 0)
		rc = fail_errno(err, "rename %s", new);
	if (rc < 0)
		(void)unlink(new);
	return rc;
}

/* Is the file with this status the one that was read? */
static bool
is_same(const struct index *x, const struct stat *st)
{
	struct stat old;

	return x->fd >= 0 && fstat(x->fd, &old) == 0 &&
	    st->st_dev == old.st_dev && st->st_ino == old.st_ino;
}

/*
 * The file as it is under the lock, with what others have written since x was
 * read: x, or another one to be closed. One that can't be used doesn't count.
 */
static struct index *
read_again(struct index *x)
{
	struct index *there;
	struct stat st;

	if (lstat(x->file, &st) == 0 && is_same(x, &st)) {
		index_read_on(x);
		return x;
	}
	there = index_open(x->file);
	if (there->nparts > 0)
		return there;
	index_close(there);
	return x;
}

/*
 * The file to add a part to, at its end; -1: something else is there or behind
 * what was read, or it has grown enough.
 */
static int
open_end(const struct index *x)
{
	struct stat st;
	int fd;

	if (x->nparts == 0 || x->nparts == INDEX_PARTS ||
	    x->end > LARGE * x->first)
		return -1;
	fd = open(x->file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && is_same(x, &st) &&
	    (uint64_t)st.st_size == x->end &&
	    lseek(fd, 0, SEEK_END) == st.st_size)
		return fd;
	close(fd);
	return -1;
}

/* So is one of days to come: the clock was wrong, or the head is damaged. */
static bool
is_stale(const struct writer *w)
{
	return w->x->nparts > 0 && (uint64_t)w->day - w->x->day >= STALE_DAYS;
}

static bool
is_idle(const struct writer *w)
{
	return w->n == 0 && !is_stale(w);
}

/* Under the lock. */
static int
write_new(struct writer *w, struct error *err)
{
	int rc;

	/* another one has made the file anew */
	if (is_idle(w))
		return 0;
	w->fd = is_stale(w) ? -1 : open_end(w->x);
	if (w->fd < 0)
		return write_file(w, err);
	sort_items(w);
	w->begin = w->x->end;
	rc = put_part(w, err);
	if (rc < 0 && ftruncate(w->fd, (off_t)w->begin) < 0)
		fail_in(err, "the part is not whole");
	close(w->fd);
	return rc;
}

int
index_save(struct index *x, struct tree *t, int64_t day, struct error *err)
{
	struct writer w = {.x = x, .t = t, .day = day};
	int lock, rc = 0;

	collect_new(&w);
	if (is_idle(&w))
		goto out;
	lock = take_lock(&w.arena, x->file, err);
	if (lock < 0) {
		rc = lock == -1 ? -1 : 0;
		goto out;
	}
	buf_init(&w.names, UINT32_MAX / 2);
	buf_init(&w.out, SIZE_MAX / 2);
	w.x = read_again(x);
	rc = write_new(&w, err);
	if (w.x != x)
		index_close(w.x);
	buf_release(&w.names);
	buf_release(&w.out);
	close(lock);
out:
	arena_release(&w.bytes);
	arena_release(&w.arena);
	return rc;
}
