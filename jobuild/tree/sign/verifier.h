/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Verdicts on detached signatures by one public key, which lies alone in a
 * temporary GnuPG home. A verifier costs two runs of gpg;
 * verifier_check_list() has one run for many signatures, batch.h, and one more
 * for each that isn't good. gpg is waited for: SIGCHLD must not be ignored;
 * gpgme makes SIGPIPE ignored.
 */
#ifndef TREE_VERIFIER_H
#define TREE_VERIFIER_H

#include "base/error.h"
#include "tree/sign/pubkey.h"

#include <stdbool.h>

struct arena;
struct buf;
struct keyhome;

/*
 * Counts up with every change of what is accepted: verdicts by other rules are
 * not used.
 */
#define VERIFIER_RULES "1"

/* A public key, in a temporary GnuPG home with nothing else in it. */
struct verifier;

/*
 * Take an armoured key block: exactly one public key, no secret parts, of an
 * accepted algorithm (no DSA, RSA from 2048 bits). verifier_open_in() makes
 * its home in a folder that is the caller's and outlives it.
 */
int verifier_open(
    struct verifier **out, const char *armour, size_t len, struct error *err);
int verifier_open_in(struct verifier **out, struct keyhome *h,
    const char *armour, size_t len, struct error *err);

/*
 * The same without gpg, from what verifier_save() gave for the very same
 * block; false: it can't be used.
 */
bool verifier_restore(struct verifier **out, struct keyhome *h,
    const struct buf *saved, struct error *err);
int verifier_save(const struct verifier *v, struct buf *out);

void verifier_close(struct verifier *v);
const char *verifier_fingerprint(const struct verifier *v); /* primary */

/* What is known of the key. */
const struct pubkey *verifier_key(const struct verifier *v);

/* Is the primary key neither revoked nor, at this time, expired? */
int verifier_usable(const struct verifier *v, time_t now, struct error *err);

/*
 * Accept only exactly one good signature of data by this key, with the
 * notation NAME=value, made before now (a minute for clocks that
 * differ), key neither expired nor revoked, hash
 * SHA-256 or better. err says which rule was broken.
 */
int verifier_check(struct verifier *v, const void *data, size_t len,
    const void *sig, size_t siglen, const char *notation, const char *value,
    time_t now, struct error *err);

/* One of many. */
struct check {
	struct verifier *verifier;
	const void *data, *sig;
	size_t len, siglen;
	const char *notation, *value;
	/* the verdict */
	bool good;
	struct span span; /* in which it is good; contains now */
	struct error err; /* why it isn't */
};

/* Fill in all verdicts, as verifier_check() gives them. */
void verifier_check_list(struct check *list, size_t n, time_t now);

/*
 * What is known of a key in an armoured block, to tell its owner: also of one
 * that verifier_open() refuses for what it is made with.
 */
int key_inspect(struct pubkey *out, const char *armour, size_t len,
    struct arena *a, struct error *err);

/* Primary fingerprint of an armoured public key block. */
int key_fingerprint(const char *armour, size_t len, char out[FINGERPRINT_MAX],
    struct error *err);

#endif
