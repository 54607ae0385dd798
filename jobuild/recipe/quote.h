/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small pieces of quoting that the lexer and the evaluator share. */
#ifndef RECIPE_QUOTE_H
#define RECIPE_QUOTE_H

#include "recipe/ast.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

/*
 * Decode one escape of $'...': s is after the backslash, end the end of the
 * text. The bytes (at most 4) go to out, their number is returned, *used is
 * how much of s was taken. -1: \u or \U above U+007F, which depends on the
 * locale; -2: it ends the string (a NUL).
 */
int ansi_escape(const char *s, const char *end, char out[4], size_t *used);

/* The delimiter of a here-document after quote removal. */
const char *delimiter_text(
    struct arena *a, const char *text, const struct word *w, size_t *len);

/* The word's text without line continuations. */
const char *
word_text(struct arena *a, const char *text, const struct word *w, size_t *len);

#endif
