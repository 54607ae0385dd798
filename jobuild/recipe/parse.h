/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recursive-descent parser of bash: accepts a file exactly when bash 5.2
 * run with -O extglob -n does, as far as the depth limit goes. Linear time; a
 * bounded stack; all memory from the arena.
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
 * limit) when bash would refuse the file, or when it is nested deeper than
 * depth.
 */
struct syntax *syntax_parse(struct arena *a, const char *file, const char *text,
    size_t len, unsigned depth, struct diags *d);

/* Line and column of an offset, both from 1. Quick when they come in order. */
struct place syntax_place(const struct syntax *s, uint32_t at);

/* Put the line at the diagnostic's place under it; likewise. */
void syntax_source(const struct syntax *s, struct diags *d, struct diag *g);

#endif
