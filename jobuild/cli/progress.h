/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far something is, on standard error, when it takes over a second: a bar
 * that is redrawn on a terminal, otherwise a line every five seconds. Nothing
 * with -q or --json; no bar when $CI is set. The innermost one that has begun
 * is in cli.bar, so that what is printed can take it off the screen first.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

struct progress {
	struct cli *cli;
	const char *what;   /* "reading recipes" */
	size_t done, total; /* total 0: nobody knows */
	bool bytes;         /* which are what is counted */
	int file;           /* > 0: a descriptor; what is in it counts too */
	double began, shown;
	bool silent, bar;
	bool drawn; /* the bar is on the screen */
	struct progress *outer;
};

/*
 * One thing begins: what is its name for people. Until it ends p stays where
 * it is.
 */
void progress_begin(
    struct progress *p, struct cli *c, const char *what, size_t total);

/* done of total are through. Cheap: to be called for each. */
void progress_step(struct progress *p, size_t done);

/* Time goes by: to be called several times a second where nothing else is. */
void progress_tick(struct cli *c);

/* Something else is to be printed: a bar is taken off the screen. */
void progress_hide(struct cli *c);

/* It is over: the bar is removed. */
void progress_end(struct progress *p);

/* Can lines on standard error be redrawn? */
bool progress_terminal(const struct cli *c);

/* Columns of the terminal on standard error: $COLUMNS, what it says, or 80. */
size_t progress_columns(void);

/* Seconds of a clock that only goes forward. */
double progress_clock(void);

#endif
