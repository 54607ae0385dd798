/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file only grows, by whole writes at its end under a lock, up to a size
 * where it starts anew. A line that a crash has cut has not its length, and
 * neither has what is glued to it: fields have fixed widths, so that no such
 * line can be taken for another.
 */
#include "verdicts.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME     "verdicts"
#define FILE_MAX (64 * 1024 * 1024)

/* Where the fields of a line begin, and where it ends. */
enum {
	DIGEST = 2,
	FROM = DIGEST + KEY_HEX,
	UNTIL = FROM + 17,
	END = UNTIL + 16,
	FINGERPRINT = END + 1
};

struct verdicts {
	struct arena arena; /* holds the struct itself */
	int dir, fd;
	off_t seen;       /* bytes of the file that are known */
	struct buf text;  /* the file, when it was opened */
	struct buf added; /* lines to append */
	struct map signatures, keys;
};

static bool
is_upper_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789ABCDEF") == n;
}

/* Is this NUL-terminated text of n bytes a line of ours? */
static bool
is_line(const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	if (n < END || s[1] != ' ' || s[FROM - 1] != ' ' || s[UNTIL - 1] != ' ')
		return false;
	if (strspn(s + DIGEST, hex) != KEY_HEX - 1 ||
	    strspn(s + FROM, hex) != 16 || strspn(s + UNTIL, hex) != 16)
		return false;
	if (s[0] == 's')
		return n == END;
	if (s[0] != 'k' || s[END] != ' ')
		return false;
	return (n == FINGERPRINT + 40 || n == FINGERPRINT + 64) &&
	    is_upper_hex(s + FINGERPRINT, n - FINGERPRINT);
}

/* The NUL-terminated line, which lives as long as v, if it is one. */
static void
take_line(struct verdicts *v, char *line, size_t n)
{
	struct map *m = line[0] == 'k' ? &v->keys : &v->signatures;

	if (strlen(line) == n && is_line(line, n))
		*map_put(m, line + DIGEST, KEY_HEX - 1) = line;
}

static void
take_text(struct verdicts *v, char *p, size_t n)
{
	char *end = p + n, *eol;

	for (; p && p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			return;
		*eol = '\0';
		take_line(v, p, (size_t)(eol - p));
	}
}

static struct verdicts *
new_verdicts(void)
{
	struct arena a = {0};
	struct verdicts *v = arena_new(&a, struct verdicts);

	v->arena = a;
	v->dir = v->fd = -1;
	buf_init(&v->text, FILE_MAX + 1);
	buf_init(&v->added, FILE_MAX);
	map_init(&v->signatures, &v->arena);
	map_init(&v->keys, &v->arena);
	return v;
}

