/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packages and recipes that a plan has met so far, each looked up once,
 * and the paths that lead to them from the root, for messages. A pool may
 * serve several plans, one after another: pool_begin(), plan, pool_end().
 */
#ifndef PLAN_POOL_H
#define PLAN_POOL_H

#include "plan/plan.h"

struct package;
struct sides;
struct unit;

enum candidate_state {
	CANDIDATE_UNREAD,
	CANDIDATE_READY,
	CANDIDATE_BROKEN,
	CANDIDATE_OTHER_ARCH, /* its ARCH hasn't the plan's */
};

/* One jobuild. */
struct candidate {
	struct package *package;
	const struct metadata *meta; /* NULL: unread or broken */
	struct sides *sides;         /* its SIDEPEND (unit.h); NULL: none yet */
	struct candidate *knot;      /* union of those on cycles (cycle.c) */
	const char *content; /* what a step of it is; NULL: not asked for */
	enum candidate_state state;
	bool untold; /* broken, and reading it gave no error */
	bool peeked; /* read, but what was said about it hasn't been told */
};

/*
 * All jobuilds of a user/name, newest first; none if there is no such.
 */
struct package {
	const struct version *versions; /* the source's, one a candidate */
	struct candidate *list;
	const char *user;   /* behind the label */
	struct unit *units; /* that have one of these as root (unit.h) */
	uint32_t n;
	uint32_t round; /* of the resolver that last gave it variables */
	uint32_t first; /* the variable of list[0]; the others follow */
	uint32_t asker; /* choice.c: who had the last edge to it */
	uint32_t nuser; /* bytes of the label before the slash */
	char label[];   /* "user/name" */
};

/* One step of the way from the root to a jobuild. */
struct path {
	const struct path *up; /* who asked; NULL: the root */
	const struct candidate *cand;
	bool side; /* by SIDEPEND */
};

/* Half of the hash is in the table, to look at few packages only. */
struct slot {
	struct package *package; /* NULL: free */
	uint32_t hash;
};

struct pool {
	struct arena *arena; /* of the packages */
	const struct plan_source *src;
	const char *arch;
	struct arena *work;  /* of the plan that is being made */
	struct diags *diags; /* of that: gets what is wrong with recipes */
	struct slot *slots;  /* a hash table of packages */
	uint32_t nslots, npackages;
	uint32_t rounds;
	uint32_t npeeked; /* candidates about which something is held back */
	bool thorough;    /* always search, for tests of choice.h */
	bool guess;       /* as if that were hard (resolve.h), for tests */
	size_t broken;    /* recipes that were needed and are broken */
	struct candidate **told; /* of which d has been told something */
	size_t ntold;
	struct map cycles; /* cycle.c: struct told_cycle by candidate */
};

void pool_init(struct pool *p, struct arena *a, const struct plan_source *src,
    const char *arch);

/* Make a plan: its memory is work's, its messages go to d. */
void pool_begin(struct pool *p, struct arena *work, struct diags *d);

/* It is made: what was told in it will be told again to the next. What units
 * have left in packages and candidates is theirs to remove. */
void pool_end(struct pool *p);

/* The package that an atom is about, looked up the first time. */
struct package *pool_package(struct pool *p, const struct dep *d);

/*
 * The same in three goes, for who looks many up: the memory that one of them
 * waits for comes while the others are begun.
 */
uint32_t pool_hash(const struct pool *p, const struct dep *d);
void pool_expect(const struct pool *p, uint32_t hash);
struct package *
pool_find(struct pool *p, const struct recipe_id *id, uint32_t hash);

/* Read c's recipe if it is not yet; its state afterwards. */
enum candidate_state pool_read(struct pool *p, struct candidate *c);

/*
 * The same as long as nobody knows whether it is wanted: nothing is said, and
 * a broken one stays unread.
 */
enum candidate_state pool_peek(struct pool *p, struct candidate *c);

/*
 * As that, but without a look at what was read, which may not be in the
 * processor's cache yet.
 */
void pool_ask(struct pool *p, struct candidate *c);

/* Tell what was held back of what is in use. */
struct closure;
void pool_tell(struct pool *p, const struct closure *c);

struct version candidate_version(const struct candidate *c);

/* "user/name-ver". */
const char *candidate_name(struct arena *a, const struct candidate *c);

/* Those of a package that an atom wants: from first to before end. */
struct range {
	uint32_t first, end;
};
struct range package_range(const struct package *k, const struct atom *atom);

/* Does the atom want this one, as far as name and version go? */
bool candidate_fits(const struct candidate *c, const struct atom *atom);

/* Where a variable was written; only the file when it can't be told. */
struct place metadata_place(const struct metadata *m, const char *variable);

/* "a/b-1.0 -> c/d-2.0 => e/f-1.0": "=>" is SIDEPEND; long ones are cut. */
const char *path_text(struct arena *a, const struct path *p);

#endif
