/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/store/pki.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define DAY         ((time_t)86400)
#define CA_LIFE     (20 * 365 * DAY)
#define SERVER_LIFE (820 * DAY)

static int
trouble(struct error *err, const char *what, int code)
{
	return fail(err, "%s: %s", what, gnutls_strerror(code));
}

static int
set_common(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name,
    time_t life)
{
	unsigned char serial[16], id[20];
	size_t size = sizeof(id);
	time_t now = time(NULL);
	int rc;

	rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, of full length */
	if (rc == 0)
		rc = gnutls_x509_crt_set_version(crt, 3);
	if (rc == 0)
		rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (rc == 0)
		rc = gnutls_x509_crt_set_activation_time(crt, now - 3600);
	if (rc == 0)
		rc = gnutls_x509_crt_set_expiration_time(crt, now + life);
	if (rc == 0)
		rc = gnutls_x509_crt_set_dn_by_oid(crt,
		    GNUTLS_OID_X520_COMMON_NAME, 0, name,
		    (unsigned)strlen(name));
	if (rc == 0 && key)
		rc = gnutls_x509_crt_set_key(crt, key);
	if (rc == 0)
		rc = gnutls_x509_crt_get_key_id(crt, 0, id, &size);
	if (rc == 0)
		rc = gnutls_x509_crt_set_subject_key_id(crt, id, size);
	return rc;
}

static int
set_leaf(gnutls_x509_crt_t crt, gnutls_x509_crt_t ca, const char *purpose)
{
	unsigned char id[64];
	size_t size = sizeof(id);
	int rc;

	rc = gnutls_x509_crt_set_ca_status(crt, 0);
	if (rc == 0)
		rc = gnutls_x509_crt_set_key_usage(
		    crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (rc == 0)
		rc = gnutls_x509_crt_set_key_purpose_oid(crt, purpose, 0);
	if (rc == 0)
		rc = gnutls_x509_crt_get_subject_key_id(ca, id, &size, NULL);
	if (rc == 0)
		rc = gnutls_x509_crt_set_authority_key_id(crt, id, size);
	return rc;
}

static int
write_certificate(const char *path, gnutls_x509_crt_t crt, struct error *err)
{
	gnutls_datum_t pem = {0};
	int rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);

	if (rc < 0)
		return trouble(err, path, rc);
	rc = file_write(path, pem.data, pem.size, 0644, err);
	gnutls_free(pem.data);
	return rc;
}

static int
write_key(const char *path, gnutls_x509_privkey_t key, struct error *err)
{
	gnutls_datum_t pem = {0};
	int rc = gnutls_x509_privkey_export2_pkcs8(
	    key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);

	if (rc < 0)
		return trouble(err, path, rc);
	rc = file_write(path, pem.data, pem.size, 0600, err);
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	return rc;
}

/* An empty certificate and a new key. */
static int
new_pair(gnutls_x509_crt_t *crt, gnutls_x509_privkey_t *key, struct error *err)
{
	int rc = gnutls_x509_crt_init(crt);

	if (rc == 0)
		rc = gnutls_x509_privkey_init(key);
	if (rc == 0)
		rc = gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
		    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	return rc < 0 ? trouble(err, "make a key", rc) : 0;
}

