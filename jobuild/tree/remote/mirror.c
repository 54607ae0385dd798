/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror.h"
#include "tree/private.h"
#include "refs.h"
#include "remote.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A local repository must open: gives the clear message if it doesn't. */
static int
check_local(const struct remote *r, struct error *err)
{
	git_repository *repo = NULL;

	if (r->kind != REMOTE_LOCAL)
		return 0;
	if (git_open(&repo, r->path, err) < 0)
		return -1;
	git_repository_free(repo);
	return 0;
}

/* Files that are named to ssh, which splits such a value at blanks. */
static int
check_conf(const struct mirror_conf *c, struct error *err)
{
	const char *const files[] = {c->ca, c->known_hosts, c->ssh_key};
	size_t i;

	for (i = 0; i < 3; i++) {
		if (!files[i])
			continue;
		if (i > 0 && strpbrk(files[i], "\"%$"))
			return fail(err,
			    "%s: ssh can't be told a file with \" %% or $ in "
			    "its name",
			    files[i]);
		if (access(files[i], R_OK) < 0)
			return fail_errno(err, "%s", files[i]);
	}
	return 0;
}

/*
 * HEAD as it is there, so that a tree without revision means the same; but
 * never a branch that this mirror doesn't have.
 */
static void
set_head(git_repository *repo, git_remote *remote)
{
	git_buf name = {0};
	git_oid oid;

	if (git_remote_default_branch(&name, remote) == 0 &&
	    git_reference_name_to_id(&oid, repo, name.ptr) == 0)
		(void)git_repository_set_head(repo, name.ptr);
	git_buf_dispose(&name);
}

/*
 * A remote without name. No url.*.insteadOf of somebody's configuration turns
 * the url into another one (looking for these leaks memory in libgit2 1.5).
 */
static int
make_remote(git_remote **out, git_repository *repo, const char *url)
{
	git_remote_create_options options;

	git_remote_create_options_init(
	    &options, GIT_REMOTE_CREATE_OPTIONS_VERSION);
	options.repository = repo;
	options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF |
	    GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
	return git_remote_create_with_opts(out, url, &options);
}

/* Local repositories have no transport of ours that counts. */
static int
on_progress(const git_indexer_progress *p, void *ctx)
{
	struct link *l = ctx;
	int64_t worked = (int64_t)p->received_objects + p->indexed_objects;

	if (worked != l->worked)
		link_beat(l);
	l->worked = worked;
	/* how many are deltas is known only when all are there */
	l->done = (size_t)p->received_objects + p->indexed_objects;
	l->total = 2 * (size_t)p->total_objects;
	if (l->remote->kind == REMOTE_LOCAL)
		l->received = (int64_t)p->received_bytes;
	return link_count(l, 0);
}

static int
download(struct link *l, git_repository *repo, struct diags *refused,
    struct error *err)
{
	char heads[] = "refs/heads/*:refs/heads/*";
	char tags[] = "refs/tags/*:refs/tags/*";
	char *list[] = {heads, tags};
	git_strarray specs = {list, 2};
	const git_remote_head **there;
	git_fetch_options options;
	git_remote *remote = NULL;
	size_t n;
	int rc = -1;

	git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	options.prune = GIT_FETCH_NO_PRUNE;
	options.update_fetchhead = 0;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.callbacks.transfer_progress = on_progress;
	options.callbacks.payload = l;
	if (make_remote(&remote, repo, l->remote->url) < 0 ||
	    git_remote_connect(remote, GIT_DIRECTION_FETCH, &options.callbacks,
		&options.proxy_opts, NULL) < 0 ||
	    git_remote_ls(&there, &n, remote) < 0 ||
	    git_remote_download(remote, &specs, &options) < 0) {
		link_fail(l, err);
		goto out;
	}
	if (refs_update(repo, there, n, l->conf->allow_forced, refused, err) <
	    0) {
		fail_in(err, "%s", l->remote->name);
		goto out;
	}
	set_head(repo, remote);
	rc = 0;
out:
	git_remote_free(remote);
	return rc;
}

static int
fetch(git_repository *repo, const struct remote *r, const struct mirror_conf *c,
    struct diags *refused, struct error *err)
{
	struct link l;
	int rc;

	link_open(&l, r, c);
	rc = link_register(&l, err);
	if (rc == 0)
		rc = download(&l, repo, refused, err);
	link_close(&l);
	return rc;
}

static int
sync_all(const char *folder, struct error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return fail_errno(err, "open %s", folder);
	rc = syncfs(fd) < 0 ? fail_errno(err, "sync %s", folder) : 0;
	close(fd);
	return rc;
}

/*
 * An empty one, whole from its first moment: libgit2 doesn't sync all that
 * makes a folder a repository.
 */
static int
make_mirror(const char *path, struct error *err)
{
	git_repository *repo = NULL;
	struct arena a = {0};
	const char *new = arena_printf(&a, "%s.new", path);
	int rc = -1;

	if (file_remove_tree(AT_FDCWD, new, err) < 0)
		goto out;
	if (git_repository_init(&repo, new, 1) < 0) {
		git_fail(err, "%s", new);
		goto out;
	}
	git_repository_free(repo);
	if (sync_all(new, err) < 0)
		goto out;
	if (rename(new, path) < 0)
		fail_errno(err, "rename %s", new);
	else
		rc = file_sync_parent(AT_FDCWD, path, err);
out:
	arena_release(&a);
	return rc;
}

