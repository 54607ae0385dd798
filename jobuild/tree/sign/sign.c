/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sign.h"
#include "openpgp.h"
#include "base/buf.h"
#include "base/error.h"

#include <string.h>

/* Can this key of the caller's sign now? */
static bool
is_usable(gpgme_key_t key)
{
	return key->can_sign && !key->revoked && !key->expired &&
	    !key->disabled && !key->invalid;
}

/* Make the one usable secret key that fits the name the signer. */
static int
choose(gpgme_ctx_t ctx, const char *name, struct error *err)
{
	gpgme_key_t key = NULL, found = NULL;
	size_t all = 0, usable = 0;
	gpgme_error_t code;
	int rc = -1;

	code = gpgme_op_keylist_start(ctx, name, 1);
	while (!code && (code = gpgme_op_keylist_next(ctx, &key)) == 0) {
		all++;
		if (is_usable(key) && ++usable == 1)
			found = key;
		else
			gpgme_key_unref(key);
	}
	gpgme_op_keylist_end(ctx);
	if (gpgme_err_code(code) != GPG_ERR_EOF)
		openpgp_fail(err, code, "list secret keys");
	else if (usable == 1)
		rc = gpgme_signers_add(ctx, found)
		    ? fail(err, "gpgme: out of memory")
		    : 0;
	else if (usable > 1)
		fail(err,
		    "%zu secret keys fit \"%s\": name one by its fingerprint "
		    "(gpg --list-secret-keys)",
		    usable, name);
	else if (all > 0)
		fail(err,
		    "the secret key \"%s\" can't sign: expired, revoked "
		    "or made for other uses",
		    name);
	else
		fail(err,
		    "no secret key fits \"%s\" (gpg --list-secret-keys shows "
		    "what there is)",
		    name);
	if (found)
		gpgme_key_unref(found);
	return rc;
}

/* What gpg did, against what a verifier will accept. */
static int
check_result(gpgme_ctx_t ctx, struct error *err)
{
	gpgme_sign_result_t r = gpgme_op_sign_result(ctx);
	const char *name;

	if (!r || !r->signatures || r->signatures->next)
		return fail(err, "gpg made no signature, or several");
	switch (r->signatures->hash_algo) {
	case GPGME_MD_SHA256:
	case GPGME_MD_SHA384:
	case GPGME_MD_SHA512:
		return 0;
	default:
		name = gpgme_hash_algo_name(r->signatures->hash_algo);
		return fail(err,
		    "gpg signed with %s, which nobody accepts: see digest-algo "
		    "in your gpg.conf",
		    name ? name : "an unknown hash");
	}
}

static int
read_all(gpgme_data_t data, struct buf *out, struct error *err)
{
	char chunk[4096];
	ssize_t n;

	if (gpgme_data_seek(data, 0, SEEK_SET) < 0)
		return fail_errno(err, "signature");
	while ((n = gpgme_data_read(data, chunk, sizeof(chunk))) > 0) {
		if (buf_add(out, chunk, (size_t)n) < 0)
			return fail(err, "the signature is too large");
	}
	return n < 0 ? fail_errno(err, "signature") : 0;
}

static int
sign(gpgme_ctx_t ctx, gpgme_data_t in, gpgme_data_t into, struct buf *out,
    struct error *err)
{
	gpgme_error_t code;

	code = gpgme_op_sign(ctx, in, into, GPGME_SIG_MODE_DETACH);
	if (gpgme_err_code(code) == GPG_ERR_NO_SECKEY ||
	    gpgme_err_code(code) == GPG_ERR_UNUSABLE_SECKEY)
		return fail(err,
		    "there is no usable secret key in your GnuPG home (gpg "
		    "--quick-gen-key makes one)");
	if (code)
		return openpgp_fail(err, code, "sign");
	if (check_result(ctx, err) < 0)
		return -1;
	return read_all(into, out, err);
}

int
signer_open(struct signer *s, const char *key, struct error *err)
{
	if (openpgp_context(&s->ctx, err) < 0) {
		s->ctx = NULL;
		return -1;
	}
	if (!key || choose(s->ctx, key, err) == 0)
		return 0;
	signer_close(s);
	return -1;
}

void
signer_close(struct signer *s)
{
	if (s->ctx)
		gpgme_release(s->ctx);
	s->ctx = NULL;
}

int
signer_sign(struct signer *s, const void *data, size_t len,
    const char *notation, const char *value, struct buf *out, struct error *err)
{
	gpgme_data_t in = NULL, into = NULL;
	gpgme_error_t code;
	int rc = -1;

	gpgme_sig_notation_clear(s->ctx);
	code = gpgme_sig_notation_add(
	    s->ctx, notation, value, GPGME_SIG_NOTATION_HUMAN_READABLE);
	if (!code)
		code = gpgme_data_new_from_mem(&in, data, len, 0);
	if (!code)
		code = gpgme_data_new(&into);
	if (code)
		openpgp_fail(err, code, "gpgme");
	else
		rc = sign(s->ctx, in, into, out, err);
	if (into)
		gpgme_data_release(into);
	if (in)
		gpgme_data_release(in);
	return rc;
}

int
sign_detached(const char *key, const void *data, size_t len,
    const char *notation, const char *value, struct buf *out, struct error *err)
{
	struct signer s;
	int rc;

	if (signer_open(&s, key, err) < 0)
		return -1;
	rc = signer_sign(&s, data, len, notation, value, out, err);
	signer_close(&s);
	return rc;
}
