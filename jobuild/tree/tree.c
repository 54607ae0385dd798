/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_LONGEST 1024

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
	map_init(&t->recipes, &t->arena);
	map_init(&t->supports, &t->arena);
	map_init(&t->packages, &t->arena);
	return t;
}

void
tree_close(struct tree *t)
{
	struct arena a;

	if (!t)
		return;
	if (t->workfd >= 0)
		close(t->workfd);
	git_index_free(t->index);
	git_odb_free(t->odb);
	git_repository_free(t->repo);
	git_stop();
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
	if (!folder_get(t, ""))
		return fail(err, "%s",
		    t->damage.msg[0] ? t->damage.msg
				     : "the commit's root folder is missing");
	return 0;
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
	struct tree *t;

	if (git_start(err) < 0)
		return NULL;
	if (git_open(&repo, path, err) < 0) {
		git_stop();
		return NULL;
	}
	t = tree_new(repo);
	t->partial = git_is_partial(repo);
	return t;
}

int
tree_open(
    struct tree **out, const char *path, const char *rev, struct error *err)
{
	struct tree *t;
	git_oid oid;

	*out = NULL;
	t = open_repository(path, err);
	if (!t)
		return -1;
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
tree_open_work(struct tree **out, const char *path, struct error *err)
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
	if (git_repository_index(&t->index, t->repo) < 0) {
		git_fail(err, "%s", path);
		goto failed;
	}
	t->workfd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->workfd < 0) {
		fail_errno(err, "open %s", work);
		goto failed;
	}
	if (!folder_get(t, "")) {
		fail(err, "%s: %s", path, t->damage.msg);
		goto failed;
	}
	*out = t;
	return 0;
failed:
	tree_close(t);
	return -1;
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
		goto out;
	}
	if (git_open(&repo, found.ptr, err) < 0)
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

bool
is_user(const char *name)
{
	return strcmp(name, "overlays") != 0 && user_valid(name, strlen(name));
}

static int
newest_first(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	return version_compare(*y, *x);
}

bool
recipe_name(const char *file, const char *name, struct version *ver,
    enum recipe_kind *kind)
{
	static const char *const suffixes[] = {
	    [RECIPE_JOBUILD] = ".jobuild", [RECIPE_TEMPLATE] = ".template"};
	size_t i, n = strlen(file), nn = strlen(name), ns;

	if (n <= nn + 1 || strncmp(file, name, nn) != 0 || file[nn] != '-')
		return false;
	for (i = 0; i < 2; i++) {
		ns = strlen(suffixes[i]);
		if (n <= nn + 1 + ns || strcmp(file + n - ns, suffixes[i]) != 0)
			continue;
		*kind = (enum recipe_kind)i;
		return version_parse(file + nn + 1, n - ns - nn - 1, ver);
	}
	return false;
}

static void
add_version(struct tree *t, struct tree_package *p, enum recipe_kind kind,
    struct version v)
{
	struct version **list =
	    kind == RECIPE_JOBUILD ? &p->versions : &p->templates;
	size_t *n = kind == RECIPE_JOBUILD ? &p->nversions : &p->ntemplates;

	*list = arena_grow(&t->arena, *list, *n, sizeof(**list));
	(*list)[(*n)++] = v;
}

/* Read the folder user/name; NULL when it has no recipe. */
static struct tree_package *
read_package(struct tree *t, const char *path, size_t slash)
{
	struct tree_package *p = arena_new(&t->arena, struct tree_package);
	const struct folder *f = folder_get(t, path);
	struct version v;
	enum recipe_kind kind;
	size_t i;

	p->user = arena_strndup(&t->arena, path, slash);
	p->name = path + slash + 1;
	for (i = 0; f && i < f->n; i++) {
		if (f->entries[i].kind == ENTRY_FILE &&
		    recipe_name(f->entries[i].name, p->name, &v, &kind) &&
		    entry_present(t, &f->entries[i]))
			add_version(t, p, kind, v);
	}
	if (p->nversions + p->ntemplates == 0)
		return NULL;
	if (p->nversions)
		qsort(p->versions, p->nversions, sizeof(*p->versions),
		    newest_first);
	if (p->ntemplates)
		qsort(p->templates, p->ntemplates, sizeof(*p->templates),
		    newest_first);
	return p;
}

