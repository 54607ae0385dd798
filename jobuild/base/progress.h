/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far something is, on standard error, when it takes over a second: a bar
 * that is redrawn on a terminal, otherwise a line every five seconds; no bar
 * when $CI is set. All of a program share one line of the screen, and the
 * second counts from the first of them: it is for who waits for all of it.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

/* The caller's; zero is none yet. */
struct progress_line {
	struct progress *innermost; /* that has begun; NULL: none */
	double since;               /* when the first began */
	double told;                /* when a line was printed, or that */
};

struct progress {
	const char *what;   /* "reading recipes" */
	size_t done, total; /* total 0: nobody knows */
	bool bytes;         /* which are what is counted */
	int file;           /* > 0: a descriptor; what is in it counts too */
	double began, shown;
	bool silent, bar;
	bool drawn; /* the bar is on the screen */
	struct progress_line *line;
	struct progress *outer;
};

/*
 * One thing begins: what is its name for people, well-formed and the
 * caller's. Until it ends p stays where it is. silent: nothing is shown.
 */
void progress_start(struct progress *p, struct progress_line *line,
    const char *what, size_t total, bool silent);

/* done of total are through. Cheap: to be called for each. */
void progress_step(struct progress *p, size_t done);

/* Time goes by: to be called several times a second where nothing else is. */
void progress_pass(struct progress *p);

/* Something else is to be printed: a bar is taken off the screen. */
void progress_clear(struct progress *p);

/* It is over: the bar is removed. */
void progress_end(struct progress *p);

/* Can lines on standard error be redrawn? */
bool progress_redraws(void);

/* Columns of the terminal on standard error: $COLUMNS, what it says, or 80. */
size_t progress_columns(void);

/* Seconds of a clock that only goes forward. */
double progress_clock(void);

#endif
