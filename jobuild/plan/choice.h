/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short way to a closure: walk from the root as the resolver does, take
 * the best of each choice, and never look back. If nothing stands in the way
 * of that, no search could end better, and what comes out is what the resolver
 * would have found; else the walk gives up, with nothing said or counted.
 */
#ifndef PLAN_CHOICE_H
#define PLAN_CHOICE_H

#include "plan/resolve.h"

/*
 * False: the resolver has to search. A closure that is cyclic comes out only
 * when there was no group to choose from.
 */
bool choice_walk(struct pool *p, const struct dep *root,
    const struct path *above, uint64_t max_steps, struct closure *out);

#endif
