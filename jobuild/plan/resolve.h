/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One chroot's worth of dependencies: from an atom to its DEPEND closure,
 * each user/name in exactly one version. Every version of a package is a
 * variable of the solver and so is every alternative of an any-of group; what
 * a recipe asks for is a clause for each item of its list, or two for the ends
 * of a range of versions. They are made when the recipe comes in for the first
 * time, or before it is tried, so that what can't be had needs no trial.
 *
 * Which of many closures comes out is settled by a walk from the root that
 * reaches jobuilds in the order of being asked for. It takes the newest version
 * for each atom, in order; when there is no atom left, an alternative of the
 * first any-of group: the leftmost of those for which all has been reached
 * already, else the leftmost. Whatever could not be completed to a closure is
 * passed over, and nothing else is: a version older than the newest was forced
 * by what the walk had taken before. How the solver finds out has no influence.
 *
 * The walk's order may be a bad one for finding out. After many conflicts its
 * decisions are no longer tried blindly: a model, any solution found in the
 * solver's own order, tells what can be completed. What the walk takes next is
 * in the last model, or one that has it, too, is looked for first.
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

/* How many needs a list is: groups in which all are wanted count singly. */
size_t count_needs(const struct dep *items, size_t n);

/* What a recipe (or an option of a group) asks for. */
struct need {
	enum need_kind kind;
	uint32_t owner;          /* the variable that asks */
	uint32_t seq;            /* order of being met */
	const struct dep *dep;   /* as written; NEED_ATOM and NEED_GROUP */
	struct package *package; /* NEED_ATOM */
	struct range range;      /* of its versions */
	struct need *next;       /* of the same package, in the order of seq */
	uint32_t *options;       /* NEED_GROUP: variables, leftmost first */
	size_t noptions;
	struct clause *clause; /* NULL: nothing fulfils it, which is told */
	struct clause *newest; /* NEED_ATOM: where its range begins, or NULL */
};

enum node_kind {
	NODE_REQUEST,
	NODE_JOBUILD,
	NODE_NEWER, /* the package is in, as this jobuild or a newer one */
	NODE_OPTION,
};

/* What a variable of the solver means. */
struct node {
	enum node_kind kind;
	bool loaded;
	bool certain; /* in, with no choice on the way from the root */
	bool reached; /* by the walk */
	struct candidate *cand;  /* NODE_JOBUILD, NODE_NEWER */
	struct need *asked;      /* NODE_OPTION: its group; a package's first
				    version: the first need of the package */
	struct need *last_asked; /* with the package's first need */
	struct need *needs;
	size_t nneeds;
};

struct step {
	struct candidate *cand;
	const struct metadata *meta; /* cand's */
	const struct path *path;
	/* In order of declaration, each target once; option: of a group, or
	 * SAT_NO_VARIABLE. */
	struct plan_edge *edges;
	uint32_t nedges;
	uint32_t var;
};

/* What a unit does: dependencies first (as far as no cycle forbids), the root
 * last. */
struct closure {
	struct step *steps;
	size_t nsteps;
	uint32_t *sided; /* the steps that have a SIDEPEND */
	uint32_t nsided;
	bool cyclic;
};

/* What went wrong, each cause once: by key, so that units can share them. */
struct causes {
	struct diags diags;
	const char **keys; /* one for each of the list */
};

/* A place in the order of the walk. */
struct cursor {
	uint32_t at, need;
};

/* How far the walk has come. */
struct progress {
	struct cursor plain, group;
	uint32_t nqueue;
};

struct resolver {
	struct pool *pool;
	struct arena *arena;
	struct sat sat;
	struct node *nodes; /* by variable */
	uint32_t entered;   /* how much of the trail has been loaded */
	uint32_t level;     /* decisions of which the resolver knows */
	uint32_t nwalked;   /* the first of them, which are the walk's */
	bool hard;          /* nothing is decided that isn't in a model */
	bool guessing;      /* looking for one that has what was decided */
	uint32_t nlearned;  /* conflicts when the last one was found */
	uint32_t *queue;    /* variables in the order of being reached */
	struct progress walk;
	struct progress *saved; /* before each decision */
	size_t nsaved;
	struct need **lacks; /* that nothing fulfils, with no way around */
	size_t nlacks;
	const struct path *above; /* who wants this unit; NULL: the request */
	struct causes *causes;
	const void **dropped; /* deps and candidates (for their ARCH) whose
				 needs are left out: what conflicts was told */
	size_t ndropped;
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

/* walk.c: decide something; false when everything is. */
bool resolver_decide(struct resolver *r);

/* walk.c: the solver may have taken decisions back; so does the walk. */
void resolver_rewind(struct resolver *r);

/* walk.c: look for a model from the start; what is decided then is in one. */
void resolver_guess_begin(struct resolver *r);

/* walk.c: go on with that; there was nothing left to conclude. */
void resolver_guess(struct resolver *r);

/* walk.c: begin with what the request wants. */
void resolver_begin(struct resolver *r);

/* Make the clauses of what a version asks for, if they aren't there yet and
 * nothing has to be said about it; false: there was nothing to do. */
bool resolver_look_ahead(struct resolver *r, uint32_t var);

/* The first need that a version or an option could fulfil; NULL: none. */
const struct need *need_for(const struct resolver *r, uint32_t var);

/* Leave a need out of the searches that look for further conflicts. */
void resolver_drop(struct resolver *r, const struct need *n);

/* The version in use that fulfils an atom's need; SAT_NO_VARIABLE: none. */
uint32_t need_version(const struct resolver *r, const struct need *n);

/* The jobuild that stands behind a variable, the request being none. */
const struct node *asking_node(const struct resolver *r, uint32_t var);

/* The way from the root to a variable. */
const struct path *path_to(struct resolver *r, uint32_t var);

/* Can nothing fulfil it: no such name, or no such version? */
bool need_is_lack(const struct need *n);

#endif
