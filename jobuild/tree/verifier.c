/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gpg's verdicts are data, not answers: gpgme_op_verify() succeeds for bad
 * signatures and for none at all, and gpg calls revoked, expired and SHA-1
 * ones good enough in places. So each rule is checked here one by one. The
 * home has exactly one key: nothing else could have made a good signature.
 */
#include "sign.h"
#include "openpgp.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GPG        "/usr/bin/gpg"
#define CLOCK_SKEW 60 /* seconds that two machines' clocks may differ */

/* no-autostart: not even an import leaves an agent behind. */
static const char gpg_conf[] = "no-autostart\n"
			       "no-auto-key-retrieve\n"
			       "no-auto-key-import\n"
			       "disable-dirmngr\n"
			       "no-auto-check-trustdb\n"
			       "trust-model always\n"
			       "weak-digest SHA1\n";

struct verifier {
	struct arena arena; /* holds the struct itself */
	char home[PATH_MAX];
	gpgme_ctx_t ctx;
	gpgme_key_t key;
};

static int
make_home(struct verifier *v, struct error *err)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX];
	int n;

	n = snprintf(path, sizeof(path) - 16, "%s/autotua-gpg-XXXXXX",
	    tmp && *tmp ? tmp : "/tmp");
	if (n < 0 || (size_t)n >= sizeof(path) - 16)
		return fail(err, "TMPDIR is too long");
	if (!mkdtemp(path))
		return fail_errno(err, "create folder %s", path);
	memcpy(v->home, path, (size_t)n + 1);
	snprintf(path + n, sizeof(path) - (size_t)n, "/gpg.conf");
	if (file_create(path, gpg_conf, strlen(gpg_conf), 0600, err) < 0)
		return -1;
	/* an empty one keeps newer releases from starting a key daemon */
	snprintf(path + n, sizeof(path) - (size_t)n, "/common.conf");
	return file_create(path, "", 0, 0600, err);
}

static int
import(struct verifier *v, const char *armour, size_t len, struct error *err)
{
	gpgme_import_result_t r;
	gpgme_data_t data;
	gpgme_error_t code;

	code = gpgme_data_new_from_mem(&data, armour, len, 0);
	if (code)
		return openpgp_fail(err, code, "gpgme");
	code = gpgme_op_import(v->ctx, data);
	gpgme_data_release(data);
	r = gpgme_op_import_result(v->ctx);
	if (r && r->secret_read > 0)
		return fail(err,
		    "holds a PRIVATE key, which is no secret any more: revoke "
		    "it and publish another one's public part");
	if (r && r->considered > 1)
		return fail(err, "holds %d keys; exactly one is allowed",
		    r->considered);
	if (r && r->considered == 1 && r->imported == 0)
		return fail(err,
		    "the key has no valid self-signature (SHA-1 and MD5 don't "
		    "count)");
	if (code)
		return openpgp_fail(err, code, "gpg can't read the key");
	if (!r || r->considered != 1)
		return fail(err, "holds no key");
	return 0;
}

/* The home's one key. */
static int
take_key(struct verifier *v, struct error *err)
{
	gpgme_key_t second = NULL;
	gpgme_error_t code;
	char why[128];

	code = gpgme_op_keylist_start(v->ctx, NULL, 0);
	if (!code)
		code = gpgme_op_keylist_next(v->ctx, &v->key);
	if (code)
		return openpgp_fail(err, code, "gpg doesn't list the key");
	code = gpgme_op_keylist_next(v->ctx, &second);
	if (!code) {
		gpgme_key_unref(second);
		return fail(err, "holds several keys; exactly one is allowed");
	}
	gpgme_op_keylist_end(v->ctx);
	if (gpgme_err_code(code) != GPG_ERR_EOF)
		return openpgp_fail(err, code, "gpg doesn't list the key");
	if (strlen(v->key->subkeys->fpr) >= FINGERPRINT_MAX)
		return fail(err, "the key's fingerprint is too long");
	if (openpgp_weak(v->key->subkeys, why, sizeof(why)))
		return fail(err, "%s", why);
	return 0;
}

int
verifier_open(
    struct verifier **out, const char *armour, size_t len, struct error *err)
{
	struct arena a = {0};
	struct verifier *v;
	gpgme_error_t code;

