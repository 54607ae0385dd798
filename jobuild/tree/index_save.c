/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing the index file: what the old one has that is still of use, and
 * what this tree has found out, merged in order.
 */
#include "index_file.h"
#include "private.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FLUSH      (1024 * 1024)
#define STALE_DAYS 7          /* days of use may be behind so much */
#define WORTH      32         /* one in so many is new: write */
#define SMALL      (1 << 20)  /* bytes of a file that is always written */
#define ENTRY_MAX  (64 << 20) /* bytes of one package */
#define PER_PATH   4          /* entries of a package that are kept */

/* One entry to be: of the old file, or of a package. */
struct item {
	const char *path;
	const unsigned char *oid;
	const struct index_entry *old;
	const struct package *package;
	uint32_t day;
	bool current; /* this tree has it */
};

struct writer {
	struct index *x;
	struct arena arena, bytes;
	struct item *items;
	size_t n;
	struct index_entry *list;
	struct buf names, out;
	uint64_t at; /* what was written, without out */
	int fd;
};

/* The package of this tree that the old entry is about, if it is. */
static const struct package *
package_of(
    const struct tree *t, const struct index *x, const struct index_entry *e)
{
	const struct package *p = map_gets(&t->packages, x->names + e->path);

	return p && memcmp(p->oid.id, e->oid, GIT_OID_RAWSZ) == 0 ? p : NULL;
}

static int
by_order(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return index_order(x->path, x->oid, y->path, y->oid);
}

static void
add_item(struct writer *w, const struct item *item)
{
	w->items = arena_grow(&w->arena, w->items, w->n, sizeof(*w->items));
	w->items[w->n++] = *item;
}

/* True when writing is worth it. */
static bool
collect(struct writer *w, const struct tree *t, int64_t day)
{
	struct index *x = w->x;
	const struct package *p;
	struct item item;
	size_t i, fresh = 0;
	bool stale = false;

	for (i = 0; i < x->n; i++) {
		p = package_of(t, x, &x->list[i]);
		item = (struct item){x->names + x->list[i].path, x->list[i].oid,
		    &x->list[i], NULL, x->list[i].day, false};
		if (p) {
			item.current = true;
			stale |= day - item.day >= STALE_DAYS;
			item.day = (uint32_t)day;
		}
		if (x->list[i].len > 0 && !(p && p->fresh) &&
		    day - item.day <= INDEX_DAYS)
			add_item(w, &item);
	}
	for (i = 0; i < t->packages.n; i++) {
		p = t->packages.items[i].value;
		if (!p->fresh)
			continue;
		fresh++;
		item = (struct item){
		    p->path, p->oid.id, NULL, p, (uint32_t)day, true};
		add_item(w, &item);
	}
	if (w->n > 1)
		qsort(w->items, w->n, sizeof(*w->items), by_order);
	return stale ||
	    (fresh > 0 && (fresh * WORTH >= x->n || x->end < SMALL));
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

	memcpy(e->oid, item->oid, sizeof(e->oid));
	e->day = item->day;
	e->at = w->at + begin;
	e->path = (uint32_t)w->names.len;
	buf_add(&w->names, item->path, strlen(item->path) + 1);
	if (item->package)
		entry_write(&w->out, item->package);
	else if (copy_old(w, item->old, err) < 0)
		return -1;
	if (w->out.len - begin > ENTRY_MAX)
		w->out.len = begin;
	e->len = (uint32_t)(w->out.len - begin);
	e->sum = item->package ? index_sum(w->out.data + begin, e->len)
			       : item->old->sum;
	return w->out.len > FLUSH ? flush(w, err) : 0;
}

static int
put_all(struct writer *w, struct error *err)
{
	struct index_head head;
	size_t i, begin;

	index_head(&head);
	buf_add(&w->out, &head, sizeof(head));
	for (i = 0; i < w->n; i++) {
		if (put_item(w, i, err) < 0)
			return -1;
	}
	begin = w->out.len;
	head.count = w->n;
	head.directory = w->at + begin;
	buf_add(&w->out, w->list, w->n * sizeof(*w->list));
	buf_add(&w->out, w->names.data, w->names.len);
	head.sum = index_sum(w->out.data + begin, w->out.len - begin);
	if (flush(w, err) < 0)
		return -1;
	if (pwrite(w->fd, &head, sizeof(head), 0) != sizeof(head))
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

static int
write_file(struct writer *w, struct error *err)
{
	const char *file = w->x->file;
	const char *new = arena_printf(&w->arena, "%s.new", file);
	int rc;

	w->fd = open(
	    new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd < 0)
		return fail_errno(err, "open %s", new);
	rc = put_all(w, err);
	close(w->fd);
	if (rc == 0 && rename(new, file) < 0)
		rc = fail_errno(err, "rename %s", new);
	if (rc < 0)
		(void)unlink(new);
	return rc;
}

int
index_save(struct index *x, struct tree *t, int64_t day, struct error *err)
{
	struct writer w = {.x = x};
	int lock, rc = 0;

	if (!collect(&w, t, day))
		goto out;
	lock = take_lock(&w.arena, x->file, err);
	if (lock < 0) {
		rc = lock == -1 ? -1 : 0;
		goto out;
	}
	thin_out_all(&w);
	w.list = arena_array(&w.arena, w.n, struct index_entry);
	buf_init(&w.names, UINT32_MAX / 2);
	buf_init(&w.out, SIZE_MAX / 2);
	rc = write_file(&w, err);
	buf_release(&w.names);
	buf_release(&w.out);
	close(lock);
out:
	arena_release(&w.bytes);
	arena_release(&w.arena);
	return rc;
}
