/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bash file, read by itself: no tree, no chain, no rules of the format,
 * only what parser and evaluator can do. Functions are passed over;
 * NAME=value and NAME+=value are evaluated in order; everything else is
 * refused. The file's text and the arena must outlive what is made.
 */
#ifndef RECIPE_GLOBALS_H
#define RECIPE_GLOBALS_H

#include "recipe/recipe.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct diags;
struct globals;
struct word;

/*
 * Does bash -n exit with 0? If not, or if it is nested too deep or larger than
 * PARSE_FILE_MAX, an error says so. A warning says where it stops reading
 * though running the file fails there.
 */
bool globals_valid(struct arena *a, const char *file, const char *text,
    size_t len, struct diags *d);

/*
 * Parse a file of at most RECIPE_FILE_MAX bytes. NULL with a diagnostic in d
 * when it is too large, no text or no bash.
 */
struct globals *globals_new(struct arena *a, const char *file, const char *text,
    size_t len, struct diags *d);

/* Give a name a value before the file is read; both must outlive g. */
void globals_set(struct globals *g, const char *name, const char *value);

/* Evaluate all of it; -1 with diagnostics when something was refused. */
int globals_eval(struct globals *g);

/*
 * What the file assigned, in the order of first assignments; *i begins at 0.
 * False at the end. Values that were refused are left out.
 */
bool globals_next(const struct globals *g, size_t *i, struct variable *out);

/* ---- one by one, for who walks the commands (ast.h) ---- */

const struct syntax *globals_syntax(const struct globals *g);

/*
 * Evaluate one assignment of the file. NULL when it was refused (a diagnostic
 * is kept) or needs a value that was: the variable is unknown from then on.
 */
const char *globals_assign(struct globals *g, const struct word *w);

#endif
