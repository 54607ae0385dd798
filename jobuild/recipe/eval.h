/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between value.c and param.c. An expansion appends to the scope's buffer;
 * what it needs on the way lies above that and is cut off again.
 */
#ifndef RECIPE_EVAL_H
#define RECIPE_EVAL_H

#include "recipe/value.h"

/* How the text at hand is quoted. */
enum mode {
	MODE_PLAIN,  /* not at all */
	MODE_DOUBLE, /* between double quotes */
	MODE_WORD,   /* the word of ${x:-word} between double quotes */
};

/* What happens around an expansion. */
struct around {
	enum mode mode;
	bool pattern;     /* quoted bytes get a backslash: a pattern is built */
	bool replacement; /* of ${x/p/r} */
	bool quotes;      /* some ${...} around stands in double quotes */
	bool quotes_last; /* and the innermost takes a pattern or not */
};

struct eval {
	struct scope *scope;
	const struct syntax *file;
	const char *text;    /* the word without line continuations */
	const uint32_t *map; /* offset in text to offset in the file, or NULL */
	uint32_t base;       /* of text in the file when there is no map */
	unsigned depth;
	unsigned skip; /* above 0: not evaluated by bash, only checked */
	bool failed;
};

/* Keep a diagnostic at an offset of the text (once per word); -1. */
int refuse(struct eval *e, size_t at, const char *rule, const char *hint,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Fail if the name belongs to bash or to the phases: no recipe sets it. */
int refuse_foreign(struct eval *e, size_t at, size_t len);

/* Take n from the work that is left; -1 when there is none. */
int work(struct eval *e, size_t at, size_t n);

/* Append bytes, quoted (they stand for themselves in a pattern) or not. */
int emit(struct eval *e, size_t at, const char *s, size_t n, bool quoted,
    struct around how);

/* Expand text [from, to). */
int expand(struct eval *e, size_t from, size_t to, struct around how);

/* ${ at from: expand it; *next is the offset after its }. */
int param_expand(
    struct eval *e, size_t from, size_t to, struct around how, size_t *next);

/* The value of a name, or NULL and refused if there is none. */
const struct scope_variable *lookup(struct eval *e, size_t at, size_t len);

/* Past the quotes at i (either sort, or $'), or to. */
size_t skip_quotes(const char *s, size_t i, size_t to);

/* Past the } of the ${ at i, or to + 1 if there is none. */
size_t skip_brace(const char *s, size_t i, size_t to);

#endif
