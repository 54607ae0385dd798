/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units that need each other, with what they take: read from files or made by
 * a pattern, and how fast a farm can possibly be through with them.
 */
#ifndef TESTS_SCHED_GRAPH_H
#define TESTS_SCHED_GRAPH_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct node {
	const char *name, *needs;
	double seconds;
	bool exclusive;
	double head, tail; /* at least before it, at least after it */
	size_t *to;        /* that it needs */
	size_t nto, place;
	int mark;
};

struct graph {
	struct arena *arena;
	const char *name;
	struct node *nodes;
	size_t n;
	size_t *order; /* of nodes: what is needed comes first */
};

_Noreturn void die(const char *what);

/* A unit more; needs: names, with commas. */
struct node *graph_unit(
    struct graph *g, const char *name, const char *needs, double seconds);

/*
 * The units of a file, one a line: name, TAB, names that it needs, TAB,
 * seconds. Names that no unit has are passed over.
 */
void graph_file(struct graph *g, const char *path);

/* All units are in: resolve their names. An edge that closes a cycle goes. */
void graph_link(struct graph *g);

/*
 * What no schedule on so many slots can be faster than, when the units take
 * these seconds.
 */
double graph_bound(struct graph *g, const double *seconds, long slots);

/* The text up to the character, or the rest; *line is what follows. */
char *cut(char **line, char end);

#endif
