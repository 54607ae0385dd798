/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job's units on a screen of any size: what runs first (where, since when,
 * its last line), then what failed, what waits and why, what is through; as
 * many as there is room for, the rest counted. Needed units are less indented
 * than those that need them.
 */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <jansson.h>
#include <stddef.h>

struct cli;

struct view {
	struct cli *cli;
	size_t columns, rows;
	double now;       /* seconds since 1970 */
	const char *note; /* a line below the first; NULL: none */
	/* the last line that the unit's step wrote; "" for none */
	const char *(*tail)(void *ctx, const json_t *unit, const json_t *step);
	void *ctx;
};

/* The lines, each as wide as fits; memory is the cli's. */
const char *view_draw(const struct view *v, const json_t *job);

#endif
