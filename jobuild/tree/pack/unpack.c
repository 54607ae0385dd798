/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pack comes from somebody who is not trusted. First its form is read, with
 * bounds; then libgit2 indexes it in a folder of its own, which computes each
 * object's id from its bytes; then the recipes are read out of it as out of any
 * tree, and what they consist of must be the pack's objects, all and no other.
 * Only then it becomes part of the repository, whose own objects play no part
 * in the proof.
 */
#include "parts.h"
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

/* What is being taken: the commit and its recipes; then what came. */
struct intake {
	const git_oid *commit;
	const struct recipe_id *ids;
	size_t n;
	size_t objects;        /* as the pack's head says */
	char name[OBJECT_HEX]; /* of the files that libgit2 makes */
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
scan_pack(const struct buf *b, size_t *objects, struct error *err)
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
	*objects = n;
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

struct census {
	const struct parts *parts;
	size_t n;
	struct error *err;
};

static int
count(const git_oid *oid, void *ctx)
{
	struct census *c = ctx;

	c->n++;
	if (parts_has(c->parts, oid))
		return 0;
	return fail(c->err, "has an object that doesn't belong: %s",
	    git_oid_tostr_s(oid));
}

/* Are the objects of the pack these? */
static int
compare(const struct parts *p, const struct intake *in, struct error *err)
{
	struct census c = {.parts = p, .err = err};

	if (git_odb_foreach(p->t->odb, count, &c))
		return -1;
	if (c.n != p->objects.n)
		return fail(err, "has %zu objects of %zu", c.n, p->objects.n);
	if (c.n != in->objects)
		return fail(err, "has an object twice");
	return 0;
}

/* The recipe, read out of the pack alone. */
static const struct tree_recipe *
read_recipe(struct tree *t, const struct recipe_id *id, struct error *err)
{
	const struct tree_recipe *r;
	const struct diag *g;
	struct diags d;

	diags_init(&d, &t->arena);
	r = tree_recipe(t, id, RECIPE_JOBUILD, &d);
	if (r)
		return r;
	g = d.n > 0 ? &d.list[0] : NULL;
	fail(err, "lacks a part of %s: %s%s%s", id_format(&t->arena, id),
	    g && g->at.file ? g->at.file : "", g && g->at.file ? " " : "",
	    g ? g->text : t->damage.msg);
	return NULL;
}

static int
prove(struct tree *t, const struct intake *in, struct error *err)
{
	const struct tree_recipe *r;
	struct parts p;
	size_t i;
	int rc;

	if (!git_odb_exists(t->odb, in->commit))
		return fail(
		    err, "lacks the commit %s", git_oid_tostr_s(in->commit));
	if (tree_set_commit(t, in->commit, err) < 0)
		return -1;
	rc = parts_begin(&p, t, err);
	for (i = 0; i < in->n && rc == 0; i++) {
		r = read_recipe(t, &in->ids[i], err);
		rc = r ? parts_add(&p, r, err) : -1;
	}
	if (rc == 0)
		rc = compare(&p, in, err);
	parts_release(&p);
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
take_pack(const char *path, const char *dir, struct intake *in,
    const struct buf *b, struct error *err)
{
	struct tree *t;
	int rc;

	if (scan_pack(b, &in->objects, err) < 0 ||
	    index_pack(dir, b, in->name, err) < 0)
		return -1;
	t = open_pack(dir, in->name, err);
	if (!t)
		return -1;
	rc = prove(t, in, err);
	tree_close(t);
	return rc < 0 ? -1 : adopt(path, dir, in->name, err);
}

int
tree_unpack(const char *path, const char *commit, const struct recipe_id *ids,
    size_t n, int packfd, struct error *err)
{
	struct intake in = {.ids = ids, .n = n};
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
	in.commit = &oid;
	rc = take_pack(path, dir, &in, &b, err);
	if (rc < 0)
		fail_in(err, "pack of commit %s", commit);
out:
	if (dir[0])
		(void)file_remove_tree(AT_FDCWD, dir, &ignored);
	buf_release(&b);
	git_stop();
	return rc;
}
