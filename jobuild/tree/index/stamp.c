/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ids of what a work tree has, so that the index can be asked about it. A
 * file is read for that only when git's own record can't vouch for it: what
 * stat says must be what git noted, and the file must be older than the note
 * ("racily clean" otherwise), since a later change of the same size within
 * one tick of the clock can't be told. A folder's id is what git would give it.
 */
#include "tree/private.h"
#include "stamp.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONVERSIONS 6

/* Is there a file of that name in one of the folders, "A:B"? */
static bool
is_in(struct arena *a, const char *folders, const char *name)
{
	size_t n;

	for (; *folders; folders += n + (folders[n] == ':')) {
		n = strcspn(folders, ":");
		if (access(arena_printf(a, "%.*s/%s", (int)n, folders, name),
			F_OK) == 0)
			return true;
	}
	return false;
}

/* Has somebody said for all of his repositories how files are converted? */
static bool
has_attributes(struct tree *t, git_config *config)
{
	static const struct {
		int level;
		const char *name;
	} places[] = {{GIT_CONFIG_LEVEL_XDG, "attributes"},
	    {GIT_CONFIG_LEVEL_SYSTEM, "gitattributes"}};
	git_buf path = {0};
	const char *file;
	bool found;
	size_t i;

	found = git_config_get_string(&file, config, "core.attributesfile") !=
		GIT_ENOTFOUND ||
	    is_in(&t->arena, git_repository_commondir(t->repo),
		"info/attributes");
	for (i = 0; i < sizeof(places) / sizeof(places[0]) && !found; i++) {
		found = git_libgit2_opts(GIT_OPT_GET_SEARCH_PATH,
			    places[i].level, &path) < 0 ||
		    is_in(&t->arena, path.ptr, places[i].name);
		git_buf_dispose(&path);
	}
	return found;
}

/* Has a sparse checkout left something out? */
static bool
is_sparse(git_index *index)
{
	size_t i, n = git_index_entrycount(index);

	for (i = 0; i < n; i++) {
		if (git_index_get_byindex(index, i)->flags_extended &
		    GIT_INDEX_ENTRY_SKIP_WORKTREE)
			return true;
	}
	return false;
}

static int
fail_index(struct error *err)
{
	const git_error *last = git_error_last();

	if (last && last->message && strstr(last->message, "'sdir'"))
		return fail(err,
		    "a sparse index can't be read: \"git sparse-checkout "
		    "reapply --no-sparse-index\"");
	return git_fail(err, "index");
}

int
stamp_begin(struct tree *t, struct error *err)
{
	git_config *config = NULL;
	const char *path, *crlf;
	struct stat st;

	/* its time first: if it is replaced meanwhile, less is vouched for */
	path = arena_printf(&t->arena, "%sindex", git_repository_path(t->repo));
	if (stat(path, &st) == 0)
		t->noted = st.st_mtim;
	if (git_repository_index(&t->index, t->repo) < 0)
		return fail_index(err);
	t->sparse = is_sparse(t->index);
	if (git_repository_config_snapshot(&config, t->repo) < 0)
		return git_fail(err, "configuration");
	t->converts =
	    git_config_get_string(&crlf, config, "core.autocrlf") == 0 &&
	    strcmp(crlf, "false") != 0;
	t->attributes = has_attributes(t, config);
	git_config_free(config);
	return 0;
}

