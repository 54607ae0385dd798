/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On which architectures a jobuild is tried. One that has ARCH: on each that
 * it names, and it must go on all of them. One that has none may run on any,
 * and must go on one: of all that there are, and those that recipes name
 * beyond them. What other recipes are under review means nothing to that, nor
 * does all of it need a try: if each recipe that was read for one architecture
 * is to another what it is to the first, the other gives the same.
 */
#ifndef CLI_ARCHES_H
#define CLI_ARCHES_H

#include "plan/plan.h"

struct arena;

struct arches {
	struct arena *arena;
	const char **names; /* in the order of being tried */
	size_t n;           /* may grow with each recipe that is read */
};

#define ARCHES_TRIED 64 /* at most, for a jobuild without ARCH */

/* All that there are; first, unless NULL, before the others. */
void arches_init(struct arches *x, struct arena *a, const char *first);

/* The place of a name, which must outlive x if it is a new one. */
size_t arches_find(struct arches *x, const char *name);

/* Is there something to be tried in place i? */
bool arches_left(uint64_t covered, size_t i);

/* The first place where there is, or n. */
size_t arches_next(const struct arches *x, uint64_t covered);

/* What the recipes that are read for an architecture are to the others. */
struct arch_watch {
	struct arches *arches;
	const char *arch;
	uint64_t alike; /* places of those to which all are the same: covered */
};

void arch_watch_init(struct arch_watch *w, struct arches *x, size_t i);

/* Have what is read from the source noted. */
void arch_watch(struct arch_watch *w, struct plan_source *source);

#endif
