/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gpg says of one public key, out of its listing with colons
 * (--with-colons --check-sigs): its parts, user ids and self-signatures. All
 * texts live in the arena that pubkey_parse() was given.
 */
#ifndef TREE_PUBKEY_H
#define TREE_PUBKEY_H

#include "tree/sign/keyring.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct arena;
struct error;

/* RFC 4880, 9.1 and 9.4: algorithms that have a name here. */
enum {
	ALGO_RSA = 1,
	ALGO_RSA_ENCRYPT = 2,
	ALGO_RSA_SIGN = 3,
	ALGO_DSA = 17,
	ALGO_ECDH = 18,
	ALGO_ECDSA = 19,
	ALGO_EDDSA = 22,
	HASH_SHA256 = 8,
	HASH_SHA384 = 9,
	HASH_SHA512 = 10
};

/* RFC 4880, 5.2.3.23: why a key was revoked. */
enum revocation {
	REASON_NONE = 0,
	REASON_SUPERSEDED = 1,
	REASON_COMPROMISED = 2,
	REASON_RETIRED = 3
};

/* A moment from (including) until (excluding; 0: for ever). */
struct span {
	time_t from, until;
};

struct pubkey_part {
	char fingerprint[FINGERPRINT_MAX];
	int algo, version;
	unsigned bits;
	const char *curve;       /* "" for RSA */
	time_t created, expires; /* 0: never */
	bool sign, certify, encrypt, authenticate;
	bool unusable; /* gpg says: not valid, or disabled */
	bool revoked;
	unsigned reason; /* enum revocation, or another number */
	time_t revoked_at;
	bool bound;    /* has a good self-signature */
	int weak_hash; /* of a good self-signature below SHA-2; 0: none is */
};

struct pubkey_uid {
	const char *text; /* as gpg shows it: may have any bytes */
	bool revoked;
	int weak_hash;
	time_t signed_at;
};

struct pubkey {
	struct arena *arena;
	struct pubkey_part *parts; /* the primary key first */
	size_t nparts;
	struct pubkey_uid *uids;
	size_t nuids;
	time_t *events; /* when something of it begins or ends */
	size_t nevents;
};

/* Read a listing of exactly one key. */
int pubkey_parse(struct pubkey *k, const char *text, size_t len,
    struct arena *a, struct error *err);

/*
 * The time around now in which all of it stays as it is: the key's facts can
 * change at its events only.
 */
struct span pubkey_span(const struct pubkey *k, time_t now);

/* The part with this fingerprint, or NULL. */
const struct pubkey_part *
pubkey_find(const struct pubkey *k, const char *fingerprint);

/* Is the primary key neither revoked nor expired? err says why not. */
int pubkey_usable(const struct pubkey *k, time_t now, struct error *err);

/* The same for a subkey (of a primary key that is). */
int
pubkey_part_usable(const struct pubkey_part *p, time_t now, struct error *err);

/* Why keys like this one are not accepted, in out; NULL: they are. */
const char *pubkey_weak(const struct pubkey_part *p, char *out, size_t size);

/* "Ed25519", "RSA with 3072 bits", "DSA". */
const char *
pubkey_algorithm(const struct pubkey_part *p, char *out, size_t size);

/* "SHA1" for a hash's number; "hash 42" for others. */
const char *pubkey_hash(int hash, char *out, size_t size);

/* A day: "2024-01-11", and with the time of day. */
const char *date_day(time_t t, char out[32]);
const char *date_minute(time_t t, char out[32]);

/* The smaller end of two spans, where 0 is for ever. */
time_t earlier(time_t a, time_t b);

#endif
