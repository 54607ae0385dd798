/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/backup/saved.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "autotua-backup 1"

void
saved_init(struct saved *s, struct arena *a)
{
	memset(s, 0, sizeof(*s));
	s->arena = a;
	map_init(&s->by_path, a);
}

struct saved_file *
saved_add(struct saved *s)
{
	s->files = arena_grow(s->arena, s->files, s->n, sizeof(*s->files));
	memset(&s->files[s->n], 0, sizeof(*s->files));
	return &s->files[s->n++];
}

const char *
saved_place(const struct saved *s, const struct saved_file *f, struct arena *a)
{
	return f->changing ? arena_printf(a, "%s/%s", s->folder, f->path)
			   : f->path;
}

bool
saved_is_inside(const char *path)
{
	const char *p, *end;

	for (p = path;; p = end + 1) {
		end = p + strcspn(p, "/");
		if (end == p || (end - p <= 2 && *p == '.' && end[-1] == '.'))
			return false;
		if (!*end)
			return true;
	}
}

static bool
number(const char **s, int64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoll(*s, &end, 10);
	if (end == *s || errno || *n < 0)
		return false;
	*s = *end ? end + 1 : end;
	return true;
}

/* "DIGEST SIZE PATH" or, in the generation's folder, "DIGEST SIZE *PATH". */
static bool
take_file(struct saved *s, const char *line)
{
	struct saved_file *f = saved_add(s);

	if (strlen(line) <= KEY_HEX || line[64] != ' ')
		return false;
	memcpy(f->digest, line, 64);
	line += 65;
	if (!is_hex(f->digest, 64) || !number(&line, &f->size))
		return false;
	f->changing = *line == '*';
	f->path = arena_strdup(s->arena, line + f->changing);
	return saved_is_inside(f->path);
}

static bool
take_line(struct saved *s, const char *line)
{
	if (strncmp(line, "file ", 5) == 0)
		return take_file(s, line + 5);
	if (strncmp(line, "folder ", 7) == 0) {
		s->folder = arena_strdup(s->arena, line + 7);
		return saved_is_inside(s->folder);
	}
	if (strncmp(line, "name ", 5) == 0)
		return (s->name = arena_strdup(s->arena, line + 5)) != NULL;
	if (strncmp(line, "schema ", 7) == 0)
		return line += 7, number(&line, &s->schema);
	if (strncmp(line, "time ", 5) == 0)
		return line += 5, number(&line, &s->time);
	return strcmp(line, MAGIC) == 0;
}

/* Does the last line have the digest of all before it? Cuts it off then. */
static bool
is_whole(struct buf *b)
{
	static const size_t tail = 4 + 64 + 1; /* "end DIGEST\n" */
	char hex[DIGEST_HEX_MAX];
	char *end;

	if (b->len < tail)
		return false;
	end = b->data + b->len - tail;
	if (memcmp(end, "end ", 4) != 0 || end[tail - 1] != '\n')
		return false;
	digest_of(DIGEST_KEY, b->data, b->len - tail, hex);
	if (memcmp(end + 4, hex, 64) != 0)
		return false;
	*end = '\0';
	return true;
}

static void
index_files(struct saved *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		*map_puts(&s->by_path, s->files[i].path) = &s->files[i];
}

int
saved_parse(struct saved *s, struct buf *b, const char *path, struct error *err)
{
	char *line, *next;
	int n = 0;

	if (!is_whole(b))
		return fail(err,
		    "%s: damaged: its last line doesn't fit the others; take "
		    "another backup",
		    path);
	for (line = b->data; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		n++;
		if (!take_line(s, line))
			return fail(err,
			    "%s:%d: a line that this program doesn't know; it "
			    "is of a later version",
			    path, n);
	}
	if (!s->folder || !s->name)
		return fail(err, "%s: no folder or no name in it", path);
	index_files(s);
	return 1;
}

int
saved_read(struct saved *s, const char *dir, struct error *err)
{
	const char *path = arena_printf(s->arena, "%s/list", dir);
	struct buf b;
	int rc;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	buf_init(&b, SAVED_LIST_MAX);
	rc = file_read(path, &b, err);
	if (rc == 0)
		rc = saved_parse(s, &b, path, err);
	buf_release(&b);
	return rc;
}

int
saved_text(const struct saved *s, struct buf *b, struct error *err)
{
	char hex[DIGEST_HEX_MAX];
	size_t i;
	int rc;

	rc = buf_addf(b,
	    MAGIC "\nschema %" PRId64 "\ntime %" PRId64
		  "\nfolder %s\nname %s\n",
	    s->schema, s->time, s->folder, s->name);
	for (i = 0; rc == 0 && i < s->n; i++)
		rc = buf_addf(b, "file %s %" PRId64 " %s%s\n",
		    s->files[i].digest, s->files[i].size,
		    s->files[i].changing ? "*" : "", s->files[i].path);
	digest_of(DIGEST_KEY, b->data, b->len, hex);
	if (rc == 0)
		rc = buf_addf(b, "end %s\n", hex);
	return rc < 0 ? fail(err, "too many files") : 0;
}

int
saved_write(const struct saved *s, const char *dir, struct error *err)
{
	const char *path = arena_printf(s->arena, "%s/list", dir);
	struct buf b;
	int rc;

	buf_init(&b, SAVED_LIST_MAX);
	if (saved_text(s, &b, err) < 0)
		rc = fail_in(err, "%s", path);
	else
		rc = file_write(path, b.data, b.len, 0600, err);
	buf_release(&b);
	return rc;
}

/* Read size bytes of from into the digest and to; -1 with err. */
static int
pour(int from, int64_t size, int to, struct digest *d, struct error *err)
{
	char chunk[65536];
	size_t want;
	ssize_t n;

	while (size > 0) {
		want = size < (int64_t)sizeof(chunk) ? (size_t)size
						     : sizeof(chunk);
		n = read(from, chunk, want);
		if (n < 0)
			return fail_errno(err, "read");
		if (n == 0) {
			errno = ENODATA;
			return fail_errno(
			    err, "%" PRId64 " bytes are missing", size);
		}
		digest_add(d, chunk, (size_t)n);
		if (to >= 0 && file_write_all(to, chunk, (size_t)n, err) < 0)
			return -1;
		size -= n;
	}
	return 0;
}

int
saved_digest(const char *path, int64_t size, int to, char digest[KEY_HEX],
    struct error *err)
{
	char hex[DIGEST_HEX_MAX];
	struct digest d;
	int fd, rc;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", path);
	digest_init(&d, DIGEST_KEY);
	rc = pour(fd, size, to, &d, err);
	digest_end(&d, hex);
	close(fd);
	if (rc < 0)
		return fail_in(err, "%s", path);
	memcpy(digest, hex, KEY_HEX);
	return 0;
}

bool
saved_is_same(const struct stat *from, const struct stat *to)
{
	if (from->st_size != to->st_size)
		return false;
	if (from->st_dev == to->st_dev && from->st_ino == to->st_ino)
		return true;
	if (from->st_ctim.tv_sec != to->st_mtim.tv_sec)
		return from->st_ctim.tv_sec < to->st_mtim.tv_sec;
	return from->st_ctim.tv_nsec < to->st_mtim.tv_nsec;
}
