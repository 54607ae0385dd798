/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "glep63.h"
#include "base/arena.h"
#include "base/error.h"

#include <stdarg.h>
#include <string.h>

#define DAY      86400
#define DAYS_MAX 900

#define ADD_SIGNER "gpg --quick-add-key FINGERPRINT ed25519 sign 2y"

/* What the rules look at. */
struct exam {
	const struct pubkey *k;
	const struct pubkey_part *primary;
	const struct pubkey_part *signer;  /* the best subkey, or NULL */
	const struct pubkey_part *expired; /* one that signed; with no signer */
	bool lost; /* the primary key is revoked or weak: nothing mends it */
	time_t now;
	struct rulings *out;
};

static const char *const levels[] = {
    [RULE_ACCEPTED] = "accepted",
    [RULE_MINIMUM] = "minimum",
    [RULE_RECOMMENDED] = "recommended",
    [RULE_HINT] = "hint",
};

const char *
rule_level_name(enum rule_level level)
{
	return levels[level];
}

/* Add a ruling; it gets its remedy, if it doesn't hold, by remedy(). */
__attribute__((format(printf, 5, 6))) static struct ruling *
rule(struct exam *x, const char *name, enum rule_level level, bool holds,
    const char *fmt, ...)
{
	struct rulings *o = x->out;
	struct ruling *r;
	va_list ap;

	o->list = arena_grow(o->arena, o->list, o->n, sizeof(*o->list));
	r = &o->list[o->n++];
	va_start(ap, fmt);
	*r = (struct ruling){.rule = name,
	    .level = level,
	    .holds = holds,
	    .text = arena_vprintf(o->arena, fmt, ap),
	    .remedy = ""};
	va_end(ap);
	return r;
}

/* FINGERPRINT becomes the key's. */
static const char *
fill_in(struct exam *x, const char *text)
{
	static const char name[] = "FINGERPRINT";
	const char *out = "", *hit;

	for (; (hit = strstr(text, name)) != NULL; text = hit + strlen(name))
		out = arena_printf(x->out->arena, "%s%.*s%s", out,
		    (int)(hit - text), text, x->primary->fingerprint);
	return arena_printf(x->out->arena, "%s%s", out, text);
}

/* Of what helps this very key: nothing if it is lost. */
static void
remedy(struct exam *x, struct ruling *r, const char *text)
{
	if (r->level == RULE_HINT || (!r->holds && !x->lost))
		r->remedy = fill_in(x, text);
}

/* A lost key can sign no statement that it is replaced, or none that counts. */
static void
replace_if_lost(struct exam *x, struct ruling *r)
{
	if (!r->holds && x->lost)
		r->remedy =
		    "make another key (gpg --quick-generate-key ADDRESS "
		    "ed25519 cert 2y, then gpg --quick-add-key NEW ed25519 "
		    "sign 2y); who keeps the keyring must enter it, for this "
		    "one can't be rotated";
}

static bool
is_over(const struct pubkey_part *p, time_t now)
{
	return p->revoked || p->unusable || (p->expires && p->expires <= now);
}

static const struct pubkey_part *
find_subkey(const struct exam *x, bool signs)
{
	const struct pubkey_part *p;
	size_t i;

	for (i = 1; i < x->k->nparts; i++) {
		p = &x->k->parts[i];
		if ((signs ? p->sign : p->encrypt) && !is_over(p, x->now))
			return p;
	}
	return NULL;
}

/* The signing subkey that expired last, and is nothing worse, or NULL. */
static const struct pubkey_part *
find_expired(const struct exam *x)
{
	const struct pubkey_part *p, *last = NULL;
	size_t i;

	for (i = 1; i < x->k->nparts; i++) {
		p = &x->k->parts[i];
		if (!p->sign || p->revoked || p->unusable || !p->expires ||
		    p->expires > x->now)
			continue;
		if (!last || p->expires > last->expires)
			last = p;
	}
	return last;
}

