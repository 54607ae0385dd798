/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/store/tar.h"
#include "chroot/store/content.h"
#include "chroot/sys/sys.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK      512
#define FLUSH      ((size_t)256 << 10)
#define RECORDS    (CONTENT_ATTRIBUTES_MAX + (64 << 10))
#define OCTAL_MAX  07777777LL     /* of an owner: seven digits */
#define SIZE_LIMIT 077777777777LL /* of a size or time: eleven digits */

/* One member on its way out. */
struct member {
	const char *name;
	const struct content_entry *e;
	const char *link;      /* target, or the first name */
	off_t stored;          /* bytes that follow the header */
	const struct buf *map; /* of a sparse file, or NULL */
	struct buf records;    /* of its extended header */
};

void
tar_init(struct tar *t, int fd)
{
	t->fd = fd;
	buf_init(&t->out, 2 * FLUSH);
}

void
tar_release(struct tar *t)
{
	buf_release(&t->out);
}

static int
flush(struct tar *t, struct error *err)
{
	int rc = 0;

	if (t->out.len > 0)
		rc = file_write_all(t->fd, t->out.data, t->out.len, err);
	t->out.len = 0;
	return rc < 0 ? fail_in(err, "write the archive") : 0;
}

static int
put(struct tar *t, const void *p, size_t n, struct error *err)
{
	if (t->out.len + n > FLUSH && flush(t, err) < 0)
		return -1;
	if (n > FLUSH)
		return file_write_all(t->fd, p, n, err);
	(void)buf_add(&t->out, p, n);
	return 0;
}

/* Zeros up to a whole block, after n bytes. */
static int
pad(struct tar *t, off_t n, struct error *err)
{
	static const char zeros[BLOCK];
	size_t over = (size_t)(n % BLOCK);

	return over == 0 ? 0 : put(t, zeros, BLOCK - over, err);
}

/* ---- headers ------------------------------------------------------------- */

static void
octal(char *field, size_t size, long long value)
{
	char text[24];

	if (value < 0)
		value = 0;
	snprintf(text, sizeof(text), "%0*llo", (int)size - 1, value);
	memcpy(field, text, size - 1);
}

