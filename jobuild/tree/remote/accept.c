/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a statement does to a keyring file. */
#include "tree/sign/statement.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYRING_MAX (1024 * 1024)

/* Is the entry the old key, of the user that the statement is of? */
static bool
is_meant(const struct keyring *k, const struct keyring_entry *e,
    const struct statement *s)
{
	return strcmp(e->fingerprint, s->old) == 0 &&
	    (!s->user || strcmp(e->user, s->user) == 0) &&
	    keyring_trusts(k, e->user, e->fingerprint);
}

/* Has the keyring the old key as revoked, of anybody if nobody is named? */
static bool
is_revoked(const struct keyring *k, const struct statement *s)
{
	size_t i;

	for (i = 0; i < k->n && !s->user; i++) {
		if (k->entries[i].revoked &&
		    strcmp(k->entries[i].fingerprint, s->old) == 0)
			return true;
	}
	return s->user && keyring_revoked(k, s->user, s->old);
}

/* 1: the keyring says so already. */
static int
check(const char *path, const struct statement *s, struct arena *a,
    struct keyring *k, struct error *err)
{
	const char *who = s->user ? s->user : "anybody";
	size_t i, n = 0;

	keyring_init(k, a);
	if (keyring_read(k, path, err) < 0)
		return -1;
	for (i = 0; i < k->n; i++)
		n += is_meant(k, &k->entries[i], s);
	if (s->new[0] && keyring_revoked(k, s->user, s->new))
		return fail(err,
		    "%s has the key %s as revoked: only who keeps it can take "
		    "that line away",
		    path, s->new);
	if (n > 0)
		return 0;
	if (!is_revoked(k, s))
		return fail(
		    err, "%s trusts no key %s for %s", path, s->old, who);
	if (s->new[0] && !keyring_trusts(k, s->user, s->new))
		return fail(err,
		    "%s has the key %s as revoked, and what is revoked makes "
		    "no other key trusted",
		    path, s->old);
	return 1;
}

/* Open or make the lock; one that root makes is the keyring's owner's. */
static int
open_lock(const char *name, const char *keyring)
{
	int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, fd;
	struct stat st;

	do {
		fd = open(name, flags);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		fd = open(name, flags | O_CREAT | O_EXCL, 0600);
	} while (fd < 0 && errno == EEXIST);
	if (fd >= 0 && geteuid() == 0 &&
	    (stat(keyring, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * Lock the keyring by a file beside it, whose path goes to name: a lock on the
 * keyring itself could be had by all who may read it. Who held the lock has
 * deleted the file: another one is to be locked then.
 */
static int
lock(const char *keyring, char name[PATH_MAX], struct error *err)
{
	struct stat locked, st;
	int fd;

	if (snprintf(name, PATH_MAX, "%s.lock", keyring) >= PATH_MAX)
		return fail(err, "%s: name too long", keyring);
	for (;;) {
		fd = open_lock(name, keyring);
		if (fd < 0)
			return fail_errno(err, "open %s", name);
		if (flock(fd, LOCK_EX) < 0 || fstat(fd, &locked) < 0) {
			fail_errno(err, "lock %s", name);
			close(fd);
			return -1;
		}
		if (stat(name, &st) == 0 && st.st_dev == locked.st_dev &&
		    st.st_ino == locked.st_ino)
			return fd;
		close(fd);
	}
}

/* A line "revoked" outweighs the one that trusts. */
static int
add_lines(struct buf *b, const struct keyring *k, const struct statement *s)
{
	bool rotate = s->action == STATEMENT_ROTATE;
	const struct keyring_entry *e;
	size_t i;

	if (b->len && b->data[b->len - 1] != '\n' && buf_addc(b, '\n') < 0)
		return -1;
	for (i = 0; i < k->n; i++) {
		e = &k->entries[i];
		if (is_meant(k, e, s) &&
		    buf_addf(b, "# %s\n%s %s revoked\n",
			rotate ? "replaced" : s->reason, e->user,
			e->fingerprint) < 0)
			return -1;
	}
	return s->new[0] ? buf_addf(b, "%s %s\n", s->user, s->new) : 0;
}

static int
change(const char *path, const struct statement *s, struct error *err)
{
	struct arena a = {0};
	struct keyring k;
	struct buf b;
	int rc;

	buf_init(&b, KEYRING_MAX);
	rc = check(path, s, &a, &k, err);
	if (rc != 0)
		goto out;
	rc = -1;
	if (file_read(path, &b, err) < 0)
		goto out;
	if (add_lines(&b, &k, s) < 0)
		fail(
		    err, "%s would be larger than %d bytes", path, KEYRING_MAX);
	else
		rc = file_rewrite(path, b.data, b.len, err);
out:
	buf_release(&b);
	arena_release(&a);
	return rc;
}

int
keyring_apply(const char *path, const struct statement *s, struct error *err)
{
	char *real = realpath(path, NULL), name[PATH_MAX];
	int fd, rc = -1;

	if (!real)
		return fail_errno(err, "open %s", path);
	fd = lock(real, name, err);
	if (fd >= 0) {
		rc = change(real, s, err);
		unlink(name);
		close(fd);
	}
	free(real);
	return rc;
}
