/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of a tree: bytes, ids and digests. */
#include "private.h"
#include "base/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PATH_LONGEST 1024

int
fail_too_large(struct error *err, size_t size, size_t max)
{
	fail(err, "has %zu bytes; at most %zu are allowed", size, max);
	err->code = EFBIG;
	return -1;
}

/* Is it a file of at most max bytes? Nothing of it is read for that. */
static int
check_blob(struct tree *t, const struct entry *e, size_t max, struct error *err)
{
	git_object_t type;
	size_t size;
	int rc;

	if (e->known)
		return (size_t)e->known - 1 <= max
		    ? 0
		    : fail_too_large(err, (size_t)e->known - 1, max);
	rc = git_odb_read_header(&size, &type, t->odb, &e->oid);
	if (rc == GIT_ENOTFOUND && t->partial) {
		fail(err, "is not in this part of the tree");
		err->code = ENOENT;
		return -1;
	}
	if (rc < 0)
		return git_fail_object(err, t->repo, rc);
	if (type != GIT_OBJECT_BLOB)
		return fail(err, "is not a file's object");
	if (size > max)
		return fail_too_large(err, size, max);
	return 0;
}

static int
read_blob(struct tree *t, struct arena *a, const struct entry *e, size_t max,
    struct tree_file *f, struct error *err)
{
	git_odb_object *object = NULL;
	int rc;

	if (check_blob(t, e, max, err) < 0)
		return -1;
	rc = git_read(&object, t->odb, &e->oid);
	if (rc < 0)
		return git_fail_object(err, t->repo, rc);
	f->len = git_odb_object_size(object);
	f->text = arena_strndup(a, git_odb_object_data(object), f->len);
	git_odb_object_free(object);
	git_oid_tostr(f->blob, sizeof(f->blob), &e->oid);
	return 0;
}

static int
read_work(struct tree *t, struct arena *a, const char *path,
    const struct entry *e, size_t max, struct tree_file *f, struct error *err)
{
	git_oid oid;

	if (work_read(t, a, path, max, f, err) < 0)
		return -1;
	if (git_odb_hash(&oid, f->text, f->len, GIT_OBJECT_BLOB) < 0)
		return git_fail(err, "hash");
	/* what is found out about it belongs to no id, then */
	t->moved |= !git_oid_is_zero(&e->oid) && !git_oid_equal(&e->oid, &oid);
	git_oid_tostr(f->blob, sizeof(f->blob), &oid);
	return 0;
}

static int
read_bytes(struct tree *t, struct arena *a, const char *path, size_t max,
    struct tree_file *f, struct error *err)
{
	const struct entry *e = folder_entry(t, path);

	if (!e || e->kind != ENTRY_FILE) {
		fail(err, e ? "is not a plain file" : "is not in the tree");
		err->code = ENOENT;
		return -1;
	}
	return t->workfd >= 0 && !e->stored
	    ? read_work(t, a, path, e, max, f, err)
	    : read_blob(t, a, e, max, f, err);
}

const char *
path_join(struct arena *a, const char *folder, const char *name)
{
	const char *const parts[] = {folder, "/", name};

	return arena_join(a, parts, sizeof(parts) / sizeof(parts[0]));
}

struct node *
node_read(struct tree *t, struct arena *a, const char *path, size_t max,
    struct error *err)
{
	struct node *n = arena_new(a, struct node);

	if (strlen(path) > PATH_LONGEST) {
		fail(err, "the path is too long");
		return NULL;
	}
	if (read_bytes(t, a, path, max, &n->file, err) < 0)
		return NULL;
	n->file.path = arena_strdup(a, path);
	n->file.user = arena_strndup(a, path, strcspn(path, "/"));
	diags_init(&n->trouble, a);
	return n;
}

void
file_digest(struct tree_file *f)
{
	char hex[DIGEST_HEX_MAX];

	if (f->digest[0])
		return;
	digest_of(DIGEST_KEY, f->text, f->len, hex);
	memcpy(f->digest, hex, KEY_HEX);
}

struct node *
node_get(struct tree *t, const char *path, size_t max, struct error *err)
{
	struct node *n = map_gets(&t->nodes, path);

	if (!n) {
		n = node_read(t, &t->arena, path, max, err);
		if (!n)
			return NULL;
		file_digest(&n->file);
		*map_puts(&t->nodes, n->file.path) = n;
	}
	if (n->file.len > max) {
		fail_too_large(err, n->file.len, max);
		return NULL;
	}
	return n;
}

bool
node_exists(struct tree *t, const char *path)
{
	const struct entry *e = folder_entry(t, path);

	return e && e->kind == ENTRY_FILE && entry_present(t, e);
}

const struct tree_file *
tree_file(struct tree *t, const char *path, struct error *err)
{
	struct node *n = node_get(t, path, FILE_MAX, err);

	if (!n)
		fail_in(err, "%s", path);
	return n ? &n->file : NULL;
}

int
tree_load(struct tree *t, const struct tree_file *file, struct error *err)
{
	/* the text is a cache: the caller sees no other change */
	struct tree_file *f = (struct tree_file *)(uintptr_t)file, new = {0};

	if (f->text)
		return 0;
	if (read_bytes(t, &t->arena, f->path, FILE_MAX, &new, err) < 0)
		return fail_in(err, "%s", f->path);
	if (strcmp(new.blob, f->blob) != 0)
		return fail(err, "%s: was changed since it was read", f->path);
	f->text = new.text;
	f->len = new.len;
	return 0;
}