const struct tree_package *
tree_package(const struct tree *ct, const char *user, const char *name)
{
	/* what is asked for the first time is read: a cache, no change */
	struct tree *t = (struct tree *)(uintptr_t)ct;
	char path[USER_MAX + NAME_MAX_LEN + 2];
	struct tree_package *p;
	const char *key;

	if (!is_user(user) || !name_valid(name, strlen(name)))
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", user, name);
	p = map_gets(&t->packages, path);
	if (p)
		return p;
	key = arena_strdup(&t->arena, path);
	p = read_package(t, key, strlen(user));
	if (p)
		*map_puts(&t->packages, key) = p;
	return p;
}

static void
list_user(struct tree *t, const char *user)
{
	const struct folder *f = folder_get(t, user);
	const struct tree_package *p;
	size_t i;

	for (i = 0; f && i < f->n; i++) {
		if (f->entries[i].kind != ENTRY_FOLDER)
			continue;
		p = tree_package(t, user, f->entries[i].name);
		if (!p)
			continue;
		t->all =
		    arena_grow(&t->arena, t->all, t->nall, sizeof(*t->all));
		t->all[t->nall++] = *p;
	}
}

const struct tree_package *
tree_packages(const struct tree *ct, size_t *n)
{
	struct tree *t = (struct tree *)(uintptr_t)ct;
	const struct folder *root;
	size_t i;

	if (!t->listed) {
		root = folder_get(t, "");
		for (i = 0; root && i < root->n; i++) {
			if (root->entries[i].kind == ENTRY_FOLDER &&
			    is_user(root->entries[i].name))
				list_user(t, root->entries[i].name);
		}
		t->listed = true;
	}
	*n = t->nall;
	return t->all;
}

static int
read_blob(struct tree *t, const struct entry *e, size_t max, struct node *n,
    struct error *err)
{
	git_odb_object *object = NULL;
	git_object_t type;
	size_t size;
	int rc;

	rc = git_odb_read_header(&size, &type, t->odb, &e->oid);
	if (rc == GIT_ENOTFOUND && t->partial) {
		fail(err, "is not in this part of the tree");
		err->code = ENOENT;
		return -1;
	}
	if (rc < 0)
		return git_fail(err, "repository is damaged (git fsck)");
	if (type != GIT_OBJECT_BLOB)
		return fail(err, "is not a file's object");
	if (size > max)
		return fail(err, "is larger than %zu bytes", max);
	if (git_odb_read(&object, t->odb, &e->oid) < 0)
		return git_fail(err, "repository is damaged (git fsck)");
	n->file.len = git_odb_object_size(object);
	n->file.text =
	    arena_strndup(&t->arena, git_odb_object_data(object), n->file.len);
	git_odb_object_free(object);
	git_oid_tostr(n->file.blob, sizeof(n->file.blob), &e->oid);
	return 0;
}

static int
read_work(struct tree *t, const char *path, size_t max, struct node *n,
    struct error *err)
{
	git_oid oid;

	if (work_read(t, path, max, &n->file.text, &n->file.len, err) < 0)
		return -1;
	if (git_odb_hash(&oid, n->file.text, n->file.len, GIT_OBJECT_BLOB) < 0)
		return git_fail(err, "hash");
	git_oid_tostr(n->file.blob, sizeof(n->file.blob), &oid);
	return 0;
}

static struct node *
node_read(struct tree *t, const char *path, size_t max, struct error *err)
{
	const struct entry *e = folder_entry(t, path);
	char hex[DIGEST_HEX_MAX];
	struct node *n;
	int rc;

	if (!e || e->kind != ENTRY_FILE) {
		fail(err, e ? "is not a plain file" : "is not in the tree");
		err->code = ENOENT;
		return NULL;
	}
	n = arena_new(&t->arena, struct node);
	rc = t->workfd >= 0 ? read_work(t, path, max, n, err)
			    : read_blob(t, e, max, n, err);
	if (rc < 0)
		return NULL;
	n->file.path = arena_strdup(&t->arena, path);
	n->file.user = arena_strndup(&t->arena, path, strcspn(path, "/"));
	digest_of(DIGEST_KEY, n->file.text, n->file.len, hex);
	memcpy(n->file.digest, hex, KEY_HEX);
	diags_init(&n->trouble, &t->arena);
	*map_puts(&t->nodes, n->file.path) = n;
	return n;
}

struct node *
node_get(struct tree *t, const char *path, size_t max, struct error *err)
{
	struct node *n;

	if (strlen(path) > PATH_LONGEST) {
		fail(err, "the path is too long");
		return NULL;
	}
	n = map_gets(&t->nodes, path);
	if (!n)
		return node_read(t, path, max, err);
	if (n->file.len > max) {
		fail(err, "is larger than %zu bytes", max);
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
