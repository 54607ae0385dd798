/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "private.h"
#include "tree/index/index.h"
#include "tree/index/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tree *
tree_new(git_repository *repo)
{
	struct arena a = {0};
	struct tree *t = arena_new(&a, struct tree);

	t->arena = a;
	t->repo = repo;
	t->workfd = -1;
	map_init(&t->folders, &t->arena);
	map_init(&t->nodes, &t->arena);
	map_init(&t->users, &t->arena);
	map_init(&t->packages, &t->arena);
	map_init(&t->names, &t->arena);
	map_init(&t->kept, &t->kept_arena);
	map_init(&t->packed, &t->packed_arena);
	buf_init(&t->record, SIZE_MAX / 2);
	return t;
}

void
tree_close(struct tree *t)
{
	struct error err;
	struct arena a;

	if (!t)
		return;
	/* without it the next one takes longer, no more */
	if (t->cache && t->owner == getpid())
		(void)tree_save_index(t, &err);
	if (t->workfd >= 0)
		close(t->workfd);
	git_index_free(t->index);
	git_odb_free(t->odb);
	git_repository_free(t->repo);
	git_stop();
	index_close(t->cache);
	arena_release(&t->kept_arena);
	arena_release(&t->packed_arena);
	arena_release(&t->own_arena);
	arena_release(&t->leaf);
	arena_release(&t->told);
	buf_release(&t->record);
	a = t->arena;
	arena_release(&a);
}

int
tree_set_commit(struct tree *t, const git_oid *oid, struct error *err)
{
	git_commit *commit = NULL;
	git_object_t type;
	size_t n;

	if ((!t->odb && git_repository_odb(&t->odb, t->repo) < 0) ||
	    git_odb_read_header(&n, &type, t->odb, oid) < 0)
		return git_fail(err, "commit");
	if (type != GIT_OBJECT_COMMIT || n > FILE_MAX)
		return fail(err, "%s is no commit, or one of %zu bytes",
		    git_oid_tostr_s(oid), n);
	if (git_commit_lookup(&commit, t->repo, oid) < 0)
		return git_fail(err, "commit");
	t->commit_oid = *oid;
	t->root_oid = *git_commit_tree_id(commit);
	git_oid_tostr(t->commit, sizeof(t->commit), oid);
	git_commit_free(commit);
	if (folder_get(t, ""))
		return 0;
	fail(err, "the commit's root folder is missing");
	if (t->damage.msg[0])
		*err = t->damage;
	return -1;
}

/* A few of the branches' names, for the message about an unknown one. */
static const char *
branches(git_repository *repo, struct arena *a)
{
	git_reference_iterator *it = NULL;
	const char *list = "", *name;
	git_reference *ref;
	int n = 0;

	if (git_reference_iterator_new(&it, repo) < 0)
		return list;
	while (n < 5 && git_reference_next(&ref, it) == 0) {
		name = git_reference_shorthand(ref);
		if (git_reference_is_branch(ref))
			list = arena_printf(
			    a, "%s%s%s", list, n++ ? ", " : "", name);
		git_reference_free(ref);
	}
	git_reference_iterator_free(it);
	return list;
}

static int
fail_revision(struct tree *t, const char *path, const char *rev, int rc,
    struct error *err)
{
	if (rc != GIT_ENOTFOUND && rc != GIT_EUNBORNBRANCH)
		return git_fail(err, "%s: revision \"%s\"", path, rev);
	if (strcmp(rev, "HEAD") == 0)
		return fail(err, "%s: has no commit (git commit)", path);
	return fail(err, "%s: has no revision \"%s\" (branches: %s)", path, rev,
	    branches(t->repo, &t->arena));
}

/* Find the commit that rev names. */
static int
find_commit(struct tree *t, const char *path, const char *rev, git_oid *oid,
    struct error *err)
{
	git_object *object = NULL, *commit = NULL;
	int rc;

	/* these search messages, reflogs or files: no names of revisions */
	if (*rev == '\0' || *rev == '-' || strpbrk(rev, ":{} \t\n"))
		return fail(err,
		    "\"%s\" is not a branch, a tag or the id of a commit", rev);
	if (strstr(rev, ".."))
		return fail(err,
		    "\"%s\" is a range of commits: one of them is needed", rev);
	rc = git_revparse_single(&object, t->repo, rev);
	if (rc == 0)
		rc = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
	if (rc == 0)
		*oid = *git_object_id(commit);
	else
		fail_revision(t, path, rev, rc, err);
	git_object_free(commit);
	git_object_free(object);
	return rc < 0 ? -1 : 0;
}

static struct tree *
open_repository(const char *path, struct error *err)
{
	git_repository *repo = NULL;

	if (git_start(err) < 0)
		return NULL;
	if (git_open(&repo, path, err) < 0) {
		git_stop();
		return NULL;
	}
	return tree_new(repo);
}

/* Let the repository find objects in a further folder, too. */
static int
add_objects(git_repository *repo, const char *folder, struct error *err)
{
	git_odb *odb = NULL;
	int rc = 0;

	if (git_repository_odb(&odb, repo) < 0 ||
	    git_odb_add_disk_alternate(odb, folder) < 0)
		rc = git_fail(err, "objects in %s", folder);
	git_odb_free(odb);
	return rc;
}