static const char *
expired_text(struct exam *x)
{
	char day[32];

	return arena_printf(x->out->arena,
	    "the signing subkey %s expired on %s", x->expired->fingerprint,
	    date_day(x->expired->expires, day));
}

/* "*" would pass over a subkey that has expired. */
static const char *
prolong_expired(struct exam *x)
{
	return arena_printf(x->out->arena,
	    "gpg --quick-set-expire FINGERPRINT 2y %s; then jobuild key export",
	    x->expired->fingerprint);
}

/* ---- what is accepted at all ------------------------------------------------
 */

static void
check_usable(struct exam *x)
{
	struct error err = {0};
	bool good = pubkey_usable(x->k, x->now, &err) == 0;
	struct ruling *r;

	r = rule(x, "usable", RULE_ACCEPTED, good, "%s",
	    good ? "the key is neither revoked nor expired" : err.msg);
	remedy(x, r,
	    x->expired
		? arena_printf(x->out->arena,
		      "gpg --quick-set-expire FINGERPRINT 2y, and %s",
		      prolong_expired(x))
		: "gpg --quick-set-expire FINGERPRINT 2y, the same with \"*\" "
		  "behind it for the subkeys; then jobuild key export");
	replace_if_lost(x, r);
}

static void
check_strength(struct exam *x)
{
	const struct pubkey_part *p = x->primary;
	char why[128], name[64];
	struct ruling *r;

	if (!pubkey_weak(p, why, sizeof(why)) && x->signer)
		p = x->signer;
	if (pubkey_weak(p, why, sizeof(why)))
		r = rule(x, "strength", RULE_ACCEPTED, false, "%s", why);
	else
		r = rule(x, "strength", RULE_ACCEPTED, true, "%s",
		    pubkey_algorithm(x->primary, name, sizeof(name)));
	remedy(x, r,
	    arena_printf(x->out->arena,
		"gpg --quick-add-key FINGERPRINT ed25519 sign 2y, and revoke "
		"the weak one (gpg --edit-key FINGERPRINT, key %s, revkey); "
		"then jobuild key export",
		p->fingerprint));
	replace_if_lost(x, r);
}

static void
check_signs(struct exam *x)
{
	bool good =
	    x->signer || (x->primary->sign && !is_over(x->primary, x->now));
	struct ruling *r;

	r = rule(x, "can-sign", RULE_ACCEPTED, good, "%s",
	    good             ? "a part of it can sign"
		: x->expired ? expired_text(x)
			     : "no part of it that is valid can sign");
	remedy(x, r, x->expired ? prolong_expired(x) : ADD_SIGNER);
}

/* ---- the bare minimum ------------------------------------------------------
 */

/* Without one good user id, or a good binding of what signs, gpg refuses it. */
static enum rule_level
hash_level(const struct exam *x)
{
	const struct pubkey *k = x->k;
	size_t i, good = 0;

	for (i = 0; i < k->nuids; i++)
		good += !k->uids[i].revoked && !k->uids[i].weak_hash;
	if (good == 0 || (x->signer && x->signer->weak_hash))
		return RULE_ACCEPTED;
	return RULE_MINIMUM;
}

static void
check_hashes(struct exam *x)
{
	const struct pubkey *k = x->k;
	const char *where = "a user id";
	struct ruling *r;
	char hash[32];
	int weak = 0;
	size_t i;

	for (i = 0; i < k->nuids && !weak; i++)
		weak = k->uids[i].revoked ? 0 : k->uids[i].weak_hash;
	for (i = 0; i < k->nparts && !weak; i++) {
		if (i > 0 && is_over(&k->parts[i], x->now))
			continue;
		weak = k->parts[i].weak_hash;
		where = i ? "a subkey" : "the key";
	}
	if (weak)
		r = rule(x, "self-signatures", hash_level(x), false,
		    "the self-signature of %s is made with %s", where,
		    pubkey_hash(weak, hash, sizeof(hash)));
	else
		r = rule(x, "self-signatures", RULE_MINIMUM, true,
		    "all self-signatures are SHA-2 with 256 bits or more");
	remedy(x, r,
	    "gpg --cert-digest-algo SHA512 --quick-set-expire FINGERPRINT 2y, "
	    "and the same with \"*\" behind it, makes new ones");
}

