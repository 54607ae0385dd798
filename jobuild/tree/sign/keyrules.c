/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which keys are accepted, and what people are told of those that aren't. */
#include "pubkey.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#define RSA_MIN 2048

const char *
date_minute(time_t t, char out[32])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(out, 32, "%lld", (long long)t);
	return out;
}

const char *
date_day(time_t t, char out[32])
{
	date_minute(t, out);
	out[strcspn(out, " ")] = '\0';
	return out;
}

const char *
pubkey_hash(int hash, char *out, size_t size)
{
	static const char *const names[] = {[1] = "MD5",
	    [2] = "SHA1",
	    [3] = "RIPEMD160",
	    [8] = "SHA256",
	    [9] = "SHA384",
	    [10] = "SHA512",
	    [11] = "SHA224"};

	if (hash > 0 && hash < (int)(sizeof(names) / sizeof(names[0])) &&
	    names[hash])
		snprintf(out, size, "%s", names[hash]);
	else
		snprintf(out, size, "hash %d", hash);
	return out;
}

static bool
is_rsa(int algo)
{
	return algo == ALGO_RSA || algo == ALGO_RSA_SIGN ||
	    algo == ALGO_RSA_ENCRYPT;
}

const char *
pubkey_algorithm(const struct pubkey_part *p, char *out, size_t size)
{
	if (is_rsa(p->algo))
		snprintf(out, size, "RSA with %u bits", p->bits);
	else if (p->algo == ALGO_DSA)
		snprintf(out, size, "DSA");
	else if (p->algo == 16 || p->algo == 20)
		snprintf(out, size, "Elgamal");
	else if (strcmp(p->curve, "ed25519") == 0)
		snprintf(out, size, "Ed25519");
	else if (strcmp(p->curve, "cv25519") == 0)
		snprintf(out, size, "Curve25519");
	else if (*p->curve)
		snprintf(out, size, "%s on %.40s",
		    p->algo == ALGO_ECDSA      ? "ECDSA"
			: p->algo == ALGO_ECDH ? "ECDH"
					       : "EdDSA",
		    p->curve);
	else
		snprintf(out, size, "algorithm %d", p->algo);
	return out;
}

const char *
pubkey_weak(const struct pubkey_part *p, char *out, size_t size)
{
	char name[64];

	if (p->algo == ALGO_ECDSA || p->algo == ALGO_EDDSA)
		return NULL;
	if (p->algo == ALGO_RSA || p->algo == ALGO_RSA_SIGN) {
		if (p->bits >= RSA_MIN)
			return NULL;
		snprintf(out, size,
		    "RSA with %u bits is too weak: at least %d are needed",
		    p->bits, RSA_MIN);
		return out;
	}
	snprintf(out, size,
	    "%s keys are not accepted: Ed25519, ECDSA or RSA from %d bits",
	    pubkey_algorithm(p, name, sizeof(name)), RSA_MIN);
	return out;
}

/*
 * A signature says itself when it was made, so whoever has a key can date one
 * back: however soft the reason is, nothing signed with the key counts.
 */
static int
fail_revoked(const char *what, const struct pubkey_part *p, struct error *err)
{
	const char *why;
	char day[32] = "";

	switch (p->reason) {
	case REASON_COMPROMISED:
		why = "compromised: nothing that it has signed counts";
		break;
	case REASON_SUPERSEDED:
		why = "superseded by another key: sign again with that one";
		break;
	case REASON_RETIRED:
		why = "no longer used: sign again with another key";
		break;
	default:
		why = "no reason given: sign again with another key";
	}
	if (!p->revoked_at)
		return fail(err, "%s %s is revoked", what, p->fingerprint);
	return fail(err, "%s %s is revoked since %s (%s)", what, p->fingerprint,
	    date_day(p->revoked_at, day), why);
}

static int
check_part(const char *what, const struct pubkey_part *p, time_t now,
    struct error *err)
{
	char day[32];

	if (p->revoked)
		return fail_revoked(what, p, err);
	if (p->expires > 0 && p->expires <= now)
		return fail(err,
		    "%s %s expired on %s: its owner can prolong it (gpg "
		    "--quick-set-expire) and publish it again (jobuild key "
		    "export)",
		    what, p->fingerprint, date_day(p->expires, day));
	if (p->unusable)
		return fail(err, "%s %s is not valid", what, p->fingerprint);
	return 0;
}

int
pubkey_usable(const struct pubkey *k, time_t now, struct error *err)
{
	return check_part("the key", &k->parts[0], now, err);
}

int
pubkey_part_usable(const struct pubkey_part *p, time_t now, struct error *err)
{
	return check_part("the signing subkey", p, now, err);
}
