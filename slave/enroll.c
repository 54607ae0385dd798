/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/enroll.h"
#include "slave/conf.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "net/http.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_PREFIX "aut1-"
#define SECRET_HEX   32
#define CA_MAX       (64 << 10)

static int
fail_tls(struct error *err, const char *what, int code)
{
	return fail(err, "%s: %s", what, gnutls_strerror(code));
}

int
enroll_pin(const char *token, char pin[KEY_HEX], struct error *err)
{
	const size_t at = strlen(TOKEN_PREFIX);
	char secret[SECRET_HEX + 1];

	if (strlen(token) != at + SECRET_HEX + 1 + KEY_HEX - 1 ||
	    strncmp(token, TOKEN_PREFIX, at) != 0 ||
	    token[at + SECRET_HEX] != '-')
		goto bad;
	snprintf(secret, sizeof(secret), "%s", token + at);
	snprintf(pin, KEY_HEX, "%s", token + at + SECRET_HEX + 1);
	if (is_hex(secret, SECRET_HEX) && is_hex(pin, KEY_HEX - 1))
		return 0;
bad:
	return fail(err,
	    "this is no join token; \"autotua-master token new\" prints one "
	    "(it is one word and begins with " TOKEN_PREFIX ")");
}

int
enroll_fingerprint(
    const char *pem, size_t len, char hex[KEY_HEX], struct error *err)
{
	gnutls_datum_t in = {(unsigned char *)pem, (unsigned)len};
	gnutls_datum_t der = {NULL, 0};
	char full[DIGEST_HEX_MAX];
	gnutls_x509_crt_t crt;
	int rc;

	gnutls_x509_crt_init(&crt);
	rc = gnutls_x509_crt_import(crt, &in, GNUTLS_X509_FMT_PEM);
	if (rc == 0)
		rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
	gnutls_x509_crt_deinit(crt);
	if (rc < 0)
		return fail_tls(err, "the master's CA certificate", rc);
	digest_of(DIGEST_SHA256, der.data, der.size, full);
	memcpy(hex, full, KEY_HEX); /* SHA-256 has as many digits as a key */
	gnutls_free(der.data);
	return 0;
}

int
enroll_key(const char *name, gnutls_datum_t *key_pem, gnutls_datum_t *csr_pem,
    struct error *err)
{
	gnutls_x509_privkey_t key;
	gnutls_x509_crq_t csr;
	int rc;

	gnutls_x509_privkey_init(&key);
	gnutls_x509_crq_init(&csr);
	rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (rc == 0)
		rc = gnutls_x509_crq_set_dn_by_oid(csr,
		    GNUTLS_OID_X520_COMMON_NAME, 0, name,
		    (unsigned)strlen(name));
	if (rc == 0)
		rc = gnutls_x509_crq_set_version(csr, 1);
	if (rc == 0)
		rc = gnutls_x509_crq_set_key(csr, key);
	if (rc == 0)
		rc = gnutls_x509_crq_sign2(csr, key, GNUTLS_DIG_SHA256, 0);
	if (rc == 0)
		rc = gnutls_x509_crq_export2(csr, GNUTLS_X509_FMT_PEM, csr_pem);
	if (rc == 0)
		rc = gnutls_x509_privkey_export2(
		    key, GNUTLS_X509_FMT_PEM, key_pem);
	gnutls_x509_crq_deinit(csr);
	gnutls_x509_privkey_deinit(key);
	return rc < 0 ? fail_tls(err, "make a key", rc) : 0;
}

/* Ask who is there for its CA and hold it against the pin. */
static int
get_ca(const char *url, const char *pin, struct buf *ca, struct error *err)
{
	struct arena a = {0};
	char seen[KEY_HEX];
	int status;

	status = http_get_unverified(
	    arena_printf(&a, "%s/api/v1/ca", url), 0, ca, err);
	arena_release(&a);
	if (status < 0)
		return -1;
	if (status != 200 || !ca->data)
		return fail(err,
		    "%s: answered %d when asked for its CA; is this a "
		    "master's address?",
		    url, status);
	if (enroll_fingerprint(ca->data, ca->len, seen, err) < 0)
		return fail_in(err, "%s", url);
	if (strcmp(seen, pin) != 0)
		return fail(err,
		    "%s: its CA has the fingerprint %s, but the token is for "
		    "%s: it is another master's token, or somebody sits "
		    "between; nothing was sent",
		    url, seen, pin);
	return 0;
}

