/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keyring.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "recipe/atom.h"

#include <ctype.h>
#include <string.h>

#define KEYRING_MAX (1024 * 1024)

void
keyring_init(struct keyring *k, struct arena *a)
{
	memset(k, 0, sizeof(*k));
	k->arena = a;
}

/* 40 or 64 hexadecimal digits, in either case, copied in upper case. */
static bool
read_fingerprint(const char *s, char out[FINGERPRINT_MAX])
{
	size_t i, n = strlen(s);

	if (n != 40 && n != 64)
		return false;
	for (i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return false;
		out[i] = (char)toupper((unsigned char)s[i]);
	}
	out[n] = '\0';
	return true;
}

int
keyring_add(struct keyring *k, const char *user, const char *fingerprint,
    struct error *err)
{
	struct keyring_entry e = {0};

	if (!user_valid(user, strlen(user)))
		return fail(err, "\"%s\" is not a maintainer's name", user);
	if (!read_fingerprint(fingerprint, e.fingerprint))
		return fail(err,
		    "\"%s\" is not a fingerprint: 40 or 64 hexadecimal digits "
		    "without blanks (gpg --fingerprint shows it)",
		    fingerprint);
	if (keyring_trusts(k, user, e.fingerprint))
		return 0;
	e.user = arena_strdup(k->arena, user);
	k->entries =
	    arena_grow(k->arena, k->entries, k->n, sizeof(*k->entries));
	k->entries[k->n++] = e;
	return 0;
}

/* One line, NUL-terminated, without its newline. */
static int
read_line(struct keyring *k, char *line, struct error *err)
{
	const char *blanks = " \t\r";
	char *user = line + strspn(line, blanks), *fingerprint, *rest;

	if (*user == '\0' || *user == '#')
		return 0;
	fingerprint = user + strcspn(user, blanks);
	if (*fingerprint)
		*fingerprint++ = '\0';
	fingerprint += strspn(fingerprint, blanks);
	rest = fingerprint + strcspn(fingerprint, blanks);
	if (*rest)
		*rest++ = '\0';
	if (*fingerprint == '\0' || rest[strspn(rest, blanks)])
		return fail(err, "a line is a name and a fingerprint");
	return keyring_add(k, user, fingerprint, err);
}

int
keyring_read(struct keyring *k, const char *path, struct error *err)
{
	size_t number = 0, end;
	struct buf b;
	char *line;
	int rc = -1;

	buf_init(&b, KEYRING_MAX);
	if (file_read(path, &b, err) < 0)
		goto out;
	if (b.len && memchr(b.data, '\0', b.len)) {
		fail(err, "%s: has a NUL byte", path);
		goto out;
	}
	for (line = b.data; line && line < b.data + b.len; line += end + 1) {
		number++;
		end = strcspn(line, "\n");
		line[end] = '\0';
		if (read_line(k, line, err) < 0) {
			fail_in(err, "%s:%zu", path, number);
			goto out;
		}
	}
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

bool
keyring_trusts(
    const struct keyring *k, const char *user, const char *fingerprint)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		if (strcmp(k->entries[i].user, user) == 0 &&
		    strcmp(k->entries[i].fingerprint, fingerprint) == 0)
			return true;
	}
	return false;
}

const char *
keyring_first(const struct keyring *k, const char *user)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		if (strcmp(k->entries[i].user, user) == 0)
			return k->entries[i].fingerprint;
	}
	return NULL;
}
