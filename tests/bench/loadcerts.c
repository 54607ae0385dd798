/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *	loadcerts STATE N FILE
 *
 * Writes a key and certificates of N slaves to FILE, signed with the CA of the
 * master that has its state folder at STATE. What its database must be told
 * goes to standard output, as SQL.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "loadcerts: %s: %s\n", what, gnutls_strerror(rc));
	exit(1);
}

static gnutls_datum_t
read_file(const char *folder, const char *name)
{
	gnutls_datum_t d;
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	must(gnutls_load_file(path, &d), path);
	return d;
}

static void
print_hex(const unsigned char *p, size_t n)
{
	while (n-- > 0)
		printf("%02x", *p++);
}

/* One that has the key too; its fingerprint is the slave. */
static void
make_cert(size_t i, gnutls_x509_privkey_t key, gnutls_x509_crt_t ca,
    gnutls_x509_privkey_t ca_key, FILE *out)
{
	unsigned char serial[8] = {0x40}, print[32];
	size_t size = sizeof(print);
	time_t now = time(NULL);
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;
	char name[32];

	snprintf(name, sizeof(name), "load-%zu", i);
	memcpy(serial + 1, &i, 4);
	must(gnutls_x509_crt_init(&crt), "certificate");
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(crt, now - 3600);
	gnutls_x509_crt_set_expiration_time(crt, now + 86400);
	gnutls_x509_crt_set_dn_by_oid(
	    crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	gnutls_x509_crt_set_key(crt, key);
	gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	must(gnutls_x509_crt_sign2(crt, ca, ca_key, GNUTLS_DIG_SHA256, 0),
	    "sign a certificate");
	must(gnutls_x509_crt_get_fingerprint(
		 crt, GNUTLS_DIG_SHA256, print, &size),
	    "fingerprint");
	must(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), "export");
	fwrite(pem.data, 1, pem.size, out);
	printf("INSERT INTO slave (name, fingerprint, state, created, "
	       "last_seen) VALUES ('%s', '",
	    name);
	print_hex(print, size);
	printf("', 'active', 0, 0);\n");
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(crt);
}

static int
make_certs(const char *state, size_t n, const char *path)
{
	gnutls_datum_t ca_pem = read_file(state, "ca.pem"),
		       ca_key_pem = read_file(state, "ca.key"), pem;
	gnutls_x509_privkey_t key, ca_key;
	gnutls_x509_crt_t ca;
	FILE *out = fopen(path, "we");
	size_t i;

	if (!out) {
		fprintf(stderr, "loadcerts: %s: %s\n", path, strerror(errno));
		return 1;
	}
	gnutls_x509_privkey_init(&key);
	gnutls_x509_privkey_init(&ca_key);
	gnutls_x509_crt_init(&ca);
	must(gnutls_x509_crt_import(ca, &ca_pem, GNUTLS_X509_FMT_PEM), "ca");
	must(gnutls_x509_privkey_import(
		 ca_key, &ca_key_pem, GNUTLS_X509_FMT_PEM),
	    "ca.key");
	must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
		 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	    "make a key");
	must(
	    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), "key");
	fwrite(pem.data, 1, pem.size, out);
	puts("BEGIN;");
	for (i = 0; i < n; i++)
		make_cert(i, key, ca, ca_key, out);
	puts("COMMIT;");
	gnutls_free(pem.data);
	gnutls_free(ca_pem.data);
	gnutls_free(ca_key_pem.data);
	gnutls_x509_privkey_deinit(key);
	gnutls_x509_privkey_deinit(ca_key);
	gnutls_x509_crt_deinit(ca);
	return fclose(out) == 0 ? 0 : 1;
}

int
main(int argc, char *argv[])
{
	if (argc != 4) {
		fputs("usage: loadcerts STATE N FILE\n", stderr);
		return 2;
	}
	return make_certs(argv[1], strtoul(argv[2], NULL, 10), argv[3]);
}