static void
check_signing_subkey(struct exam *x)
{
	const struct pubkey_part *s = x->signer;
	bool alone = s && !s->certify && !s->encrypt && !s->authenticate;
	struct ruling *r;

	r = rule(x, "signing-subkey", RULE_MINIMUM, alone, "%s",
	    alone            ? "a subkey of its own signs and does nothing else"
		: s          ? "the signing subkey has other uses too"
		: x->expired ? expired_text(x)
		: x->primary->sign
		? "there is no signing subkey: the primary key would sign"
		: "there is no signing subkey");
	remedy(x, r,
	    x->expired ? prolong_expired(x)
		       : ADD_SIGNER " makes one; keep the primary key offline "
				    "then");
}

/* RSA from 2048 bits, or curve 25519. */
static bool
is_listed(const struct pubkey_part *p)
{
	if (p->algo == ALGO_RSA || p->algo == ALGO_RSA_SIGN)
		return p->bits >= 2048;
	return strcmp(p->curve, "ed25519") == 0 ||
	    strcmp(p->curve, "cv25519") == 0;
}

static void
check_algorithms(struct exam *x)
{
	const struct pubkey_part *p = x->primary;
	struct ruling *r;
	char name[64];
	bool good;

	if (is_listed(p) && x->signer)
		p = x->signer;
	good = is_listed(p) && x->primary->version >= 4;
	r = rule(x, "algorithm", RULE_MINIMUM, good, "the %s is %s",
	    p == x->primary ? "primary key" : "signing subkey",
	    pubkey_algorithm(p, name, sizeof(name)));
	remedy(x, r,
	    p == x->primary
		? "RSA from 2048 bits or Ed25519: make another key and rotate "
		  "to it (jobuild key rotate)"
		: "RSA from 2048 bits or Ed25519: gpg --quick-add-key "
		  "FINGERPRINT ed25519 sign 2y");
}

/* The latest end of the parts that are in use; name of one without. */
static void
check_expiry(struct exam *x)
{
	const struct pubkey_part *p, *worst = NULL;
	struct ruling *r;
	char day[32];
	size_t i;

	for (i = 0; i < x->k->nparts; i++) {
		p = &x->k->parts[i];
		if (is_over(p, x->now))
			continue;
		if (!worst || !p->expires ||
		    (worst->expires && p->expires > worst->expires))
			worst = p;
		if (!p->expires)
			break;
	}
	if (!worst)
		worst = x->primary;
	if (!worst->expires)
		r = rule(x, "expiry", RULE_MINIMUM, false,
		    "%s %s never expires",
		    worst == x->primary ? "the primary key" : "the subkey",
		    worst->fingerprint);
	else
		r = rule(x, "expiry", RULE_MINIMUM,
		    worst->expires <= x->now + (time_t)DAYS_MAX * DAY,
		    "the last part expires on %s; at most %d days ahead are "
		    "allowed",
		    date_day(worst->expires, day), DAYS_MAX);
	remedy(x, r,
	    "gpg --quick-set-expire FINGERPRINT 2y for the key, the same with "
	    "\"*\" behind it for its subkeys");
}

time_t
glep63_expiry(const struct pubkey *k, time_t now)
{
	time_t ends = k->parts[0].expires, last = -1;
	size_t i;

	for (i = 1; i < k->nparts; i++) {
		if (!k->parts[i].sign || is_over(&k->parts[i], now))
			continue;
		/* the one that lasts longest signs */
		if (last < 0 || !k->parts[i].expires ||
		    (last && k->parts[i].expires > last))
			last = k->parts[i].expires;
	}
	return last < 0 ? ends : earlier(ends, last);
}