/* What libgit2 writes while a pack comes: nobody goes on with it. */
static int
drop_halves(git_repository *repo, struct error *err)
{
	static const char half[] = "pack_git2_";
	struct arena a = {0};
	const char *path =
	    arena_printf(&a, "%sobjects/pack", git_repository_path(repo));
	DIR *d = opendir(path);
	struct dirent *e;
	int rc = 0;

	while (d && rc == 0 && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, half, strlen(half)) == 0 &&
		    unlinkat(dirfd(d), e->d_name, 0) < 0)
			rc = fail_errno(err, "remove %s/%s", path, e->d_name);
	}
	if (d)
		closedir(d);
	arena_release(&a);
	return rc;
}

static int
open_mirror(git_repository **out, const char *path, struct error *err)
{
	if (access(path, F_OK) < 0 && make_mirror(path, err) < 0)
		return -1;
	if (git_open(out, path, err) < 0)
		return -1;
	if (git_repository_is_bare(*out)) {
		if (refs_unlock(*out, err) == 0 &&
		    drop_halves(*out, err) == 0 && refs_check(*out, err) == 0)
			return 0;
		git_repository_free(*out);
		*out = NULL;
		return -1;
	}
	git_repository_free(*out);
	*out = NULL;
	return fail(
	    err, "%s: is no mirror but a repository of another kind", path);
}

int
mirror_check(const char *url, struct error *err)
{
	struct arena a = {0};
	struct remote r;
	int rc = remote_parse(&a, url, &r, err);

	arena_release(&a);
	return rc;
}

static int
check_there(const struct remote *r, struct error *err)
{
	int rc;

	if (access(r->path, F_OK) < 0)
		return errno == ENOENT ? 1 : fail_errno(err, "%s", r->path);
	if (git_start(err) < 0)
		return -1;
	rc = check_local(r, err);
	git_stop();
	return rc;
}

int
mirror_check_local(const char *url, struct error *err)
{
	struct arena a = {0};
	struct remote r;
	int rc = remote_parse(&a, url, &r, err);

	if (rc == 0 && r.kind == REMOTE_LOCAL)
		rc = check_there(&r, err);
	arena_release(&a);
	return rc;
}

int
mirror_update(const char *path, const char *url, const struct mirror_conf *c,
    struct diags *refused, struct error *err)
{
	static const struct mirror_conf usual;
	git_repository *repo = NULL;
	struct arena a = {0};
	struct remote r;
	int rc = -1;

	if (!c)
		c = &usual;
	if (remote_parse(&a, url, &r, err) < 0 || check_conf(c, err) < 0 ||
	    git_start(err) < 0) {
		arena_release(&a);
		return -1;
	}
	/* objects before refs, and both before anybody counts on them */
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	if (check_local(&r, err) == 0 && open_mirror(&repo, path, err) == 0)
		rc = fetch(repo, &r, c, refused, err);
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
	git_repository_free(repo);
	git_stop();
	arena_release(&a);
	return rc;
}

/* A commit and its folder. */
static int
check_commit(git_repository *repo, const char *commit, struct error *err)
{
	git_object *folder = NULL, *object = NULL;
	git_oid oid;
	bool good;

	good = git_oid_fromstr(&oid, commit) == 0 &&
	    git_object_lookup(&object, repo, &oid, GIT_OBJECT_COMMIT) == 0 &&
	    git_object_peel(&folder, object, GIT_OBJECT_TREE) == 0;
	git_object_free(folder);
	git_object_free(object);
	return good ? 0
		    : fail(err,
			  "%s: revision %s can't be read: move this folder "
			  "away, and the tree is fetched anew",
			  git_repository_path(repo), commit);
}

int
mirror_sound(
    const char *path, const char *const commits[], size_t n, struct error *err)
{
	git_repository *repo = NULL;
	size_t i;
	int rc;

	if (git_start(err) < 0)
		return -1;
	/* root may look at what the master's user has */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	rc = git_open(&repo, path, err);
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1);
	if (rc == 0)
		rc = refs_check(repo, err);
	for (i = 0; i < n && rc == 0; i++)
		rc = check_commit(repo, commits[i], err);
	git_repository_free(repo);
	git_stop();
	return rc;
}

/* As git abbreviates: refs/heads/x, heads/x or x. */
static bool
is_called(const char *ref, const char *name)
{
	const char *slash = ref + strlen("refs/");

	return strcmp(ref, name) == 0 || strcmp(slash, name) == 0 ||
	    strcmp(strchr(slash, '/') + 1, name) == 0;
}

bool
mirror_refused(const char *path, const char *rev, const struct diags *refused)
{
	git_reference *head = NULL;
	git_repository *repo = NULL;
	const char *want = rev, *ref;
	struct error err;
	bool found = false;
	size_t i;

	if (git_start(&err) < 0)
		return true;
	if (!rev && git_open(&repo, path, &err) == 0 &&
	    git_reference_lookup(&head, repo, "HEAD") == 0)
		want = git_reference_symbolic_target(head);
	for (i = 0; want && i < refused->n; i++) {
		ref = refused->list[i].at.file;
		if (!ref) /* more of them than are told */
			found = true;
		else
			found |= is_called(ref, want);
	}
	git_reference_free(head);
	git_repository_free(repo);
	git_stop();
	return found;
}

int
mirror_has(const char *path, const char *commit, struct error *err)
{
	git_repository *repo = NULL;
	git_object *object = NULL;
	git_oid oid;
	int rc = -1;

	if (git_start(err) < 0)
		return -1;
	if (git_open(&repo, path, err) < 0)
		goto out;
	if (git_oid_fromstr(&oid, commit) < 0) {
		fail(err, "\"%s\" is not the id of a commit", commit);
		goto out;
	}
	/* the id may as well be a tag's */
	rc = 0;
	if (git_object_lookup(&object, repo, &oid, GIT_OBJECT_COMMIT) == 0)
		rc = refs_reach(repo, &oid, err);
out:
	git_object_free(object);
	git_repository_free(repo);
	git_stop();
	return rc;
}
