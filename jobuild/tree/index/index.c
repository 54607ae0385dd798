/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding and reading entries of the index file. */
#include "index_file.h"
#include "tree/private.h"
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t
index_sum(const void *data, size_t n)
{
	const char *p = data;
	uint64_t h = 0x9e3779b97f4a7c15 ^ n, word;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		h = (h ^ word) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, p, n);
	h = (h ^ word) * 0xff51afd7ed558ccd;
	return h ^ h >> 29;
}

void
index_head(struct index_head *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, INDEX_MAGIC, sizeof(INDEX_MAGIC));
	snprintf(h->version, sizeof(h->version), "%s", VERSION);
	h->order = INDEX_ORDER;
	h->format = RECORD_FORMAT;
}

int
index_read(int fd, void *p, size_t n, uint64_t at)
{
	ssize_t got;

	while (n > 0) {
		got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		p = (char *)p + got;
		n -= (size_t)got;
		at += (size_t)got;
	}
	return 0;
}

const char *
index_bytes(struct index *x, struct index_part *p, uint64_t at, size_t n)
{
	struct index_window *w = &p->window;
	uint64_t left = p->end - at;

	if (at >= w->at && at - w->at <= w->len && n <= w->len - (at - w->at))
		return w->data + (at - w->at);
	/* more at once for who goes through it in order */
	w->want = at >= w->at + w->len / 2 && at - w->at <= 2 * w->len + 1
	    ? w->want * 2
	    : WINDOW_MIN;
	if (w->want > WINDOW_MAX)
		w->want = WINDOW_MAX;
	w->len = w->want < left ? w->want : (size_t)left;
	if (w->len < n)
		w->len = n;
	w->at = at;
	w->data = arena_alloc(&x->arena, w->len + 1, 1);
	if (index_read(x->fd, w->data, w->len, at) == 0)
		return w->data;
	w->len = 0;
	return NULL;
}

int
index_order(const char *path, const unsigned char *oid, const char *other,
    const unsigned char *other_oid)
{
	int c = strcmp(path, other);

	return c ? c : memcmp(oid, other_oid, GIT_OID_RAWSZ);
}

/* Nothing in the directory leads astray. */
static bool
directory_valid(const struct index_part *p, uint64_t begin)
{
	const struct index_entry *e;
	size_t i;

	if (p->nnames == 0 || p->names[p->nnames - 1] != '\0')
		return false;
	for (i = 0; i < p->n; i++) {
		e = &p->list[i];
		if (e->at < begin || e->at > p->end ||
		    e->len > p->end - e->at || e->path >= p->nnames)
			return false;
		if (i > 0 &&
		    index_order(p->names + e[-1].path, e[-1].oid,
			p->names + e->path, e->oid) >= 0)
			return false;
	}
	return true;
}

/* The head at a place of a file of this size; -1: there is none. */
static int
read_head(int fd, uint64_t at, uint64_t size, struct index_head *head)
{
	struct index_head want;
	uint64_t begin = at + sizeof(*head);

	if (size < begin || index_read(fd, head, sizeof(*head), at) < 0)
		return -1;
	index_head(&want);
	if (memcmp(head, &want, offsetof(struct index_head, count)) != 0 ||
	    head->end > size || head->directory < begin ||
	    head->directory > head->end ||
	    head->count >
		(head->end - head->directory) / sizeof(struct index_entry))
		return -1;
	return 0;
}

/* The part that begins where the last one has ended. */
static int
read_part(struct index *x, uint64_t size)
{
	struct index_part *p = &x->parts[x->nparts];
	struct index_head head;
	size_t list, all;
	char *bytes;

	if (read_head(x->fd, x->end, size, &head) < 0)
		return -1;
	list = (size_t)head.count * sizeof(struct index_entry);
	all = (size_t)(head.end - head.directory);
	bytes = arena_alloc(&x->arena, all, 1);
	if (index_read(x->fd, bytes, all, head.directory) < 0 ||
	    index_sum(bytes, all) != head.sum)
		return -1;
	p->list = (struct index_entry *)(void *)bytes;
	p->n = (size_t)head.count;
	p->names = bytes + list;
	p->nnames = all - list;
	p->end = head.directory;
	if (!directory_valid(p, x->end + sizeof(head)))
		return -1;
	if (x->nparts++ == 0) {
		x->first = head.end;
		x->day = head.day;
	}
	x->end = head.end;
	return 0;
}

