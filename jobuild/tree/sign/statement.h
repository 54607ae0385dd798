/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Key statements: what a maintainer says of a key of theirs to those who keep
 * keyrings. That another key takes its place (rotate), signed by both; or that
 * it is not to be trusted any more (revoke), signed by itself. jobtage(5) has
 * the format. A key block that has been revoked in OpenPGP's own way says the
 * same as a revoke statement, of every user who has it.
 */
#ifndef TREE_STATEMENT_H
#define TREE_STATEMENT_H

#include "tree/sign/keyring.h"

#include <time.h>

struct arena;
struct buf;
struct error;

#define NOTATION_STATEMENT "statement@jobtage" /* "rotate" or "revoke" */
#define STATEMENT_MAX      (1024 * 1024)
#define STATEMENT_DAYS     30 /* how old one may be when it is accepted */

enum statement_action { STATEMENT_ROTATE, STATEMENT_REVOKE };

/* A slice of the statement. */
struct block {
	const char *text;
	size_t len;
};

struct statement {
	enum statement_action action;
	const char *user; /* NULL: who has the key (a revoked key block) */
	char old[FINGERPRINT_MAX];
	char new[FINGERPRINT_MAX]; /* "" for a revocation */
	const char *reason;        /* of a revocation; "" for a rotation */
	time_t date;
	struct block head; /* what is signed */
	struct block old_key, old_signature, new_key, new_signature;
};

/* Take it apart; nothing is verified. Slices are the caller's text. */
int statement_parse(struct statement *s, const char *text, size_t len,
    struct arena *a, struct error *err);

/*
 * Take apart what a maintainer sent, a statement or a revoked key block, and
 * verify it: whoever accepts it needs only look whether its keyring trusts
 * s->old for s->user.
 */
int statement_read(struct statement *s, const char *text, size_t len,
    time_t now, struct arena *a, struct error *err);

/*
 * As that, of a file, which errors name, or of standard input ("-"); b is the
 * caller's and keeps it.
 */
int statement_load(struct statement *s, const char *path, struct buf *b,
    time_t now, struct arena *a, struct error *err);

/* The part to sign, out of action, user, old, new, reason and date. */
int
statement_head(const struct statement *s, struct buf *out, struct error *err);

/* Is this a reason for a revocation? */
bool statement_reason(const char *s);

/* The reason that an OpenPGP revocation has, by its number. */
const char *statement_reason_name(unsigned reason);

/*
 * Do what a read statement says to a keyring file: the old key is marked as
 * revoked, the new one entered. The file, or the one that a link leads to, is
 * replaced as a whole and keeps mode, owner and group; -1 if it can't. Of
 * several at once each waits for the one before. 1: the keyring says so
 * already.
 */
int
keyring_apply(const char *path, const struct statement *s, struct error *err);

#endif
