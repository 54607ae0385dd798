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

static int
add(struct keyring *k, const char *user, const char *fingerprint, bool revoked,
    struct error *err)
{
	struct keyring_entry e = {.revoked = revoked};

	if (!user_valid(user, strlen(user)))
		return fail(err, "\"%s\" is not a maintainer's name", user);
	if (!read_fingerprint(fingerprint, e.fingerprint))
		return fail(err,
		    "\"%s\" is not a fingerprint: 40 or 64 hexadecimal digits "
		    "without blanks (gpg --fingerprint shows it)",
		    fingerprint);
	if (!revoked && keyring_trusts(k, user, e.fingerprint))
		return 0;
	e.user = arena_strdup(k->arena, user);
	k->entries =
	    arena_grow(k->arena, k->entries, k->n, sizeof(*k->entries));
	k->entries[k->n++] = e;
	return 0;
}

int
keyring_add(struct keyring *k, const char *user, const char *fingerprint,
    struct error *err)
{
	return add(k, user, fingerprint, false, err);
}

/* Cut the next word off; "" when there is none. */
static char *
word(char **p)
{
	const char *blanks = " \t\r";
	char *w = *p + strspn(*p, blanks);

	*p = w + strcspn(w, blanks);
	if (**p)
		*(*p)++ = '\0';
	return w;
}

/* One line, NUL-terminated, without its newline. */
static int
read_line(struct keyring *k, char *line, struct error *err)
{
	const char *user, *fingerprint, *third;
	bool revoked;

	user = word(&line);
	if (*user == '\0' || *user == '#')
		return 0;
	fingerprint = word(&line);
	third = word(&line);
	revoked = strcmp(third, "revoked") == 0;
	if (*fingerprint == '\0' || (*third && !revoked) || *word(&line))
		return fail(err,
		    "a line is a name and a fingerprint, and \"revoked\" if "
		    "that key is");
	return add(k, user, fingerprint, revoked, err);
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

static bool
is_entry(
    const struct keyring_entry *e, const char *user, const char *fingerprint)
{
	return strcmp(e->user, user) == 0 &&
	    strcmp(e->fingerprint, fingerprint) == 0;
}

bool
keyring_revoked(
    const struct keyring *k, const char *user, const char *fingerprint)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		if (k->entries[i].revoked &&
		    is_entry(&k->entries[i], user, fingerprint))
			return true;
	}
	return false;
}

bool
keyring_trusts(
    const struct keyring *k, const char *user, const char *fingerprint)
{
	size_t i;

	for (i = 0; i < k->n; i++) {
		if (!k->entries[i].revoked &&
		    is_entry(&k->entries[i], user, fingerprint))
			return !keyring_revoked(k, user, fingerprint);
	}
	return false;
}

const char *
keyring_first(const struct keyring *k, const char *user)
{
	const struct keyring_entry *e;
	size_t i;

	for (i = 0; i < k->n; i++) {
		e = &k->entries[i];
		if (strcmp(e->user, user) == 0 &&
		    keyring_trusts(k, user, e->fingerprint))
			return e->fingerprint;
	}
	return NULL;
}
