/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs hold whole objects, no deltas: a receiver can bound each object by
 * what its header says before a byte of it is kept. Who makes many packs of a
 * tree has the commit and the outer folders in each: commit and folders that
 * were deflated once are remembered.
 */
#include "parts.h"
#include "packfile.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <string.h>
#include <zlib.h>

/* An object as a pack has it. */
struct packed {
	size_t len;
	unsigned char data[];
};

struct writer {
	struct tree *t;
	struct buf *b;
	z_stream z;
};

static int
add_bytes(struct writer *w, const void *data, size_t n, struct error *err)
{
	if (buf_add(w->b, data, n) < 0)
		return fail(
		    err, "the pack is larger than %zu bytes", w->b->max);
	return 0;
}

/* The type and size in front of an object: 3 bits, then 4 and 7 at a time. */
static size_t
write_head(unsigned char *out, git_object_t type, size_t size)
{
	size_t n = 0;

	out[0] = (unsigned char)((unsigned)type << 4 | (size & 15));
	for (size >>= 4; size > 0; size >>= 7) {
		out[n++] |= 0x80;
		out[n] = size & 0x7f;
	}
	return n + 1;
}

static struct packed *
pack_object(struct writer *w, git_odb_object *object, struct arena *a)
{
	size_t size = git_odb_object_size(object), head;
	z_stream *z = &w->z;
	struct packed *p;
	uLong room;

	(void)deflateReset(z);
	room = deflateBound(z, size);
	p = arena_alloc(a, sizeof(*p) + PACK_OBJECT_HEAD + room, 1);
	head = write_head(p->data, git_odb_object_type(object), size);
	z->next_in = (unsigned char *)(uintptr_t)git_odb_object_data(object);
	z->avail_in = (uInt)size;
	z->next_out = p->data + head;
	z->avail_out = (uInt)room;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return NULL;
	p->len = head + z->total_out;
	return p;
}

/* Is it likely to be in other packs, too? */
static bool
is_shared(const struct tree *t, git_odb_object *object)
{
	return git_odb_object_type(object) != GIT_OBJECT_BLOB &&
	    arena_size(&t->packed_arena) < PACKED_MAX;
}

static int
write_new(struct writer *w, const git_oid *oid, struct error *err)
{
	git_odb_object *object = NULL;
	struct arena once = {0}, *a;
	struct packed *p;
	const char *key;
	int rc = -1;

	if (git_odb_read(&object, w->t->odb, oid) < 0)
		return git_fail(err, "object %s", git_oid_tostr_s(oid));
	if (git_odb_object_size(object) > PACK_OBJECT_MAX) {
		fail(err, "object %s is larger than %d bytes",
		    git_oid_tostr_s(oid), PACK_OBJECT_MAX);
		goto out;
	}
	a = is_shared(w->t, object) ? &w->t->packed_arena : &once;
	p = pack_object(w, object, a);
	if (!p) {
		fail(err, "compress object %s", git_oid_tostr_s(oid));
		goto out;
	}
	if (a != &once) {
		key = arena_strndup(a, (const char *)oid->id, GIT_OID_RAWSZ);
		*map_put(&w->t->packed, key, GIT_OID_RAWSZ) = p;
	}
	rc = add_bytes(w, p->data, p->len, err);
out:
	arena_release(&once);
	git_odb_object_free(object);
	return rc;
}

static int
write_object(struct writer *w, const char *id, struct error *err)
{
	const struct packed *p = map_get(&w->t->packed, id, GIT_OID_RAWSZ);
	git_oid oid;

	if (p)
		return add_bytes(w, p->data, p->len, err);
	git_oid_fromraw(&oid, (const unsigned char *)id);
	return write_new(w, &oid, err);
}

static int
write_pack(struct writer *w, const struct parts *p, struct error *err)
{
	uint32_t head[PACK_HEAD / 4] = {htonl(PACK_SIGNATURE),
	    htonl(PACK_VERSION), htonl((uint32_t)p->objects.n)};
	unsigned char sum[PACK_SUM];
	size_t i;

	if (add_bytes(w, head, sizeof(head), err) < 0)
		return -1;
	for (i = 0; i < p->objects.n; i++) {
		if (write_object(w, p->objects.items[i].key, err) < 0)
			return -1;
	}
	digest_sha1("", 0, w->b->data, w->b->len, sum);
	return add_bytes(w, sum, PACK_SUM, err);
}

static int
write_parts(const struct parts *p, struct buf *b, struct error *err)
{
	struct writer w = {.t = p->t, .b = b};
	int rc;

	if (deflateInit(&w.z, Z_DEFAULT_COMPRESSION) != Z_OK)
		return fail(err, "zlib");
	rc = write_pack(&w, p, err);
	deflateEnd(&w.z);
	return rc;
}

int
tree_pack(struct tree *t, const struct tree_recipe *const list[], size_t n,
    int fd, struct error *err)
{
	struct parts p;
	struct buf b;
	size_t i;
	int rc = -1;

	if (t->workfd >= 0)
		return fail(err, "only commits can be packed (git commit)");
	buf_init(&b, TREE_PACK_MAX);
	if (parts_begin(&p, t, err) < 0)
		goto out;
	for (i = 0; i < n; i++) {
		if (parts_add(&p, list[i], err) < 0)
			goto out;
	}
	if (write_parts(&p, &b, err) < 0)
		goto out;
	rc = file_write_all(fd, b.data, b.len, err);
out:
	if (rc < 0)
		fail_in(err, "pack");
	parts_release(&p);
	buf_release(&b);
	return rc;
}
