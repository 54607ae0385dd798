/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "private.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct entry *
folder_add(
    struct arena *a, struct folder *f, const char *name, enum entry_kind kind)
{
	struct entry *e;

	f->entries = arena_grow(a, f->entries, f->n, sizeof(*f->entries));
	e = &f->entries[f->n++];
	memset(e, 0, sizeof(*e));
	e->name = arena_strdup(a, name);
	e->kind = (unsigned)kind;
	return e;
}

static enum entry_kind
kind_of(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return ENTRY_FOLDER;
	case S_IFLNK:
		return ENTRY_LINK;
	case S_IFDIR | S_IFLNK: /* git's own: a commit elsewhere */
		return ENTRY_SUBMODULE;
	default:
		return ENTRY_FILE;
	}
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
		w = 1;
		if (name[i] >= ' ' && name[i] <= '~')
			continue;
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
	/* git has another order, of folders only */
	for (i = 1; i < f->n && compare(&f->entries[i - 1], &f->entries[i]) < 0;
	     i++)
		;
	if (i < f->n)
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

#define MODE_DIGITS 7

/* A git tree's object while it is read. */
struct listing {
	const char *at, *end;
};

/* "MODE NAME\0ID"; false: it is cut off, or something else. */
static bool
next_entry(struct listing *l, unsigned *mode, const char **name, size_t *n)
{
	const char *nul, *begin = l->at;

	for (*mode = 0; l->at < l->end && *l->at >= '0' && *l->at <= '7';)
		*mode = *mode << 3 | (unsigned)(*l->at++ - '0');
	if (l->at == begin || l->at - begin > MODE_DIGITS || l->at == l->end ||
	    *l->at++ != ' ')
		return false;
	nul = memchr(l->at, '\0', (size_t)(l->end - l->at));
	if (!nul || nul == l->at || l->end - nul <= GIT_OID_RAWSZ)
		return false;
	*name = l->at;
	*n = (size_t)(nul - l->at);
	l->at = nul + 1 + GIT_OID_RAWSZ;
	return true;
}

/* Two rounds: how much there is, then its copy in two pieces. */
static int
read_entries(struct tree *t, const char *data, size_t size, struct folder *f,
    struct error *err)
{
	struct listing l = {data, data + size};
	size_t n, count = 0, letters = 0;
	const char *name;
	struct entry *e;
	unsigned mode;
	char *names;

	for (; l.at < l.end; count++, letters += n + 1) {
		if (!next_entry(&l, &mode, &name, &n))
			return fail(err, "its object is no list of files");
	}
	if (count > FOLDER_ENTRIES_MAX)
		return fail(
		    err, "has more than %d entries", FOLDER_ENTRIES_MAX);
	f->entries = arena_array(&t->arena, count, struct entry);
	names = arena_alloc(&t->arena, letters, 1);
	l.at = data;
	while (f->n < count && next_entry(&l, &mode, &name, &n)) {
		e = &f->entries[f->n++];
		e->name = memcpy(names, name, n + 1);
		e->kind = kind_of(mode);
		memcpy(e->oid.id, l.at - GIT_OID_RAWSZ, GIT_OID_RAWSZ);
		names += n + 1;
	}
	return 1;
}

/* 1: read, 0: is not there (in a pack), -1: err. */
static int
git_list(
    struct tree *t, const git_oid *oid, struct folder *f, struct error *err)
{
	git_odb_object *object = NULL;
	git_object_t type;
	size_t n;
	int rc;

	if (t->partial && !is_here(t, oid))
		return 0;
	rc = git_odb_read_header(&n, &type, t->odb, oid);
	if (rc < 0)
		return git_fail_object(err, t->repo, rc);
	if (type != GIT_OBJECT_TREE || n > FOLDER_BYTES_MAX)
		return fail(err, "is no folder, or one of %zu bytes", n);
	rc = git_read(&object, t->odb, oid);
	if (rc < 0)
		return git_fail_object(err, t->repo, rc);
	rc = read_entries(t, git_odb_object_data(object),
	    git_odb_object_size(object), f, err);
	git_odb_object_free(object);
	return rc;
}

bool
tree_is_full(const struct tree *t)
{
	return t->nentries > TREE_ENTRIES_MAX;
}

int
tree_count(struct tree *t, size_t n)
{
	t->nentries += n;
	if (!tree_is_full(t))
		return 0;
	return fail(&t->damage, "the tree has more than %d files and folders",
	    TREE_ENTRIES_MAX);
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
		if (!t->damage.msg[0]) {
			t->damage = err;
			fail_in(&t->damage, "folder %s", *path ? path : "/");
		}
		return NULL;
	}
	if (rc == 0 || tree_count(t, f->n) < 0)
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
	if (tree_is_full(t))
		return NULL;
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

struct entry *
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

struct entry *
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
entry_size(struct tree *t, const char *path, struct entry *e, struct error *err)
{
	git_object_t type;
	size_t n;
	int rc;

	if (t->workfd >= 0 && !e->stored)
		return work_size(t, path, err);
	if (e->known)
		return e->known - 1;
	rc = git_odb_read_header(&n, &type, t->odb, &e->oid);
	if (rc < 0)
		return git_fail_object(err, t->repo, rc);
	if (type != GIT_OBJECT_BLOB)
		return fail(err, "is not a file's object");
	if (n <= ENTRY_KNOWN_MAX)
		e->known = (unsigned)n + 1;
	return (int64_t)n;
}
