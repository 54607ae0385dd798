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

#define NOTATION_PATH    "path@jobtage"    /* user/name/file of the tree */
#define NOTATION_REQUEST "request@jobtage" /* what kind of request */

/*
 * Sign with the secret key of this fingerprint (or user id; NULL: the default
 * key) out of the caller's GnuPG home; the armoured signature goes to out.
 */
int sign_detached(const char *key, const void *data, size_t len,
    const char *notation, const char *value, struct buf *out,
    struct error *err);

/*
 * Have gpgme look for its programs now, which takes about ten of them: what it
 * finds is inherited by children, each of which would look for itself.
 */
void sign_warm_up(void);

#endif
