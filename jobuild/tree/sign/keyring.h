/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may sign: user to primary fingerprints. It is kept outside of any tree:
 * the master's, by its administrator, or a slave's own, by its lender.
 * File: "user FINGERPRINT" a line, "#" starts a comment line. A third word
 * "revoked" says that the key was the user's: it is not trusted, whatever
 * another line says, and no statement can bring it back.
 */
#ifndef TREE_KEYRING_H
#define TREE_KEYRING_H

#include <stdbool.h>
#include <stddef.h>

#define FINGERPRINT_MAX 65 /* 40 (v4) or 64 (v5) hex digits and a NUL */

struct arena;
struct error;

struct keyring_entry {
	const char *user;
	char fingerprint[FINGERPRINT_MAX]; /* upper case */
	bool revoked;
};

struct keyring {
	struct arena *arena;
	struct keyring_entry *entries;
	size_t n;
};

void keyring_init(struct keyring *k, struct arena *a);

/* -1 when the user's name or the fingerprint has not the right form. */
int keyring_add(struct keyring *k, const char *user, const char *fingerprint,
    struct error *err);

/* Add what the file has; err names file and line. */
int keyring_read(struct keyring *k, const char *path, struct error *err);

/* May the key of this primary fingerprint (upper case) sign for user? */
bool keyring_trusts(
    const struct keyring *k, const char *user, const char *fingerprint);

/* Has the keyring the key as a revoked one of the user's? */
bool keyring_revoked(
    const struct keyring *k, const char *user, const char *fingerprint);

/* A fingerprint that is trusted for user (to show it), or NULL if none is. */
const char *keyring_first(const struct keyring *k, const char *user);

#endif
