/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small solver of clauses that learns from its conflicts (CDCL). Variables
 * may be the rungs of a ladder, of which at most one is true; what a ladder
 * knows as well is whether that is among the first k, so that a range of them
 * is two literals however long it is. Clauses may be added at any
 * time, also in the middle of the search; who decides, and in which order, is
 * the caller, so that what was decided differently than wished was forced by
 * the decisions before it. All memory is the arena's.
 */
#ifndef PLAN_SAT_H
#define PLAN_SAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* A literal is twice its variable, plus one for "not". */
#define SAT_IS(v)       ((uint32_t)(v) << 1)
#define SAT_NOT(v)      ((uint32_t)(v) << 1 | 1)
#define SAT_VAR(lit)    ((lit) >> 1)
#define SAT_NO_VARIABLE UINT32_MAX
#define SAT_NO_LITERAL  UINT32_MAX

/*
 * Rung k is variable first + k; that the true one is among rungs 0 to k is
 * variable first + n + k - 1, or for k = 0 the rung itself.
 */
struct ladder {
	uint32_t first, n;
	struct clause **step; /* step[k]: "up to k, not up to k - 1: k"; made
				 when it is a reason; NULL: not yet */
};

struct clause {
	void *origin;           /* the caller's; NULL: learned, or a ladder's */
	struct proof *proof;    /* learned: what it follows from */
	struct clause *next[2]; /* in the lists of its two watched literals */
	struct clause *todo;
	bool marked;
	uint32_t n;
	uint32_t lits[]; /* the first two are watched; the order changes */
};

/* What a learned clause was made of. */
struct proof {
	struct clause **from; /* clauses that were resolved */
	uint32_t *fixed;      /* variables that no decision had set */
	uint32_t nfrom, nfixed;
};

struct sat_var {
	int value; /* 1 true, -1 false, 0 open */
	bool seen;
	bool was;   /* true, the last time that it wasn't open */
	bool model; /* true in the last model */
	uint32_t level;
	uint32_t cause; /* true literal of the ladder that made it so */
	const struct ladder *ladder; /* NULL: it stands alone */
	struct clause *reason;       /* NULL: decided, or cause */
	struct clause *watch[2];
	double activity; /* how much it was in conflicts lately */
	uint32_t place;  /* in the heap, plus one; 0: not in it */
};

struct sat {
	struct arena *arena;
	struct sat_var *vars;
	uint32_t nvars;
	uint32_t *trail; /* literals in the order in which they became true */
	uint32_t ntrail, head;
	uint32_t *levels; /* where on the trail each decision is */
	uint32_t nlevels;
	struct clause *pending, **pending_end;
	struct clause *final;  /* the conflict that no decision caused */
	uint32_t *out, *fixed; /* scratch of learning, nvars each */
	struct clause **from;
	uint64_t steps, max_steps; /* visits of clauses and literals */
	uint32_t nlearned;         /* conflicts */
	uint32_t *heap, nheap;     /* guess.c: open variables */
	bool guessing;
	uint32_t patience, restarts;
	double bump;
};

enum sat_answer { SAT_STABLE, SAT_UNSOLVABLE, SAT_EXHAUSTED };

void sat_init(struct sat *s, struct arena *a, uint64_t max_steps);

/* A new variable. */
uint32_t sat_variable(struct sat *s);

/* A new ladder of n > 0 rungs: the first of 2 * n - 1 variables. */
uint32_t sat_ladder(struct sat *s, uint32_t n);

/* "The true one is among rungs 0 to k", of the ladder that begins with first;
 * for the last k: there is a true one. */
uint32_t sat_up_to(const struct sat *s, uint32_t first, uint32_t k);

/*
 * The first rung that isn't known to be too early, at best the true one; n of
 * the ladder when none is left. Nothing may be left to conclude.
 */
uint32_t sat_first_rung(const struct sat *s, uint32_t first);

/*
 * Add "one of these literals is true"; origin (not NULL) comes back in cores.
 * It takes effect at the next sat_propagate().
 */
struct clause *
sat_add(struct sat *s, void *origin, const uint32_t *lits, uint32_t n);

/*
 * Draw all conclusions; decisions that led into conflicts are taken back.
 * SAT_STABLE: nothing more follows, the caller may decide.
 */
enum sat_answer sat_propagate(struct sat *s);

/* Make an open literal true. */
void sat_decide(struct sat *s, uint32_t lit);

/* Take decisions back until not more than level of them are left. */
void sat_take_back(struct sat *s, uint32_t level);

/*
 * guess.c: find any solution, or that there is none. Begin with no decision;
 * then decide something, or take decisions back to those that are not to be
 * changed (level of them). False: all is decided. What is decided then may be
 * kept as the model.
 */
void sat_guess_begin(struct sat *s);
bool sat_guess(struct sat *s, uint32_t level);
void sat_keep_model(struct sat *s);

/* proof.c, for sat.c: of the first of from and fixed. */
struct proof *sat_proof(struct sat *s, uint32_t nfrom, uint32_t nfixed);

/* guess.c, for sat.c: a variable is open, was in a conflict; all of it was. */
void guess_open(struct sat *s, uint32_t v);
void guess_bump(struct sat *s, uint32_t v);
void guess_learned(struct sat *s);

/* 1 true, -1 false, 0 open. */
int sat_value(const struct sat *s, uint32_t lit);

/* proof.c, after SAT_UNSOLVABLE: the origins of clauses that can't hold
 * together. */
void sat_core(struct sat *s, void (*each)(void *ctx, void *origin), void *ctx);

#endif
