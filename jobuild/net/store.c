/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/store.h"
#include "base/error.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PART_AGE_MAX (14 * 24 * 3600) /* seconds */

/* Delete halves that nobody went on with; what can't be deleted stays. */
static void
forget_old_parts(int store)
{
	int fd = openat(store, "part", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	time_t now = time(NULL);
	struct dirent *e;
	struct stat st;
	DIR *dir;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (now - st.st_mtime > PART_AGE_MAX)
			unlinkat(fd, e->d_name, 0);
	}
	closedir(dir);
}

int
store_open(const char *path, struct error *err)
{
	int fd;

	if (file_mkdirs(path, 0700, err) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open %s", path);
	if (mkdirat(fd, "part", 0700) < 0 && errno != EEXIST) {
		fail_errno(err, "create folder %s/part", path);
		close(fd);
		return -1;
	}
	forget_old_parts(fd);
	return fd;
}

/* Is name a file of this size in the store? */
static bool
is_there(int store, const char *name, int64_t size, struct stat *st)
{
	return fstatat(store, name, st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st->st_mode) && st->st_size == size;
}

bool
store_find(int store, const struct manifest_entry *e, char name[STORE_NAME_MAX])
{
	char other[STORE_NAME_MAX];
	struct stat st, st2;

	if (!e->blake2b[0] && !e->sha512[0])
		return false;
	snprintf(other, sizeof(other), "sha512-%s", e->sha512);
	if (!e->blake2b[0]) {
		snprintf(name, STORE_NAME_MAX, "%s", other);
		return is_there(store, name, e->size, &st);
	}
	snprintf(name, STORE_NAME_MAX, "blake2b-%s", e->blake2b);
	if (!is_there(store, name, e->size, &st))
		return false;
	/* every hash must hold, so both names must be one file's */
	return !e->sha512[0] ||
	    (is_there(store, other, e->size, &st2) && st.st_ino == st2.st_ino &&
		st.st_dev == st2.st_dev);
}

int
store_compare(const struct manifest_entry *e, int64_t size, const char *blake2b,
    const char *sha512, struct error *err)
{
	if (size != e->size)
		fail(err, "has %" PRId64 " bytes, the Manifest says %" PRId64,
		    size, e->size);
	else if (e->blake2b[0] && strcmp(blake2b, e->blake2b) != 0)
		fail(err,
		    "wrong content: BLAKE2B %.16s..., "
		    "the Manifest says %.16s...",
		    blake2b, e->blake2b);
	else if (e->sha512[0] && strcmp(sha512, e->sha512) != 0)
		fail(err,
		    "wrong content: SHA512 %.16s..., "
		    "the Manifest says %.16s...",
		    sha512, e->sha512);
	else if (!e->blake2b[0] && !e->sha512[0])
		fail(err, "the Manifest has no usable hash for it");
	else
		return 0;
	err->code = EILSEQ;
	return -1;
}

/*
 * Give the file at fd a name in the store. One that is there is replaced, so
 * that both names are links of one file whatever happened before.
 */
static int
link_as(int store, int fd, const char *kind, const char *hex, struct error *err)
{
	char name[STORE_NAME_MAX], fresh[STORE_NAME_MAX], self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	snprintf(name, sizeof(name), "%s-%s", kind, hex);
	if (linkat(AT_FDCWD, self, store, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST)
		return fail_errno(err, "link %s", name);
	snprintf(fresh, sizeof(fresh), "part/link.%ld", (long)getpid());
	unlinkat(store, fresh, 0);
	if (linkat(AT_FDCWD, self, store, fresh, AT_SYMLINK_FOLLOW) < 0 ||
	    renameat(store, fresh, store, name) < 0) {
		fail_errno(err, "link %s", name);
		unlinkat(store, fresh, 0);
		return -1;
	}
	/* renaming one of two links of the same file leaves both */
	unlinkat(store, fresh, 0);
	return 0;
}

int
store_publish(int store, int fd, const char *part, const char *blake2b,
    const char *sha512, struct error *err)
{
	if (fchmod(fd, 0444) < 0 || fsync(fd) < 0)
		return fail_errno(err, "sync a fetched file");
	if (link_as(store, fd, "sha512", sha512, err) < 0 ||
	    link_as(store, fd, "blake2b", blake2b, err) < 0)
		return -1;
	if (fsync(store) < 0)
		return fail_errno(err, "sync the store");
	if (part && unlinkat(store, part, 0) < 0 && errno != ENOENT)
		return fail_errno(err, "delete %s", part);
	return 0;
}

/* Both digests of all that is at fd. */
static int
both_digests(int fd, char blake2b[DIGEST_HEX_MAX], char sha512[DIGEST_HEX_MAX],
    struct error *err)
{
	struct digest b, s;
	char chunk[1 << 16];
	off_t at = 0;
	ssize_t n;

	digest_init(&b, DIGEST_BLAKE2B);
	digest_init(&s, DIGEST_SHA512);
	while ((n = pread(fd, chunk, sizeof(chunk), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		digest_add(&b, chunk, (size_t)n);
		digest_add(&s, chunk, (size_t)n);
		at += n;
	}
	if (n < 0)
		fail_errno(err, "read a fetched file");
	digest_end(&b, blake2b);
	digest_end(&s, sha512);
	return n < 0 ? -1 : 0;
}

int
store_add(int store, int fd, const char *part, const struct manifest_entry *e,
    struct error *err)
{
	char blake2b[DIGEST_HEX_MAX], sha512[DIGEST_HEX_MAX];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_errno(err, "stat %s", e->name);
	/* the size alone may tell, before anything is read */
	if (st.st_size != e->size) {
		store_compare(e, st.st_size, "", "", err);
		return fail_in(err, "%s", e->name);
	}
	if (both_digests(fd, blake2b, sha512, err) < 0)
		return fail_in(err, "%s", e->name);
	if (store_compare(e, st.st_size, blake2b, sha512, err) < 0)
		return fail_in(err, "%s", e->name);
	return store_publish(store, fd, part, blake2b, sha512, err);
}
