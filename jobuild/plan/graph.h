/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cycles in a directed graph of numbers. A knot is a strongly connected
 * component with at least one cycle in it. Nothing here recurses.
 */
#ifndef PLAN_GRAPH_H
#define PLAN_GRAPH_H

#include <stdint.h>

struct arena;

struct graph {
	struct arena *arena;
	uint32_t n; /* nodes */
	const uint32_t
	    *first;         /* edges of node i: first[i] to first[i + 1] - 1 */
	const uint32_t *to; /* by edge */
	const uint32_t *order; /* as they are searched; NULL: by number */
};

/*
 * Set knot[node] to the number of its knot, from 1 in the order of their
 * least node, or to 0 when no cycle goes through it. The number of knots.
 */
uint32_t graph_knots(const struct graph *g, uint32_t *knot);

/* The edges of a cycle, one after another. */
struct cycle {
	uint32_t *edges;
	uint32_t n;
};

/*
 * The shortest cycle of each knot: cycles[0] is that of knot 1. In knots so
 * large that looking from every node would take seconds it is the shortest
 * of those through the first nodes.
 */
struct cycle *
graph_cycles(const struct graph *g, const uint32_t *knot, uint32_t nknots);

#endif
