/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layers that nobody has used for longest are removed, from the top of their
 * chains down, until what is left is small enough. What a run holds stays;
 * stages are their owner's and go only if that is asked for, once no layer
 * stands on them.
 */
#ifndef CHROOT_GC_H
#define CHROOT_GC_H

#include "chroot/store/state.h"

struct gc {
	int64_t size_max; /* bytes of all stages and layers; -1: any */
	int64_t age_max;  /* seconds without use; -1: any */
	bool stages;
	time_t now;
	/* what came of it */
	uint64_t bytes; /* left */
	uint64_t freed;
	size_t removed, in_use;
};

/* The trash is to be emptied afterwards. */
int gc(struct state *s, struct gc *g, struct error *err);

#endif
