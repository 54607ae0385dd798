/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the master gives with a lease, and the proof that it is what the
 * signed recipes say: everything that the capsule claims about its steps is
 * compared with a plan that was made here from the verified tree.
 */
#ifndef SLAVE_CAPSULE_H
#define SLAVE_CAPSULE_H

#include "plan/plan.h"
#include "tree/sign/keyring.h"
#include "tree/tree.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct error;

struct capsule {
	int64_t lease, job, unit, attempt, lease_seconds;
	const char *tree;     /* as the master calls it */
	const char *revision; /* 40 hex */
	const char *root;     /* user/name-ver */
	const char *arch, *key;
	int64_t keys; /* the format that its keys have: KEY_FORMAT */
	const char *stage, *digest; /* name, 64 hex */
	int64_t stage_size;
	const json_t *parameters, *signers, *steps;
};

/*
 * Read and check the form of every field. The texts are json's, which must
 * stay. -1: err names the field.
 */
int capsule_read(struct capsule *c, const json_t *json, struct error *err);

/* The capsule's signers as a keyring. */
int
capsule_signers(const struct capsule *c, struct keyring *k, struct error *err);

/* The job's parameters as NAME=VALUE, NULL at the end. */
const char *const *capsule_parameters(const struct capsule *c, struct arena *a);

/* By step: does the master know what it made, so that it may be reused? */
const bool *capsule_made(const struct capsule *c, struct arena *a);

/* The jobuilds of the capsule's steps; NULL when one isn't named. */
struct recipe_id *
capsule_ids(struct arena *a, const struct capsule *c, size_t *n);

/*
 * Plan the capsule's unit again out of the tree. NULL when it can't be done
 * (d says why). list gets one recipe of the tree a step.
 */
struct plan *capsule_plan(struct arena *a, const struct capsule *c,
    struct tree *t, const struct tree_recipe ***list, struct diags *d);

/*
 * Is unit what the capsule says: atoms, files, values, sources, and keys if
 * they are of our format? -1: err names the first difference.
 */
int capsule_compare(const struct capsule *c, const struct plan_unit *unit,
    const struct tree_recipe *const list[], struct error *err);

#endif