	*out = NULL;
	if (openpgp_armour(
		armour, len, "PGP PUBLIC KEY BLOCK", OPENPGP_KEY_MAX, err) < 0)
		return -1;
	v = arena_new(&a, struct verifier);
	v->arena = a;
	if (make_home(v, err) < 0 || openpgp_context(&v->ctx, err) < 0)
		goto failed;
	code = gpgme_ctx_set_engine_info(
	    v->ctx, GPGME_PROTOCOL_OpenPGP, GPG, v->home);
	if (code) {
		openpgp_fail(err, code, GPG);
		goto failed;
	}
	if (import(v, armour, len, err) < 0 || take_key(v, err) < 0)
		goto failed;
	*out = v;
	return 0;
failed:
	verifier_close(v);
	return -1;
}

void
verifier_close(struct verifier *v)
{
	struct arena a;
	struct error ignored;

	if (!v)
		return;
	if (v->key)
		gpgme_key_unref(v->key);
	if (v->ctx)
		gpgme_release(v->ctx);
	if (v->home[0])
		(void)file_remove_tree(AT_FDCWD, v->home, &ignored);
	a = v->arena;
	arena_release(&a);
}

const char *
verifier_fingerprint(const struct verifier *v)
{
	return v->key->subkeys->fpr;
}

static const char *
date(time_t t, char out[32])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(out, 32, "%lld", (long long)t);
	return out;
}

/*
 * gpg's own verdict, except expiry, which depends on the caller's time, and
 * revocation: check_key() sees which part of the key it is.
 */
static int
check_status(const struct _gpgme_signature *sig, struct error *err)
{
	char text[128];

	switch (gpgme_err_code(sig->status)) {
	case GPG_ERR_NO_ERROR:
	case GPG_ERR_KEY_EXPIRED:
	case GPG_ERR_SIG_EXPIRED:
	case GPG_ERR_CERT_REVOKED:
		return 0;
	case GPG_ERR_BAD_SIGNATURE:
		return fail(err,
		    "the signature doesn't fit: the file or the signature was "
		    "changed after signing (sign it again)");
	case GPG_ERR_NO_PUBKEY:
		return fail(err, "was signed by another key (%s)",
		    sig->fpr ? sig->fpr : "unknown");
	case GPG_ERR_DIGEST_ALGO:
		return fail(err,
		    "the signature's hash is %s, which is not accepted: sign "
		    "with SHA-256 or better",
		    gpgme_hash_algo_name(sig->hash_algo)
			? gpgme_hash_algo_name(sig->hash_algo)
			: "unknown");
	default:
		gpgme_strerror_r(sig->status, text, sizeof(text));
		return fail(err, "the signature is not good: %s", text);
	}
}

static int
check_hash(const struct _gpgme_signature *sig, struct error *err)
{
	const char *name;

	switch (sig->hash_algo) {
	case GPGME_MD_SHA256:
	case GPGME_MD_SHA384:
	case GPGME_MD_SHA512:
		return 0;
	default:
		name = gpgme_hash_algo_name(sig->hash_algo);
		return fail(err,
		    "the signature's hash is %s, which is not accepted: sign "
		    "with SHA-256 or better",
		    name ? name : "unknown");
	}
}

int
verifier_usable(const struct verifier *v, time_t now, struct error *err)
{
	const struct _gpgme_subkey *k = v->key->subkeys;
	char day[32];

	if (v->key->revoked || k->revoked)
		return fail(err, "the key %s is revoked", k->fpr);
	if (k->expires > 0 && k->expires <= now)
		return fail(err, "the key %s expired on %s", k->fpr,
		    date(k->expires, day));
	return 0;
}

/* The part of the key that made sig: neither revoked nor expired nor weak. */
static int
check_key(const struct verifier *v, const struct _gpgme_signature *sig,
    time_t now, struct error *err)
{
	const struct _gpgme_subkey *k;
	char why[128], day[32];

	for (k = v->key->subkeys; k; k = k->next) {
		if (k->fpr && sig->fpr && strcmp(k->fpr, sig->fpr) == 0)
			break;
	}
	if (!k)
		return fail(err, "was signed by another key (%s)",
		    sig->fpr ? sig->fpr : "unknown");
	if (verifier_usable(v, now, err) < 0)
		return -1;
	if (k->revoked)
		return fail(err, "the signing subkey %s is revoked", k->fpr);
	if (k->expires > 0 && k->expires <= now)
		return fail(err, "the signing subkey %s expired on %s", k->fpr,
		    date(k->expires, day));
	if (k->invalid || k->disabled)
		return fail(err, "the signing subkey %s is not valid", k->fpr);
	if (openpgp_weak(k, why, sizeof(why)))
		return fail(err, "the signing subkey %s: %s", k->fpr, why);
	if ((time_t)sig->timestamp < k->timestamp)
		return fail(err, "the signature is older than its key");
	/* whatever the key's list says */
	if (gpgme_err_code(sig->status) == GPG_ERR_CERT_REVOKED)
		return fail(err, "the key %s is revoked", k->fpr);
	return 0;
}

