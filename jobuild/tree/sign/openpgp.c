/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "openpgp.h"
#include "sign.h"
#include "base/error.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static const char dashes[] = "-----BEGIN ";

static const char *
find(const char *p, const char *end, const char *what)
{
	return p < end ? memmem(p, (size_t)(end - p), what, strlen(what))
		       : NULL;
}

static bool
only_blanks(const char *p, const char *end)
{
	while (p < end && isspace((unsigned char)*p))
		p++;
	return p == end;
}

/* Say what the text is that doesn't begin with the wanted block. */
static int
fail_label(const char *p, const char *end, const char *label, struct error *err)
{
	if (only_blanks(p, end))
		return fail(err, "is empty");
	if (find(p, end, "-----BEGIN PGP PRIVATE KEY BLOCK-----"))
		return fail(err,
		    "holds a PRIVATE key, which is no secret any more: revoke "
		    "it and publish another one's public part (gpg --armor "
		    "--export)");
	if (find(p, end, "-----BEGIN PGP SIGNED MESSAGE-----"))
		return fail(err,
		    "is a clear-signed text, not a detached signature (jobuild "
		    "sign makes one)");
	if (find(p, end, "-----BEGIN PGP MESSAGE-----"))
		return fail(err, "is an OpenPGP message, not %s", label);
	return fail(err, "is not an armoured block \"%s\"", label);
}

int
openpgp_armour(const char *text, size_t len, const char *label, size_t max,
    struct error *err)
{
	static const char private[] = "-----BEGIN PGP PRIVATE KEY BLOCK-----";
	static const char clear[] = "-----BEGIN PGP SIGNED MESSAGE-----";
	const char *p = text, *end = text + len, *next;
	char line[64];

	if (len > max)
		return fail(err, "is larger than %zu bytes", max);
	while (p < end && isspace((unsigned char)*p))
		p++;
	snprintf(line, sizeof(line), "-----BEGIN %s-----", label);
	next = find(p, end, line);
	if (!next || find(p, end, private) || find(p, end, clear))
		return fail_label(p, end, label, err);
	if (next != p)
		return fail(err, "has text in front of the armoured block");
	p += strlen(line);
	if (find(p, end, dashes))
		return fail(err,
		    "holds several armoured blocks; exactly one is allowed");
	snprintf(line, sizeof(line), "-----END %s-----", label);
	next = find(p, end, line);
	if (!next)
		return fail(
		    err, "is cut off: the line \"%s\" is missing", line);
	if (!only_blanks(next + strlen(line), end))
		return fail(err, "has text behind the armoured block");
	return 0;
}

/*
 * gpgme finds gpg on PATH itself then, rather than by five programs: gpgconf
 * about where which one is, and each of those about its version.
 */
static const char *
start(const char *least)
{
	(void)gpgme_set_global_flag("disable-gpgconf", "1");
	return gpgme_check_version(least);
}

int
openpgp_context(gpgme_ctx_t *out, struct error *err)
{
	gpgme_error_t code;

	if (!start("1.18.0"))
		return fail(err, "gpgme is older than 1.18");
	code = gpgme_new(out);
	if (code)
		return openpgp_fail(err, code, "gpgme");
	gpgme_set_armor(*out, 1);
	return 0;
}

int
openpgp_fail(struct error *err, gpgme_error_t code, const char *what)
{
	char text[128];

	switch (gpgme_err_code(code)) {
	case GPG_ERR_UNSUPPORTED_PROTOCOL:
	case GPG_ERR_INV_ENGINE:
		return fail(err,
		    "%s: there is no gpg to run (is GnuPG installed, and gpg "
		    "on PATH?)",
		    what);
	case GPG_ERR_ENOTTY:
	case GPG_ERR_NO_PIN_ENTRY:
		return fail(err,
		    "%s: gpg has no way to ask for the key's passphrase: say "
		    "which terminal is yours (export GPG_TTY=$(tty)) or use a "
		    "pinentry that needs none",
		    what);
	default:
		gpgme_strerror_r(code, text, sizeof(text));
		return fail(err, "%s: %s", what, text);
	}
}

int
openpgp_check_hash(const struct _gpgme_signature *sig, struct error *err)
{
	switch (sig->hash_algo) {
	case GPGME_MD_SHA256:
	case GPGME_MD_SHA384:
	case GPGME_MD_SHA512:
		return 0;
	default:
		return openpgp_fail_hash(sig, err);
	}
}

int
openpgp_fail_hash(const struct _gpgme_signature *sig, struct error *err)
{
	const char *hash = gpgme_hash_algo_name(sig->hash_algo);

	return fail(err,
	    "the signature's hash is %s, which is not accepted: sign with "
	    "SHA-256 or better",
	    hash ? hash : "unknown");
}

void
sign_warm_up(void)
{
	(void)start(NULL);
	/* who needs it and hasn't got it is told so by then */
	(void)gpgme_engine_check_version(GPGME_PROTOCOL_OpenPGP);
}
