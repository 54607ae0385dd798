/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done with a signed request in a child process, because it blocks
 * and because it reads what strangers wrote: the request's signature, the
 * tree's mirror, the plan for each architecture, the signatures of all
 * recipes. Nothing is executed. The result is JSON:
 *
 *	{"signed": false, "detail": "why"}
 *	{"signed": true, "key": FINGERPRINT}		a cancel, say
 *	{"signed": true, "trouble": "why"}		ours or the network's
 *	{"signed": true, "diagnostics": [...]}		refused
 *	{"signed": true, "root": "user/name-1.0", "revision": "40 hex",
 *	 "units": [{"root", "arch", "key", "pack", "reusable",
 *	   "wants": as in wants.h,
 *	   "needs": [indices of units],
 *	   "steps": [{"atom", "key"}], "capsule": {...}}]}
 *
 * The capsule is what man autotua-api(7) calls so, without the fields that
 * change with each attempt.
 */
#ifndef MASTER_VALIDATE_H
#define MASTER_VALIDATE_H

#include "recipe/recipe.h"
#include "tree/remote/mirror.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct arena;
struct error;
struct plan;
struct tree;
struct tree_recipe;

struct user_key {
	const char *user, *fingerprint, *armour;
};

struct known_stage {
	const char *name, *digest;
	int64_t size;
};

struct validation {
	struct arena *arena;
	const char *kind; /* of the request: "submit", "cancel", ... */
	const char *user, *request, *signature;
	const struct user_key *keys; /* everybody's */
	size_t nkeys;
	bool trusted; /* a session says who asks: there is no signature */
	time_t now;
	const char *verdicts; /* folder where good ones are remembered */
	/* submit and repin only */
	bool planned; /* this very plan is there: only the signature */
	const char *tree, *url, *mirror; /* name, where from, folder */
	struct mirror_conf how;          /* it is fetched */
	const char *packs;               /* folder */
	const char *revision;            /* id, branch, tag; "": HEAD */
	struct atom root;
	const char *const *arches;
	size_t narches;
	const char *stage; /* for recipes that name none */
	const struct known_stage *stages;
	size_t nstages;
	const json_t *parameters;
};

/* In the child. ctx is the validation. */
void validate(void *ctx, int out);

/* ---- capsule.c ----------------------------------------------------------- */

/* The units of a plan as in the list above; first is how many came before. */
json_t *plan_json(struct validation *v, struct tree *t, const struct plan *plan,
    size_t first);

/* ---- mirror.c ------------------------------------------------------------ */

/* mirror_update(), one at a time for a mirror: others wait for its lock. */
int mirror_fetch(struct arena *a, const char *mirror, const char *url,
    const struct mirror_conf *how, struct diags *refused, struct error *err);

/* Has somebody's fetch got on since a time (microseconds since 1970)? */
bool mirror_busy(const char *mirror, int64_t since);

/*
 * The wanted revision; a whole commit id that is here needs no fetch. -1:
 * trouble says why the tree couldn't be fetched, or d why it isn't taken.
 */
int mirror_open(const struct validation *v, struct tree **t,
    const char **trouble, struct diags *d);

/* ---- pack.c -------------------------------------------------------------- */

struct pack_job {
	struct arena *arena;
	const char *packs;        /* folder */
	const char *name;         /* file in it */
	const char *const *atoms; /* user/name-ver */
	size_t n;
};

/* Name of the pack for these steps of this revision: 64 hex digits. */
void pack_name(
    const char *revision, const char *const *atoms, size_t n, char name[65]);

/* Make the pack if it isn't there, of a tree at its revision. */
int pack_make(const struct pack_job *p, struct tree *t, struct error *err);

struct pack_of {
	int64_t unit; /* 0: nobody asked for it */
	const char *name;
	const char *capsule; /* JSON, as at the top */
};

struct packs_job {
	struct arena *arena;
	const char *mirror, *packs;
	struct pack_of *list;
	size_t n;
	size_t nasked; /* must be made; the others if that takes no time */
};

/* In a child: writes to out why one that must be made is not, or nothing. */
void packs_make(const struct packs_job *w, int out);

#endif
