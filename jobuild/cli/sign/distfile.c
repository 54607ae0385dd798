/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/sign/distfile.h"
#include "base/arena.h"
#include "base/error.h"
#include "net/store.h"
#include "tree/files.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <unistd.h>

int
distfile_measure(int fd, struct manifest_entry *out, struct error *err)
{
	struct digest blake2b, sha512;
	char piece[65536];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	digest_init(&blake2b, DIGEST_BLAKE2B);
	digest_init(&sha512, DIGEST_SHA512);
	out->size = 0;
	while ((n = read(fd, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		digest_add(&blake2b, piece, (size_t)n);
		digest_add(&sha512, piece, (size_t)n);
		out->size += n;
	}
	if (n < 0)
		fail_errno(err, "read");
	digest_end(&blake2b, out->blake2b);
	digest_end(&sha512, out->sha512);
	return n < 0 ? -1 : 0;
}

int
distfile_fetch(const struct fetch_conf *f, const struct source *s,
    struct manifest_entry *out, struct error *err)
{
	int fd, rc = -1;

	memset(out, 0, sizeof(*out));
	out->tag = MANIFEST_DIST;
	out->name = s->name;
	fd = openat(f->store, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail_errno(err, "a file in the store");
	if (fetch_unknown(f, s, fd, DISTFILE_MAX, err) < 0 ||
	    distfile_measure(fd, out, err) < 0)
		goto out;
	rc = store_add(f->store, fd, NULL, out, err);
out:
	close(fd);
	return rc;
}

static int
add_file(struct arena *a, const FTSENT *e, size_t skip, struct manifest *m,
    struct error *err)
{
	struct manifest_entry entry = {.tag = MANIFEST_AUX};
	const char *wrong;
	int fd, rc;

	entry.name = arena_strdup(a, e->fts_path + skip);
	wrong = manifest_name_problem(MANIFEST_AUX, entry.name);
	if (wrong)
		return fail(err, "files/%s: %s", entry.name, wrong);
	fd = open(e->fts_accpath, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "%s", e->fts_path);
	rc = distfile_measure(fd, &entry, err);
	close(fd);
	if (rc < 0)
		return fail_in(err, "%s", e->fts_path);
	m->entries = arena_grow(a, m->entries, m->n, sizeof(*m->entries));
	m->entries[m->n++] = entry;
	return 0;
}

static int
add_item(struct arena *a, const FTSENT *e, size_t skip, struct manifest *m,
    struct error *err)
{
	switch (e->fts_info) {
	case FTS_D:
	case FTS_DP:
		return 0;
	case FTS_F:
		return add_file(a, e, skip, m, err);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		errno = e->fts_errno;
		return fail_errno(err, "%s", e->fts_path);
	default:
		return fail(err,
		    "%s is not a regular file: links and devices can't be in "
		    "files/",
		    e->fts_path);
	}
}

/* What lint would refuse isn't listed. */
static int
check_item(const FTSENT *e, size_t n, struct error *err)
{
	if (n > FILES_MAX)
		return fail(err, "files/ has more than %d files and folders",
		    FILES_MAX);
	if (e->fts_info == FTS_D && e->fts_level > FILES_DEPTH_MAX)
		return fail(
		    err, "%s has too many folders above it", e->fts_path);
	if (e->fts_info == FTS_F && e->fts_statp->st_size > FILE_MAX)
		return fail(err, "%s has %lld bytes; at most %d are allowed",
		    e->fts_path, (long long)e->fts_statp->st_size, FILE_MAX);
	return 0;
}

int
distfile_folder(
    struct arena *a, const char *path, struct manifest *m, struct error *err)
{
	char *paths[] = {arena_strdup(a, path), NULL};
	size_t skip = strlen(path) + 1, n = 0;
	int rc = 0;
	FTSENT *e;
	FTS *fts;

	if (access(path, F_OK) < 0)
		return 0;
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!fts)
		return fail_errno(err, "%s", path);
	while (rc == 0 && (e = fts_read(fts)) != NULL) {
		n += e->fts_level > 0 && e->fts_info != FTS_DP;
		rc = check_item(e, n, err);
		if (rc == 0)
			rc = add_item(a, e, skip, m, err);
	}
	fts_close(fts);
	return rc;
}
