/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pack comes from somebody who is not trusted. First its form is read, with
 * bounds; then libgit2 indexes it in a folder of its own, which computes each
 * object's id from its bytes; then the objects are reached from the commit,
 * along the paths where tree_pack() would have put them; what isn't reached is
 * refused. Only then it becomes part of the repository.
 */
#include "private.h"
#include "packfile.h"
#include "base/buf.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* A pack being scanned. */
struct scan {
	const unsigned char *p, *end;
	size_t inflated;
};

/* Type and size in front of an object; -1 when they aren't acceptable. */
static int
scan_head(struct scan *s, size_t *size, struct error *err)
{
	unsigned shift = 4, type;
	unsigned char c;

	if (s->p >= s->end)
		return fail(err, "is cut off");
	c = *s->p++;
	type = c >> 4 & 7;
	*size = c & 15;
	while (c & 0x80) {
		if (s->p >= s->end || shift > 28)
			return fail(err, "has a broken object header");
		c = *s->p++;
		*size |= (size_t)(c & 0x7f) << shift;
		shift += 7;
	}
	if (type != GIT_OBJECT_COMMIT && type != GIT_OBJECT_TREE &&
	    type != GIT_OBJECT_BLOB)
		return fail(err,
		    "has an object of type %u: only whole commits, trees and "
		    "blobs are taken",
		    type);
	s->inflated += *size;
	if (*size > PACK_OBJECT_MAX || s->inflated > PACK_INFLATED)
		return fail(err, "has objects that are too large");
	return 0;
}

/* Inflate one object and see that it has exactly size bytes. */
static int
scan_body(struct scan *s, size_t size, struct error *err)
{
	unsigned char out[16384];
	z_stream z = {0};
	size_t have = 0;
	int rc;

	if (inflateInit(&z) != Z_OK)
		return fail(err, "zlib");
	z.next_in = (unsigned char *)(uintptr_t)s->p;
	z.avail_in = (uInt)(s->end - s->p);
	do {
		z.next_out = out;
		z.avail_out = sizeof(out);
		rc = inflate(&z, Z_NO_FLUSH);
		have += sizeof(out) - z.avail_out;
	} while (rc == Z_OK && have <= size);
	s->p = z.next_in;
	inflateEnd(&z);
	if (rc != Z_STREAM_END || have != size)
		return fail(err, "has a broken object");
	return 0;
}

static int
scan_pack(const struct buf *b, struct error *err)
{
	struct scan s;
	uint32_t head[3], n;
	size_t size = 0;

	if (b->len < sizeof(head) + PACK_SUM)
		return fail(err, "is cut off");
	memcpy(head, b->data, sizeof(head));
	n = ntohl(head[2]);
	if (ntohl(head[0]) != PACK_SIGNATURE || ntohl(head[1]) != PACK_VERSION)
		return fail(err, "is not a git pack of version 2");
	if (n > PACK_OBJECTS_MAX)
		return fail(
		    err, "has %u objects, more than %d", n, PACK_OBJECTS_MAX);
	s.p = (const unsigned char *)b->data + sizeof(head);
	s.end = (const unsigned char *)b->data + b->len - PACK_SUM;
	s.inflated = 0;
	for (; n > 0; n--) {
		if (scan_head(&s, &size, err) < 0 ||
		    scan_body(&s, size, err) < 0)
			return -1;
	}
	return s.p == s.end ? 0 : fail(err, "has more than its objects");
}

/* Let libgit2 compute the ids; name gets that of the files it makes. */
static int
index_pack(const char *dir, const struct buf *b, char name[OBJECT_HEX],
    struct error *err)
{
	git_indexer_options options;
	git_indexer_progress progress = {0};
	git_indexer *indexer = NULL;
	int rc;

	git_indexer_options_init(&options, GIT_INDEXER_OPTIONS_VERSION);
	rc = git_indexer_new(&indexer, dir, 0444, NULL, &options);
	if (rc == 0)
		rc = git_indexer_append(indexer, b->data, b->len, &progress);
	if (rc == 0)
		rc = git_indexer_commit(indexer, &progress);
	if (rc == 0)
		snprintf(name, OBJECT_HEX, "%s", git_indexer_name(indexer));
	else
		git_fail(err, "index");
	git_indexer_free(indexer);
	return rc < 0 ? -1 : 0;
}

/* Objects that the commit leads to, by their ids' bytes. */
struct reach {
	struct tree *t;
	struct arena arena;
	struct map seen;
	struct error *err;
};

