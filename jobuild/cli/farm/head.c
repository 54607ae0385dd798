/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/farm/head.h"
#include "base/error.h"
#include "tree/tree.h"

#include <git2.h>
#include <string.h>

static bool
is_dirty(git_repository *repo)
{
	git_status_options o;
	git_status_list *list = NULL;
	bool dirty;

	if (git_repository_is_bare(repo))
		return false;
	git_status_options_init(&o, GIT_STATUS_OPTIONS_VERSION);
	o.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
	o.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED;
	if (git_status_list_new(&list, repo, &o) < 0)
		return false;
	dirty = git_status_list_entrycount(list) > 0;
	git_status_list_free(list);
	return dirty;
}

/* Does the branch's upstream lack commits of the branch? */
static bool
is_unpushed(git_repository *repo, git_reference *ref, const git_oid *head)
{
	git_reference *upstream = NULL;
	size_t ahead = 0, behind = 0;
	const git_oid *target;

	if (git_branch_upstream(&upstream, ref) < 0)
		return false;
	target = git_reference_target(upstream);
	if (target)
		git_graph_ahead_behind(&ahead, &behind, repo, head, target);
	git_reference_free(upstream);
	return ahead > 0;
}

/* A repository of something else has nothing to say about the job. */
static bool
has_folder(git_repository *repo, const char *folder)
{
	git_object *at = NULL;
	char spec[160];

	snprintf(spec, sizeof(spec), "HEAD:%s", folder);
	if (git_revparse_single(&at, repo, spec) < 0)
		return false;
	git_object_free(at);
	return true;
}

static bool
read_repository(git_repository *repo, struct head *h)
{
	git_reference *ref = NULL;
	const git_oid *id;
	bool found = false;

	if (git_repository_head(&ref, repo) < 0)
		return false;
	id = git_reference_target(ref);
	if (id) {
		git_oid_tostr(h->commit, sizeof(h->commit), id);
		h->unpushed = is_unpushed(repo, ref, id);
		h->dirty = is_dirty(repo);
		found = true;
	}
	git_reference_free(ref);
	return found;
}

bool
head_read(const char *folder, struct head *h)
{
	git_repository *repo = NULL;
	struct error none;
	bool found = false;

	memset(h, 0, sizeof(*h));
	if (tree_warm_up(&none) < 0)
		return false;
	if (git_repository_open_ext(&repo, ".", 0, NULL) == 0)
		found = has_folder(repo, folder) && read_repository(repo, h);
	git_repository_free(repo);
	git_libgit2_shutdown();
	return found;
}
