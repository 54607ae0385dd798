/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who verifies much and often: opens each key once, has one gpg for each
 * processor at work, and remembers good verdicts in a folder of the caller's.
 * A remembered verdict depends on the bytes that were signed, the signature,
 * the key block, the notation, the rules, the gpg installed and the time.
 * Whom a keyring trusts is never remembered.
 */
#ifndef TREE_NOTARY_H
#define TREE_NOTARY_H

#include "tree/sign/verifier.h"

struct notary;

/*
 * folder is for verdicts, made if need be; NULL: nothing is remembered. A
 * folder that can't be used is none: notary_trouble() says why then.
 */
struct notary *notary_open(const char *folder);
void notary_close(struct notary *n);

/*
 * For who keeps it open: write what it remembers, which closing it does too,
 * and take over what others have written meanwhile.
 */
void notary_save(struct notary *n);
const char *notary_trouble(const struct notary *n); /* NULL: none */

/* Nothing is to be checked for a while: no gpg is kept ready for it. */
void notary_rest(struct notary *n);

/* A key block that the notary has seen. */
struct known_key;

/*
 * Look at a key block: it must be acceptable and usable at this time, else
 * NULL with err.
 */
struct known_key *notary_key(struct notary *n, const char *armour, size_t len,
    time_t now, struct error *err);
const char *known_key_fingerprint(const struct known_key *k); /* primary */

/* The primary fingerprint of an acceptable key, expired or revoked or not. */
const char *notary_fingerprint(struct notary *n, const char *armour, size_t len,
    time_t now, struct error *err);

/* A signature to check. */
struct notary_item {
	struct known_key *key;
	const void *data, *sig;
	size_t len, siglen;
	const char *notation, *value;
	/* the verdict */
	bool good;
	struct error err;
};

/* Fill in all verdicts; how many were remembered. */
size_t notary_check(
    struct notary *n, struct notary_item *list, size_t count, time_t now);

#endif