static void
reached(struct reach *r, const git_oid *oid)
{
	const char *key =
	    arena_strndup(&r->arena, (const char *)oid->id, GIT_OID_RAWSZ);

	*map_put(&r->seen, key, GIT_OID_RAWSZ) = r;
}

/* Mark the file if the pack has it; false: it is listed, but not there. */
static bool
reach_file(struct reach *r, const struct entry *e)
{
	if (!e || e->kind != ENTRY_FILE)
		return true;
	if (!entry_present(r->t, e))
		return false;
	reached(r, &e->oid);
	return true;
}

/* All of files/ is needed as soon as one file of it is. */
static int
reach_files(
    struct reach *r, const char *path, const struct entry *e, unsigned depth)
{
	const struct folder *f = folder_get(r->t, path);
	const char *full;
	size_t i;

	if (!f)
		return depth == 0 ? 0 : fail(r->err, "lacks folder %s", path);
	reached(r, &e->oid);
	for (i = 0; i < f->n; i++) {
		full =
		    arena_printf(&r->arena, "%s/%s", path, f->entries[i].name);
		if (f->entries[i].kind == ENTRY_FOLDER &&
		    depth < FILES_DEPTH_MAX) {
			if (reach_files(r, full, &f->entries[i], depth + 1) < 0)
				return -1;
		} else if (!reach_file(r, &f->entries[i])) {
			return fail(r->err, "lacks file %s", full);
		}
	}
	return 0;
}

static int
reach_package(struct reach *r, const char *path, const char *name,
    const struct entry *folder)
{
	const struct folder *f = folder_get(r->t, path);
	size_t i, recipes = 0;
	const struct entry *e;
	enum recipe_kind kind;
	struct version v;
	const char *sig;

	if (!f)
		return 0;
	reached(r, &folder->oid);
	for (i = 0; i < f->n; i++) {
		e = &f->entries[i];
		if (e->kind == ENTRY_FOLDER && strcmp(e->name, "files") == 0 &&
		    reach_files(
			r, arena_printf(&r->arena, "%s/files", path), e, 0) < 0)
			return -1;
		if (e->kind != ENTRY_FILE || !entry_present(r->t, e) ||
		    (strcmp(e->name, "Manifest") != 0 &&
			!recipe_name(e->name, name, &v, &kind)))
			continue;
		recipes += strcmp(e->name, "Manifest") != 0;
		reached(r, &e->oid);
		sig = arena_printf(&r->arena, "%s.asc", e->name);
		(void)reach_file(r, folder_find(f, sig));
	}
	/* a parent's Manifest may be there for its sources alone: no rule */
	return recipes > 0 ? 0 : fail(r->err, "has no recipe of %s", path);
}

static int
reach_user(struct reach *r, const struct entry *folder)
{
	const char *user = folder->name, *path;
	const struct folder *f = folder_get(r->t, user);
	const struct entry *e;
	size_t i;

	if (!f)
		return 0;
	reached(r, &folder->oid);
	path = arena_printf(&r->arena, "%s.asc", user);
	if (!reach_file(r, folder_find(f, path)))
		return fail(r->err, "lacks the key %s/%s", user, path);
	for (i = 0; i < f->n; i++) {
		e = &f->entries[i];
		if (e->kind != ENTRY_FOLDER ||
		    !name_valid(e->name, strlen(e->name)))
			continue;
		path = arena_printf(&r->arena, "%s/%s", user, e->name);
		if (reach_package(r, path, e->name, e) < 0)
			return -1;
	}
	return 0;
}

static int
is_reached(const git_oid *oid, void *ctx)
{
	struct reach *r = ctx;

	if (map_get(&r->seen, (const char *)oid->id, GIT_OID_RAWSZ))
		return 0;
	return fail(r->err, "has an object that doesn't belong: %s",
	    git_oid_tostr_s(oid));
}

static int
prove(struct tree *t, const git_oid *commit, struct error *err)
{
	struct reach r = {.t = t, .err = err};
	const struct folder *root;
	int rc = -1;
	size_t i;

	if (!git_odb_exists(t->odb, commit))
		return fail(
		    err, "lacks the commit %s", git_oid_tostr_s(commit));
	if (tree_set_commit(t, commit, err) < 0)
		return -1;
	map_init(&r.seen, &r.arena);
	reached(&r, commit);
	reached(&r, &t->root_oid);
	root = folder_get(t, "");
	for (i = 0; root && i < root->n; i++) {
		if (root->entries[i].kind == ENTRY_FOLDER &&
		    is_user(root->entries[i].name) &&
		    reach_user(&r, &root->entries[i]) < 0)
			goto out;
	}
	if (t->damage.msg[0]) {
		fail(err, "%s", t->damage.msg);
		goto out;
	}
	rc = git_odb_foreach(t->odb, is_reached, &r) ? -1 : 0;
out:
	arena_release(&r.arena);
	return rc;
}

