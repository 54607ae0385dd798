/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "jobuild key": a maintainer's key looked at (key.c), and what is made of it
 * (keymake.c): the file in the tree, statements for those who keep keyrings.
 */
#ifndef CLI_KEY_H
#define CLI_KEY_H

#include "cli/tree/repo.h"
#include "tree/sign/glep63.h"

#include <stdbool.h>

struct cli;

struct key_options {
	bool replace;
	const char *output, *reason;
};

/* The subcommands; n arguments after the name. */
int key_export(struct cli *c, const struct key_options *o, int n, char *args[]);
int key_rotate(struct cli *c, const struct key_options *o, int n, char *args[]);
int key_revoke(struct cli *c, const struct key_options *o, int n, char *args[]);
int key_accept(struct cli *c, const struct key_options *o, int n, char *args[]);

/*
 * USER/USER.asc of the tree around here (of HEAD in a bare repository), or NULL
 * when there is no such thing.
 */
const struct tree_file *
key_in_tree(struct cli *c, const char *user, struct repo *r);

/*
 * The key to speak of, for key_choose(): --key, what the tree around here has
 * for the user (NULL: nobody is known); NULL: any.
 */
const char *key_name(struct cli *c, const char *user);

/* As keys_choose(); err says what is wrong with a key that can't sign. */
int key_choose(struct cli *c, const char *name,
    char fingerprint[FINGERPRINT_MAX], struct error *err);

/*
 * Would signatures by this key of the caller's be accepted? -2: no, with err,
 * which has the first broken rule, its remedy and EKEYREJECTED; -1: it can't be
 * looked at. A key that soon expires is told of.
 */
int key_check_own(struct cli *c, const char *fingerprint, struct error *err);

#endif
