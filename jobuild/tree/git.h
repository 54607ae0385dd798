/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libgit2's start, its errors in our form, and the opening of repositories.
 * Private to this room.
 */
#ifndef TREE_GIT_H
#define TREE_GIT_H

#include <git2.h>

struct error;

/* Each git_start() needs a git_stop(). */
int git_start(struct error *err);
void git_stop(void);

/* err gets the text, ": " and what libgit2 says; -1. */
int git_fail(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same where an object can't be read, which rc of libgit2 came of. */
int git_fail_object(struct error *err, git_repository *repo, int rc);

/*
 * git_odb_read() of a file or folder, at a quarter of what the check of its id
 * costs there, which looks for attacks on SHA-1, too: git looks for them when
 * an object arrives, and not when it is read. -1 as libgit2 has it, with a
 * text for git_fail().
 */
int git_read(git_odb_object **out, git_odb *odb, const git_oid *oid);

/*
 * Open the repository at exactly this path (bare, or the top of a work tree).
 * err says what to do when it belongs to somebody else.
 */
int git_open(git_repository **out, const char *path, struct error *err);

/*
 * Objects that are written go to memory from now on, as those of a higher
 * priority than other places of the database.
 */
int git_add_memory(git_odb *odb, int priority, struct error *err);

#endif