/* A tree over nothing but the pack that dir/pack-NAME.idx describes. */
static struct tree *
open_pack(const char *dir, const char *name, struct error *err)
{
	git_odb_backend *backend = NULL;
	git_repository *repo = NULL;
	git_odb *odb = NULL;
	char path[PATH_MAX];
	struct tree *t;

	if (snprintf(path, sizeof(path), "%s/pack-%s.idx", dir, name) >=
	    (int)sizeof(path)) {
		fail(err, "the path is too long");
		return NULL;
	}
	if (git_odb_new(&odb) < 0 ||
	    git_odb_backend_one_pack(&backend, path) < 0 ||
	    git_odb_add_backend(odb, backend, 1) < 0 ||
	    git_repository_wrap_odb(&repo, odb) < 0 || git_start(err) < 0) {
		git_fail(err, "open");
		git_odb_free(odb);
		return NULL;
	}
	t = tree_new(repo);
	t->odb = odb;
	t->partial = true;
	return t;
}

/* Move the proved pack into the repository; the index last makes it seen. */
static int
adopt(const char *path, const char *dir, const char *name, struct error *err)
{
	static const char *const ends[] = {"pack", "idx"};
	char from[PATH_MAX], to[PATH_MAX];
	size_t i;
	int fd;

	for (i = 0; i < 2; i++) {
		if (snprintf(from, sizeof(from), "%s/pack-%s.%s", dir, name,
			ends[i]) >= (int)sizeof(from) ||
		    snprintf(to, sizeof(to), "%s/objects/pack/pack-%s.%s", path,
			name, ends[i]) >= (int)sizeof(to))
			return fail(err, "the path is too long");
		fd = open(from, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return fail_errno(err, "open %s", from);
		if (fsync(fd) < 0) {
			fail_errno(err, "sync %s", from);
			close(fd);
			return -1;
		}
		close(fd);
		if (rename(from, to) < 0)
			return fail_errno(err, "rename to %s", to);
	}
	return 0;
}

/* The bare repository at path, made if need be, marked as partial. */
static int
make_partial(const char *path, struct error *err)
{
	git_repository *repo = NULL;
	int rc;

	if (access(path, F_OK) == 0) {
		if (git_open(&repo, path, err) < 0)
			return -1;
	} else if (git_repository_init(&repo, path, 1) < 0) {
		return git_fail(err, "%s", path);
	}
	rc = git_is_partial(repo) || git_repository_is_empty(repo) == 1
	    ? git_set_partial(repo, err)
	    : fail(err,
		  "%s: is a whole repository; packs of parts don't "
		  "belong there",
		  path);
	git_repository_free(repo);
	return rc;
}

static int
take_pack(const char *path, const char *dir, const git_oid *commit,
    const struct buf *b, struct error *err)
{
	char name[OBJECT_HEX];
	struct tree *t;
	int rc;

	if (scan_pack(b, err) < 0 || index_pack(dir, b, name, err) < 0)
		return -1;
	t = open_pack(dir, name, err);
	if (!t)
		return -1;
	rc = prove(t, commit, err);
	tree_close(t);
	return rc < 0 ? -1 : adopt(path, dir, name, err);
}

int
tree_unpack(const char *path, const char *commit, int packfd, struct error *err)
{
	char dir[PATH_MAX] = "";
	struct error ignored;
	git_oid oid;
	struct buf b;
	int rc = -1;

	if (git_start(err) < 0)
		return -1;
	buf_init(&b, PACK_MAX);
	if (strlen(commit) != 40 || git_oid_fromstr(&oid, commit) < 0) {
		fail(err, "\"%s\" is not the id of a commit", commit);
		goto out;
	}
	if (buf_read(&b, packfd, err) < 0) {
		fail_in(err, "pack");
		goto out;
	}
	if (make_partial(path, err) < 0)
		goto out;
	if (snprintf(dir, sizeof(dir), "%s/incoming-XXXXXX", path) >=
		(int)sizeof(dir) ||
	    !mkdtemp(dir)) {
		fail_errno(err, "create folder in %s", path);
		dir[0] = '\0';
		goto out;
	}
	rc = take_pack(path, dir, &oid, &b, err);
	if (rc < 0)
		fail_in(err, "pack of commit %s", commit);
out:
	if (dir[0])
		(void)file_remove_tree(AT_FDCWD, dir, &ignored);
	buf_release(&b);
	git_stop();
	return rc;
}
