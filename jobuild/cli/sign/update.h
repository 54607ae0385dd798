/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a package's Manifest should be: the lines of one that is there are
 * kept as they stand, what is new is fetched and measured, what nobody needs
 * goes. Nothing is written here. All memory is the arena of wants.
 */
#ifndef CLI_UPDATE_H
#define CLI_UPDATE_H

#include "cli/sign/distfile.h"
#include "cli/tree/wants.h"

#include <stdbool.h>

enum change_kind { CHANGE_ADDED, CHANGE_CHANGED, CHANGE_REMOVED };

struct change {
	enum change_kind kind;
	enum manifest_tag tag;
	const char *name;
	int64_t size; /* -1: not fetched, so nobody knows */
};

struct update {
	/* the caller's: */
	struct wants wants; /* tree, diagnostics, arena */
	struct fetch_conf fetch;
	struct conf_list force; /* sources whose line is made anew */
	bool fetch_new;         /* fetch what has no line */
	bool fetch_all;         /* and compare what has one */
	/* a source's fetching begins, or has ended; or NULL */
	void (*fetching)(void *ctx, const char *name, bool begins);
	void *ctx;
	/* of one package, by update_package(): */
	const struct tree_package *package;
	struct manifest *old, made;
	struct change *changes; /* sorted by tag and name */
	size_t nchanges, kept;
	/* of all packages: which of force was a source */
	bool *forced;
};

/*
 * Compare; top is the tree's folder. -1 when something is wrong: it is in the
 * diagnostics, and made is of no use then.
 */
int
update_package(struct update *u, const struct tree_package *p, const char *top);

#endif
