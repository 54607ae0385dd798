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
index_bytes(struct index *x, uint64_t at, size_t n)
{
	struct index_window *w = &x->window;
	uint64_t left = x->end - at;

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
directory_valid(const struct index *x)
{
	const struct index_entry *e;
	size_t i;

	if (x->nnames == 0 || x->names[x->nnames - 1] != '\0')
		return false;
	for (i = 0; i < x->n; i++) {
		e = &x->list[i];
		if (e->at < sizeof(struct index_head) || e->at > x->end ||
		    e->len > x->end - e->at || e->path >= x->nnames)
			return false;
		if (i > 0 &&
		    index_order(x->names + e[-1].path, e[-1].oid,
			x->names + e->path, e->oid) >= 0)
			return false;
	}
	return true;
}

static int
read_directory(struct index *x, const struct stat *st)
{
	struct index_head head, want;
	uint64_t size = (uint64_t)st->st_size;
	size_t list, all;
	char *bytes;

	if (size < sizeof(head) || size > INDEX_MAX ||
	    index_read(x->fd, &head, sizeof(head), 0) < 0)
		return -1;
	index_head(&want);
	if (memcmp(&head, &want, offsetof(struct index_head, count)) != 0 ||
	    head.directory < sizeof(head) || head.directory > size ||
	    head.count > (size - head.directory) / sizeof(struct index_entry))
		return -1;
	list = (size_t)head.count * sizeof(struct index_entry);
	all = (size_t)(size - head.directory);
	bytes = arena_alloc(&x->arena, all, 1);
	if (index_read(x->fd, bytes, all, head.directory) < 0 ||
	    index_sum(bytes, all) != head.sum)
		return -1;
	x->list = (struct index_entry *)(void *)bytes;
	x->n = (size_t)head.count;
	x->names = bytes + list;
	x->nnames = all - list;
	x->end = head.directory;
	return directory_valid(x) ? 0 : -1;
}

/* A plain file that nobody else can have written. */
static bool
is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	    (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

struct index *
index_open(const char *file)
{
	struct arena a = {0};
	struct index *x = arena_new(&a, struct index);
	struct stat st;

	x->arena = a;
	x->file = arena_strdup(&x->arena, file);
	x->fd = open(
	    file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (x->fd >= 0 && fstat(x->fd, &st) == 0 && is_ours(&st) &&
	    read_directory(x, &st) == 0)
		return x;
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
	x->n = 0;
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
find(struct index *x, const char *path, const unsigned char *oid)
{
	size_t low = 0, high = x->n, mid;
	const struct index_entry *e;

	/* the next one is what most look for */
	for (mid = x->next; mid < x->n && mid < x->next + 2; mid++) {
		e = &x->list[mid];
		if (index_order(path, oid, x->names + e->path, e->oid) == 0)
			return mid;
	}
	while (low < high) {
		mid = low + (high - low) / 2;
		e = &x->list[mid];
		if (index_order(path, oid, x->names + e->path, e->oid) <= 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* The entry with its bytes, proved; false: there is none. */
static bool
entry_bytes(struct index *x, size_t i, struct cursor *c)
{
	struct index_entry *e = &x->list[i];

	if (e->len == 0)
		return false;
	x->next = i + 1;
	memset(c, 0, sizeof(*c));
	c->p = index_bytes(x, e->at, e->len);
	if (c->p && index_sum(c->p, e->len) == e->sum) {
		c->end = c->p + e->len;
		return true;
	}
	/* never to be written again */
	e->len = 0;
	return false;
}

static bool
is_about(const struct index *x, size_t i, const char *path)
{
	return i < x->n && strcmp(x->names + x->list[i].path, path) == 0;
}

static bool
is_entry(const struct index *x, size_t i, const char *path, const git_oid *oid)
{
	return is_about(x, i, path) &&
	    memcmp(x->list[i].oid, oid->id, GIT_OID_RAWSZ) == 0;
}

void
index_load(struct index *x, struct tree *t, struct package *p)
{
	size_t i = find(x, p->path, p->oid.id);
	struct cursor c;

	if (!is_entry(x, i, p->path, &p->oid) || !entry_bytes(x, i, &c))
		return;
	p->stored = entry_read(&c, t, p) == 0;
	if (!p->stored)
		x->list[i].len = 0;
}

void
index_load_user(struct index *x, struct tree *t, struct user *u)
{
	size_t i = find(x, u->name, u->oid.id), last;
	struct cursor c;

	if (!is_entry(x, i, u->name, &u->oid)) {
		/* of those of other times the one that was used last */
		while (i > 0 && is_about(x, i - 1, u->name))
			i--;
		for (last = i; is_about(x, i, u->name); i++) {
			if (x->list[i].day > x->list[last].day)
				last = i;
		}
		i = last;
	}
	/* what it relies on elsewhere may be as it was once more: no damage */
	if (is_about(x, i, u->name) && entry_bytes(x, i, &c))
		(void)user_read(&c, t, x->list[i].oid, u);
}
