/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The units that a request leads to: one for each atom that a SIDEPEND wants,
 * resolved on its own, once. An any-of group of a SIDEPEND takes an alternative
 * whose units are in already, else the leftmost that can be had; one whose
 * unit can't be resolved, or needs what can't, falls out.
 */
#ifndef PLAN_UNIT_H
#define PLAN_UNIT_H

#include "plan/resolve.h"

/* An item of a SIDEPEND. */
struct want {
	const struct dep *dep;
	struct unit *unit;       /* DEP_ATOM; NULL: not asked for yet */
	struct want *items;      /* groups */
	struct want *chosen;     /* DEP_ANYOF */
	const struct path *path; /* of the jobuild that wants it */
	bool barred;             /* an alternative that leads into a cycle */
};

/* A unit that a jobuild needs. */
struct target {
	struct unit *unit;
	const struct dep *dep;
	struct want *option; /* of a group; NULL: no group */
};

/* The SIDEPEND of a jobuild: the same wherever that is a step. */
struct sides {
	struct want *wants;
	size_t nwants;
	struct target *targets; /* when all is decided */
	size_t ntargets;
};

struct unit {
	struct dep dep; /* the atom, and where it was first asked for */
	const struct path *above;
	struct closure closure;
	bool unresolved; /* has no closure; causes say why */
	bool failed;     /* that, or a unit that it needs has failed */
	struct causes causes;
	struct candidate *known; /* unresolved: whose SIDEPEND is looked at all
				    the same, or NULL */
	struct unit *next;       /* of the same package */
	struct unit **needs;     /* when all is decided, each once */
	size_t nneeds;
	size_t base;  /* number of the first step, over all units */
	size_t index; /* in the plan */
	size_t at;    /* of needs: the next to be put into it */
	int state;    /* mark of the walk that is under way */
};

struct units {
	struct pool *pool;
	struct arena *arena;
	uint64_t max_steps;
	struct map by_atom;
	struct unit **list; /* list[0] is the request's */
	size_t n, nresolved;
	struct want **groups; /* any-of groups in order of asking */
	size_t ngroups;
	struct sides **sides; /* of all steps that have a SIDEPEND */
	size_t nsides;
	bool knotted; /* units_find_cycles() has found some */
	bool brief;   /* those that were told before are told in short */
};

void units_init(struct units *u, struct pool *p, uint64_t max_steps);

/* Remove all that refers to them from packages and candidates. */
void units_end(struct units *u);

/* The request's unit. */
struct unit *units_request(struct units *u, const struct atom *root);

/*
 * Resolve all units, choose from all groups, find out who fails. What else the
 * request's jobuild asks for is looked at also when it has no closure.
 */
void units_settle(struct units *u);

/* Is there no choice left with which the request's units could be had? The
 * request's own closure doesn't count: it depends on no choice. */
bool units_are_lost(const struct units *u);

/* Collect the targets of each step and the needs of each unit in use. */
void units_link(struct units *u);

/*
 * Is there no cycle at all, neither within a unit nor from unit to unit? From
 * a unit's root one reaches all of its steps: so a cycle through SIDEPEND is
 * one of units, too.
 */
bool units_are_ordered(struct units *u);

/* Those that the request's unit needs, itself first; needs units_link(). */
struct unit **units_in_use(struct units *u, size_t *n);

/*
 * cycle.c: the shortest cycle of each knot, through DEPEND, SIDEPEND or both.
 * Where an alternative of a SIDEPEND's group leads into one it is barred, and
 * true returned: units_settle() again. What was found is told to causes.
 */
bool units_find_cycles(struct units *u, struct causes *causes);

#endif
