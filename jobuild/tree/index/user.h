/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A maintainer's folder as the index remembers it in one piece: its packages
 * with their versions, and which of their recipes are good as long as the
 * packages elsewhere that they extend are what they were. So a folder in which
 * nothing has changed is neither listed nor looked at package by package.
 * Private to this room.
 */
#ifndef TREE_USER_H
#define TREE_USER_H

#include "tree/private.h"

struct cursor;

struct user {
	const char *name;
	git_oid oid;               /* of the folder; zero: not known */
	struct package **packages; /* by name, once it is listed */
	size_t n;
	struct package **prior; /* by name: of another time's folder */
	size_t nprior;
	const char **witnesses; /* packages elsewhere, of what was read */
	size_t nwitnesses;
	bool listed;
	bool tidy;   /* its layout was checked, packages and all */
	bool stored; /* the index has it */
	bool fresh;  /* more is known than the index has */
};

/* The folder of this name, with what the index knows; NULL: there is none. */
struct user *user_get(struct tree *t, const char *name);

/* Find its packages, if that wasn't done. */
void user_list(struct tree *t, struct user *u);

/*
 * Is everything about it known, so that it can be written? It is tidy then,
 * and all of its recipes were looked at.
 */
bool user_complete(struct tree *t, const struct user *u);

/* What the index knows of the package at path with this id, or NULL. */
struct package *
user_prior(const struct user *u, const char *path, const git_oid *oid);

/*
 * Append its bytes; read them, all or (-1) nothing. Those of another time's
 * folder (oid) are good for packages that are the same.
 */
void user_write(struct buf *b, struct tree *t, const struct user *u);
int user_read(
    struct cursor *c, struct tree *t, const unsigned char *oid, struct user *u);

#endif