int
pki_create(const char *dir, const char *name, struct error *err)
{
	struct arena a = {0};
	gnutls_x509_crt_t crt = NULL;
	gnutls_x509_privkey_t key = NULL;
	int rc = -1, code;

	if (new_pair(&crt, &key, err) < 0)
		goto out;
	code = set_common(
	    crt, key, arena_printf(&a, "AutotuA CA of %s", name), CA_LIFE);
	if (code == 0)
		code = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
	if (code == 0)
		code = gnutls_x509_crt_set_key_usage(
		    crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
	if (code == 0)
		code =
		    gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	if (code < 0) {
		trouble(err, "make the CA's certificate", code);
		goto out;
	}
	if (write_key(arena_printf(&a, "%s/ca.key", dir), key, err) < 0)
		goto out;
	rc = write_certificate(arena_printf(&a, "%s/ca.pem", dir), crt, err);
out:
	gnutls_x509_privkey_deinit(key);
	gnutls_x509_crt_deinit(crt);
	arena_release(&a);
	return rc;
}

static int
load_certificate(gnutls_x509_crt_t *crt, const char *path, struct error *err)
{
	gnutls_datum_t pem;
	struct buf b;
	int rc = -1, code;

	buf_init(&b, PKI_PEM_MAX);
	if (file_read(path, &b, err) < 0)
		goto out;
	pem = (gnutls_datum_t){(unsigned char *)b.data, (unsigned)b.len};
	code = gnutls_x509_crt_init(crt);
	if (code == 0)
		code = gnutls_x509_crt_import(*crt, &pem, GNUTLS_X509_FMT_PEM);
	rc = code < 0 ? trouble(err, path, code) : 0;
out:
	buf_release(&b);
	return rc;
}

static int
load_key(gnutls_x509_privkey_t *key, const char *path, struct error *err)
{
	gnutls_datum_t pem;
	struct buf b;
	int rc = -1, code;

	buf_init(&b, PKI_PEM_MAX);
	if (file_read(path, &b, err) < 0)
		goto out;
	pem = (gnutls_datum_t){(unsigned char *)b.data, (unsigned)b.len};
	code = gnutls_x509_privkey_init(key);
	if (code == 0)
		code =
		    gnutls_x509_privkey_import(*key, &pem, GNUTLS_X509_FMT_PEM);
	rc = code < 0 ? trouble(err, path, code) : 0;
	gnutls_memset(b.data, 0, b.len);
out:
	buf_release(&b);
	return rc;
}

struct authority {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

static void
authority_close(struct authority *ca)
{
	gnutls_x509_privkey_deinit(ca->key);
	gnutls_x509_crt_deinit(ca->crt);
}

static int
authority_open(struct authority *ca, const char *dir, struct error *err)
{
	struct arena a = {0};
	int rc = -1;

	memset(ca, 0, sizeof(*ca));
	if (load_certificate(
		&ca->crt, arena_printf(&a, "%s/ca.pem", dir), err) == 0)
		rc =
		    load_key(&ca->key, arena_printf(&a, "%s/ca.key", dir), err);
	arena_release(&a);
	return rc;
}

static int
add_host(gnutls_x509_crt_t crt, const char *host)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1)
		return gnutls_x509_crt_set_subject_alt_name(
		    crt, GNUTLS_SAN_IPADDRESS, address, 4, GNUTLS_FSAN_APPEND);
	if (inet_pton(AF_INET6, host, address) == 1)
		return gnutls_x509_crt_set_subject_alt_name(
		    crt, GNUTLS_SAN_IPADDRESS, address, 16, GNUTLS_FSAN_APPEND);
	return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME,
	    host, (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
}

static const char *const own_hosts[] = {"localhost", "127.0.0.1", "::1"};

static int
set_hosts(gnutls_x509_crt_t crt, const char *const *hosts, size_t n)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < sizeof(own_hosts) / sizeof(own_hosts[0]);
	     i++)
		rc = add_host(crt, own_hosts[i]);
	for (i = 0; rc == 0 && i < n; i++)
		rc = add_host(crt, hosts[i]);
	return rc;
}

int
pki_server(const char *dir, const char *name, const char *const *hosts,
    size_t nhosts, struct error *err)
{
	struct arena a = {0};
	struct authority ca;
	gnutls_x509_crt_t crt = NULL;
	gnutls_x509_privkey_t key = NULL;
	int rc = -1, code;

	if (authority_open(&ca, dir, err) < 0 || new_pair(&crt, &key, err) < 0)
		goto out;
	code = set_common(crt, key, name, SERVER_LIFE);
	if (code == 0)
		code = set_leaf(crt, ca.crt, GNUTLS_KP_TLS_WWW_SERVER);
	if (code == 0)
		code = set_hosts(crt, hosts, nhosts);
	if (code == 0)
		code = gnutls_x509_crt_sign2(
		    crt, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0);
	if (code < 0) {
		trouble(err, "make the server's certificate", code);
		goto out;
	}
	if (write_key(arena_printf(&a, "%s/server.key", dir), key, err) < 0)
		goto out;
	rc =
	    write_certificate(arena_printf(&a, "%s/server.pem", dir), crt, err);
out:
	gnutls_x509_privkey_deinit(key);
	gnutls_x509_crt_deinit(crt);
	authority_close(&ca);
	arena_release(&a);
	return rc;
}

