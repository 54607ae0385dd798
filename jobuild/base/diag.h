/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with somebody's recipe, tree or request: a list of messages,
 * each with a place and, where possible, a remedy. Work goes on after one to
 * find the next. Order is the order of adding.
 *
 * Text form (GNU, which editors parse):
 *	FILE:LINE:COL: error: TEXT [RULE]
 *	        the source line
 *	            ^
 *	FILE:LINE:COL: note: NOTE (each with a place of its own)
 *	FILE:LINE:COL: note: HINT
 * Control bytes in texts that come from outside are shown as \xNN.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "show.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

struct arena;

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct place {
	const char *file; /* as shown to people; NULL: no file */
	uint32_t line;    /* from 1; 0: the file as a whole */
	uint32_t col;     /* byte in the line, from 1; 0: the whole line */
};

/* A further place that has to do with it: who asked, the next of a cycle. */
struct diag_note {
	struct place at;
	const char *text;
};

struct diag {
	enum diag_level level;
	struct place at;
	const char *rule; /* stable name, as in "unknown-variable" */
	const char *text;
	const char *hint;   /* what to do; NULL: none */
	const char *source; /* the line at the place; NULL: not shown */
	struct diag_note *notes;
	size_t nnotes;
};

struct diags {
	struct arena *arena; /* copies of all strings live here */
	struct diag *list;
	size_t n;
	size_t errors; /* how many of the list have level DIAG_ERROR */
};

/* At most this many are kept; the last one says that more were dropped. */
#define DIAGS_MAX     1000
#define DIAG_LINE_MAX 4096 /* bytes of a source line that is shown */

void diags_init(struct diags *d, struct arena *a);

/*
 * Is there no room for a further error? It is counted then, so that who makes
 * thousands of them need not look for their places.
 */
bool diags_full(struct diags *d);

/* Add one; returns it, so that hint and source can be set. */
struct diag *diag_error(struct diags *d, struct place at, const char *rule,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
struct diag *diag_warning(struct diags *d, struct place at, const char *rule,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Set the hint of g (which may be what diag_error() returned). */
void diag_hint(struct diags *d, struct diag *g, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Add a note to g; notes are shown in the order of adding. */
void diag_note(struct diags *d, struct diag *g, struct place at,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Cut the line at g's place out of text and keep it for the caret, if it is
 * not longer than DIAG_LINE_MAX.
 */
void diag_source(struct diags *d, struct diag *g, const char *text, size_t len);

/* The same when the line is known to begin at line, with left bytes of text. */
void diag_line(struct diags *d, struct diag *g, const char *line, size_t left);

/* "WHAT: FILE: TEXT; FILE: TEXT" of the first errors, cut to size. */
void
diags_brief(const struct diags *d, const char *what, char *text, size_t size);

/* Print all in the text form. */
void diags_print(const struct diags *d, FILE *f);

/* The same with "error", "warning" and the caret in colour, for a terminal. */
void diags_print_color(const struct diags *d, FILE *f);

/*
 * [{"level","rule","file","line","col","text","hint","source","notes":
 * [{"file","line","col","text"}, ...]}, ...]; absent members are left out. The
 * caller owns the reference. diags_from_json() adds what such an array says and
 * returns -1 when it is not one.
 */
json_t *diags_json(const struct diags *d);
int diags_from_json(struct diags *d, const json_t *array);

#endif
