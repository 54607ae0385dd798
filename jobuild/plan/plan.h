/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a root and the recipes to a graph of units: a unit is a jobuild with
 * its DEPEND closure in order (depth first, in order of declaration), done in
 * one chroot; each SIDEPEND target is the root of a unit of its own. In a
 * unit each user/name has one version. Where the recipes come from is the
 * caller's (struct plan_source), so that nothing here knows git.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "recipe/recipe.h"
#include "base/digest.h"

#include <stddef.h>

struct plan_source {
	void *ctx;
	/* Versions of user/name, newest first; 0 if there is none. */
	size_t (*versions)(void *ctx, const char *user, const char *name,
	    const struct version **out);
	/* Evaluated recipe, or NULL when it is broken (d has been told). */
	const struct metadata *(*metadata)(
	    void *ctx, const struct recipe_id *id, struct diags *d);
	/* What a step of this jobuild is: see plan_content_key(). */
	const char *(*content)(void *ctx, const struct metadata *meta);
	/* All names "user/name", for "did you mean"; NULL-terminated. */
	const char *const *(*names)(void *ctx);
	/* Is user/name only a template? May be NULL: nobody can tell. */
	bool (*is_template)(void *ctx, const char *user, const char *name);
	/* Told of each recipe that was read, maybe again. May be NULL. */
	void (*reads)(void *reader, const struct metadata *meta);
	void *reader;
};

/* Who needs what. */
struct plan_edge {
	uint32_t to;
	uint32_t option;       /* plan/'s own: which group chose it */
	const struct dep *dep; /* as it is written, and where */
};

struct plan_step {
	const struct metadata *meta;
	char key[KEY_HEX]; /* content key of the steps up to this one */
	uint32_t ndepend, nsidepend;
	const struct plan_edge *depend;   /* to: steps of this unit */
	const struct plan_edge *sidepend; /* to: units */
};

struct plan_unit {
	struct plan_step *steps; /* in order; the last is the unit's root */
	size_t nsteps;
	size_t *needs; /* units (indices) that must pass before */
	size_t nneeds;
	const char *stage; /* name: STAGE of its root, else the default */
	char key[KEY_HEX]; /* of its last step */
};

struct plan {
	const char *arch;
	struct plan_unit *units; /* a unit comes after those it needs */
	size_t nunits;
	size_t root;
};

struct plan_request {
	struct atom root;
	const char *arch;
	/*
	 * Stage for units that name none, and the digest of each stage name
	 * (NULL: there is no such stage). Without stage_digest any name will
	 * do, and keys only tell the units of this plan apart.
	 */
	const char *default_stage;
	const char *(*stage_digest)(void *ctx, const char *name);
	void *stage_ctx;
	/* NAME=VALUE for the phases, NULL-terminated; NULL: none */
	const char *const *parameters;
	/* of the resolver's work on one unit; 0: PLAN_STEPS */
	size_t max_steps;
	/* search even when the walk from the root needs no search (choice.h),
	 * and as if it were hard: the answer is the same, only later */
	bool thorough, guess;
	/*
	 * For planner_check(): tell a cycle in words that are the same for all
	 * requests, and its edges only to the first of them and to that whose
	 * root it begins with.
	 */
	bool brief;
};

#define PLAN_STEPS 10000000 /* about a second */

/*
 * Resolve. NULL when it can't be done: d says who asked, by which chain, what
 * was available and why each candidate fell out; cycles through DEPEND and
 * SIDEPEND with every edge's place.
 */
struct plan *plan_make(struct arena *a, const struct plan_source *src,
    const struct plan_request *req, struct diags *d);

/*
 * For who only wants to know of many requests whether there is a plan: what was
 * read for one serves the next, and neither units nor keys are made. The
 * architecture is the planner's; a must outlive it. d, whose arena must be
 * another, is told what plan_make() would say, unless the request is brief.
 */
struct planner;
struct planner *
planner_open(struct arena *a, const struct plan_source *src, const char *arch);
void planner_close(struct planner *p);
bool planner_check(
    struct planner *p, const struct plan_request *req, struct diags *d);

/*
 * How content keys are made, bound by each of them. Raised with all that gives
 * another key for the same inputs, and when what a layer holds for the same
 * inputs changes: slaves compare only keys of their own format with those that
 * they are told, so that master and slaves need not change at once.
 */
#define KEY_FORMAT 3
/* Of slaves that a master takes: those one version behind; 3 is the first. */
#define KEY_OLDEST 3

/*
 * Content keys (see the format page): plan_start_key() binds their format,
 * architecture and stage; plan_parameters_key() what the job gives to
 * all phases, in any order; plan_content_key() what a jobuild does wherever it
 * is a step: its name, the digests of its files and sources in a fixed order,
 * and the properties that change what it can do; plan_next_key() a step of
 * that content after what previous stands for.
 */
void
plan_start_key(const char *arch, const char *stage_digest, char key[KEY_HEX]);
void plan_parameters_key(const char previous[KEY_HEX],
    const char *const *parameters, char key[KEY_HEX]);
void plan_content_key(const struct metadata *meta, const char *const *digests,
    size_t n, char key[KEY_HEX]);
void plan_next_key(const char previous[KEY_HEX], const char content[KEY_HEX],
    char key[KEY_HEX]);

/* A plan_source over a tree (plan/source.c); the tree must outlive it. */
struct tree;
struct plan_source plan_tree_source(struct arena *a, struct tree *t);

#endif
