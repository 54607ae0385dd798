/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "parts.h"
#include "packfile.h"
#include "base/show.h"

#include <string.h>
#include <strings.h>

/* ---- git's rules for tree objects -----------------------------------------
 */

struct name {
	const char *s;
	size_t n;
	bool folder;
};

/* Git sorts a folder as if its name ended with a slash. */
static int
compare(const struct name *a, const struct name *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int c = memcmp(a->s, b->s, n);
	int x, y;

	if (c != 0)
		return c;
	x = a->n > n ? (unsigned char)a->s[n] : a->folder ? '/' : 0;
	y = b->n > n ? (unsigned char)b->s[n] : b->folder ? '/' : 0;
	return x - y;
}

static bool
is_name(const struct name *m)
{
	if (m->n == 0 || memchr(m->s, '/', m->n))
		return false;
	if (strcmp(m->s, ".") == 0 || strcmp(m->s, "..") == 0)
		return false;
	return strcasecmp(m->s, ".git") != 0;
}

/* "MODE NAME\0ID": the next of these; false: it is cut off. */
static bool
next_name(const char **p, const char *end, struct name *out)
{
	const char *blank = memchr(*p, ' ', (size_t)(end - *p)), *nul;

	if (!blank)
		return false;
	nul = memchr(blank, '\0', (size_t)(end - blank));
	if (!nul || end - nul - 1 < GIT_OID_RAWSZ)
		return false;
	out->folder = blank - *p == 5 && memcmp(*p, "40000", 5) == 0;
	out->s = blank + 1;
	out->n = (size_t)(nul - out->s);
	*p = nul + 1 + GIT_OID_RAWSZ;
	return true;
}

static int
check_entries(struct parts *p, const char *data, size_t size, struct error *err)
{
	const char *at = data, *end = data + size;
	struct name last = {0}, m;
	struct arena a = {0};
	struct map seen;
	int rc = 0;

	map_init(&seen, &a);
	while (rc == 0 && at < end) {
		if (!next_name(&at, end, &m))
			rc = fail(err, "it is cut off");
		else if (!is_name(&m))
			rc = fail(err, "it has the entry \"%s\"",
			    show(&p->arena, m.s, m.n));
		else if (map_get(&seen, m.s, m.n))
			rc = fail(err, "it has the entry \"%s\" twice",
			    show(&p->arena, m.s, m.n));
		else if (last.s && compare(&last, &m) > 0)
			rc = fail(err, "it isn't sorted: \"%s\" comes too late",
			    show(&p->arena, m.s, m.n));
		else
			*map_put(&seen, m.s, m.n) = p;
		last = m;
	}
	arena_release(&a);
	return rc;
}

static int
check_folder(
    struct parts *p, const char *path, const git_oid *oid, struct error *err)
{
	git_odb_object *object = NULL;
	int rc;

	if (git_odb_read(&object, p->t->odb, oid) < 0)
		return git_fail(err, "folder %s", *path ? path : "/");
	rc = check_entries(
	    p, git_odb_object_data(object), git_odb_object_size(object), err);
	git_odb_object_free(object);
	return rc < 0 ? fail_in(err, "folder %s is no proper git tree",
			    *path ? path : "/")
		      : 0;
}

/* ---- the set --------------------------------------------------------------
 */

bool
parts_has(const struct parts *p, const git_oid *oid)
{
	return map_get(&p->objects, (const char *)oid->id, GIT_OID_RAWSZ);
}

static int
add_object(struct parts *p, const git_oid *oid, struct error *err)
{
	const char *key =
	    arena_strndup(&p->arena, (const char *)oid->id, GIT_OID_RAWSZ);

	*map_put(&p->objects, key, GIT_OID_RAWSZ) = p;
	return p->objects.n > PACK_OBJECTS_MAX
	    ? fail(err, "more than %d objects", PACK_OBJECTS_MAX)
	    : 0;
}

/* The folder at path: 1 it is in, 0 there is none, -1. */
static int
add_folder(struct parts *p, const char *path, struct error *err)
{
	const struct entry *e;

	if (map_gets(&p->paths, path))
		return 1;
	e = folder_entry(p->t, path);
	if (!e || e->kind != ENTRY_FOLDER)
		return 0;
	if (!folder_get(p->t, path))
		return fail(err, "lacks the folder %s", path);
	if (check_folder(p, path, &e->oid, err) < 0)
		return -1;
	*map_puts(&p->paths, path) = p;
	return add_object(p, &e->oid, err) < 0 ? -1 : 1;
}

/* The folders that lead to path, outermost first. */
static int
add_way(struct parts *p, const char *path, struct error *err)
{
	const char *slash;
	int rc = 1;

	for (slash = strchr(path, '/'); slash && rc > 0;
	     slash = strchr(slash + 1, '/'))
		rc = add_folder(p,
		    arena_strndup(&p->arena, path, (size_t)(slash - path)),
		    err);
	return rc;
}

/* The file at path, if there is one, and the folders that lead to it. */
static int
add_file(struct parts *p, const char *path, struct error *err)
{
	const struct entry *e;
	int rc = add_way(p, path, err);

	if (rc <= 0)
		return rc;
	e = folder_entry(p->t, path);
	if (!e || e->kind != ENTRY_FILE)
		return 0;
	if (!entry_present(p->t, e))
		return fail(err, "lacks the file %s", path);
	return add_object(p, &e->oid, err);
}

/* A file with its signature and the key of its maintainer. */
static int
add_signed(
    struct parts *p, const char *path, const char *user, struct error *err)
{
	if (add_file(p, path, err) < 0 ||
	    add_file(p, arena_printf(&p->arena, "%s.asc", path), err) < 0)
		return -1;
	return add_file(
	    p, arena_printf(&p->arena, "%s/%s.asc", user, user), err);
}

int
parts_begin(struct parts *p, struct tree *t, struct error *err)
{
	memset(p, 0, sizeof(*p));
	p->t = t;
	map_init(&p->paths, &p->arena);
	map_init(&p->objects, &p->arena);
	if (add_object(p, &t->commit_oid, err) < 0 ||
	    check_folder(p, "", &t->root_oid, err) < 0)
		return -1;
	return add_object(p, &t->root_oid, err);
}

void
parts_release(struct parts *p)
{
	arena_release(&p->arena);
}

int
parts_add(struct parts *p, const struct tree_recipe *r, struct error *err)
{
	const char *path;
	size_t i;

	for (i = 0; i < r->nchain; i++) {
		path = r->chain[i]->path;
		if (add_signed(p, path, r->chain[i]->user, err) < 0)
			return -1;
		/* also those that say nothing: that they don't is a fact */
		path = arena_printf(&p->arena, "%.*s/Manifest",
		    (int)(strrchr(path, '/') - path), path);
		if (add_signed(p, path, r->chain[i]->user, err) < 0)
			return -1;
	}
	path = arena_printf(&p->arena, "%s/%s/files", r->id.user, r->id.name);
	if (add_folder(p, path, err) < 0)
		return -1;
	for (i = 0; i < r->naux; i++) {
		if (add_file(p, r->aux[i]->path, err) < 0)
			return -1;
	}
	return 0;
}
