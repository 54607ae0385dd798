/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenPGP by gpgme: detached signatures with a notation that binds what was
 * signed. The caller's GnuPG home is used for this only; verifier.h has the
 * other side.
 */
#ifndef TREE_SIGN_H
#define TREE_SIGN_H

#include "tree/sign/keyring.h"
#include "tree/sign/verifier.h"

#include <stddef.h>
#include <time.h>

struct arena;
struct buf;
struct error;
struct gpgme_context;

#define NOTATION_PATH    "path@jobtage"    /* user/name/file of the tree */
#define NOTATION_REQUEST "request@jobtage" /* what kind of request */

/*
 * Who signs: the one usable secret key of this fingerprint (or user id; NULL:
 * the default key) out of the caller's GnuPG home.
 */
struct signer {
	struct gpgme_context *ctx; /* NULL: not open */
};
int signer_open(struct signer *s, const char *key, struct error *err);
void signer_close(struct signer *s);

/* The armoured signature goes to out. */
int signer_sign(struct signer *s, const void *data, size_t len,
    const char *notation, const char *value, struct buf *out,
    struct error *err);

/* All of that for one signature. */
int sign_detached(const char *key, const void *data, size_t len,
    const char *notation, const char *value, struct buf *out,
    struct error *err);

/*
 * Have gpgme ask gpg its version now: the answer is inherited by children,
 * each of which would ask itself.
 */
void sign_warm_up(void);

#endif
