/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The jobtage tree that the command works on: the git repository around the
 * current folder, what its work tree has or one revision of it; and the
 * recipes in it that arguments name.
 */
#ifndef CLI_REPO_H
#define CLI_REPO_H

#include "plan/plan.h"
#include "tree/tree.h"

#include <stdbool.h>

struct arch_watch;
struct cli;

struct repo {
	const char *top;    /* absolute path of the work tree, without a slash
			       at the end; of the repository if it is bare */
	const char *prefix; /* current folder below top: "" or "user/name/" */
	bool bare;
	const char *index; /* file of what is known about packages */
};

/* What an argument names: a user's packages, a package, a version. */
struct target {
	const char *user; /* NULL: everything */
	const char *name; /* NULL: all of the user */
	bool exact;       /* only ver */
	struct version ver;
	bool only_kind; /* named by a file's path */
	enum recipe_kind kind;
};

/* One recipe of the tree. */
struct named {
	struct recipe_id id;
	enum recipe_kind kind;
};

struct named_list {
	struct named *items;
	size_t n;
};

int repo_find(struct cli *c, struct repo *r, struct error *err);

/*
 * The tree of the repository: work tree, or revision rev if not NULL. What is
 * bare has no work tree: err->code EINVAL.
 */
int repo_open(
    const struct repo *r, const char *rev, struct tree **t, struct error *err);

/* -1: there is no work tree to write in; err->code EINVAL. */
int repo_fail_bare(const struct repo *r, struct error *err);

/* The work tree, to write there; -1 also by repo_fail_bare(). */
int repo_open_work(const struct repo *r, struct tree **t, struct error *err);

/* The work tree as it would be with the draft in it. */
int repo_open_draft(const struct repo *r, const struct tree_draft *draft,
    struct tree **t, struct error *err);

/* The folder of what is being pushed when git runs this as a hook, or NULL. */
const char *repo_quarantine(void);

/* repo_find() and repo_open(); prints the error and returns an exit status. */
int repo_tree(struct cli *c, const char *rev, struct tree **t);

/*
 * "user", "user/name", "user/name-ver", or a path of a folder or recipe
 * (relative to the current folder, or absolute).
 */
int target_parse(struct cli *c, const struct repo *r, const char *s,
    struct target *out, struct error *err);

/* Recipes that the arguments name (all if there are none), in order. -1: err
 * tells which argument names nothing, and what is near. */
int targets_select(struct cli *c, const struct repo *r, struct tree *t, int n,
    char *args[], struct named_list *out, struct error *err);

/* "user/name", with an operator and version, or "user/name-ver". */
int
root_parse(struct cli *c, const char *s, struct atom *out, struct error *err);

/* The jobuild or, if there is none, the template that the atom means. */
int root_find(struct cli *c, struct tree *t, const struct atom *root,
    struct named *out, struct error *err);

/* Is there anything of that name? Tells if not; an exit status. */
int repo_has_root(struct cli *c, struct tree *t, const struct atom *root);

/*
 * Plan for the architecture. Digests of stages are those of stage_digest(),
 * or, when it is NULL, made up of their names: the plan's keys are then good
 * for comparing units with each other only.
 */
struct plan *repo_plan(struct cli *c, struct tree *t, const struct atom *root,
    const char *arch, const char *(*stage_digest)(void *, const char *),
    void *ctx, struct diags *d);

/*
 * Is there a plan? For the roots of a tree one planner for each architecture;
 * d is told what repo_plan() would say. It is planner_close()d before the tree.
 * w keeps an eye on it.
 */
struct planner *
repo_planner(struct cli *c, struct tree *t, struct arch_watch *w);
bool repo_plans(
    struct cli *c, struct planner *p, const struct atom *root, struct diags *d);

/* As repo_plan() without stages, in an arena that may end before the command.
 * w keeps an eye on it. */
struct plan *repo_plan_in(struct cli *c, struct arena *a, struct tree *t,
    const struct atom *root, struct arch_watch *w, struct diags *d);

#endif
