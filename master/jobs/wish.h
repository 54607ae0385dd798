/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signed request, before its signature is looked at: {"request": TEXT,
 * "signature": TEXT} with TEXT the JSON that was signed. What can be refused
 * without any cryptography is refused here.
 */
#ifndef MASTER_WISH_H
#define MASTER_WISH_H

#include "master/api/api.h"
#include "recipe/atom.h"

#define PRIORITY_MAX 1000 /* and as far below 0 */

struct wish {
	const char *kind, *request, *signature; /* as they came */
	const char *user, *nonce;
	int64_t session; /* it stands for the signature; 0: none does */
	const json_t *o; /* the request, parsed; kept by the request */
};

/*
 * Read the body: the form of the envelope, and kind, user, master, nonce and
 * time of what is in it. false: answered.
 */
bool wish_read(
    struct master *m, struct request *r, const char *kind, struct wish *w);

/* What a submit says beyond that. */
struct wanted {
	const char *tree, *revision, *stage;
	struct atom root;
	const char *const *arches;
	size_t narches;
	const json_t *parameters;
};
bool wish_submit(struct request *r, const struct wish *w, struct wanted *out);

/* Single members; false: answered. */
bool wish_priority(struct request *r, const struct wish *w, bool needed);
bool wish_revision(struct request *r, const struct wish *w, const char **out);

/* Everybody's keys, for the child that verifies. -1: answered. */
struct user_key;
int wish_keys(struct master *m, struct request *r, const struct user_key **keys,
    size_t *n);

#endif
