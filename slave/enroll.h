/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "autotua-slave enroll": become a slave of a master. A join token is one
 * word, aut1-SECRET-PIN: the secret is good once, the pin is the SHA-256 of
 * the master's CA certificate, so that nobody between can pose as the master.
 */
#ifndef SLAVE_ENROLL_H
#define SLAVE_ENROLL_H

#include "base/digest.h"

#include <gnutls/gnutls.h>
#include <stddef.h>

struct error;
struct slave_conf;

/* The pin of a join token; -1 when it hasn't the form of one. */
int enroll_pin(const char *token, char pin[KEY_HEX], struct error *err);

/* SHA-256 of the DER of the first certificate of a PEM text. */
int enroll_fingerprint(
    const char *pem, size_t len, char hex[KEY_HEX], struct error *err);

/*
 * A P-256 key, and a request for a certificate with this name, both PEM, to
 * be freed by gnutls_free().
 */
int enroll_key(const char *name, gnutls_datum_t *key_pem,
    gnutls_datum_t *csr_pem, struct error *err);

/*
 * Make a key, have the master sign its certificate, and leave key.pem (0600),
 * cert.pem, ca.pem and url in the state folder. Nothing is left on failure.
 */
int enroll(const struct slave_conf *c, const char *url, const char *token,
    const char *name, struct error *err);

/* Have the master retire this slave, for ever. */
int enroll_end(const struct slave_conf *c, struct error *err);

#endif
