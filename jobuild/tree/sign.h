/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenPGP by gpgme: detached signatures with a notation that binds what was
 * signed, and their verification in a GnuPG home of our own that holds exactly
 * one key. The caller's GnuPG home is used for signing only. gpgme starts gpg
 * and waits for it: SIGCHLD must not be ignored; it makes SIGPIPE ignored.
 */
#ifndef TREE_SIGN_H
#define TREE_SIGN_H

#include "tree/keyring.h"

#include <stddef.h>
#include <time.h>

struct arena;
struct buf;
struct error;

#define NOTATION_PATH    "path@jobtage"    /* user/name/file of the tree */
#define NOTATION_REQUEST "request@jobtage" /* what kind of request */

/* A public key, in a temporary GnuPG home with nothing else in it. */
struct verifier;

/*
 * Take an armoured key block: exactly one public key, no secret parts, of an
 * accepted algorithm (no DSA, RSA from 2048 bits).
 */
int verifier_open(
    struct verifier **out, const char *armour, size_t len, struct error *err);
void verifier_close(struct verifier *v);
const char *verifier_fingerprint(const struct verifier *v); /* primary */

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

/*
 * Sign with the secret key of this fingerprint (or user id; NULL: the default
 * key) out of the caller's GnuPG home; the armoured signature goes to out.
 */
int sign_detached(const char *key, const void *data, size_t len,
    const char *notation, const char *value, struct buf *out,
    struct error *err);

/* Primary fingerprint of an armoured public key block. */
int key_fingerprint(const char *armour, size_t len, char out[FINGERPRINT_MAX],
    struct error *err);

/*
 * Have gpgme look for its programs now, which takes about ten of them: what it
 * finds is inherited by children, each of which would look for itself.
 */
void sign_warm_up(void);

#endif
