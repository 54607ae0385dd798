/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gpg's verdicts are data, not answers: gpgme_op_verify() succeeds for bad
 * signatures and for none at all, and gpg calls revoked, expired and SHA-1
 * ones good enough in places. So each rule is checked here one by one. The
 * home has exactly one key: nothing else could have made a good signature.
 */
#include "verifier.h"
#include "batch.h"
#include "keyhome.h"
#include "openpgp.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define CLOCK_SKEW  60 /* seconds that two machines' clocks may differ */
#define LISTING_MAX (4 * 1024 * 1024)
#define FLIGHT_MAX  64
#define KEYRING     "pubring.kbx" /* what an import makes */

struct verifier {
	struct arena arena; /* holds the struct itself */
	struct keyhome own; /* unless the home is in another's folder */
	struct keyhome *folder;
	const char *home;
	gpgme_ctx_t idle;   /* for this home; NULL: none, or it is at work */
	struct buf listing; /* of the key */
	struct pubkey key;
};

/* What an import tells: how many keys there were. */
struct import {
	long considered, imported, secret;
};

static int
judge_import(const struct import *i, struct error *err)
{
	if (i->secret > 0)
		return fail(err,
		    "holds a PRIVATE key, which is no secret any more: revoke "
		    "it and publish another one's public part");
	if (i->considered > 1)
		return fail(err, "holds %ld keys; exactly one is allowed",
		    i->considered);
	if (i->considered == 1 && i->imported == 0)
		return fail(err,
		    "the key has no valid self-signature: it is by SHA-1 or MD5, "
		    "or dated in the future");
	return i->considered == 1 ? 0 : fail(err, "holds no key");
}

/* gpg's last word on it; without one nothing was imported. */
static void
read_import(struct import *i, const char *status)
{
	static const char word[] = "[GNUPG:] IMPORT_RES ";
	const char *p = status ? strstr(status, word) : NULL;

	*i = (struct import){0};
	if (p &&
	    sscanf(p + strlen(word), "%ld %*d %ld %*d %*d %*d %*d %*d %*d %ld",
		&i->considered, &i->imported, &i->secret) != 3)
		i->considered = 0;
}

static int
import(const char *home, const char *armour, size_t len, struct error *err)
{
	char path[PATH_MAX];
	const char *const args[] = {"--status-fd", "1", "--import", path, NULL};
	struct import i;
	struct buf b;
	int rc;

	if (snprintf(path, sizeof(path), "%s/key.asc", home) >=
	    (int)sizeof(path))
		return fail(err, "TMPDIR is too long");
	if (file_create(path, armour, len, 0600, err) < 0)
		return -1;
	buf_init(&b, LISTING_MAX);
	rc = keyhome_gpg(home, args, &b, err);
	if (rc == 0) {
		read_import(&i, b.data);
		rc = judge_import(&i, err);
	}
	buf_release(&b);
	return rc;
}

/* To say where a context's home is asks gpg its version, so they are kept. */
static int
new_context(gpgme_ctx_t *out, const char *home, struct error *err)
{
	gpgme_error_t code;

	if (openpgp_context(out, err) < 0)
		return -1;
	code =
	    gpgme_ctx_set_engine_info(*out, GPGME_PROTOCOL_OpenPGP, GPG, home);
	if (!code)
		return 0;
	gpgme_release(*out);
	*out = NULL;
	return openpgp_fail(err, code, GPG);
}

/* Import the block into the home and read what gpg says of its one key. */
static int
take_key(const char *home, const char *armour, size_t len, struct pubkey *k,
    struct buf *listing, struct arena *a, struct error *err)
{
	static const char *const list[] = {
	    "--with-colons", "--fixed-list-mode", "--check-sigs", NULL};

	if (import(home, armour, len, err) < 0 ||
	    keyhome_gpg(home, list, listing, err) < 0)
		return -1;
	return pubkey_parse(k, listing->data, listing->len, a, err);
}

