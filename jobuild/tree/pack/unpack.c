/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pack comes from somebody who is not trusted. Its objects are inflated into
 * memory, with bounds, and libgit2 computes each one's id from its bytes; then
 * the recipes are read out of them as out of any tree, and what they consist
 * of must be the pack's objects, all and no other. Nothing else on the machine
 * plays a part in the proof or in what is read later.
 */
#include "parts.h"
#include "packfile.h"
#include "base/buf.h"
#include "base/digest.h"

#include <arpa/inet.h>
#include <string.h>
#include <zlib.h>

/* A pack being taken. */
struct intake {
	struct tree *t;
	struct arena arena;
	const unsigned char *p, *end; /* what is not yet read of it */
	z_stream z;
	git_oid *ids; /* of the objects, as they came */
	size_t n;
};

/* What stands at its begin and its end; the number of objects. */
static int
check_form(const struct buf *b, uint32_t *n, struct error *err)
{
	unsigned char sum[PACK_SUM];
	uint32_t head[PACK_HEAD / 4];
	size_t len;

	if (b->len < PACK_HEAD + PACK_SUM)
		return fail(err, "is cut off");
	memcpy(head, b->data, sizeof(head));
	if (ntohl(head[0]) != PACK_SIGNATURE || ntohl(head[1]) != PACK_VERSION)
		return fail(err, "is not a git pack of version 2");
	*n = ntohl(head[2]);
	if (*n > PACK_OBJECTS_MAX)
		return fail(
		    err, "has %u objects, more than %d", *n, PACK_OBJECTS_MAX);
	len = b->len - PACK_SUM;
	digest_sha1("", 0, b->data, len, sum);
	return memcmp(sum, b->data + len, PACK_SUM) == 0
	    ? 0
	    : fail(err, "has another sum than it says");
}

/* Type and size in front of an object; -1 when they aren't acceptable. */
static int
take_head(
    struct intake *in, git_object_t *type, size_t *size, struct error *err)
{
	unsigned shift = 4;
	unsigned char c;

	if (in->p >= in->end)
		return fail(err, "is cut off");
	c = *in->p++;
	*type = (git_object_t)(c >> 4 & 7);
	*size = c & 15;
	while (c & 0x80) {
		if (in->p >= in->end || shift > 28)
			return fail(err, "has a broken object header");
		c = *in->p++;
		*size |= (size_t)(c & 0x7f) << shift;
		shift += 7;
	}
	if (*type != GIT_OBJECT_COMMIT && *type != GIT_OBJECT_TREE &&
	    *type != GIT_OBJECT_BLOB)
		return fail(err,
		    "has an object of type %d: only whole commits, trees and "
		    "blobs are taken",
		    (int)*type);
	in->t->bytes += *size;
	if (*size > PACK_OBJECT_MAX || in->t->bytes > PACK_INFLATED)
		return fail(err, "has objects that are too large");
	return 0;
}

/* Inflate one object of exactly size bytes; data has room for one more. */
static int
take_body(
    struct intake *in, unsigned char *data, size_t size, struct error *err)
{
	z_stream *z = &in->z;

	z->next_in = (unsigned char *)(uintptr_t)in->p;
	z->avail_in = (uInt)(in->end - in->p);
	z->next_out = data;
	z->avail_out = (uInt)size + 1;
	if (inflateReset(z) != Z_OK || inflate(z, Z_FINISH) != Z_STREAM_END ||
	    z->total_out != size)
		return fail(err, "has a broken object");
	in->p = z->next_in;
	return 0;
}

static int
take_object(struct intake *in, struct error *err)
{
	struct arena a = {0};
	unsigned char *data;
	git_object_t type = GIT_OBJECT_INVALID;
	size_t size = 0;
	int rc;

	if (take_head(in, &type, &size, err) < 0)
		return -1;
	data = arena_alloc(&a, size + 1, 1);
	in->ids = arena_grow(&in->arena, in->ids, in->n, sizeof(git_oid));
	rc = take_body(in, data, size, err);
	if (rc == 0 &&
	    git_odb_write(&in->ids[in->n], in->t->odb, data, size, type) < 0)
		rc = git_fail(err, "keep an object");
	in->n++;
	arena_release(&a);
	return rc;
}

