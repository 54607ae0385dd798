/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/content.h"
#include "chroot/store/hasher.h"
#include "chroot/sys/walk.h"
#include "base/blake2b.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct reader {
	struct content *c;
	bool hash;
	struct hasher hasher;
	struct map files; /* inode: digest of what has several names */
};

/* ---- the bound ----------------------------------------------------------- */

static int
too_much(struct error *err)
{
	fail(err,
	    "its list of files is larger than %zu MiB: there must be fewer "
	    "names, or shorter ones",
	    CONTENT_TEXT_MAX >> 20);
	err->code = EOVERFLOW;
	return -1;
}

static int
too_many_attributes(struct error *err)
{
	fail(err,
	    "its extended attributes are too many or too large: they take "
	    "more than %zu KiB, or their names more than 64 KiB",
	    CONTENT_ATTRIBUTES_MAX >> 10);
	err->code = EOVERFLOW;
	return -1;
}

/* Others are written as "%XX". */
static bool
is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '%';
}

static size_t
encoded_length(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += is_plain((unsigned char)*s) ? 1 : 3;
	return n;
}

/* ---- extended attributes ------------------------------------------------- */

bool
content_keeps(const char *name)
{
	static const char *const exact[] = {"security.capability",
	    "system.posix_acl_access", "system.posix_acl_default",
	    "trusted.overlay.opaque", "trusted.overlay.redirect"};
	size_t i;

	for (i = 0; i < sizeof(exact) / sizeof(*exact); i++) {
		if (strcmp(name, exact[i]) == 0)
			return true;
	}
	return strncmp(name, "user.", 5) == 0 && !strchr(name, '=') &&
	    strncmp(name, "user.overlay.", 13) != 0 &&
	    strncmp(name, "user.autotua.", 13) != 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct content_attribute *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* An attribute's value; false if it is gone or can't be read. */
static bool
read_value(const char *path, struct content_attribute *at, struct arena *a)
{
	ssize_t n = getxattr(path, at->name, NULL, 0);
	char *value;

	if (n < 0)
		return false;
	value = arena_alloc(a, (size_t)n + 1, 1);
	n = getxattr(path, at->name, value, (size_t)n);
	at->value = value;
	at->size = n > 0 ? (size_t)n : 0;
	return n >= 0;
}

/* What it takes in an archive, where an ACL is text. */
static size_t
attribute_size(const struct content_attribute *at)
{
	bool acl = strncmp(at->name, "system.", 7) == 0;

	return strlen(at->name) + at->size * (acl ? 4 : 1) + 32;
}

int
content_attributes(
    int fd, struct arena *a, struct content_attribute **list, struct error *err)
{
	char path[32], *names, *p;
	ssize_t n;
	size_t found = 0, all = 0;

	/* by its path, since fd may be one that only names a file */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	*list = NULL;
	n = listxattr(path, NULL, 0);
	if (n == 0 || (n < 0 && errno == ENOTSUP))
		return 0;
	names = n > 0 ? arena_alloc(a, (size_t)n + 1, 1) : NULL;
	if (!names || (n = listxattr(path, names, (size_t)n)) < 0)
		return errno == E2BIG ? too_many_attributes(err)
				      : fail_errno(err, "list attributes");
	for (p = names; p < names + n; p += strlen(p) + 1) {
		if (!content_keeps(p))
			continue;
		*list = arena_grow(a, *list, found, sizeof(**list));
		(*list)[found].name = p;
		if (!read_value(path, &(*list)[found], a))
			return fail_errno(err, "attribute %s", p);
		all += attribute_size(&(*list)[found]);
		if (all > CONTENT_ATTRIBUTES_MAX)
			return too_many_attributes(err);
		found++;
	}
	if (found > 1)
		qsort(*list, found, sizeof(**list), by_name);
	return (int)found;
}

static void
add_field(struct blake2b *b, const void *p, size_t n)
{
	uint64_t len = n;

	blake2b_add(b, &len, sizeof(len));
	blake2b_add(b, p, n);
}

/* The digest of the attributes of what fd names; NULL in hex if none. */
static int
digest_attributes(
    int fd, struct arena *keep, const char **digest, struct error *err)
{
	struct content_attribute *list;
	struct arena a = {0};
	struct blake2b b;
	char hex[KEY_HEX];
	int i, n = content_attributes(fd, &a, &list, err);

	if (n > 0) {
		blake2b_init(&b);
		for (i = 0; i < n; i++) {
			add_field(&b, list[i].name, strlen(list[i].name));
			add_field(&b, list[i].value, list[i].size);
		}
		blake2b_end(&b, hex);
		*digest = arena_strdup(keep, hex);
	}
	arena_release(&a);
	return n < 0 ? -1 : 0;
}

/* Most have none, which is found out without opening them. */
static bool
has_attributes(int dirfd, const char *name)
{
	char path[NAME_MAX + 32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	n = llistxattr(path, NULL, 0);
	return n > 0 || (n < 0 && errno != ENOTSUP);
}

static int
read_attributes(struct reader *r, int dirfd, const char *name,
    struct content_entry *e, struct error *err)
{
	int fd, rc;

	if (!has_attributes(dirfd, name))
		return 0;
	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open");
	rc = digest_attributes(fd, &r->c->arena, &e->attributes, err);
	close(fd);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

/*
 * The digest of a file's bytes, read once for all of its names; 1 when that
 * has told that it has no attributes.
 */
static int
read_file(struct reader *r, const struct walk_entry *w, struct content_entry *e,
    struct error *err)
{
	const char **known = NULL, *key;
	struct hashed f = {.plain = false};

	if (w->st.st_nlink > 1) {
		key =
		    arena_printf(&r->c->arena, "%ju", (uintmax_t)w->st.st_ino);
		known = (const char **)map_puts(&r->files, key);
	}
	/* of what isn't hashed, the first name stands for it */
	if (!known || !*known) {
		r->c->bytes += (uint64_t)w->st.st_blocks * 512;
		if (r->hash && hasher_file(&r->hasher, w, &f, err) < 0)
			return -1;
		e->digest = r->hash ? arena_strdup(&r->c->arena, f.hex) : NULL;
		if (known)
			*known = e->digest ? e->digest : "";
		return f.plain;
	}
	e->digest = r->hash ? *known : NULL;
	return 0;
}

static int
read_link(struct reader *r, const struct walk_entry *w, struct content_entry *e,
    struct error *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(w->dirfd, w->name, target, sizeof(target) - 1);

	if (n < 0)
		return fail_errno(err, "read link");
	e->target = arena_strndup(&r->c->arena, target, (size_t)n);
	r->c->text += encoded_length(e->target);
	return 0;
}

/* NULL: there is too much for a text. */
static struct content_entry *
add_entry(struct content *c, const char *path, const struct stat *st,
    struct error *err)
{
	struct content_entry *e;

	c->text += sizeof(*e) + encoded_length(path);
	if (c->text > CONTENT_TEXT_MAX) {
		(void)too_much(err);
		return NULL;
	}
	c->entries =
	    arena_grow(&c->arena, c->entries, c->n, sizeof(*c->entries));
	e = &c->entries[c->n++];
	*e = (struct content_entry){.path = arena_strdup(&c->arena, path),
	    .mode = st->st_mode,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	    .rdev = st->st_rdev,
	    .ino = st->st_ino,
	    .nlink = st->st_nlink,
	    .size = st->st_size,
	    .mtime = st->st_mtim};
	return e;
}

/* Another process, which is here for digests only. */
static bool
is_helper(const struct reader *r)
{
	return r->hash && hasher_is_child(&r->hasher);
}

static int
read_entry(void *ctx, const struct walk_entry *w, struct error *err)
{
	struct reader *r = ctx;
	struct content_entry *e, unused = {.path = NULL};
	int rc = 0;

	if (is_helper(r))
		return S_ISREG(w->st.st_mode) &&
			read_file(r, w, &unused, err) < 0
		    ? -1
		    : 0;
	e = add_entry(r->c, w->path, &w->st, err);
	if (!e)
		return -1;
	e->deep = w->deep;
	if (S_ISREG(e->mode))
		rc = read_file(r, w, e, err);
	else
		r->c->bytes += (uint64_t)w->st.st_blocks * 512;
	if (S_ISLNK(e->mode))
		rc = read_link(r, w, e, err);
	if (rc == 0)
		rc = read_attributes(r, w->dirfd, w->name, e, err);
	return rc < 0 ? fail_in(err, "%.200s", w->path) : 0;
}

static bool
is_top(const struct content_entry *e)
{
	return strcmp(e->path, ".") == 0;
}

static int
by_path(const void *a, const void *b)
{
	const struct content_entry *x = a, *y = b;

	if (is_top(x) || is_top(y))
		return is_top(y) - is_top(x);
	return strcmp(x->path, y->path);
}

/* In order, with the first name of each file as the one others refer to. */
static void
put_in_order(struct content *c)
{
	struct content_entry *e;
	struct map names;
	void **first;
	size_t i;

	qsort(c->entries, c->n, sizeof(*c->entries), by_path);
	map_init(&names, &c->arena);
	for (i = 0; i < c->n; i++) {
		e = &c->entries[i];
		if (S_ISDIR(e->mode) || e->nlink < 2 || content_is_whiteout(e))
			continue;
		first = map_puts(
		    &names, arena_printf(&c->arena, "%ju", (uintmax_t)e->ino));
		if (*first)
			e->first = *first;
		else
			*first = e;
	}
}

static int
read_all(struct reader *r, int root, struct error *err)
{
	struct content_entry *top;
	struct stat st;

	map_init(&r->files, &r->c->arena);
	if (fstat(root, &st) < 0)
		return fail_errno(err, "stat");
	/* archives don't always have the top's time */
	st.st_mtim = (struct timespec){0, 0};
	top = add_entry(r->c, ".", &st, err);
	if (!top || read_attributes(r, root, ".", top, err) < 0 ||
	    walk(root, read_entry, r, err) < 0)
		return -1;
	put_in_order(r->c);
	return 0;
}

int
content_read(int root, bool hash, struct content *c, struct error *err)
{
	struct reader r = {.c = c, .hash = hash};
	int rc;

	*c = (struct content){.n = 0};
	if (hash && hasher_begin(&r.hasher, root))
		_exit(read_all(&r, root, err) < 0 ? 1 : 0);
	rc = read_all(&r, root, err);
	if (hash)
		hasher_end(&r.hasher);
	return rc;
}

/* ---- as text ------------------------------------------------------------- */

bool
content_is_whiteout(const struct content_entry *e)
{
	return S_ISCHR(e->mode) && e->rdev == makedev(0, 0);
}

static char
type_of(const struct content_entry *e)
{
	switch (e->mode & S_IFMT) {
	case S_IFREG:
		return 'f';
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 's';
	default:
		return content_is_whiteout(e) ? 'w' : 'n';
	}
}

static void
add_encoded(struct buf *b, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	char out[256];
	size_t n = 0;

	for (; *s; s++) {
		if (is_plain((unsigned char)*s)) {
			out[n++] = *s;
		} else {
			out[n++] = '%';
			out[n++] = digits[(unsigned char)*s >> 4];
			out[n++] = digits[*s & 15];
		}
		if (n > sizeof(out) - 3) {
			(void)buf_add(b, out, n);
			n = 0;
		}
	}
	(void)buf_add(b, out, n);
}

static void
add_line(struct buf *b, const struct content_entry *e)
{
	if (content_is_whiteout(e)) {
		/* only that it is there counts */
		(void)buf_adds(b, "w 0000 0 0 0 0 - - ");
		add_encoded(b, e->path);
		(void)buf_addc(b, '\n');
		return;
	}
	(void)buf_addf(b, "%c %04o %u %u %lld.%09ld %jd ", type_of(e),
	    e->mode & 07777, e->uid, e->gid, (long long)e->mtime.tv_sec,
	    e->mtime.tv_nsec, S_ISREG(e->mode) ? (intmax_t)e->size : 0);
	if (e->deep)
		(void)buf_adds(b, "deep");
	else if (e->first)
		(void)buf_addc(b, '='), add_encoded(b, e->first->path);
	else if (e->target)
		add_encoded(b, e->target);
	else
		(void)buf_adds(b, e->digest ? e->digest : "-");
	(void)buf_addf(b, " %s ", e->attributes ? e->attributes : "-");
	add_encoded(b, e->path);
	(void)buf_addc(b, '\n');
}

/* A line is at most this long, numbers and digests included. */
static size_t
line_max(const struct content_entry *e)
{
	size_t n = 320 + encoded_length(e->path);

	if (e->first)
		n += encoded_length(e->first->path);
	if (e->target)
		n += encoded_length(e->target);
	return n;
}

int
content_text(const struct content *c, struct buf *b, struct error *err)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (line_max(&c->entries[i]) > b->max - b->len)
			return too_much(err);
		add_line(b, &c->entries[i]);
	}
	return 0;
}

void
content_digest(const struct buf *text, char hex[KEY_HEX])
{
	struct blake2b b;

	blake2b_init(&b);
	blake2b_add(&b, text->data, text->len);
	blake2b_end(&b, hex);
}
