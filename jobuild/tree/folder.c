/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "private.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

void
folder_add(struct arena *a, struct folder *f, const char *name,
    enum entry_kind kind, const git_oid *oid)
{
	struct entry *e;

	f->entries = arena_grow(a, f->entries, f->n, sizeof(*f->entries));
	e = &f->entries[f->n++];
	memset(e, 0, sizeof(*e));
	e->name = arena_strdup(a, name);
	e->kind = kind;
	if (oid)
		e->oid = *oid;
}

static enum entry_kind
kind_of(git_filemode_t mode)
{
	switch (mode) {
	case GIT_FILEMODE_TREE:
		return ENTRY_FOLDER;
	case GIT_FILEMODE_LINK:
		return ENTRY_LINK;
	case GIT_FILEMODE_COMMIT:
		return ENTRY_SUBMODULE;
	case GIT_FILEMODE_BLOB:
	case GIT_FILEMODE_BLOB_EXECUTABLE:
		return ENTRY_FILE;
	case GIT_FILEMODE_UNREADABLE:
		break;
	}
	return ENTRY_BAD;
}

/* Can a file of a tree be called so? */
static bool
is_plain(const char *name)
{
	size_t i, w, n = strlen(name);

	if (n == 0 || n > MANIFEST_NAME_MAX || strchr(name, '/') ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strcasecmp(name, ".git") == 0)
		return false;
	for (i = 0; i < n; i += w) {
		w = utf8_char(name + i, n - i);
		if (w == 0 || utf8_is_control(name + i, w))
			return false;
	}
	return true;
}

static int
compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
settle(struct folder *f, bool top)
{
	size_t i, kept = 0;

	/* other trees may be kept there: they are no part of this one */
	for (i = 0; top && i < f->n; i++) {
		if (strcmp(f->entries[i].name, "overlays") != 0)
			f->entries[kept++] = f->entries[i];
	}
	if (top)
		f->n = kept;
	if (f->n > 1)
		qsort(f->entries, f->n, sizeof(*f->entries), compare);
	for (i = 0; i < f->n; i++) {
		if (!is_plain(f->entries[i].name) ||
		    (i > 0 &&
			strcmp(f->entries[i].name, f->entries[i - 1].name) ==
			    0))
			f->entries[i].kind = ENTRY_BAD;
	}
}

/* Without looking for new packs: a miss is the usual case. */
static bool
is_here(struct tree *t, const git_oid *oid)
{
	return git_odb_exists_ext(t->odb, oid, GIT_ODB_LOOKUP_NO_REFRESH);
}

/* 1: read, 0: is not there (partial repository), -1: err. */
static int
git_list(
    struct tree *t, const git_oid *oid, struct folder *f, struct error *err)
{
	const git_tree_entry *e;
	git_tree *tree = NULL;
	git_object_t type;
	size_t i, n;

	if (t->partial && !is_here(t, oid))
		return 0;
	if (git_odb_read_header(&n, &type, t->odb, oid) < 0)
		return git_fail(err, "repository is damaged (git fsck)");
	if (type != GIT_OBJECT_TREE || n > FOLDER_BYTES_MAX)
		return fail(err, "is no folder, or one of %zu bytes", n);
	if (git_tree_lookup(&tree, t->repo, oid) < 0)
		return git_fail(err, "repository is damaged (git fsck)");
	n = git_tree_entrycount(tree);
	if (n > FOLDER_ENTRIES_MAX) {
		git_tree_free(tree);
		return fail(
		    err, "has more than %d entries", FOLDER_ENTRIES_MAX);
	}
	f->entries = arena_array(&t->arena, n, struct entry);
	for (i = 0; i < n; i++) {
		e = git_tree_entry_byindex(tree, i);
		f->entries[f->n].name =
		    arena_strdup(&t->arena, git_tree_entry_name(e));
		f->entries[f->n].kind = kind_of(git_tree_entry_filemode(e));
		f->entries[f->n++].oid = *git_tree_entry_id(e);
	}
	git_tree_free(tree);
	return 1;
}

static struct folder *
read_folder(struct tree *t, const char *path, const struct entry *e)
{
	struct folder *f = arena_new(&t->arena, struct folder);
	struct error err;
	int rc;

	if (t->workfd >= 0)
		rc = work_list(t, path, f, &err) < 0 ? -1 : 1;
	else
		rc = git_list(t, e ? &e->oid : &t->root_oid, f, &err);
	if (rc < 0) {
		if (!t->damage.msg[0])
			fail(&t->damage, "folder %s: %s", *path ? path : "/",
			    err.msg);
		return NULL;
	}
	if (rc == 0)
		return NULL;
	settle(f, *path == '\0');
	return f;
}

const struct folder *
folder_get(struct tree *t, const char *path)
{
	const struct entry *e = NULL;
	size_t len = strlen(path);
	void **slot;

	slot = map_get(&t->folders, path, len);
	if (slot)
		return *slot;
	if (len > 0) {
		e = folder_entry(t, path);
		if (!e || e->kind != ENTRY_FOLDER)
			return NULL;
	}
	/* a place of its own, so that "is none" is remembered too */
	slot = arena_alloc(&t->arena, 1, sizeof(*slot));
	*slot = read_folder(t, path, e);
	*map_put(&t->folders, arena_strndup(&t->arena, path, len), len) = slot;
	return *slot;
}

const struct entry *
folder_find(const struct folder *f, const char *name)
{
	size_t low = 0, high = f->n, mid;
	int c;

	while (low < high) {
		mid = low + (high - low) / 2;
		c = strcmp(name, f->entries[mid].name);
		if (c <= 0)
			high = mid;
		else
			low = mid + 1;
	}
	if (low == f->n || strcmp(name, f->entries[low].name) != 0 ||
	    f->entries[low].kind == ENTRY_BAD)
		return NULL;
	return &f->entries[low];
}

const struct entry *
folder_entry(struct tree *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	const struct folder *f;
	struct folder **known;
	struct arena a = {0};

	if (!slash) {
		f = folder_get(t, "");
		return f ? folder_find(f, path) : NULL;
	}
	known = map_get(&t->folders, path, (size_t)(slash - path));
	if (known)
		f = *known;
	else
		f = folder_get(
		    t, arena_strndup(&a, path, (size_t)(slash - path)));
	arena_release(&a);
	return f ? folder_find(f, slash + 1) : NULL;
}

bool
entry_present(struct tree *t, const struct entry *e)
{
	return !t->partial || is_here(t, &e->oid);
}

int64_t
entry_size(
    struct tree *t, const char *path, const struct entry *e, struct error *err)
{
	git_object_t type;
	size_t n;

	if (t->workfd >= 0)
		return work_size(t, path, err);
	if (git_odb_read_header(&n, &type, t->odb, &e->oid) < 0)
		return git_fail(err, "repository is damaged (git fsck)");
	if (type != GIT_OBJECT_BLOB)
		return fail(err, "is not a file's object");
	return (int64_t)n;
}