static int
check_time(const struct _gpgme_signature *sig, time_t now, struct error *err)
{
	time_t made = (time_t)sig->timestamp, ends = (time_t)sig->exp_timestamp;
	char day[32];

	if (made > now + CLOCK_SKEW)
		return fail(err,
		    "the signature is dated %s, in the future (is a clock "
		    "wrong?)",
		    date(made, day));
	if (ends > 0 && ends <= now)
		return fail(
		    err, "the signature expired on %s", date(ends, day));
	return 0;
}

static int
check_notation(const struct _gpgme_signature *sig, const char *name,
    const char *value, struct error *err)
{
	const struct _gpgme_sig_notation *n, *found = NULL;

	for (n = sig->notations; n; n = n->next) {
		if (!n->name || strcmp(n->name, name) != 0)
			continue;
		if (found)
			return fail(err,
			    "the signature has several notations %s", name);
		found = n;
	}
	if (!found)
		return fail(err,
		    "the signature doesn't say for what it is (no notation "
		    "%s): sign it with \"jobuild sign\"",
		    name);
	if (!found->value || strlen(value) != (size_t)found->value_len ||
	    memcmp(found->value, value, strlen(value)) != 0)
		return fail(err,
		    "was signed as %s=\"%.200s\", not as \"%s\" (renamed or "
		    "moved? sign it again)",
		    name, found->value ? found->value : "", value);
	return 0;
}

/* Run gpg; the one signature, or NULL. */
static const struct _gpgme_signature *
verify(struct verifier *v, gpgme_data_t sig, gpgme_data_t data,
    gpgme_error_t *code, struct error *err)
{
	gpgme_verify_result_t r;

	*code = gpgme_op_verify(v->ctx, sig, data, NULL);
	r = gpgme_op_verify_result(v->ctx);
	if (!r || !r->signatures) {
		fail(err, "holds no signature that can be read (damaged?)");
		return NULL;
	}
	if (r->signatures->next) {
		fail(err, "holds several signatures; exactly one is allowed");
		return NULL;
	}
	return r->signatures;
}

int
verifier_check(struct verifier *v, const void *data, size_t len,
    const void *sig, size_t siglen, const char *notation, const char *value,
    time_t now, struct error *err)
{
	const struct _gpgme_signature *s;
	gpgme_data_t sd = NULL, dd = NULL;
	gpgme_error_t code;
	int rc = -1;

	if (openpgp_armour(sig, siglen, "PGP SIGNATURE", OPENPGP_SIG_MAX, err) <
	    0)
		return -1;
	code = gpgme_data_new_from_mem(&sd, sig, siglen, 0);
	if (!code)
		code = gpgme_data_new_from_mem(&dd, data, len, 0);
	if (code) {
		openpgp_fail(err, code, "gpgme");
		goto out;
	}
	s = verify(v, sd, dd, &code, err);
	if (!s || check_status(s, err) < 0 || check_hash(s, err) < 0 ||
	    check_key(v, s, now, err) < 0 || check_time(s, now, err) < 0 ||
	    check_notation(s, notation, value, err) < 0)
		goto out;
	if (code) {
		openpgp_fail(err, code, "gpg");
		goto out;
	}
	rc = 0;
out:
	if (dd)
		gpgme_data_release(dd);
	if (sd)
		gpgme_data_release(sd);
	return rc;
}

int
key_fingerprint(const char *armour, size_t len, char out[FINGERPRINT_MAX],
    struct error *err)
{
	struct verifier *v;

	if (verifier_open(&v, armour, len, err) < 0)
		return -1;
	memcpy(
	    out, verifier_fingerprint(v), strlen(verifier_fingerprint(v)) + 1);
	verifier_close(v);
	return 0;
}