/* With an empty home; h: whose folder that is in, or NULL. */
static struct verifier *
new_verifier(struct keyhome *h, struct error *err)
{
	struct arena a = {0};
	struct verifier *v = arena_new(&a, struct verifier);

	v->arena = a;
	buf_init(&v->listing, LISTING_MAX);
	v->folder = h ? h : &v->own;
	if (h || keyhome_open(&v->own, err) == 0)
		v->home =
		    keyhome_add(v->folder, KEYHOME_STRICT, &v->arena, err);
	if (v->home)
		return v;
	verifier_close(v);
	return NULL;
}

/* h: whose folder the home is in; NULL: one of its own. */
static int
open_key(struct verifier **out, struct keyhome *h, const char *armour,
    size_t len, struct error *err)
{
	struct verifier *v;
	char why[128];

	*out = NULL;
	if (openpgp_armour(
		armour, len, "PGP PUBLIC KEY BLOCK", OPENPGP_KEY_MAX, err) < 0)
		return -1;
	v = new_verifier(h, err);
	if (!v)
		return -1;
	if (take_key(
		v->home, armour, len, &v->key, &v->listing, &v->arena, err) < 0)
		goto failed;
	if (pubkey_weak(&v->key.parts[0], why, sizeof(why))) {
		fail(err, "%s", why);
		goto failed;
	}
	*out = v;
	return 0;
failed:
	verifier_close(v);
	return -1;
}

int
verifier_open(
    struct verifier **out, const char *armour, size_t len, struct error *err)
{
	return open_key(out, NULL, armour, len, err);
}

int
verifier_open_in(struct verifier **out, struct keyhome *h, const char *armour,
    size_t len, struct error *err)
{
	return open_key(out, h, armour, len, err);
}

/* Bytes of the listing in a line, the listing, the keyring. */
int
verifier_save(const struct verifier *v, struct buf *out)
{
	char path[PATH_MAX];
	struct error none;

	if (snprintf(path, sizeof(path), "%s/" KEYRING, v->home) >=
		(int)sizeof(path) ||
	    buf_addf(out, "%zu\n", v->listing.len) < 0 ||
	    buf_add(out, v->listing.data, v->listing.len) < 0)
		return -1;
	return file_read(path, out, &none);
}

bool
verifier_restore(struct verifier **out, struct keyhome *h,
    const struct buf *saved, struct error *err)
{
	char path[PATH_MAX];
	const char *p = saved->data, *end = p + saved->len, *eol;
	struct verifier *v;
	size_t n;

	eol = memchr(p, '\n', saved->len);
	if (!eol || sscanf(p, "%zu", &n) != 1 || n > (size_t)(end - eol - 1))
		return false;
	v = new_verifier(h, err);
	if (!v)
		return false;
	p = eol + 1;
	if (snprintf(path, sizeof(path), "%s/" KEYRING, v->home) >=
		(int)sizeof(path) ||
	    buf_add(&v->listing, p, n) < 0 ||
	    file_create(path, p + n, (size_t)(end - p) - n, 0600, err) < 0 ||
	    pubkey_parse(&v->key, p, n, &v->arena, err) < 0) {
		verifier_close(v);
		return false;
	}
	*out = v;
	return true;
}

void
verifier_close(struct verifier *v)
{
	struct arena a;

	if (!v)
		return;
	if (v->idle)
		gpgme_release(v->idle);
	keyhome_close(&v->own);
	buf_release(&v->listing);
	a = v->arena;
	arena_release(&a);
}

const char *
verifier_fingerprint(const struct verifier *v)
{
	return v->key.parts[0].fingerprint;
}

const struct pubkey *
verifier_key(const struct verifier *v)
{
	return &v->key;
}

int
verifier_usable(const struct verifier *v, time_t now, struct error *err)
{
	return pubkey_usable(&v->key, now, err);
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
		return openpgp_fail_hash(sig, err);
	default:
		gpgme_strerror_r(sig->status, text, sizeof(text));
		return fail(err, "the signature is not good: %s", text);
	}
}

