/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The work tree as if it were committed now: what git tracks, and what it
 * doesn't track and doesn't ignore. Only read; bytes are as on disk. What a
 * sparse checkout leaves out counts as unchanged: it is as git's index has it.
 */
#include "private.h"
#include "tree/index/stamp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Open path below the work tree ("" is its top), through no link. */
static int
open_below(struct tree *t, const char *path, int flags)
{
	struct open_how how = {
	    .flags = (unsigned)(O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		O_NOFOLLOW | flags),
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	return (int)syscall(
	    SYS_openat2, t->workfd, *path ? path : ".", &how, sizeof(how));
}

/* What an editor keeps beside a file that is being written. */
static bool
is_editors(const char *path)
{
	return fnmatch("*/.*.sw?", path, 0) == 0 ||
	    fnmatch("*/.#*", path, 0) == 0 || fnmatch("*~", path, 0) == 0;
}

/* Would "git add" take it, or has it already? */
static bool
is_seen(struct tree *t, const char *path, bool folder)
{
	char slash[4096 + 1];
	size_t pos;
	int ignored = 0;

	if (!folder && git_index_get_bypath(t->index, path, 0))
		return true;
	snprintf(slash, sizeof(slash), "%s/", path);
	if (!folder && is_editors(path))
		return false;
	if (folder && git_index_find_prefix(&pos, t->index, slash) == 0)
		return true;
	if (git_ignore_path_is_ignored(
		&ignored, t->repo, folder ? slash : path) < 0)
		return true;
	return !ignored;
}

static enum entry_kind
kind_of(int dirfd_, const char *name, struct stat *st)
{
	char git[MANIFEST_NAME_MAX + 8];

	if (fstatat(dirfd_, name, st, AT_SYMLINK_NOFOLLOW) < 0)
		return ENTRY_OTHER;
	if (S_ISREG(st->st_mode))
		return ENTRY_FILE;
	if (S_ISLNK(st->st_mode))
		return ENTRY_LINK;
	if (!S_ISDIR(st->st_mode))
		return ENTRY_OTHER;
	snprintf(git, sizeof(git), "%s/.git", name);
	return faccessat(dirfd_, git, F_OK, AT_SYMLINK_NOFOLLOW) == 0
	    ? ENTRY_SUBMODULE
	    : ENTRY_FOLDER;
}

static int
add_entry(struct tree *t, struct folder *f, int fd, const char *path,
    const char *name, struct error *err)
{
	enum entry_kind kind;
	struct entry *new;
	char full[4096];
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    (*path == '\0' && strcmp(name, ".git") == 0))
		return 0;
	if (f->n >= FOLDER_ENTRIES_MAX)
		return fail(
		    err, "has more than %d entries", FOLDER_ENTRIES_MAX);
	if (snprintf(full, sizeof(full), "%s%s%s", path, *path ? "/" : "",
		name) >= (int)sizeof(full))
		return fail(err, "the path is too long");
	kind = kind_of(fd, name, &st);
	if (!is_seen(t, full, kind == ENTRY_FOLDER || kind == ENTRY_SUBMODULE))
		return 0;
	new = folder_add(&t->arena, f, name, kind);
	if (kind == ENTRY_FILE) {
		new->runs = (st.st_mode & S_IXUSR) != 0;
		if (t->cache)
			(void)stamp_file(t, full, &st, &new->oid);
	}
	return 0;
}

/* ---- what a sparse checkout leaves out ----------------------------------- */

/* The first index entry of the folder at path ("" is the top); n: of all. */
static size_t
first_below(struct tree *t, const char *path, size_t n)
{
	struct arena a = {0};
	size_t pos = 0;

	if (*path &&
	    git_index_find_prefix(
		&pos, t->index, arena_printf(&a, "%s/", path)) < 0)
		pos = n;
	arena_release(&a);
	return pos;
}

static int
add_stored(struct tree *t, struct folder *f, const git_index_entry *e,
    const char *name, size_t len, struct error *err)
{
	struct arena a = {0};
	struct entry *new;

	if (f->n >= FOLDER_ENTRIES_MAX)
		return fail(
		    err, "has more than %d entries", FOLDER_ENTRIES_MAX);
	new = folder_add(&t->arena, f, arena_strndup(&a, name, len),
	    name[len]              ? ENTRY_FOLDER
		: S_ISLNK(e->mode) ? ENTRY_LINK
		: S_ISREG(e->mode) ? ENTRY_FILE
				   : ENTRY_SUBMODULE);
	arena_release(&a);
	new->stored = 1;
	if (new->kind == ENTRY_FILE) {
		new->oid = e->id;
		new->runs = (e->mode & S_IXUSR) != 0;
	}
	return 0;
}