static int
take_objects(struct intake *in, const struct buf *b, struct error *err)
{
	uint32_t n = 0;
	int rc = 0;

	if (check_form(b, &n, err) < 0)
		return -1;
	in->p = (const unsigned char *)b->data + PACK_HEAD;
	in->end = (const unsigned char *)b->data + b->len - PACK_SUM;
	if (inflateInit(&in->z) != Z_OK)
		return fail(err, "zlib");
	for (; n > 0 && rc == 0; n--)
		rc = take_object(in, err);
	inflateEnd(&in->z);
	if (rc == 0 && in->p != in->end)
		rc = fail(err, "has more than its objects");
	return rc;
}

/* Are the objects that came these? */
static int
compare(const struct intake *in, const struct parts *p, struct error *err)
{
	size_t i;

	for (i = 0; i < in->n; i++) {
		if (!parts_has(p, &in->ids[i]))
			return fail(err,
			    "has an object that doesn't belong: %s",
			    git_oid_tostr_s(&in->ids[i]));
	}
	/* all parts were there to be read */
	if (in->n != p->objects.n)
		return fail(err, "has an object twice");
	return 0;
}

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
prove(const struct intake *in, const git_oid *commit,
    const struct recipe_id *ids, size_t n, struct error *err)
{
	struct tree *t = in->t;
	const struct tree_recipe *r;
	struct parts p;
	size_t i;
	int rc;

	if (!git_odb_exists(t->odb, commit))
		return fail(
		    err, "lacks the commit %s", git_oid_tostr_s(commit));
	if (tree_set_commit(t, commit, err) < 0)
		return -1;
	rc = parts_begin(&p, t, err);
	for (i = 0; i < n && rc == 0; i++) {
		r = read_recipe(t, &ids[i], err);
		rc = r ? parts_add(&p, r, err) : -1;
	}
	if (rc == 0)
		rc = compare(in, &p, err);
	parts_release(&p);
	return rc;
}

/* A tree over nothing but memory, which is empty. */
static struct tree *
new_tree(struct error *err)
{
	git_repository *repo = NULL;
	git_odb *odb = NULL;
	struct tree *t;

	if (git_start(err) < 0)
		return NULL;
	if (git_odb_new(&odb) < 0 || git_repository_wrap_odb(&repo, odb) < 0) {
		git_fail(err, "objects in memory");
		git_odb_free(odb);
		git_stop();
		return NULL;
	}
	t = tree_new(repo);
	t->odb = odb;
	t->partial = true;
	if (git_add_memory(odb, 1, err) == 0)
		return t;
	tree_close(t);
	return NULL;
}

static int
take_pack(struct intake *in, const char *commit, const struct buf *pack,
    git_oid *oid, struct error *err)
{
	if (!is_hex(commit, OBJECT_HEX - 1))
		return fail(err, "\"%s\" is not the id of a commit", commit);
	if (git_oid_fromstr(oid, commit) < 0)
		return git_fail(err, "id of the commit");
	return take_objects(in, pack, err);
}

int
tree_open_pack(struct tree **out, const char *commit,
    const struct recipe_id *ids, size_t n, const struct buf *pack,
    struct error *err)
{
	struct intake in = {.t = new_tree(err)};
	git_oid oid;
	int rc = -1;

	*out = NULL;
	if (!in.t)
		return -1;
	if (take_pack(&in, commit, pack, &oid, err) == 0)
		rc = prove(&in, &oid, ids, n, err);
	if (rc == 0) {
		*out = in.t;
	} else {
		fail_in(err, "pack of commit %s", commit);
		tree_close(in.t);
	}
	arena_release(&in.arena);
	return rc;
}