int
tree_open_with(struct tree **out, const char *path, const char *rev,
    const char *objects, struct error *err)
{
	struct tree *t;
	git_oid oid;

	*out = NULL;
	t = open_repository(path, err);
	if (!t)
		return -1;
	if (objects && add_objects(t->repo, objects, err) < 0)
		goto failed;
	if (find_commit(t, path, rev ? rev : "HEAD", &oid, err) < 0)
		goto failed;
	if (tree_set_commit(t, &oid, err) < 0) {
		fail_in(err, "%s", path);
		goto failed;
	}
	*out = t;
	return 0;
failed:
	tree_close(t);
	return -1;
}

int
tree_open(
    struct tree **out, const char *path, const char *rev, struct error *err)
{
	return tree_open_with(out, path, rev, NULL, err);
}

/* Most work trees need none. */
static int
open_objects(struct tree *t, struct error *err)
{
	return git_repository_odb(&t->odb, t->repo) < 0
	    ? git_fail(err, "objects")
	    : 0;
}

/* Let the index have it as what isn't on disk, the objects in memory only. */
static int
add_draft(struct tree *t, const struct tree_draft *draft, struct error *err)
{
	git_index_entry e = {.mode = GIT_FILEMODE_BLOB,
	    .flags_extended = GIT_INDEX_ENTRY_SKIP_WORKTREE,
	    .path = draft->path};
	int ignored = 0;

	if (git_ignore_path_is_ignored(&ignored, t->repo, draft->path) == 0 &&
	    ignored)
		return fail(err,
		    "%s would be ignored by git: \"git check-ignore -v\" tells "
		    "why",
		    draft->path);
	if (git_add_memory(t->odb, INT_MAX, err) < 0)
		return -1;
	if (git_odb_write(
		&e.id, t->odb, draft->text, draft->len, GIT_OBJECT_BLOB) < 0 ||
	    git_index_add(t->index, &e) < 0)
		return git_fail(err, "%s", draft->path);
	t->sparse = t->drafted = true;
	return 0;
}

int
tree_open_draft(struct tree **out, const char *path,
    const struct tree_draft *draft, struct error *err)
{
	const char *work;
	struct tree *t;

	*out = NULL;
	t = open_repository(path, err);
	if (!t)
		return -1;
	work = git_repository_workdir(t->repo);
	if (!work) {
		fail(err, "%s: is a bare repository without work tree", path);
		goto failed;
	}
	if (stamp_begin(t, err) < 0 ||
	    ((t->sparse || draft) && open_objects(t, err) < 0)) {
		fail_in(err, "%s", path);
		goto failed;
	}
	t->workfd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->workfd < 0) {
		fail_errno(err, "open %s", work);
		goto failed;
	}
	if (draft && add_draft(t, draft, err) < 0)
		goto failed;
	if (!folder_get(t, "")) {
		*err = t->damage;
		fail_in(err, "%s", path);
		goto failed;
	}
	*out = t;
	return 0;
failed:
	tree_close(t);
	return -1;
}

int
tree_open_work(struct tree **out, const char *path, struct error *err)
{
	return tree_open_draft(out, path, NULL, err);
}

/* "/x/.git/" is the work tree /x, which git's settings name it by. */
static const char *
top_of(struct arena *a, const char *found)
{
	size_t n = strlen(found);

	if (n > 6 && strcmp(found + n - 6, "/.git/") == 0)
		n -= 6;
	else if (n > 1)
		n--;
	return arena_strndup(a, found, n);
}

int
tree_discover(
    struct arena *a, const char *path, const char **out, struct error *err)
{
	git_buf found = {0};
	git_repository *repo = NULL;
	int rc = -1;

	if (git_start(err) < 0)
		return -1;
	if (git_repository_discover(&found, path, 0, NULL) < 0) {
		fail(err, "%s: is in no git repository", path);
		err->code = ENOENT;
		goto out;
	}
	if (git_open(&repo, top_of(a, found.ptr), err) < 0)
		goto out;
	*out = git_repository_workdir(repo);
	*out = arena_strdup(a, *out ? *out : found.ptr);
	rc = 0;
out:
	git_repository_free(repo);
	git_buf_dispose(&found);
	git_stop();
	return rc;
}

const char *
tree_commit(const struct tree *t)
{
	return t->commit;
}

size_t
tree_bytes(const struct tree *t)
{
	return t->bytes + arena_size(&t->arena);
}

void
tree_use_index(struct tree *t, const char *file, time_t now)
{
	if (t->cache || t->partial)
		return;
	t->cache = index_open(file);
	t->day = t->drafted ? 0 : now / (24 * 60 * 60);
	t->owner = getpid();
}

int
tree_save_index(struct tree *t, struct error *err)
{
	time_t day = t->day;

	/* what an unreadable repository said is nothing to keep */
	if (!t->cache || t->damage.msg[0] || t->moved || day <= 0)
		return 0;
	t->day = 0; /* once */
	return index_save(t->cache, t, day, err);
}
