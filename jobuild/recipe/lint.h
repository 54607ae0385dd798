/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is allowed but hardly meant: advice about the functions of a recipe.
 * Nothing is run and nothing is looked up outside of the chain; the cost is
 * linear in the size of its files, the stack doesn't grow with them. A comment
 *	# lint: RULE: why
 * on the line, or on lines of their own right before it, silences one rule.
 */
#ifndef RECIPE_LINT_H
#define RECIPE_LINT_H

#include "recipe/recipe.h"

struct lint_rule {
	const char *name;
	const char *summary; /* one line */
};

extern const struct lint_rule lint_rules[];
extern const size_t lint_rule_count;

/* Is it the name of one of them? */
bool lint_is_rule(const char *name);

/*
 * Look at the last file of the chain, which recipe_eval() made m of. Warnings
 * are added to d in the order of the file; errors for what is sure to fail.
 * What a comment in some file of the chain silences is left out, and of the
 * warnings that d has from the reading of those files it is removed.
 */
void recipe_lint(struct arena *a, struct recipe *const chain[], size_t n,
    const struct metadata *m, struct diags *d);

#endif
