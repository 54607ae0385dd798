/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far something is, on standard error, when it takes over a second: a bar
 * that is redrawn on a terminal, otherwise a line every five seconds. Nothing
 * with -q or --json; no bar when $CI is set.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

struct progress {
	struct cli *cli;
	const char *what; /* "reading recipes" */
	size_t total;     /* 0: nobody knows */
	double began, shown;
	bool silent, bar;
	bool drawn; /* the bar is on the screen */
};

/* One thing begins: what is its name for people. */
void progress_begin(
    struct progress *p, struct cli *c, const char *what, size_t total);

/* done of total are through. Cheap: to be called for each. */
void progress_step(struct progress *p, size_t done);

/* It is over, or something else is to be printed: the bar is removed. */
void progress_end(struct progress *p);

/* Can lines on standard error be redrawn? */
bool progress_terminal(const struct cli *c);

/* Columns of the terminal on standard error: $COLUMNS, what it says, or 80. */
size_t progress_columns(void);

/* Seconds of a clock that only goes forward. */
double progress_clock(void);

#endif