/* Tell the master, now verified; the certificate is the answer's. */
static int
get_certificate(const char *url, const char *ca, const json_t *body,
    json_t **answer, struct error *err)
{
	struct http_conf hc = {.url = url, .ca = ca};
	struct http *h;
	int status;

	if (http_open(&h, &hc, err) < 0)
		return -1;
	status = http_call(h, "POST", "/api/v1/enroll", body, answer, err);
	http_close(h);
	if (status < 0)
		return -1;
	if (strcmp(http_problem_code(*answer), "bad-token") == 0)
		return fail(err,
		    "%s: the token is used, too old or not this master's; ask "
		    "for another one (\"autotua-master token new\")",
		    url);
	return http_problem(status, *answer, NULL, err);
}

static int
store(const struct slave_conf *c, struct arena *a, const char *url,
    const gnutls_datum_t *key, const json_t *answer, struct error *err)
{
	const char *cert =
	    json_string_value(json_object_get(answer, "certificate"));

	if (!cert)
		return fail(err, "%s: sent no certificate", url);
	if (file_write(conf_path(c, a, "key.pem"), key->data, key->size, 0600,
		err) < 0 ||
	    file_write(conf_path(c, a, "url"), url, strlen(url), 0644, err) < 0)
		return -1;
	/* last: with it this slave is enrolled */
	return file_write(
	    conf_path(c, a, "cert.pem"), cert, strlen(cert), 0644, err);
}

static int
check_fresh(const struct slave_conf *c, struct arena *a, struct error *err)
{
	const char *cert = conf_path(c, a, "cert.pem");

	if (access(cert, F_OK) == 0)
		return fail(err,
		    "%s: is enrolled already%s%s; delete %s to enroll it anew",
		    c->state, c->url ? " with " : "", c->url ? c->url : "",
		    cert);
	return file_mkdirs(c->state, 0700, err);
}

int
enroll(const struct slave_conf *c, const char *url, const char *token,
    const char *name, struct error *err)
{
	gnutls_datum_t key = {NULL, 0}, csr = {NULL, 0};
	json_t *body = NULL, *answer = NULL;
	struct arena a = {0};
	const char *file = conf_path(c, &a, "ca.pem");
	char pin[KEY_HEX];
	struct buf ca;
	int rc = -1;

	buf_init(&ca, CA_MAX);
	if (enroll_pin(token, pin, err) < 0 || check_fresh(c, &a, err) < 0)
		goto out;
	url = arena_strndup(
	    &a, url, strlen(url) - (*url && url[strlen(url) - 1] == '/'));
	if (get_ca(url, pin, &ca, err) < 0 ||
	    enroll_key(name, &key, &csr, err) < 0 ||
	    file_write(file, ca.data, ca.len, 0644, err) < 0)
		goto out;
	body = json_pack("{s:s, s:s, s:s%}", "token", token, "name", name,
	    "csr", (char *)csr.data, (size_t)csr.size);
	if (!body) {
		fail(err, "name \"%s\" is not UTF-8", name);
		goto out;
	}
	if (get_certificate(url, file, body, &answer, err) == 0 &&
	    store(c, &a, url, &key, answer, err) == 0)
		rc = 0;
	if (rc < 0)
		unlink(file);
out:
	json_decref(answer);
	json_decref(body);
	gnutls_free(key.data);
	gnutls_free(csr.data);
	buf_release(&ca);
	arena_release(&a);
	return rc;
}

int
enroll_end(const struct slave_conf *c, struct error *err)
{
	struct arena a = {0};
	const struct http_conf hc = {.url = c->url,
	    .ca = conf_path(c, &a, "ca.pem"),
	    .cert = conf_path(c, &a, "cert.pem"),
	    .key = conf_path(c, &a, "key.pem")};
	json_t *body = json_object(), *answer = NULL;
	struct http *h = NULL;
	int rc = -1, status;

	if (http_open(&h, &hc, err) < 0)
		goto out;
	status =
	    http_call(h, "POST", "/api/v1/slave/retire", body, &answer, err);
	if (status >= 0)
		rc = http_problem(status, answer, NULL, err);
	http_close(h);
out:
	json_decref(answer);
	json_decref(body);
	arena_release(&a);
	return rc;
}
