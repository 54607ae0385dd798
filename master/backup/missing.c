/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/backup/missing.h"
#include "master/backup/saved.h"
#include "master/backup/saved_tar.h"
#include "master/store/state.h"
#include "base/arena.h"
#include "base/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct named {
	int64_t size;
	bool lost; /* it was, when somebody last looked */
};

struct missing_file {
	const char *path;
	bool kept;
};

void
missing_init(struct missing *m, struct arena *a)
{
	m->arena = a;
	map_init(&m->named, a);
	map_init(&m->by_path, a);
}

static int
list(struct missing *m, struct db *db, enum sql q, struct error *err)
{
	bool blobs = q == SQL_BLOB_LIST;
	const char *digest;
	struct named *n;
	int rc;

	db_query(db, q, NULL);
	while ((rc = db_row(db, q, err)) > 0) {
		digest = db_text(db, q, 0, m->arena);
		n = arena_new(m->arena, struct named);
		n->size = db_int(db, q, 1);
		n->lost = blobs && db_int(db, q, 2);
		*map_puts(&m->named,
		    blobs ? arena_printf(
				m->arena, "blobs/%.2s/%s", digest, digest)
			  : arena_printf(m->arena, "stages/%s", digest)) = n;
	}
	return rc;
}

int
missing_list(struct missing *m, struct db *db, struct error *err)
{
	return list(m, db, SQL_STAGE_ALL, err) < 0
	    ? -1
	    : list(m, db, SQL_BLOB_LIST, err);
}

static bool
is_right(const char *path, const char *digest)
{
	return strcmp(strrchr(path, '/') + 1, digest) == 0;
}

static bool
is_there(const struct missing *m, const struct state *st, const char *path,
    bool whole)
{
	const struct named *n = map_gets(&m->named, path);
	struct error ignored;
	char digest[KEY_HEX];
	struct stat s;

	if (fstatat(st->dir, path, &s, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(s.st_mode) || s.st_size != n->size)
		return false;
	return (!n->lost && !whole) ||
	    (saved_digest(state_path(st, m->arena, "%s", path), n->size, -1,
		 digest, &ignored) == 0 &&
		is_right(path, digest));
}

bool
missing_look(
    struct missing *m, const struct state *st, const char *path, bool whole)
{
	struct missing_file *f;

	if (is_there(m, st, path, whole))
		return true;
	f = arena_new(m->arena, struct missing_file);
	f->path = path;
	*map_puts(&m->by_path, path) = f;
	return false;
}

void
missing_keep(struct missing *m, const char *dir, const struct saved *old,
    struct saved *made)
{
	const struct saved_file *copy;
	struct missing_file *f;
	struct error ignored;
	char digest[KEY_HEX];
	size_t i;

	for (i = 0; i < m->by_path.n; i++) {
		f = m->by_path.items[i].value;
		copy = map_gets(&old->by_path, f->path);
		if (!copy ||
		    saved_digest(arena_printf(m->arena, "%s/%s", dir, f->path),
			copy->size, -1, digest, &ignored) < 0 ||
		    !is_right(f->path, digest))
			continue;
		*saved_add(made) = *copy;
		f->kept = true;
	}
}

/* ---- one file -------------------------------------------------------------
 */

struct former {
	struct missing *missing;
	struct saved_tar *tar;
	struct saved *made;
	const char *part; /* one member */
	int fd;           /* of it */
};

static int
former_place(void *ctx, const char *name, int64_t size, struct error *err)
{
	struct former *p = ctx;
	const struct missing_file *f = map_gets(&p->missing->by_path, name);

	(void)size;
	if (!f || f->kept)
		return -1;
	(void)unlink(p->part);
	p->fd = open(p->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (p->fd >= 0)
		return p->fd;
	fail_errno(err, "create %s", p->part);
	return -2;
}

static int
former_seen(void *ctx, const char *name, int64_t size, const char *digest,
    int fd, struct error *err)
{
	struct former *p = ctx;
	struct missing_file *f = map_gets(&p->missing->by_path, name);
	struct saved_file copy = {0};

	(void)size;
	if (fd < 0)
		return 0;
	close(fd);
	p->fd = -1;
	if (!is_right(f->path, digest))
		return 0;
	copy.path = f->path;
	if (saved_tar_add(
		p->tar, f->path, p->part, &copy.size, copy.digest, err) < 0)
		return -1;
	*saved_add(p->made) = copy;
	f->kept = true;
	return 0;
}

int
missing_keep_tar(struct missing *m, const char *former, struct saved_tar *tar,
    struct saved *made, struct error *err)
{
	struct former p = {
	    m, tar, made, arena_printf(m->arena, "%s.part", tar->path), -1};
	const struct saved_tar_reader reader = {former_place, former_seen, &p};
	int rc = 0;

	if (m->by_path.n > 0 && access(former, F_OK) == 0)
		rc = saved_tar_read(former, &reader, err);
	if (p.fd >= 0)
		close(p.fd);
	(void)unlink(p.part);
	if (rc != -1)
		return rc;
	fprintf(stderr,
	    "autotua-master: the former backup can't be read further: %s\n",
	    err->msg);
	return 0;
}

/* ---- what is said of them ------------------------------------------------ */

size_t
missing_tell(const struct missing *m)
{
	const struct missing_file *f;
	size_t i;

	for (i = 0; i < m->by_path.n; i++) {
		f = m->by_path.items[i].value;
		fprintf(stderr,
		    "autotua-master: %s: missing or damaged here; %s\n",
		    f->path,
		    f->kept ? "the backup keeps the copy that it had: copy it "
			      "from there"
			    : "no former backup has it: \"autotua-master "
			      "check\" says what to do");
	}
	return m->by_path.n;
}