/* Nobody else may have had a hand in it. */
static int
check_owner(int fd, bool folder, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_errno(err, "%s", path);
	if (st.st_uid != geteuid())
		return fail(err, "%s belongs to another user", path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return fail(err,
		    "%s can be written by others (chmod go-w mends it)", path);
	if (!folder && (!S_ISREG(st.st_mode) || st.st_nlink != 1))
		return fail(err, "%s is not a plain file of its own", path);
	return 0;
}

static int
open_file(struct verdicts *v, const char *folder, struct error *err)
{
	if (file_mkdirs(folder, 0700, err) < 0)
		return -1;
	v->dir = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (v->dir < 0)
		return fail_errno(err, "open %s", folder);
	if (check_owner(v->dir, true, folder, err) < 0)
		return -1;
	v->fd = openat(v->dir, NAME,
	    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0600);
	if (v->fd < 0)
		return fail_errno(err, "open %s/%s", folder, NAME);
	if (check_owner(v->fd, false, folder, err) < 0)
		return fail_in(err, "%s", NAME);
	return 0;
}

/* Too large: start anew. */
static int
read_file(struct verdicts *v, struct error *err)
{
	struct stat st;

	if (flock(v->fd, LOCK_EX) < 0 || fstat(v->fd, &st) < 0)
		return fail_errno(err, "lock %s", NAME);
	if (st.st_size > FILE_MAX && ftruncate(v->fd, 0) < 0)
		return fail_errno(err, "%s", NAME);
	if (buf_read(&v->text, v->fd, err) < 0)
		return -1;
	v->seen = (off_t)v->text.len;
	flock(v->fd, LOCK_UN);
	return 0;
}

struct verdicts *
verdicts_open(const char *folder, struct error *err)
{
	struct verdicts *v = new_verdicts();

	if (open_file(v, folder, err) < 0 || read_file(v, err) < 0) {
		verdicts_close(v);
		return NULL;
	}
	take_text(v, v->text.data, v->text.len);
	return v;
}

struct verdicts *
verdicts_of(const char *text, size_t len)
{
	struct verdicts *v = new_verdicts();

	if (buf_add(&v->text, text, len) == 0)
		take_text(v, v->text.data, v->text.len);
	return v;
}

int
verdicts_folder(const struct verdicts *v)
{
	return v->dir;
}

/* A line that a crash has cut in the middle gets its end. */
static void
append(struct verdicts *v)
{
	struct error ignored;
	struct stat st;
	char last = '\n';

	if (flock(v->fd, LOCK_EX) < 0 || fstat(v->fd, &st) < 0)
		return;
	if (st.st_size > 0 && pread(v->fd, &last, 1, st.st_size - 1) != 1)
		return;
	if (last != '\n' && file_write_all(v->fd, "\n", 1, &ignored) < 0)
		return;
	/* what can't be remembered is found out again */
	(void)file_write_all(v->fd, v->added.data, v->added.len, &ignored);
}

/* Lines that others have appended; with the lock. */
static void
read_others(struct verdicts *v)
{
	struct stat st;
	char *text;
	ssize_t n;

	if (fstat(v->fd, &st) < 0 || st.st_size <= v->seen)
		return;
	text = arena_alloc(&v->arena, 1, (size_t)(st.st_size - v->seen) + 1);
	n = pread(v->fd, text, (size_t)(st.st_size - v->seen), v->seen);
	if (n > 0)
		take_text(v, text, (size_t)n);
}

void
verdicts_save(struct verdicts *v)
{
	struct stat st;

	if (v->fd < 0 || fstat(v->fd, &st) < 0 ||
	    (v->added.len == 0 && st.st_size == v->seen))
		return;
	if (flock(v->fd, LOCK_EX) < 0)
		return;
	read_others(v);
	if (v->added.len > 0)
		append(v);
	v->added.len = 0;
	if (fstat(v->fd, &st) == 0)
		v->seen = st.st_size;
	flock(v->fd, LOCK_UN);
}

void
verdicts_close(struct verdicts *v)
{
	struct arena a;

	if (!v)
		return;
	if (v->fd >= 0 && v->added.len > 0)
		append(v);
	if (v->fd >= 0)
		close(v->fd);
	if (v->dir >= 0)
		close(v->dir);
	buf_release(&v->added);
	buf_release(&v->text);
	a = v->arena;
	arena_release(&a);
}

/* 16 hex digits; more than a time can be is far in the future. */
static uint64_t
read_hex(const char *s)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < 16; i++)
		n = n << 4 |
		    (uint64_t)(s[i] <= '9' ? s[i] - '0' : s[i] - 'a' + 10);
	return n;
}

static const char *
find(const struct map *m, const char *digest, time_t now)
{
	const char *line = map_get(m, digest, KEY_HEX - 1);
	uint64_t t = (uint64_t)now, until;

	if (!line || now < 0 || t < read_hex(line + FROM))
		return NULL;
	until = read_hex(line + UNTIL);
	return until == 0 || t < until ? line : NULL;
}

bool
verdicts_signature(const struct verdicts *v, const char *digest, time_t now)
{
	return find(&v->signatures, digest, now) != NULL;
}

bool
verdicts_key(const struct verdicts *v, const char *digest, time_t now,
    char fingerprint[FINGERPRINT_MAX])
{
	const char *line = find(&v->keys, digest, now);

	if (line)
		snprintf(
		    fingerprint, FINGERPRINT_MAX, "%s", line + FINGERPRINT);
	return line != NULL;
}

void
verdicts_add(struct verdicts *v, const char *digest, struct span span,
    const char *fingerprint)
{
	char *line;

	line = arena_printf(&v->arena, "%c %.64s %016llx %016llx%s%s",
	    fingerprint ? 'k' : 's', digest,
	    span.from > 0 ? (unsigned long long)span.from : 0,
	    (unsigned long long)span.until, fingerprint ? " " : "",
	    fingerprint ? fingerprint : "");
	take_line(v, line, strlen(line));
	buf_addf(&v->added, "%s\n", line);
}
