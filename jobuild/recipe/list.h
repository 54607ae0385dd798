/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of a value, separated by blanks, tabs and newlines. */
#ifndef RECIPE_LIST_H
#define RECIPE_LIST_H

#include "recipe/recipe.h"

struct slice {
	const char *s;
	size_t len;
};

/* The next word of *s, which moves past it; false at the end. */
bool word_next(const char **s, struct slice *w);

/*
 * The words of a variable's value, each once: a duplicate is an error. Where
 * it is written and what it is called are for the diagnostics.
 */
const char **words_of(struct arena *a, const char *value, struct place at,
    const char *variable, size_t *n, struct diags *d);

/* Equal members of the same group are errors too; 0 or -1. */
int dep_duplicates(struct arena *a, const struct dep_list *list,
    struct place at, const char *variable, struct diags *d);

/* SRC_URI and PORTCONF_URI; -1 after diagnostics. */
int sources_parse(struct arena *a, const char *value, struct place at,
    const char *variable, struct source **out, size_t *n, struct diags *d);

/* PROPERTIES, LOCKS, RESOURCES, ... of m's variables into its fields. */
void fields_read(struct arena *a, struct metadata *m, struct diags *d);

#endif
