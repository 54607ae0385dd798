/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recursive-descent parser of bash 5.2 with -O extglob on. Linear time; a
 * bounded stack; all memory from the arena.
 *
 * syntax_valid() says what the exit status of bash -n says, as far as the
 * depth limit goes. It is 0 also for a broken [[ ]] or for (( outside of
 * substitutions: there bash -n stops reading at the end of the line. Run, the
 * file fails there, so that syntax_parse() has nothing to return for it.
 */
#ifndef RECIPE_PARSE_H
#define RECIPE_PARSE_H

#include "recipe/ast.h"

#include "base/diag.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define PARSE_DEPTH_RECIPE 64 /* levels of nesting in a jobuild */
#define PARSE_DEPTH_MAX    400
#define PARSE_FILE_MAX     (64 * 1024 * 1024)

/* The line of the place that was asked for last. */
struct line_cache {
	uint32_t from, line;
};

/* A file that is valid bash. */
struct syntax {
	const char *file;      /* as people see it */
	const char *text;      /* a copy that ends with a newline and a NUL */
	size_t len;            /* without the NUL */
	const uint32_t *joins; /* offsets of dropped line continuations */
	size_t njoins;
	bool controls;         /* bytes \001 or \177 are in it */
	struct command *chain; /* NULL: no commands */
	struct line_cache *lines;
};

/*
 * Parse len bytes. NULL with one diagnostic in d (rule "syntax" or of the
 * limit) when bash would refuse the file, fail in it, or when it is nested
 * deeper than depth.
 */
struct syntax *syntax_parse(struct arena *a, const char *file, const char *text,
    size_t len, unsigned depth, struct diags *d);

/*
 * Does bash -n exit with 0? Then there is at most one diagnostic, a warning
 * of where it stops reading; else there is one error.
 */
bool syntax_valid(struct arena *a, const char *file, const char *text,
    size_t len, unsigned depth, struct diags *d);

/* Line and column of an offset, both from 1. Quick when they come in order. */
struct place syntax_place(const struct syntax *s, uint32_t at);

/* Put the line at the diagnostic's place under it; likewise. */
void syntax_source(const struct syntax *s, struct diags *d, struct diag *g);

#endif
