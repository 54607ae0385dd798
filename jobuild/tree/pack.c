/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs hold whole objects, no deltas: a receiver can bound each object by
 * what its header says before a byte of it is kept.
 */
#include "private.h"
#include "packfile.h"
#include "base/buf.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <gcrypt.h>
#include <string.h>
#include <zlib.h>

/* What goes into a pack: objects once each, in order. */
struct packer {
	struct tree *t;
	struct arena arena;
	struct map paths;   /* folders and files that were added */
	struct map objects; /* by the id's bytes */
};

static void
add_object(struct packer *p, const git_oid *oid)
{
	const char *key =
	    arena_strndup(&p->arena, (const char *)oid->id, GIT_OID_RAWSZ);

	*map_put(&p->objects, key, GIT_OID_RAWSZ) = p;
}

/* The file at path, if there is one, and the folders that lead to it. */
static int
add_path(struct packer *p, const char *path, struct error *err)
{
	const char *slash, *part;
	const struct entry *e;

	for (slash = path; slash; slash = strchr(slash + 1, '/')) {
		if (slash == path)
			continue;
		part = arena_strndup(&p->arena, path, (size_t)(slash - path));
		e = folder_entry(p->t, part);
		if (!e || e->kind != ENTRY_FOLDER)
			return 0;
		if (!map_gets(&p->paths, part))
			add_object(p, &e->oid);
		*map_puts(&p->paths, part) = p;
	}
	e = folder_entry(p->t, path);
	if (e && e->kind == ENTRY_FILE && entry_present(p->t, e))
		add_object(p, &e->oid);
	return p->objects.n > PACK_OBJECTS_MAX
	    ? fail(err, "more than %d objects", PACK_OBJECTS_MAX)
	    : 0;
}

/* A file with its signature and the key of its maintainer. */
static int
add_signed(struct packer *p, const struct tree_file *f, struct error *err)
{
	const char *sig = arena_printf(&p->arena, "%s.asc", f->path);
	const char *key =
	    arena_printf(&p->arena, "%s/%s.asc", f->user, f->user);

	if (add_path(p, f->path, err) < 0 || add_path(p, sig, err) < 0)
		return -1;
	return add_path(p, key, err);
}

static int
add_recipe(struct packer *p, const struct tree_recipe *r, struct error *err)
{
	size_t i;

	for (i = 0; i < r->nchain; i++) {
		if (add_signed(p, r->chain[i], err) < 0)
			return -1;
	}
	for (i = 0; i < r->nmanifests; i++) {
		if (add_signed(p, r->manifests[i], err) < 0)
			return -1;
	}
	for (i = 0; i < r->naux; i++) {
		if (add_path(p, r->aux[i]->path, err) < 0)
			return -1;
	}
	return 0;
}

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
write_object(struct packer *p, const git_oid *oid, struct buf *b,
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
write_pack(struct packer *p, struct buf *b, struct error *err)
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
	struct packer p = {.t = t};
	struct buf b;
	size_t i;
	int rc = -1;

	if (t->workfd >= 0)
		return fail(err, "only commits can be packed (git commit)");
	buf_init(&b, PACK_MAX);
	map_init(&p.paths, &p.arena);
	map_init(&p.objects, &p.arena);
	add_object(&p, &t->commit_oid);
	add_object(&p, &t->root_oid);
	for (i = 0; i < n; i++) {
		if (add_recipe(&p, list[i], err) < 0)
			goto out;
	}
	if (write_pack(&p, &b, err) < 0)
		goto out;
	rc = file_write_all(fd, b.data, b.len, err);
out:
	if (rc < 0)
		fail_in(err, "pack");
	arena_release(&p.arena);
	buf_release(&b);
	return rc;
}