static void
check_renewal(struct exam *x)
{
	time_t ends = glep63_expiry(x->k, x->now);
	bool good = !ends || ends > x->now + GLEP63_RENEW;
	struct ruling *r;
	char day[32];

	if (!ends)
		r = rule(x, "renewal", RULE_MINIMUM, true, "nothing expires");
	else
		r = rule(x, "renewal", RULE_MINIMUM, good,
		    "what signs expires on %s; it is to be renewed two weeks "
		    "before",
		    date_day(ends, day));
	remedy(x, r,
	    "gpg --quick-set-expire FINGERPRINT 2y, the same with \"*\" behind "
	    "it; then jobuild key export, and commit USER.asc");
}

static void
check_encryption(struct exam *x)
{
	bool good = find_subkey(x, false) != NULL;
	struct ruling *r;

	r = rule(x, "encryption-subkey", RULE_MINIMUM, good, "%s",
	    good ? "a subkey encrypts" : "there is no subkey for encryption");
	remedy(x, r,
	    "gpg --quick-add-key FINGERPRINT cv25519 encr 2y (nothing here "
	    "needs it, people who write to you do)");
}

/* ---- recommendations --------------------------------------------------------
 */

static void
check_certify_only(struct exam *x)
{
	const struct pubkey_part *p = x->primary;
	bool good = p->certify && !p->sign && !p->encrypt && !p->authenticate;
	struct ruling *r;

	r = rule(x, "certify-only", RULE_RECOMMENDED, good, "%s",
	    good ? "the primary key only certifies"
		 : "the primary key does more than to certify");
	remedy(x, r,
	    "gpg --edit-key FINGERPRINT, change-usage; a new key: gpg "
	    "--quick-generate-key ADDRESS ed25519 cert 2y");
}

static void
check_uid(struct exam *x)
{
	const struct pubkey_uid *u;
	const char *at = NULL;
	struct ruling *r;
	size_t i;

	for (i = 0; i < x->k->nuids && !at; i++) {
		u = &x->k->uids[i];
		if (!u->revoked && strchr(u->text, '@'))
			at = u->text;
	}
	r = rule(x, "user-id", RULE_RECOMMENDED, at != NULL, "%s%s",
	    at ? "has a user id with an address: "
	       : "has no user id with an address",
	    at ? at : "");
	remedy(x, r,
	    "gpg --quick-add-uid FINGERPRINT \"NAME <ADDRESS>\" (a developer "
	    "of Gentoo: the address at gentoo.org)");
}

static void
give_hints(struct exam *x)
{
	struct ruling *r;

	r = rule(x, "revocation-certificate", RULE_HINT, true,
	    "keep a revocation certificate on paper, away from the key");
	remedy(x, r, "gpg --gen-revoke FINGERPRINT");
	r = rule(x, "backup", RULE_HINT, true,
	    "keep an encrypted backup of the secret key");
	remedy(x, r, "gpg --export-secret-keys FINGERPRINT");
}

void
glep63_check(
    const struct pubkey *k, time_t now, struct arena *a, struct rulings *out)
{
	struct exam x = {
	    .k = k, .primary = &k->parts[0], .now = now, .out = out};
	char why[128];

	memset(out, 0, sizeof(*out));
	out->arena = a;
	x.signer = find_subkey(&x, true);
	x.expired = x.signer ? NULL : find_expired(&x);
	x.lost = x.primary->revoked || pubkey_weak(x.primary, why, sizeof(why));
	check_usable(&x);
	check_strength(&x);
	check_signs(&x);
	check_hashes(&x);
	check_signing_subkey(&x);
	check_algorithms(&x);
	check_expiry(&x);
	check_renewal(&x);
	check_encryption(&x);
	check_certify_only(&x);
	check_uid(&x);
	give_hints(&x);
}

bool
glep63_holds(const struct rulings *r, enum rule_level level)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (r->list[i].level <= level && !r->list[i].holds)
			return false;
	}
	return true;
}
