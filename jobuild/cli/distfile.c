/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/distfile.h"
#include "base/arena.h"
#include "base/error.h"
#include "net/store.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
distfile_measure(int fd, struct manifest_entry *out, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_errno(err, "size");
	out->size = st.st_size;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	if (digest_of_fd(DIGEST_BLAKE2B, fd, out->blake2b, err) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	return digest_of_fd(DIGEST_SHA512, fd, out->sha512, err);
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

int
distfile_folder(
    struct arena *a, const char *path, struct manifest *m, struct error *err)
{
	char *paths[] = {arena_strdup(a, path), NULL};
	size_t skip = strlen(path) + 1;
	int rc = 0;
	FTSENT *e;
	FTS *fts;

	if (access(path, F_OK) < 0)
		return 0;
	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!fts)
		return fail_errno(err, "%s", path);
	while (rc == 0 && (e = fts_read(fts)) != NULL)
		rc = add_item(a, e, skip, m, err);
	fts_close(fts);
	return rc;
}