static char
flag_of(const struct member *m)
{
	switch (m->e->mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

static void
copy_name(char *field, size_t size, const char *s)
{
	memcpy(field, s, strnlen(s, size));
}

/* A header of the old kind; what doesn't fit is in the records before it. */
static int
put_header(struct tar *t, const struct member *m, char flag, off_t size,
    struct error *err)
{
	struct {
		char name[100], mode[8], uid[8], gid[8], size[12], mtime[12];
		char sum[8], flag, link[100], magic[6], version[2];
		char uname[32], gname[32], major[8], minor[8], prefix[155];
		char rest[12];
	} h = {.flag = flag, .magic = "ustar", .version = {'0', '0'}};
	const unsigned char *p = (const unsigned char *)&h;
	const struct content_entry *e = m->e;
	unsigned sum = 0;
	size_t i;

	copy_name(h.name, sizeof(h.name), m->name);
	copy_name(h.link, sizeof(h.link), m->link ? m->link : "");
	octal(h.mode, 8, e->mode & 07777);
	octal(h.uid, 8, e->uid > OCTAL_MAX ? 0 : e->uid);
	octal(h.gid, 8, e->gid > OCTAL_MAX ? 0 : e->gid);
	octal(h.size, 12, size > SIZE_LIMIT ? 0 : size);
	octal(h.mtime, 12, e->mtime.tv_sec > SIZE_LIMIT ? 0 : e->mtime.tv_sec);
	octal(h.major, 8, 0);
	octal(h.minor, 8, 0);
	memset(h.sum, ' ', sizeof(h.sum));
	for (i = 0; i < sizeof(h); i++)
		sum += p[i];
	snprintf(h.sum, sizeof(h.sum), "%06o", sum);
	_Static_assert(sizeof(h) == BLOCK, "a header is a block");
	return put(t, &h, sizeof(h), err);
}

/* "LENGTH KEY=VALUE\n", whose length counts its own digits. */
static int
record(struct member *m, const char *key, const void *value, size_t n)
{
	size_t len = strlen(key) + n + 3, digits = 1, limit = 10;

	while (len + digits >= limit) {
		digits++;
		limit *= 10;
	}
	if (buf_addf(&m->records, "%zu %s=", len + digits, key) < 0 ||
	    buf_add(&m->records, value, n) < 0)
		return -1;
	return buf_addc(&m->records, '\n');
}

static int
record_text(struct member *m, const char *key, const char *text)
{
	return record(m, key, text, strlen(text));
}

static int
record_number(struct member *m, const char *key, intmax_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%jd", n);
	return record_text(m, key, text);
}

static bool
is_utf8(const char *s)
{
	size_t n, left = strlen(s);

	for (; left > 0; s += n, left -= n) {
		n = utf8_char(s, left);
		if (n == 0)
			return false;
	}
	return true;
}

/* Names that are too long, or that readers would take for another charset. */
static int
record_names(struct member *m)
{
	bool name = strlen(m->name) > 100 || !is_utf8(m->name);
	bool link = m->link && (strlen(m->link) > 100 || !is_utf8(m->link));
	int rc = 0;

	if ((name && !is_utf8(m->name)) || (link && !is_utf8(m->link)))
		rc |= record_text(m, "hdrcharset", "BINARY");
	if (m->map) {
		rc |= record_text(m, "GNU.sparse.major", "1");
		rc |= record_text(m, "GNU.sparse.minor", "0");
		rc |= record_text(m, "GNU.sparse.name", m->name);
		rc |= record_number(m, "GNU.sparse.realsize", m->e->size);
	} else if (name) {
		rc |= record_text(m, "path", m->name);
	}
	if (link)
		rc |= record_text(m, "linkpath", m->link);
	return rc;
}

static int
record_numbers(struct member *m)
{
	const struct content_entry *e = m->e;
	char text[48];
	int rc = 0;

	if (e->uid > OCTAL_MAX)
		rc |= record_number(m, "uid", e->uid);
	if (e->gid > OCTAL_MAX)
		rc |= record_number(m, "gid", e->gid);
	if (m->stored > SIZE_LIMIT)
		rc |= record_number(m, "size", m->stored);
	if (e->mtime.tv_nsec != 0 || e->mtime.tv_sec < 0 ||
	    e->mtime.tv_sec > SIZE_LIMIT) {
		/* before 1970 the fraction counts back */
		if (e->mtime.tv_sec < 0 && e->mtime.tv_nsec != 0)
			snprintf(text, sizeof(text), "-%lld.%09ld",
			    -(long long)e->mtime.tv_sec - 1,
			    1000000000 - e->mtime.tv_nsec);
		else
			snprintf(text, sizeof(text), "%lld.%09ld",
			    (long long)e->mtime.tv_sec, e->mtime.tv_nsec);
		rc |= record_text(m, "mtime", text);
	}
	return rc;
}

/* ---- attributes ---------------------------------------------------------- */

/* The kernel's form of an ACL as text: "user:1000:rw-:1000,..." */
static int
record_acl(struct member *m, const char *key, const unsigned char *p, size_t n)
{
	static const char *const words[] = {
	    "user", "user", "group", "group", "mask", "other"};
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} a;
	struct buf b;
	unsigned word;
	char id[12];
	int rc;

	buf_init(&b, 1 << 20);
	for (p += 4, n = n < 4 ? 0 : n - 4; n >= sizeof(a);
	     p += sizeof(a), n -= sizeof(a)) {
		memcpy(&a, p, sizeof(a));
		for (word = 0; word < 5 && 1 << word < le16toh(a.tag); word++)
			continue;
		id[0] = '\0';
		if (word == 1 || word == 3)
			snprintf(id, sizeof(id), "%u", le32toh(a.id));
		(void)buf_addf(&b, "%s%s:%s:%c%c%c%s%s", b.len > 0 ? "," : "",
		    words[word], id, le16toh(a.perm) & 4 ? 'r' : '-',
		    le16toh(a.perm) & 2 ? 'w' : '-',
		    le16toh(a.perm) & 1 ? 'x' : '-', id[0] ? ":" : "", id);
	}
	rc = b.len > 0 ? record(m, key, b.data, b.len) : 0;
	buf_release(&b);
	return rc;
}

static int
record_attribute(struct member *m, const struct content_attribute *at)
{
	char key[300];

	if (strcmp(at->name, "system.posix_acl_access") == 0)
		return record_acl(m, "SCHILY.acl.access", at->value, at->size);
	if (strcmp(at->name, "system.posix_acl_default") == 0)
		return record_acl(m, "SCHILY.acl.default", at->value, at->size);
	snprintf(key, sizeof(key), "SCHILY.xattr.%s", at->name);
	return record(m, key, at->value, at->size);
}

static int
record_attributes(struct member *m, int fd, struct error *err)
{
	struct content_attribute *list;
	struct arena a = {0};
	int i, n, rc = 0;

	if (!m->e->attributes)
		return 0;
	n = content_attributes(fd, &a, &list, err);
	for (i = 0; i < n && rc == 0; i++)
		rc = record_attribute(m, &list[i]);
	arena_release(&a);
	if (n >= 0 && rc < 0)
		return fail(err, "its attributes are too large");
	return n < 0 ? -1 : 0;
}

/* ---- members ------------------------------------------------------------- */

static int
put_headers(struct tar *t, struct member *m, char flag, struct error *err)
{
	static const struct content_entry plain = {.mode = S_IFREG | 0644};
	const struct member extended = {.name = "pax", .e = &plain};
	off_t n;

	if (record_names(m) < 0 || record_numbers(m) < 0)
		return fail(err, "its names are too long");
	n = (off_t)m->records.len;
	if (n > 0 &&
	    (put_header(t, &extended, 'x', n, err) < 0 ||
		put(t, m->records.data, m->records.len, err) < 0 ||
		pad(t, n, err) < 0))
		return -1;
	return put_header(t, m, flag, m->stored, err);
}

static int
put_range(struct tar *t, int fd, off_t offset, off_t n, struct error *err)
{
	char data[65536];
	ssize_t got;
	size_t want;

	for (; n > 0; n -= got, offset += got) {
		want = n < (off_t)sizeof(data) ? (size_t)n : sizeof(data);
		got = pread(fd, data, want, offset);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got < 0)
			return fail_errno(err, "read");
		else if (got == 0)
			return fail(err, "became shorter meanwhile");
		if (put(t, data, (size_t)got, err) < 0)
			return -1;
	}
	return 0;
}

