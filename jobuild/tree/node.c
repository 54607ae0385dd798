/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of a tree: bytes, ids and digests, and what parsing makes of them. */
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

/* ---- parsed ---- */

void
tell_unread(const char *path, const struct error *err, struct diags *d)
{
	const char *rule = err->code == ENOENT ? "no-file"
	    : err->code == EFBIG               ? "too-large"
					       : "unreadable";

	diag_error(d, (struct place){path, 0, 0}, rule, "%s", err->msg);
}

static struct node *
read_or_tell(struct tree *t, struct arena *a, const char *path, size_t max,
    struct diags *d)
{
	struct error err;
	struct node *n = node_read(t, a, path, max, &err);

	if (!n)
		tell_unread(path, &err, d);
	return n;
}

static struct node *
read_kept(struct tree *t, const char *path, size_t max, struct diags *d)
{
	struct node *n = read_or_tell(t, &t->kept_arena, path, max, d);

	if (n)
		*map_puts(&t->kept, n->file.path) = n;
	return n;
}

/* Of all recipes only the one at hand is never needed again. */
struct node *
node_recipe(struct tree *t, const char *path, struct diags *d)
{
	struct node *n = map_gets(&t->kept, path);

	if (!n)
		n = t->at_leaf
		    ? read_or_tell(t, &t->leaf, path, RECIPE_FILE_MAX, d)
		    : read_kept(t, path, RECIPE_FILE_MAX, d);
	t->at_leaf = false;
	if (!n)
		return NULL;
	if (!n->parsed)
		n->recipe = recipe_parse(n->trouble.arena, n->file.path,
		    n->file.text, n->file.len, &n->trouble);
	n->parsed = true;
	tell(&n->trouble, d);
	return n->recipe ? n : NULL;
}

/* Is it that of the package at hand? */
static bool
is_own(const struct tree *t, const char *path)
{
	size_t n = t->at_hand ? strlen(t->at_hand->path) : 0;

	return n > 0 && strncmp(path, t->at_hand->path, n) == 0 &&
	    strcmp(path + n, "/Manifest") == 0;
}

/* There are more Manifests than parents: one more at hand drives none out. */
static struct node *
read_manifest(struct tree *t, const char *path, struct diags *d)
{
	struct node *n;

	if (is_own(t, path)) {
		if (!t->own)
			t->own = read_or_tell(
			    t, &t->own_arena, path, MANIFEST_MAX, d);
		return t->own;
	}
	n = map_gets(&t->kept, path);
	return n ? n : read_kept(t, path, MANIFEST_MAX, d);
}

struct node *
node_manifest(struct tree *t, const char *path, struct diags *d)
{
	struct node *n = read_manifest(t, path, d);

	if (!n)
		return NULL;
	if (!n->parsed)
		n->manifest = manifest_parse(n->trouble.arena, n->file.path,
		    n->file.text, n->file.len, &n->trouble);
	n->parsed = true;
	tell(&n->trouble, d);
	return n->manifest ? n : NULL;
}
