/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One chroot's worth of dependencies: from an atom to its DEPEND closure,
 * each user/name in exactly one version. Every version of a package is a
 * variable of the solver and so is every alternative of an any-of group; what
 * a recipe asks for is a clause for each item of its list, made when the
 * recipe comes in for the first time. Decisions go from the root outwards in
 * the order of asking: first the newest version for each atom, then the
 * any-of groups, of which an alternative that is in already is preferred to
 * the leftmost. So a version older than the newest was forced.
 */
#ifndef PLAN_RESOLVE_H
#define PLAN_RESOLVE_H

#include "plan/pool.h"
#include "plan/sat.h"

enum need_kind {
	NEED_ATOM,
	NEED_GROUP, /* one of several options */
	NEED_ARCH,  /* the owner's ARCH excludes it */
	NEED_CYCLE, /* these together would be a cycle */
};

/* What a recipe (or an option of a group) asks for. */
struct need {
	enum need_kind kind;
	uint32_t owner;          /* the variable that asks */
	uint32_t seq;            /* order of being met */
	const struct dep *dep;   /* as written; NEED_ATOM and NEED_GROUP */
	struct package *package; /* NEED_ATOM */
	uint32_t *options;       /* NEED_GROUP: variables, leftmost first */
	size_t noptions;
	struct clause *clause; /* NULL: nothing fulfils it, which is told */
};

enum node_kind { NODE_REQUEST, NODE_JOBUILD, NODE_OPTION };

/* What a variable of the solver means. */
struct node {
	enum node_kind kind;
	bool loaded;
	bool certain; /* in, with no choice on the way from the root */
	struct candidate *cand; /* NODE_JOBUILD */
	struct need *asked;     /* the first need that it could fulfil */
	struct need *needs;
	size_t nneeds;
};

struct edge {
	size_t to;             /* step */
	const struct dep *dep; /* where it is written */
	uint32_t option;       /* of a group; SAT_NO_VARIABLE: no group */
};

struct step {
	struct candidate *cand;
	const struct path *path;
	struct edge *edges; /* in order of declaration, each target once */
	size_t nedges;
	uint32_t var;
};

/* What a unit does: dependencies first (as far as no cycle forbids), the root
 * last. */
struct closure {
	struct step *steps;
	size_t nsteps;
	bool cyclic;
};

/* What went wrong, each cause once: by key, so that units can share them. */
struct causes {
	struct diags diags;
	const char **keys; /* one for each of the list */
};

struct cursor {
	uint32_t trail, need;
};

struct resolver {
	struct pool *pool;
	struct arena *arena;
	struct sat sat;
	struct node *nodes; /* by variable */
	uint32_t entered;   /* how much of the trail has been loaded */
	uint32_t level;     /* decisions that the cursors have seen */
	struct cursor plain, group;
	struct cursor *saved; /* two for each decision */
	size_t nsaved;
	struct need **lacks; /* that nothing fulfils, with no way around */
	size_t nlacks;
	const struct path *above; /* who wants this unit; NULL: the request */
	struct causes *causes;
	uint32_t nneeds;
	uint32_t *lits; /* scratch */
	uint32_t nlits, maxlits;
};

/*
 * Resolve what dep (an atom) wants into out. -1: it can't be done and causes
 * say why; work is limited to max_steps. A closure that has a cycle which no
 * other alternative of a group avoids comes back as cyclic.
 */
int resolve(struct pool *p, const struct dep *dep, const struct path *above,
    uint64_t max_steps, struct closure *out, struct causes *causes);

/* The version in use that fulfils an atom's need; SAT_NO_VARIABLE: none. */
uint32_t need_version(const struct resolver *r, const struct need *n);

/* The jobuild that stands behind a variable, the request being none. */
const struct node *asking_node(const struct resolver *r, uint32_t var);

/* The way from the root to a variable. */
const struct path *path_to(struct resolver *r, uint32_t var);

/* Can nothing fulfil it: no such name, or no such version? */
bool need_is_lack(const struct need *n);

#endif
