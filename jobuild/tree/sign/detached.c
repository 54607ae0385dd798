/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gpgme reads the file by a function of ours, which adds to the digest what it
 * hands over: so the digest is that of the very bytes that gpg saw, whoever
 * writes to the file meanwhile.
 */
#include "detached.h"
#include "keyhome.h"
#include "openpgp.h"
#include "pubkey.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLOCK_SKEW 60 /* seconds that two machines' clocks may differ */

struct source {
	struct digest digest;
	int fd;
	bool ended; /* all of it was read */
};

static ssize_t
on_read(void *handle, void *to, size_t size)
{
	struct source *s = handle;
	ssize_t n;

	do
		n = read(s->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		digest_add(&s->digest, to, (size_t)n);
	s->ended = n == 0;
	return n;
}

static int
take_keys(gpgme_ctx_t ctx, const struct buf *keys, struct error *err)
{
	gpgme_import_result_t r;
	gpgme_data_t data;
	gpgme_error_t code;

	code = gpgme_data_new_from_mem(&data, keys->data, keys->len, 0);
	if (code)
		return openpgp_fail(err, code, "gpgme");
	/* its result says more than its code */
	(void)gpgme_op_import(ctx, data);
	gpgme_data_release(data);
	r = gpgme_op_import_result(ctx);
	if (r && r->secret_read > 0)
		return fail(err,
		    "holds a PRIVATE key: give the public part (gpg --export)");
	if (r && r->imported > 0)
		return 0;
	return fail(err,
	    "holds no public key that gpg accepts: give what \"gpg --armor "
	    "--export KEY\" writes");
}

/* What gpg says of the signature itself. */
static int
check_status(const struct _gpgme_signature *sig, struct error *err)
{
	const char *who = sig->fpr ? sig->fpr : "unknown";
	char text[128];

	switch (gpgme_err_code(sig->status)) {
	case GPG_ERR_NO_ERROR:
		return 0;
	case GPG_ERR_BAD_SIGNATURE:
		return fail(err,
		    "the signature doesn't fit: the file or the signature was "
		    "changed after signing");
	case GPG_ERR_NO_PUBKEY:
		return fail(err,
		    "was signed by the key %s, which is not in the keyring",
		    who);
	case GPG_ERR_DIGEST_ALGO:
		return openpgp_fail_hash(sig, err);
	case GPG_ERR_KEY_EXPIRED:
		return fail(err, "the key %s has expired", who);
	case GPG_ERR_SIG_EXPIRED:
		return fail(err, "the signature has expired");
	case GPG_ERR_CERT_REVOKED:
		return fail(err, "the key %s is revoked", who);
	default:
		gpgme_strerror_r(sig->status, text, sizeof(text));
		return fail(err, "the signature is not good: %s", text);
	}
}

static int
check_form(const struct _gpgme_signature *sig, time_t now, struct error *err)
{
	char day[32];

	if (openpgp_check_hash(sig, err) < 0)
		return -1;
	if ((time_t)sig->timestamp > now + CLOCK_SKEW)
		return fail(err,
		    "the signature is dated %s, in the future (is a clock "
		    "wrong?)",
		    date_minute((time_t)sig->timestamp, day));
	return 0;
}

/* gpgme's number of an algorithm as OpenPGP has it. */
static int
algorithm(gpgme_pubkey_algo_t algo)
{
	switch ((int)algo) {
	case GPGME_PK_EDDSA:
		return ALGO_EDDSA;
	case GPGME_PK_ECDSA:
		return ALGO_ECDSA;
	default:
		return (int)algo;
	}
}

/* The part of a key that made it is one that would be accepted elsewhere. */
static int
check_key(
    gpgme_ctx_t ctx, const struct _gpgme_signature *sig, struct error *err)
{
	struct pubkey_part part = {.curve = ""};
	gpgme_subkey_t s;
	gpgme_key_t key;
	char why[128];
	int rc;

	if (gpgme_get_key(ctx, sig->fpr, &key, 0))
		return fail(err, "the key %s can't be read", sig->fpr);
	for (s = key->subkeys; s; s = s->next) {
		if (s->fpr && strcmp(s->fpr, sig->fpr) == 0)
			break;
	}
	if (s) {
		part.algo = algorithm(s->pubkey_algo);
		part.bits = s->length;
		part.curve = s->curve ? s->curve : "";
	}
	if (!s)
		rc = fail(err, "the key %s can't be read", sig->fpr);
	else if (key->revoked || s->revoked)
		rc = fail(err, "the key %s is revoked", sig->fpr);
	else if (key->expired || s->expired)
		rc = fail(err, "the key %s has expired", sig->fpr);
	else
		rc = pubkey_weak(&part, why, sizeof(why))
		    ? fail(err, "the key %s: %s", sig->fpr, why)
		    : 0;
	gpgme_key_unref(key);
	return rc;
}

static int
judge(gpgme_ctx_t ctx, struct detached *d, time_t now, struct error *err)
{
	gpgme_verify_result_t r = gpgme_op_verify_result(ctx);
	const struct _gpgme_signature *sig = r ? r->signatures : NULL;

	if (!sig)
		return fail(
		    err, "holds no signature that can be read (damaged?)");
	if (sig->next)
		return fail(
		    err, "holds several signatures; exactly one is allowed");
	if (check_status(sig, err) < 0 || check_form(sig, now, err) < 0 ||
	    check_key(ctx, sig, err) < 0)
		return -1;
	snprintf(d->fingerprint, sizeof(d->fingerprint), "%s", sig->fpr);
	return 0;
}

static int
verify(
    gpgme_ctx_t ctx, struct source *s, const struct buf *sig, struct error *err)
{
	struct gpgme_data_cbs reader = {.read = on_read};
	gpgme_data_t text = NULL, data = NULL;
	gpgme_error_t code;

	code = gpgme_data_new_from_mem(&text, sig->data, sig->len, 0);
	if (!code)
		code = gpgme_data_new_from_cbs(&data, &reader, s);
	if (!code)
		code = gpgme_op_verify(ctx, text, data, NULL);
	if (data)
		gpgme_data_release(data);
	if (text)
		gpgme_data_release(text);
	if (gpgme_err_code(code) == GPG_ERR_NO_DATA)
		return fail(
		    err, "holds no signature that can be read (damaged?)");
	return code ? openpgp_fail(err, code, "gpg") : 0;
}

/* In a home that has nothing else in it. */
static int
check_in(const char *home, struct detached *d, struct source *s,
    const struct buf *sig, const struct buf *keys, time_t now,
    struct error *err)
{
	gpgme_ctx_t ctx = NULL;
	gpgme_error_t code;
	int rc = -1;

	if (openpgp_context(&ctx, err) < 0)
		return -1;
	code =
	    gpgme_ctx_set_engine_info(ctx, GPGME_PROTOCOL_OpenPGP, GPG, home);
	if (code)
		openpgp_fail(err, code, GPG);
	else if (take_keys(ctx, keys, err) < 0)
		fail_in(err, "keyring");
	else if (verify(ctx, s, sig, err) < 0 || judge(ctx, d, now, err) < 0)
		fail_in(err, "signature");
	else if (!s->ended)
		fail(err, "signature: gpg has not read all of the file");
	else
		rc = 0;
	gpgme_release(ctx);
	return rc;
}

int
detached_check(struct detached *d, int fd, const struct buf *sig,
    const struct buf *keys, time_t now, struct error *err)
{
	struct source s = {.fd = fd};
	struct arena a = {0};
	struct keyhome h;
	const char *home;
	int rc = -1;

	if (openpgp_armour(
		sig->data, sig->len, "PGP SIGNATURE", OPENPGP_SIG_MAX, err) < 0)
		return fail_in(err, "signature");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return fail_errno(err, "seek");
	if (keyhome_open(&h, err) < 0)
		return -1;
	digest_init(&s.digest, DIGEST_KEY);
	home = keyhome_add(&h, KEYHOME_STRICT, &a, err);
	if (home)
		rc = check_in(home, d, &s, sig, keys, now, err);
	digest_end(&s.digest, d->id);
	keyhome_close(&h);
	arena_release(&a);
	return rc;
}