/* Add what the folder would have; what is on disk counts more. */
static int
list_stored(
    struct tree *t, const char *path, struct folder *f, struct error *err)
{
	size_t i, len, n = git_index_entrycount(t->index);
	size_t skip = *path ? strlen(path) + 1 : 0;
	const git_index_entry *e;
	struct arena a = {0};
	struct map seen;
	int rc = 0;

	map_init(&seen, &a);
	for (i = 0; i < f->n; i++)
		*map_puts(&seen, f->entries[i].name) = f;
	for (i = first_below(t, path, n); i < n && rc == 0; i++) {
		e = git_index_get_byindex(t->index, i);
		if (skip > 0 &&
		    (strncmp(e->path, path, skip - 1) != 0 ||
			e->path[skip - 1] != '/'))
			break;
		len = strcspn(e->path + skip, "/");
		if (!(e->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) ||
		    map_get(&seen, e->path + skip, len))
			continue;
		*map_put(&seen, e->path + skip, len) = f;
		rc = add_stored(t, f, e, e->path + skip, len, err);
	}
	arena_release(&a);
	return rc;
}

/* ---- both ---------------------------------------------------------------- */

static int
list_disk(struct tree *t, const char *path, struct folder *f, struct error *err)
{
	struct dirent *e;
	int fd, rc = 0;
	DIR *dir;

	fd = open_below(t, path, O_DIRECTORY);
	if (fd < 0 && errno == ENOENT && t->sparse)
		return 0;
	if (fd < 0)
		return fail_errno(err, "open");
	dir = fdopendir(fd);
	if (!dir) {
		fail_errno(err, "open");
		close(fd);
		return -1;
	}
	stamp_folder(t, dirfd(dir));
	while (rc == 0 && (errno = 0, e = readdir(dir)) != NULL)
		rc = add_entry(t, f, dirfd(dir), path, e->d_name, err);
	if (rc == 0 && errno)
		rc = fail_errno(err, "read");
	closedir(dir);
	return rc;
}

bool
tree_leaves_out(struct tree *t, const char *path)
{
	const struct folder *f;
	const struct entry *e = folder_entry(t, path);
	struct arena a = {0};
	bool out = e && e->stored;
	size_t i;

	f = e && e->kind == ENTRY_FOLDER && t->sparse && !out
	    ? folder_get(t, path)
	    : NULL;
	for (i = 0; f && i < f->n && !out; i++)
		out =
		    tree_leaves_out(t, path_join(&a, path, f->entries[i].name));
	arena_release(&a);
	return out;
}

int
work_list(struct tree *t, const char *path, struct folder *f, struct error *err)
{
	if (list_disk(t, path, f, err) < 0)
		return -1;
	return t->sparse ? list_stored(t, path, f, err) : 0;
}

static int
open_file(struct tree *t, const char *path, struct stat *st, struct error *err)
{
	int fd = open_below(t, path, 0);

	if (fd < 0)
		return fail_errno(err, "open");
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return fail(err, "is not a plain file");
}

int64_t
work_size(struct tree *t, const char *path, struct error *err)
{
	struct stat st;
	int fd = open_file(t, path, &st, err);

	if (fd < 0)
		return -1;
	close(fd);
	return st.st_size;
}

int
work_read(struct tree *t, struct arena *a, const char *path, size_t max,
    struct tree_file *f, struct error *err)
{
	struct stat st;
	size_t have = 0, want;
	int rc = -1, fd = open_file(t, path, &st, err);
	ssize_t n;
	char *p;

	if (fd < 0)
		return -1;
	want = (size_t)st.st_size;
	if (want > max) {
		fail_too_large(err, want, max);
		goto out;
	}
	p = arena_alloc(a, want + 1, 1);
	while (have < want && (n = read(fd, p + have, want - have)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fail_errno(err, "read");
			goto out;
		}
		have += (size_t)n;
	}
	if (have < want) {
		fail(err, "changes while it is read");
		goto out;
	}
	f->text = p;
	f->len = want;
	rc = 0;
out:
	close(fd);
	return rc;
}
