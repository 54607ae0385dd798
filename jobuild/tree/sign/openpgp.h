/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all that asks gpg shares: the form of armoured texts and gpgme's
 * start.
 */
#ifndef TREE_OPENPGP_H
#define TREE_OPENPGP_H

#include <gpgme.h>
#include <stddef.h>

struct error;

#define OPENPGP_KEY_MAX (256 * 1024) /* bytes of an armoured key */
#define OPENPGP_SIG_MAX (32 * 1024)  /* bytes of an armoured signature */

/*
 * Is text exactly one armoured block of this label ("PGP SIGNATURE"), with
 * nothing but blanks around it? err says what it is instead.
 */
int openpgp_armour(const char *text, size_t len, const char *label, size_t max,
    struct error *err);

/* A context for OpenPGP, armour on. */
int openpgp_context(gpgme_ctx_t *out, struct error *err);

/* Is the signature's hash SHA-256 or better? */
int openpgp_check_hash(const struct _gpgme_signature *sig, struct error *err);

/* err says that its hash isn't accepted; -1. */
int openpgp_fail_hash(const struct _gpgme_signature *sig, struct error *err);

/* err gets the text, ": " and what gpgme says; -1. */
int openpgp_fail(struct error *err, gpgme_error_t code, const char *what);

#endif
