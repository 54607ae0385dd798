/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "private.h"

#include <string.h>
#include <unistd.h>

/* Is url something that can be mirrored: a path, file:// or https://? */
static int
check_url(const char *url, struct error *err)
{
	const char *colon = strstr(url, "://");
	const char *at = strchr(url, ':');

	if (*url == '\0' || *url == '-')
		return fail(err, "\"%s\" is not a place of a tree", url);
	if (strncmp(url, "https://", 8) == 0 ||
	    strncmp(url, "file:///", 8) == 0)
		return 0;
	if (colon)
		return fail(err,
		    "%s: trees are fetched from https://, file:/// and local "
		    "paths only, not by \"%.*s\"",
		    url, (int)(colon - url), url);
	/* host:path is ssh for git */
	if (at && !memchr(url, '/', (size_t)(at - url)) &&
	    access(url, F_OK) < 0)
		return fail(err,
		    "%s: trees are fetched from https://, file:/// and local "
		    "paths only, not by ssh",
		    url);
	return 0;
}

/* A local repository must open: gives the clear message if it doesn't. */
static int
check_local(const char *url, struct error *err)
{
	git_repository *repo = NULL;
	const char *path = strncmp(url, "file://", 7) == 0 ? url + 7 : url;

	if (strncmp(url, "https://", 8) == 0)
		return 0;
	if (git_open(&repo, path, err) < 0)
		return -1;
	git_repository_free(repo);
	return 0;
}

/* HEAD as it is there, so that a tree without revision means the same. */
static void
set_head(git_repository *repo, git_remote *remote)
{
	git_buf name = {0};

	if (git_remote_default_branch(&name, remote) == 0)
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

static int
fetch(git_repository *repo, const char *url, struct error *err)
{
	char heads[] = "+refs/heads/*:refs/heads/*";
	char tags[] = "+refs/tags/*:refs/tags/*";
	char *list[] = {heads, tags};
	git_strarray specs = {list, 2};
	git_fetch_options options;
	git_remote *remote = NULL;
	int rc = -1;

	git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
	options.prune = GIT_FETCH_PRUNE;
	options.update_fetchhead = 0;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	if (make_remote(&remote, repo, url) < 0 ||
	    git_remote_connect(remote, GIT_DIRECTION_FETCH, &options.callbacks,
		&options.proxy_opts, NULL) < 0) {
		git_fail(err, "%s", url);
		goto out;
	}
	set_head(repo, remote);
	if (git_remote_fetch(remote, &specs, &options, NULL) < 0) {
		git_fail(err, "%s", url);
		goto out;
	}
	rc = 0;
out:
	git_remote_free(remote);
	return rc;
}

int
tree_mirror(const char *path, const char *url, struct error *err)
{
	git_repository *repo = NULL;
	int rc = -1;

	if (check_url(url, err) < 0 || git_start(err) < 0)
		return -1;
	if (check_local(url, err) < 0)
		goto out;
	if (access(path, F_OK) == 0) {
		if (git_open(&repo, path, err) < 0)
			goto out;
	} else if (git_repository_init(&repo, path, 1) < 0) {
		git_fail(err, "%s", path);
		goto out;
	}
	if (!git_repository_is_bare(repo) || git_is_partial(repo))
		fail(err, "%s: is no mirror but a repository of another kind",
		    path);
	else
		rc = fetch(repo, url, err);
out:
	git_repository_free(repo);
	git_stop();
	return rc;
}
