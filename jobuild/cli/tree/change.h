/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between two revisions of a tree, or a revision and the work
 * tree, by git's account; and what that touches: the packages with changed
 * files, and those whose recipes extend or depend on them, however far.
 */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "cli/tree/repo.h"
#include "base/map.h"

struct change {
	struct map paths;    /* files that differ */
	struct map packages; /* "user/name" of files in packages */
	struct map users;    /* whose USER.asc differs */
};

/* What the user's packages and their dependents are to a change. */
enum touch { TOUCH_NONE, TOUCH_DEPENDS, TOUCH_CHANGED };

struct touched {
	struct map packages; /* "user/name" to an int of enum touch */
};

/* to NULL: the work tree. from NULL: everything in to has changed. */
int change_find(struct cli *c, const struct repo *r, const char *from,
    const char *to, struct change *out, struct error *err);

/* What of the tree the change touches; reads all of its recipes. */
void change_touched(struct cli *c, struct tree *t, const struct change *change,
    struct touched *out);

enum touch
touched_package(const struct touched *t, const char *user, const char *name);

/*
 * The commit that both have in common and is newest, as 40 hex digits; "" when
 * there is none or one of them isn't there.
 */
const char *change_base(
    struct cli *c, const struct repo *r, const char *one, const char *other);

/* Is HEAD a branch that has no commit yet? */
bool change_is_first(const struct repo *r);

#endif