bool
pki_server_is_old(const char *dir, const char *const *hosts, size_t nhosts)
{
	struct arena a = {0};
	gnutls_x509_crt_t crt = NULL;
	struct error ignored;
	bool old = true;
	size_t i;

	if (load_certificate(
		&crt, arena_printf(&a, "%s/server.pem", dir), &ignored) < 0)
		goto out;
	old = gnutls_x509_crt_get_expiration_time(crt) - time(NULL) <
	    SERVER_LIFE / 3;
	for (i = 0; i < nhosts; i++)
		old |= !gnutls_x509_crt_check_hostname(crt, hosts[i]);
out:
	gnutls_x509_crt_deinit(crt);
	arena_release(&a);
	return old;
}

static int
hash_of(gnutls_x509_crt_t crt, char hex[65])
{
	unsigned char hash[32];
	size_t i, size = sizeof(hash);
	int rc = gnutls_x509_crt_get_fingerprint(
	    crt, GNUTLS_DIG_SHA256, hash, &size);

	for (i = 0; rc == 0 && i < sizeof(hash); i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	return rc;
}

/* The request's key, if it is a good one and has signed the request. */
static int
take_request(gnutls_x509_crt_t crt, const char *csr, struct error *err)
{
	gnutls_datum_t pem = {
	    (unsigned char *)(uintptr_t)csr, (unsigned)strlen(csr)};
	gnutls_x509_crq_t crq = NULL;
	gnutls_pubkey_t key = NULL;
	unsigned bits = 0;
	int algorithm, rc;

	rc = gnutls_x509_crq_init(&crq);
	if (rc == 0)
		rc = gnutls_pubkey_init(&key);
	if (rc == 0)
		rc = gnutls_x509_crq_import(crq, &pem, GNUTLS_X509_FMT_PEM);
	if (rc == 0)
		rc = gnutls_x509_crq_verify(crq, 0);
	if (rc == 0)
		rc = gnutls_pubkey_import_x509_crq(key, crq, 0);
	if (rc == 0)
		rc = gnutls_x509_crt_set_pubkey(crt, key);
	if (rc < 0) {
		trouble(err, "certificate request", rc);
		goto out;
	}
	algorithm = gnutls_x509_crq_get_pk_algorithm(crq, &bits);
	if (!(algorithm == GNUTLS_PK_ECDSA && bits >= 256) &&
	    !(algorithm == GNUTLS_PK_RSA && bits >= 2048) &&
	    algorithm != GNUTLS_PK_EDDSA_ED25519)
		rc = fail(err,
		    "certificate request: the key must be Ed25519, ECDSA from "
		    "256 bits or RSA from 2048 bits");
out:
	gnutls_pubkey_deinit(key);
	gnutls_x509_crq_deinit(crq);
	return rc < 0 ? -1 : 0;
}

static int export(gnutls_x509_crt_t crt, struct buf *pem)
{
	gnutls_datum_t d = {0};
	int rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &d);

	if (rc == 0 && buf_add(pem, d.data, d.size) < 0)
		rc = GNUTLS_E_SHORT_MEMORY_BUFFER;
	gnutls_free(d.data);
	return rc;
}

int
pki_sign(const char *dir, const char *csr, const char *name, int64_t life,
    struct buf *pem, char fingerprint[65], struct error *err)
{
	struct authority ca;
	gnutls_x509_crt_t crt = NULL;
	int rc = -1, code;

	if (authority_open(&ca, dir, err) < 0)
		goto out;
	code = gnutls_x509_crt_init(&crt);
	if (code < 0) {
		trouble(err, "certificate", code);
		goto out;
	}
	if (take_request(crt, csr, err) < 0)
		goto out;
	code = set_common(crt, NULL, name, (time_t)life);
	if (code == 0)
		code = set_leaf(crt, ca.crt, GNUTLS_KP_TLS_WWW_CLIENT);
	if (code == 0)
		code = gnutls_x509_crt_sign2(
		    crt, ca.crt, ca.key, GNUTLS_DIG_SHA256, 0);
	if (code == 0)
		code = export(crt, pem);
	if (code == 0)
		code = hash_of(crt, fingerprint);
	rc = code < 0 ? trouble(err, "sign the certificate", code) : 0;
out:
	gnutls_x509_crt_deinit(crt);
	authority_close(&ca);
	return rc;
}

int
pki_fingerprint(const char *path, char fingerprint[65], struct error *err)
{
	gnutls_x509_crt_t crt = NULL;
	int rc, code;

	rc = load_certificate(&crt, path, err);
	if (rc == 0) {
		code = hash_of(crt, fingerprint);
		rc = code < 0 ? trouble(err, path, code) : 0;
	}
	gnutls_x509_crt_deinit(crt);
	return rc;
}
