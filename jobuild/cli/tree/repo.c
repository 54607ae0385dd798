/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/repo.h"
#include "base/home.h"
#include "cli/cli.h"
#include "cli/tree/arches.h"

#include <errno.h>
#include <git2.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char *
without_slash(struct arena *a, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return arena_strndup(a, path, n);
}

/* "user/name/" when here is top/user/name. */
static const char *
prefix_of(struct arena *a, const char *top, const char *here)
{
	size_t n = strlen(top);

	if (strncmp(here, top, n) != 0 || here[n] != '/')
		return "";
	return arena_printf(a, "%s/", here + n + 1);
}

static int
place(struct cli *c, struct repo *r, git_repository *git, struct error *err)
{
	char here[PATH_MAX], top[PATH_MAX];
	const char *path = git_repository_workdir(git);

	r->bare = path == NULL;
	if (!path)
		path = git_repository_path(git);
	if (!getcwd(here, sizeof(here)))
		return fail_errno(err, "the current folder");
	if (!realpath(path, top))
		return fail_errno(err, "%s", path);
	r->top = without_slash(&c->arena, top);
	r->prefix = r->bare ? "" : prefix_of(&c->arena, r->top, here);
	return 0;
}

/* There may be one, but not for us. */
static int
fail_open(struct arena *a, struct error *err)
{
	const git_error *e = git_error_last();
	const char *top, *why;

	why = arena_strdup(a, e ? e->message : "no git repository");
	if (tree_discover(a, ".", &top, err) < 0 && err->code != ENOENT)
		return -1;
	return fail(err,
	    "no jobtage tree here (%s): go to its git repository, give it "
	    "with -C DIR, or make one with \"git init\"",
	    why);
}

int
repo_find(struct cli *c, struct repo *r, struct error *err)
{
	git_repository *git = NULL;
	int rc;

	memset(r, 0, sizeof(*r));
	r->index = arena_printf(&c->arena, "%s/index",
	    home_folder(&c->arena, "XDG_CACHE_HOME", ".cache"));
	/* for as long as the program runs: each start takes milliseconds */
	if (tree_warm_up(err) < 0)
		return -1;
	if (git_repository_open_ext(&git, ".", 0, NULL) < 0)
		return fail_open(&c->arena, err);
	rc = place(c, r, git, err);
	git_repository_free(git);
	return rc;
}

const char *
repo_quarantine(void)
{
	const char *path = getenv("GIT_QUARANTINE_PATH");

	return path && *path ? path : NULL;
}

int
repo_open(
    const struct repo *r, const char *rev, struct tree **t, struct error *err)
{
	if (rev) {
		if (tree_open_with(t, r->top, rev, repo_quarantine(), err) < 0)
			return -1;
		tree_use_index(*t, r->index, time(NULL));
		return 0;
	}
	if (r->bare) {
		fail(err,
		    "%s is a bare repository: say which revision with "
		    "--revision",
		    r->top);
		err->code = EINVAL;
		return -1;
	}
	if (tree_open_work(t, r->top, err) < 0)
		return -1;
	tree_use_index(*t, r->index, time(NULL));
	return 0;
}

int
repo_open_draft(const struct repo *r, const struct tree_draft *draft,
    struct tree **t, struct error *err)
{
	if (tree_open_draft(t, r->top, draft, err) < 0)
		return -1;
	tree_use_index(*t, r->index, time(NULL));
	return 0;
}

int
repo_fail_bare(const struct repo *r, struct error *err)
{
	fail(err, "%s is a bare repository: clone it and work there", r->top);
	err->code = EINVAL;
	return -1;
}

int
repo_open_work(const struct repo *r, struct tree **t, struct error *err)
{
	return r->bare ? repo_fail_bare(r, err) : repo_open(r, NULL, t, err);
}

int
repo_tree(struct cli *c, const char *rev, struct tree **t)
{
	struct error err = {0};
	struct repo r;

	if (repo_find(c, &r, &err) < 0 || repo_open(&r, rev, t, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	return CLI_OK;
}

int
repo_has_root(struct cli *c, struct tree *t, const struct atom *root)
{
	struct error err = {0};
	struct named ignored;

	if (root_find(c, t, root, &ignored, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	return CLI_OK;
}

/* A name for the stage's digest, so that plans can be made without stages. */
static const char *
made_up(void *ctx, const char *name)
{
	char hex[DIGEST_HEX_MAX];

	digest_of(DIGEST_KEY, name, strlen(name), hex);
	return arena_strdup(ctx, hex);
}

static const char *
default_stage(const struct cli *c)
{
	return c->conf.stage ? c->conf.stage : "default";
}

struct plan *
repo_plan(struct cli *c, struct tree *t, const struct atom *root,
    const char *arch, const char *(*stage_digest)(void *, const char *),
    void *ctx, struct diags *d)
{
	struct plan_source source = plan_tree_source(&c->arena, t);
	struct plan_request request = {.root = *root,
	    .arch = arch,
	    .default_stage = default_stage(c),
	    .stage_digest = stage_digest ? stage_digest : made_up,
	    .stage_ctx = stage_digest ? ctx : &c->arena};

	return plan_make(&c->arena, &source, &request, d);
}

struct planner *
repo_planner(struct cli *c, struct tree *t, struct arch_watch *w)
{
	struct plan_source source = plan_tree_source(&c->arena, t);

	arch_watch(w, &source);
	return planner_open(&c->arena, &source, w->arch);
}

bool
repo_plans(
    struct cli *c, struct planner *p, const struct atom *root, struct diags *d)
{
	struct plan_request request = {
	    .root = *root, .default_stage = default_stage(c), .brief = true};

	return planner_check(p, &request, d);
}

struct plan *
repo_plan_in(struct cli *c, struct arena *a, struct tree *t,
    const struct atom *root, struct arch_watch *w, struct diags *d)
{
	struct plan_source source = plan_tree_source(a, t);
	struct plan_request request = {.root = *root,
	    .arch = w->arch,
	    .default_stage = default_stage(c),
	    .stage_digest = made_up,
	    .stage_ctx = a};

	arch_watch(w, &source);
	return plan_make(a, &source, &request, d);
}
