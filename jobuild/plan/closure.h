/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The closure that a resolver has found: which of its true variables are
 * reached from the root, in which order they are done, and which cycles the
 * choice of alternatives led into.
 */
#ifndef PLAN_CLOSURE_H
#define PLAN_CLOSURE_H

#include "plan/resolve.h"

struct loop {
	size_t *from; /* steps, and the edges that leave them */
	const struct plan_edge **edges;
	size_t n;
};

/* The shortest cycle of each knot, unless there is no way around one. */
struct loops {
	struct loop *list;
	size_t n;
	size_t nedges;    /* of the whole closure */
	bool unavoidable; /* there is one without a group's choice */
};

/* A step that isn't in order yet. */
struct draft {
	struct candidate *cand;
	const struct metadata *meta; /* cand's */
	struct plan_edge *edges;     /* to drafts, in order of declaration */
	uint32_t var;
	uint32_t nedges : 30;
	uint32_t sides : 1;   /* it has a SIDEPEND */
	uint32_t grouped : 1; /* choice.c: some edges are of groups */
};

/*
 * Steps depth first in order of declaration, dependencies before users. The
 * first draft is the root; edges (in arena a) become the steps'. What the root
 * doesn't reach is no step.
 */
void
closure_order(struct arena *a, struct arena *scratch, const struct path *above,
    const struct draft *drafts, size_t n, struct closure *out);

/* The same from the true variables of a resolver. */
void closure_collect(struct resolver *r, struct closure *out);

void closure_loops(struct arena *a, const struct closure *c, struct loops *out);

#endif
