/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs hold whole objects, no deltas: a receiver can bound each object by
 * what its header says before a byte of it is kept.
 */
#include "parts.h"
#include "packfile.h"
#include "base/buf.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <gcrypt.h>
#include <string.h>
#include <zlib.h>

/* The type and size in front of an object: 3 bits, then 4 and 7 at a time. */
static size_t
write_head(unsigned char out[10], git_object_t type, size_t size)
{
	size_t n = 0;

	out[0] = (unsigned char)((unsigned)type << 4 | (size & 15));
	for (size >>= 4; size > 0; size >>= 7) {
		out[n++] |= 0x80;
		out[n] = size & 0x7f;
	}
	return n + 1;
}

static int
add_bytes(struct buf *b, gcry_md_hd_t sum, const void *data, size_t n,
    struct error *err)
{
	gcry_md_write(sum, data, n);
	if (buf_add(b, data, n) < 0)
		return fail(err, "the pack is larger than %zu bytes", b->max);
	return 0;
}

static int
write_object(struct parts *p, const git_oid *oid, struct buf *b,
    gcry_md_hd_t sum, struct error *err)
{
	git_odb_object *object = NULL;
	unsigned char head[10] = {0};
	uLongf packed;
	Bytef *out = NULL;
	struct arena a = {0};
	size_t size, n;
	int rc = -1;

	if (git_odb_read(&object, p->t->odb, oid) < 0)
		return git_fail(err, "object %s", git_oid_tostr_s(oid));
	size = git_odb_object_size(object);
	if (size > PACK_OBJECT_MAX) {
		fail(err, "object %s is larger than %d bytes",
		    git_oid_tostr_s(oid), PACK_OBJECT_MAX);
		goto out;
	}
	packed = compressBound(size);
	out = arena_alloc(&a, packed, 1);
	if (compress2(out, &packed, git_odb_object_data(object), size,
		Z_DEFAULT_COMPRESSION) != Z_OK) {
		fail(err, "compress object %s", git_oid_tostr_s(oid));
		goto out;
	}
	n = write_head(head, git_odb_object_type(object), size);
	if (add_bytes(b, sum, head, n, err) < 0)
		goto out;
	rc = add_bytes(b, sum, out, packed, err);
out:
	arena_release(&a);
	git_odb_object_free(object);
	return rc;
}

static int
write_pack(struct parts *p, struct buf *b, struct error *err)
{
	uint32_t head[3] = {htonl(PACK_SIGNATURE), htonl(PACK_VERSION),
	    htonl((uint32_t)p->objects.n)};
	gcry_md_hd_t sum;
	git_oid oid;
	size_t i;
	int rc = -1;

	if (gcry_md_open(&sum, GCRY_MD_SHA1, 0))
		return fail(err, "SHA-1 is not available, which git needs");
	if (add_bytes(b, sum, head, sizeof(head), err) < 0)
		goto out;
	for (i = 0; i < p->objects.n; i++) {
		git_oid_fromraw(
		    &oid, (const unsigned char *)p->objects.items[i].key);
		if (write_object(p, &oid, b, sum, err) < 0)
			goto out;
	}
	if (buf_add(b, gcry_md_read(sum, GCRY_MD_SHA1), PACK_SUM) < 0) {
		fail(err, "the pack is larger than %zu bytes", b->max);
		goto out;
	}
	rc = 0;
out:
	gcry_md_close(sum);
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
	buf_init(&b, PACK_MAX);
	if (parts_begin(&p, t, err) < 0)
		goto out;
	for (i = 0; i < n; i++) {
		if (parts_add(&p, list[i], err) < 0)
			goto out;
	}
	if (write_pack(&p, &b, err) < 0)
		goto out;
	rc = file_write_all(fd, b.data, b.len, err);
out:
	if (rc < 0)
		fail_in(err, "pack");
	parts_release(&p);
	buf_release(&b);
	return rc;
}