void
stamp_folder(struct tree *t, int fd)
{
	/* it counts for what is below, which is listed later */
	if (faccessat(fd, ".gitattributes", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		t->attributes = true;
}

/* May git's object have other bytes than the file? */
static bool
is_converted(struct tree *t, const char *path)
{
	const char *names[CONVERSIONS] = {
	    "text", "crlf", "eol", "ident", "filter", "working-tree-encoding"};
	const char *values[CONVERSIONS];
	size_t i;

	if (t->converts || !t->attributes)
		return t->converts;
	if (git_attr_get_many(values, t->repo, 0, path, CONVERSIONS, names) < 0)
		return true;
	for (i = 0; i < CONVERSIONS; i++) {
		if (git_attr_value(values[i]) == GIT_ATTR_VALUE_TRUE ||
		    git_attr_value(values[i]) == GIT_ATTR_VALUE_STRING)
			return true;
	}
	return false;
}

static bool
is_time(const git_index_time *noted, const struct timespec *now)
{
	return noted->seconds == (int32_t)now->tv_sec &&
	    noted->nanoseconds == (uint32_t)now->tv_nsec;
}

static bool
is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec
				      : a->tv_nsec < b->tv_nsec;
}

bool
stamp_file(
    struct tree *t, const char *path, const struct stat *st, git_oid *oid)
{
	const git_index_entry *e = git_index_get_bypath(t->index, path, 0);

	if (!e || e->flags_extended != 0 || !S_ISREG(e->mode) ||
	    ((e->mode ^ st->st_mode) & S_IXUSR) != 0 ||
	    e->file_size != (uint32_t)st->st_size ||
	    st->st_size > ENTRY_KNOWN_MAX || e->ino != (uint32_t)st->st_ino ||
	    e->uid != st->st_uid || e->gid != st->st_gid ||
	    !is_time(&e->mtime, &st->st_mtim) ||
	    !is_time(&e->ctime, &st->st_ctim) ||
	    !is_older(&st->st_mtim, &t->noted) || is_converted(t, path))
		return false;
	*oid = e->id;
	return true;
}

/* The id of a file by its bytes; zero when it can't be read. */
static void
hash_file(struct tree *t, const char *path, struct entry *e)
{
	struct tree_file f = {0};
	struct arena a = {0};
	struct error err;

	if (work_read(t, &a, path, MANIFEST_MAX, &f, &err) == 0 &&
	    git_odb_hash(&e->oid, f.text, f.len, GIT_OBJECT_BLOB) < 0)
		memset(&e->oid, 0, sizeof(e->oid));
	arena_release(&a);
}

/* Git sorts a folder as if its name ended with a slash. */
static int
git_order(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a;
	const struct entry *y = *(struct entry *const *)b;
	size_t n = strlen(x->name), m = strlen(y->name);
	int c = memcmp(x->name, y->name, n < m ? n : m);
	int p, q;

	if (c != 0)
		return c;
	p = n > m                     ? (unsigned char)x->name[m]
	    : x->kind == ENTRY_FOLDER ? '/'
				      : 0;
	q = m > n                     ? (unsigned char)y->name[n]
	    : y->kind == ENTRY_FOLDER ? '/'
				      : 0;
	return p - q;
}

/* What belongs nowhere is not looked through for an id. */
static bool
is_proper(const char *path, const struct entry *e)
{
	const char *slash = strchr(path, '/');
	size_t depth = 0;

	if (e->kind == ENTRY_FILE)
		return true;
	if (e->kind != ENTRY_FOLDER)
		return false;
	if (!slash)
		return name_valid(e->name, strlen(e->name));
	if (!strchr(slash + 1, '/'))
		return strcmp(e->name, "files") == 0;
	for (; *path; path++)
		depth += *path == '/';
	return depth <= FILES_DEPTH_MAX + 1;
}

/* As a tree object; -1: it has something that has no id. */
static int
write_folder(struct tree *t, const char *path, const struct folder *f,
    struct arena *a, struct buf *out)
{
	struct entry **list = arena_array(a, f->n, struct entry *), *e;
	const char *mode;
	size_t i;

	for (i = 0; i < f->n; i++) {
		list[i] = &f->entries[i];
		if (!is_proper(path, list[i]) ||
		    !stamp_entry(t,
			arena_printf(a, "%s/%s", path, list[i]->name), list[i]))
			return -1;
	}
	if (f->n > 1)
		qsort(list, f->n, sizeof(struct entry *), git_order);
	for (i = 0; i < f->n; i++) {
		e = list[i];
		mode = e->kind == ENTRY_FOLDER ? "40000"
		    : e->runs                  ? "100755"
					       : "100644";
		buf_addf(out, "%s %s", mode, e->name);
		buf_addc(out, '\0');
		buf_add(out, e->oid.id, GIT_OID_RAWSZ);
	}
	return 0;
}

static void
hash_folder(struct tree *t, const char *path, struct entry *e)
{
	const struct folder *f = folder_get(t, path);
	struct arena a = {0};
	struct buf out;

	if (!f || f->n == 0)
		return;
	buf_init(&out, SIZE_MAX / 2);
	if (write_folder(t, path, f, &a, &out) < 0 ||
	    git_odb_hash(&e->oid, out.data, out.len, GIT_OBJECT_TREE) < 0)
		memset(&e->oid, 0, sizeof(e->oid));
	buf_release(&out);
	arena_release(&a);
}

bool
stamp_entry(struct tree *t, const char *path, struct entry *e)
{
	if (t->workfd < 0 || !t->cache || e->tried)
		return !git_oid_is_zero(&e->oid);
	e->tried = 1;
	if (e->kind == ENTRY_FILE && git_oid_is_zero(&e->oid))
		hash_file(t, path, e);
	else if (e->kind == ENTRY_FOLDER)
		hash_folder(t, path, e);
	return !git_oid_is_zero(&e->oid);
}
