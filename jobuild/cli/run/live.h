/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "jobuild run" shows while it works, on standard error: a line for each
 * change; on a terminal the last line is redrawn with what runs, since when,
 * and the last line of its log; with -v the log itself. All of the log is
 * escaped.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli/text.h"

#include <stdbool.h>

struct cli;

struct live {
	struct cli *cli;
	bool redraw; /* the last line */
	bool drawn;
	double began, since, shown;
	const char *where; /* "unit 1/2" */
	const char *what;  /* "anna/app-1.0" */
	const char *state; /* NULL: nothing runs */
	char log[4096];    /* path of the step's log; "" when there is none */
	long seen;         /* bytes of it that were shown, with -v */
	struct filter filter;
	const char *fetch; /* what comes; NULL */
	int64_t bytes, size;
	double told; /* when, without a terminal */
};

void live_begin(struct live *l, struct cli *c);

/* Something has changed: what is in this state from here on. The log is NULL
 * when it writes none. Texts must live as long as l. */
void live_state(struct live *l, const char *where, const char *what,
    const char *state, const char *log);

/* A source comes: bytes of size are here. */
void live_fetch(struct live *l, const char *name, int64_t bytes, int64_t size);

/* To be called several times a second. */
void live_tick(struct live *l);

/* Nothing runs; the last line is removed. */
void live_end(struct live *l);

#endif
