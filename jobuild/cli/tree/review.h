/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a master would refuse, and advice: first the layout, then every recipe
 * by itself, then every jobuild as the root of a plan. One cause can be met
 * from many roots: it is told once, as seen from the recipe where it is written
 * if that is among the roots. "jobuild lint" and "jobuild ci" share it.
 */
#ifndef CLI_REVIEW_H
#define CLI_REVIEW_H

#include "cli/tree/arches.h"
#include "cli/tree/repo.h"
#include "base/diag.h"
#include "base/map.h"

#include <jansson.h>

struct arch_planner;
struct cli;

struct review {
	struct cli *cli;
	struct tree *tree;
	size_t jobs;        /* processes; 0: one a processor */
	struct diags found; /* sorted by review_sort() */
	size_t jobuilds, templates;
	size_t dropped; /* beyond DIAGS_MAX: warnings first */

	struct map seen; /* place, rule and subject of what was found */
	struct arches arches;
	struct arch_planner **planners; /* by their places; made when needed, in
					   each process */
	size_t nplanners;
	const struct named_list *list; /* that is being checked */
	struct diags *recipes, *plans; /* one for each of the list */
	bool advice;
	struct progress *progress;
};

void review_init(struct review *k, struct cli *c, struct tree *t);

/* The whole tree's layout; only files that wanted says (NULL: all). */
void review_layout(
    struct review *k, bool (*wanted)(void *ctx, const char *path), void *ctx);

/*
 * Read and resolve these. Without advice only errors count. -1 with err when
 * workers can't be had.
 */
int review_recipes(struct review *k, const struct named_list *list, bool advice,
    struct error *err);

/* Keep g unless its cause is known already. */
void review_keep(struct review *k, const struct diag *g);

/*
 * Keep what now found, which reviewed jobuilds that a change doesn't touch, but
 * not what was wrong with them in the tree before: old is how much that is. -1
 * as above.
 */
int review_keep_new(struct review *k, const struct review *now,
    struct tree *before, size_t *old, struct error *err);

/* By file, line, column, rule and text. */
void review_sort(struct review *k);

/* "3 jobuilds, 1 template: 2 errors, 0 warnings" */
const char *review_summary(struct review *k);

/* How diagnostics are printed: "gcc" or "github". */
enum review_format { REVIEW_GCC, REVIEW_GITHUB };

/* Of an option's word; NULL is gcc. */
enum review_format review_format_of(const char *s);

/* Diagnostics where they belong: standard error, or standard output as
 * commands of a workflow. Not with --json. */
void review_print(struct review *k, enum review_format format);

/* Add errors, warnings, jobuilds, templates and diagnostics to an object. */
void review_json(struct review *k, json_t *o);

#endif
