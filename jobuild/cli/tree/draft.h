/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recipe that is about to be written: what "jobuild new" knows of it, and
 * the text that this makes. The setters take what a person typed and say what
 * is wrong with it; the strings must stay.
 */
#ifndef CLI_DRAFT_H
#define CLI_DRAFT_H

#include "base/conf.h"
#include "tree/tree.h"

#include <stdbool.h>

struct buf;
struct cli;
struct error;
struct repo;

struct draft {
	struct cli *cli;
	const struct repo *repo;
	struct tree *tree; /* the work tree, for parents and dependencies */
	struct diags *diags;
	bool refused; /* by draft_check(), which diags has the reasons of */
	const char *user, *name;
	struct version version;
	const char *description, *homepage, *license; /* NULL or "": none */
	struct conf_list sources, depend, sidepend;
	const struct tree_recipe *parent; /* what it extends, or NULL */
	bool template;
};

int draft_set_user(struct draft *d, const char *text, struct error *err);
int draft_set_name(struct draft *d, const char *text, struct error *err);

/* err->code EEXIST: there is such a recipe already. */
int draft_set_version(struct draft *d, const char *text, struct error *err);
int draft_set_description(struct draft *d, const char *text, struct error *err);
int draft_set_homepage(struct draft *d, const char *text, struct error *err);
int draft_set_license(struct draft *d, const char *text, struct error *err);

/* "user/name-1.0" of a template in the tree; "" is none. */
int draft_set_parent(struct draft *d, const char *text, struct error *err);

/* Words between blanks: URIs; atoms that the tree can satisfy. */
int draft_add_sources(struct draft *d, const char *text, struct error *err);
int draft_add_depend(struct draft *d, const char *text, struct error *err);
int draft_add_sidepend(struct draft *d, const char *text, struct error *err);

/* user/name/name-1.0.jobuild */
const char *draft_path(const struct draft *d);

/* Append the text. */
void draft_compose(const struct draft *d, struct buf *out);

/*
 * Lint the tree as it would be with the draft in it, its sources measured: -1
 * with diagnostics when that finds a mistake in the draft or in its place.
 */
int draft_check(struct draft *d, struct error *err);

#endif