/* A plain file that nobody else can have written. */
static bool
is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	    (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

void
index_read_on(struct index *x)
{
	struct stat st;
	uint64_t size;

	if (x->fd < 0 || fstat(x->fd, &st) < 0 || !is_ours(&st))
		return;
	size = (uint64_t)st.st_size;
	if (size > INDEX_MAX)
		return;
	while (x->nparts < INDEX_PARTS && read_part(x, size) == 0)
		;
}

struct index *
index_open(const char *file)
{
	struct arena a = {0};
	struct index *x = arena_new(&a, struct index);

	x->arena = a;
	x->file = arena_strdup(&x->arena, file);
	x->fd = open(
	    file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	index_read_on(x);
	if (x->fd >= 0 && x->nparts == 0) {
		close(x->fd);
		x->fd = -1;
	}
	return x;
}

void
index_close(struct index *x)
{
	struct arena a;

	if (!x)
		return;
	if (x->fd >= 0)
		close(x->fd);
	a = x->arena;
	arena_release(&a);
}

/* Where it is or would be. */
static size_t
find(struct index_part *p, const char *path, const unsigned char *oid)
{
	size_t low = 0, high = p->n, mid;
	const struct index_entry *e;

	/* the next one is what most look for */
	for (mid = p->next; mid < p->n && mid < p->next + 2; mid++) {
		e = &p->list[mid];
		if (index_order(path, oid, p->names + e->path, e->oid) == 0)
			return mid;
	}
	while (low < high) {
		mid = low + (high - low) / 2;
		e = &p->list[mid];
		if (index_order(path, oid, p->names + e->path, e->oid) <= 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* An entry, and the part that it is in. */
struct hit {
	struct index_part *part;
	struct index_entry *entry; /* NULL: there is none */
};

/* The bytes, proved; false: they are not to be had. */
static bool
hit_bytes(struct index *x, const struct hit *h, struct cursor *c)
{
	struct index_entry *e = h->entry;

	if (!e || e->len == 0)
		return false;
	h->part->next = (size_t)(e - h->part->list) + 1;
	memset(c, 0, sizeof(*c));
	c->p = index_bytes(x, h->part, e->at, e->len);
	if (c->p && index_sum(c->p, e->len) == e->sum) {
		c->end = c->p + e->len;
		return true;
	}
	/* never to be written again */
	e->len = 0;
	return false;
}

static bool
is_about(const struct index_part *p, size_t i, const char *path)
{
	return i < p->n && strcmp(p->names + p->list[i].path, path) == 0;
}

/* What was written last about just this. */
static struct hit
find_exactly(struct index *x, const char *path, const git_oid *oid)
{
	struct index_part *p;
	size_t k, i;

	for (k = x->nparts; k-- > 0;) {
		p = &x->parts[k];
		i = find(p, path, oid->id);
		if (is_about(p, i, path) &&
		    memcmp(p->list[i].oid, oid->id, GIT_OID_RAWSZ) == 0)
			return (struct hit){p, &p->list[i]};
	}
	return (struct hit){0};
}

/* Of those of other times the one that was used last. */
static struct hit
find_other(struct index *x, const char *path)
{
	static const unsigned char least[GIT_OID_RAWSZ];
	struct hit best = {0};
	struct index_part *p;
	size_t k, i;

	for (k = x->nparts; k-- > 0;) {
		p = &x->parts[k];
		for (i = find(p, path, least); is_about(p, i, path); i++) {
			if (!best.entry || p->list[i].day > best.entry->day)
				best = (struct hit){p, &p->list[i]};
		}
	}
	return best;
}

void
index_load(struct index *x, struct tree *t, struct package *p)
{
	struct hit h = find_exactly(x, p->path, &p->oid);
	struct cursor c;

	if (!hit_bytes(x, &h, &c))
		return;
	p->stored = entry_read(&c, t, p) == 0;
	if (!p->stored)
		h.entry->len = 0;
}

void
index_load_user(struct index *x, struct tree *t, struct user *u)
{
	struct hit h = find_exactly(x, u->name, &u->oid);
	struct cursor c;

	if (!h.entry)
		h = find_other(x, u->name);
	/* what it relies on elsewhere may be as it was once more: no damage */
	if (hit_bytes(x, &h, &c))
		(void)user_read(&c, t, h.entry->oid, u);
}