/* The part of the key that made sig: neither revoked nor expired nor weak. */
static int
check_key(const struct verifier *v, const struct _gpgme_signature *sig,
    time_t now, struct span *span, struct error *err)
{
	const struct pubkey_part *p;
	char why[128];

	p = sig->fpr ? pubkey_find(&v->key, sig->fpr) : NULL;
	if (!p)
		return fail(err, "was signed by another key (%s)",
		    sig->fpr ? sig->fpr : "unknown");
	if (pubkey_usable(&v->key, now, err) < 0)
		return -1;
	if (p != v->key.parts && pubkey_part_usable(p, now, err) < 0)
		return -1;
	if (pubkey_weak(p, why, sizeof(why)))
		return fail(
		    err, "the signing subkey %s: %s", p->fingerprint, why);
	if ((time_t)sig->timestamp < p->created)
		return fail(err, "the signature is older than its key");
	/* whatever the key's list says */
	if (gpgme_err_code(sig->status) == GPG_ERR_CERT_REVOKED)
		return fail(err, "the key %s is revoked", p->fingerprint);
	*span = pubkey_span(&v->key, now);
	return 0;
}

static int
check_time(const struct _gpgme_signature *sig, time_t now, struct span *span,
    struct error *err)
{
	time_t made = (time_t)sig->timestamp, ends = (time_t)sig->exp_timestamp;
	char day[32];

