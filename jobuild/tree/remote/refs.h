/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The branches and tags of a mirror. The mirror never forgets: what a branch
 * or tag once was stays reachable, so that jobs which are pinned to it can
 * still be read, whatever happens on the other side. Besides refs/heads/ and
 * refs/tags/ there are
 *
 *	refs/kept/ID		what a ref was before it was rewritten
 *	refs/gone/DIGEST	what a ref was when it vanished; DIGEST is of
 *				its name
 *
 * A branch that comes back must descend from what it was, too: deleting it
 * first is no way around the rule against rewriting.
 */
#ifndef TREE_REFS_H
#define TREE_REFS_H

#include "tree/git.h"

#include <stdbool.h>
#include <stddef.h>

struct diags;
struct error;

#define REFS_MAX 20000 /* branches and tags of one tree */

/*
 * Make the repository's branches and tags those of the list, whose objects are
 * there. What may not be changed stays and is a diagnostic in refused, with
 * the ref's name as its file. -1: nothing more could be done.
 */
int refs_update(git_repository *repo, const git_remote_head *const heads[],
    size_t n, bool allow_forced, struct diags *refused, struct error *err);

/*
 * Remove the locks of writes that were broken off (a power cut, a kill): git
 * never takes them for old. Nobody else may write to the repository now.
 */
int refs_unlock(git_repository *repo, struct error *err);

/* Can all refs be read, and is what they name there? -1: says what isn't. */
int refs_check(git_repository *repo, struct error *err);

/* 1: a branch or tag leads to this commit; 0: none does. */
int refs_reach(git_repository *repo, const git_oid *commit, struct error *err);

#endif
