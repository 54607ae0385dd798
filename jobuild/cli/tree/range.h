/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "jobuild ci" checks: a revision, and from where on. Hooks of git tell
 * which on their standard input or as arguments.
 */
#ifndef CLI_RANGE_H
#define CLI_RANGE_H

#include "base/conf.h"
#include "cli/tree/review.h"

#include <stdio.h>

struct cli;
struct error;
struct repo;

struct range {
	const char *ref;  /* "" when nobody named one */
	const char *from; /* NULL: everything counts */
	const char *to;   /* NULL: the work tree */
};

struct range_list {
	struct range *items;
	size_t n;
};

/*
 * Those that a hook of this name (pre-receive, update, pre-push, pre-commit) is
 * told about: branches only, and if there are any in branches only those. What
 * is deleted counts for nothing.
 */
int range_hook(struct cli *c, const struct repo *r, const char *hook,
    const struct conf_list *branches, int n, char *args[], FILE *in,
    struct range_list *out, struct error *err);

/* Check one range; its part of the report. NULL with err when it can't be. */
struct range_options {
	size_t jobs;
	bool unsigned_too; /* don't look at signatures */
	enum review_format format;
};
json_t *
range_check(struct cli *c, const struct repo *r, const struct range *range,
    const struct range_options *o, struct error *err);

#endif
