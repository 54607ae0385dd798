/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The master's own certificate authority (EC P-256, by GnuTLS): it signs the
 * master's server certificate and one certificate a slave. A slave is known
 * by the SHA-256 of its certificate in the database, not by its name in it.
 */
#ifndef MASTER_PKI_H
#define MASTER_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

#define PKI_PEM_MAX 16384

/* Make ca.key and ca.pem in the folder. */
int pki_create(const char *dir, const char *name, struct error *err);

/*
 * Make server.key and server.pem for these names and addresses, and for
 * localhost, 127.0.0.1 and ::1.
 */
int pki_server(const char *dir, const char *name, const char *const *hosts,
    size_t nhosts, struct error *err);

/* Has server.pem less than a third of its life left, or other names? */
bool
pki_server_is_old(const char *dir, const char *const *hosts, size_t nhosts);

/*
 * Sign a slave's request (PEM; its own signature is checked, of its contents
 * only the key is taken): certificate for name into pem, its SHA-256 in hex.
 */
int pki_sign(const char *dir, const char *csr, const char *name, int64_t life,
    struct buf *pem, char fingerprint[65], struct error *err);

/* SHA-256 of a PEM certificate file's DER form, in hex. */
int pki_fingerprint(const char *path, char fingerprint[65], struct error *err);

#endif