struct extent {
	off_t at, n;
};

/* Where its data are. One that reaches from begin to end: no holes. */
static int
find_extents(int fd, off_t size, struct arena *a, struct extent **list,
    size_t *count, struct error *err)
{
	off_t data, hole = 0;

	*list = NULL;
	*count = 0;
	while (hole < size) {
		data = lseek(fd, hole, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		if (data < 0 || (hole = lseek(fd, data, SEEK_HOLE)) < 0)
			return fail_errno(err, "seek");
		if (hole > size)
			hole = size;
		*list = arena_grow(a, *list, *count, sizeof(**list));
		(*list)[(*count)++] = (struct extent){data, hole - data};
	}
	return 0;
}

/*
 * The map of a sparse file: how many extents, then the place and length of
 * each; the last, empty, one ends it where it ends in a hole.
 */
static off_t
make_map(struct buf *map, const struct extent *list, size_t n, off_t size)
{
	off_t stored = 0;
	size_t i;

	(void)buf_addf(map, "%zu\n", n + 1);
	for (i = 0; i < n; i++) {
		(void)buf_addf(map, "%jd\n%jd\n", (intmax_t)list[i].at,
		    (intmax_t)list[i].n);
		stored += list[i].n;
	}
	(void)buf_addf(map, "%jd\n0\n", (intmax_t)size);
	while (map->len % BLOCK != 0)
		(void)buf_addc(map, '\0');
	return stored + (off_t)map->len;
}

static int
put_file(struct tar *t, struct member *m, int fd, struct error *err)
{
	off_t size = m->e->size;
	struct extent *list;
	struct arena a = {0};
	struct buf map;
	size_t i, n;
	int rc = -1;

	buf_init(&map, (size_t)256 << 20);
	if (find_extents(fd, size, &a, &list, &n, err) < 0)
		goto out;
	m->stored = size;
	if (size > 0 && (n != 1 || list[0].n != size)) {
		m->stored = make_map(&map, list, n, size);
		m->map = &map;
	}
	if (put_headers(t, m, '0', err) < 0 ||
	    (m->map && put(t, map.data, map.len, err) < 0))
		goto out;
	for (i = 0; i < n; i++) {
		if (put_range(t, fd, list[i].at, list[i].n, err) < 0)
			goto out;
	}
	rc = pad(t, m->stored, err);
out:
	m->map = NULL;
	buf_release(&map);
	arena_release(&a);
	return rc;
}

/* Its data, if it has any of its own, and attributes come from the tree. */
static int
put_member(struct tar *t, struct member *m, int root, struct error *err)
{
	const struct content_entry *e = m->e;
	bool file = S_ISREG(e->mode) && !e->first;
	int fd = -1, rc = -1;

	if (e->deep)
		return fail(err, "is nested too deep");
	if (e->first)
		return put_headers(t, m, '1', err);
	fd = sys_open_beneath(
	    root, e->path, file ? O_RDONLY | O_NONBLOCK : O_PATH | O_NOFOLLOW);
	if (fd < 0)
		fail_errno(err, "open");
	else if (record_attributes(m, fd, err) < 0)
		rc = -1;
	else if (file)
		rc = put_file(t, m, fd, err);
	else
		rc = put_headers(t, m, flag_of(m), err);
	if (fd >= 0)
		close(fd);
	return rc;
}

static const char *
full_name(struct arena *a, const char *prefix, const struct content_entry *e)
{
	const char *slash = S_ISDIR(e->mode) ? "/" : "";

	if (strcmp(e->path, ".") == 0)
		return arena_printf(a, "%s/", *prefix ? prefix : ".");
	if (!*prefix)
		return arena_printf(a, "%s%s", e->path, slash);
	return arena_printf(a, "%s/%s%s", prefix, e->path, slash);
}

int
tar_add_tree(struct tar *t, const char *prefix, int root,
    const struct content *c, struct error *err)
{
	struct arena a = {0};
	struct member m;
	size_t i;
	int rc = 0;

	for (i = 0; i < c->n && rc == 0; i++) {
		/* a socket is nobody's once its maker is gone */
		if (S_ISSOCK(c->entries[i].mode))
			continue;
		m = (struct member){.e = &c->entries[i]};
		m.name = full_name(&a, prefix, m.e);
		m.link = m.e->first ? full_name(&a, prefix, m.e->first)
				    : m.e->target;
		buf_init(&m.records, RECORDS);
		rc = put_member(t, &m, root, err);
		buf_release(&m.records);
		arena_reset(&a);
		if (rc < 0)
			fail_in(err, "%.200s", m.e->path);
	}
	arena_release(&a);
	return rc;
}

int
tar_add_text(struct tar *t, const char *name, const char *text, size_t n,
    struct error *err)
{
	const struct content_entry e = {.mode = S_IFREG | 0600};
	struct member m = {.name = name, .e = &e, .stored = (off_t)n};
	int rc;

	buf_init(&m.records, 4096);
	rc = put_headers(t, &m, '0', err);
	buf_release(&m.records);
	if (rc < 0 || put(t, text, n, err) < 0)
		return -1;
	return pad(t, (off_t)n, err);
}

int
tar_end(struct tar *t, struct error *err)
{
	static const char zeros[2 * BLOCK];

	if (put(t, zeros, sizeof(zeros), err) < 0)
		return -1;
	return flush(t, err);
}