	if (made > now + CLOCK_SKEW)
		return fail(err,
		    "the signature is dated %s, in the future (is a clock "
		    "wrong?)",
		    date_minute(made, day));
	if (ends > 0 && ends <= now)
		return fail(err, "the signature expired on %s: sign it again",
		    date_minute(ends, day));
	if (made - CLOCK_SKEW > span->from)
		span->from = made - CLOCK_SKEW;
	span->until = earlier(span->until, ends);
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

/* The one signature, or NULL. */
static const struct _gpgme_signature *
only_one(gpgme_verify_result_t r, struct error *err)
{
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

/* By our rules: is it good for what c asks? */
static int
judge_signature(struct check *c, const struct _gpgme_signature *s, time_t now)
{
	struct error *err = &c->err;

	if (check_status(s, err) < 0 || openpgp_check_hash(s, err) < 0 ||
	    check_key(c->verifier, s, now, &c->span, err) < 0 ||
	    check_time(s, now, &c->span, err) < 0)
		return -1;
	return check_notation(s, c->notation, c->value, err);
}

/* gpg is done with c; code is how it ended. */
static void
judge(struct check *c, gpgme_ctx_t ctx, gpgme_error_t code, time_t now)
{
	struct error *err = &c->err;
	const struct _gpgme_signature *s;

	s = only_one(gpgme_op_verify_result(ctx), err);
	if (!s || judge_signature(c, s, now) < 0)
		return;
	if (code)
		openpgp_fail(err, code, "gpg");
	else
		c->good = true;
}

/* One run of gpg in flight. */
struct flight {
	gpgme_ctx_t ctx;
	gpgme_data_t sig, data;
	struct check *check; /* NULL: it is on the ground */
};

/* One context is kept: as one flight lands, the next one starts. */
static void
end_flight(struct flight *f)
{
	struct verifier *v = f->check->verifier;

	if (f->data)
		gpgme_data_release(f->data);
	if (f->sig)
		gpgme_data_release(f->sig);
	if (!v->idle)
		v->idle = f->ctx;
	else
		gpgme_release(f->ctx);
	*f = (struct flight){0};
}

static int
start(struct flight *f, struct check *c)
{
	struct verifier *v = c->verifier;
	gpgme_error_t code;

	if (openpgp_armour(c->sig, c->siglen, "PGP SIGNATURE", OPENPGP_SIG_MAX,
		&c->err) < 0)
		return -1;
	f->ctx = v->idle;
	v->idle = NULL;
	if (!f->ctx && new_context(&f->ctx, v->home, &c->err) < 0)
		return -1;
	f->check = c;
	code = gpgme_data_new_from_mem(&f->sig, c->sig, c->siglen, 0);
	if (!code)
		code = gpgme_data_new_from_mem(&f->data, c->data, c->len, 0);
	if (!code)
		code = gpgme_op_verify_start(f->ctx, f->sig, f->data, NULL);
	if (!code)
		return 0;
	end_flight(f);
	return openpgp_fail(&c->err, code, "gpgme");
}

/*
 * Wait for this one; the others go on meanwhile. gpgme 1.18 crashes when it is
 * to wait for whichever comes first.
 */
static void
land(struct flight *f, time_t now)
{
	gpgme_error_t code = 0;

	if (!f->check)
		return;
	if (gpgme_wait(f->ctx, &code, 1) == f->ctx)
		judge(f->check, f->ctx, code, now);
	else
		fail(&f->check->err, "gpgme lost its gpg");
	end_flight(f);
}

static void
clear(struct check *c)
{
	memset(&c->err, 0, sizeof(c->err));
	memset(&c->span, 0, sizeof(c->span));
	c->good = false;
}

/* Those that are good, as nearly all are, together. */
static void
check_together(struct check *list, size_t n, time_t now)
{
	struct arena a = {0};
	struct batch_item *items = arena_array(&a, n + 1, struct batch_item);
	size_t i;

	for (i = 0; i < n; i++)
		items[i] = (struct batch_item){.home = list[i].verifier->home,
		    .kept = &list[i].verifier->folder->kept,
		    .data = list[i].data,
		    .len = list[i].len,
		    .sig = list[i].sig,
		    .siglen = list[i].siglen};
	batch_verify(items, n, &a);
	for (i = 0; i < n; i++) {
		clear(&list[i]);
		list[i].good = items[i].found &&
		    judge_signature(&list[i], &items[i].signature, now) == 0;
	}
	arena_release(&a);
}

/* What is wrong with the others is found out one by one. */
void
verifier_check_list(struct check *list, size_t n, time_t now)
{
	struct flight flights[FLIGHT_MAX] = {{0}}, *f;
	size_t max = proc_processors() + 2, next = 0, i;

	check_together(list, n, now);
	max = max > FLIGHT_MAX ? FLIGHT_MAX : max;
	/* a ring: the oldest lands where the next one starts */
	for (i = 0; i < n; i++) {
		if (list[i].good)
			continue;
		f = &flights[next++ % max];
		land(f, now);
		clear(&list[i]);
		(void)start(f, &list[i]);
	}
	for (i = 0; i < max; i++)
		land(&flights[i], now);
}

int
verifier_check(struct verifier *v, const void *data, size_t len,
    const void *sig, size_t siglen, const char *notation, const char *value,
    time_t now, struct error *err)
{
	struct check c = {.verifier = v,
	    .data = data,
	    .len = len,
	    .sig = sig,
	    .siglen = siglen,
	    .notation = notation,
	    .value = value};

	verifier_check_list(&c, 1, now);
	if (c.good)
		return 0;
	*err = c.err;
	return -1;
}

int
key_inspect(struct pubkey *out, const char *armour, size_t len, struct arena *a,
    struct error *err)
{
	struct keyhome h;
	const char *home;
	struct buf listing;
	int rc = -1;

	if (openpgp_armour(
		armour, len, "PGP PUBLIC KEY BLOCK", OPENPGP_KEY_MAX, err) < 0)
		return -1;
	if (keyhome_open(&h, err) < 0)
		return -1;
	buf_init(&listing, LISTING_MAX);
	home = keyhome_add(&h, KEYHOME_LAX, a, err);
	if (home)
		rc = take_key(home, armour, len, out, &listing, a, err);
	buf_release(&listing);
	keyhome_close(&h);
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
