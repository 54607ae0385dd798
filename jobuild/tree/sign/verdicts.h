/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Good verdicts, remembered in a file: digests of everything that a verdict
 * depends on, with the time in which it holds. What is bad is looked at again
 * each time. The file is used only if it and its folder belong to the caller
 * and nobody else can write there; several processes may share it.
 *
 * A line each, numbers as 16 hex digits, UNTIL zero for ever:
 *	s DIGEST FROM UNTIL		a signature
 *	k DIGEST FROM UNTIL FINGERPRINT	a key that can be used
 * A line of any other form is as if it were not there.
 */
#ifndef TREE_VERDICTS_H
#define TREE_VERDICTS_H

#include "base/digest.h"
#include "tree/sign/pubkey.h"

struct verdicts;

/* The file is made when there is none. NULL: it can't be used, err says why. */
struct verdicts *verdicts_open(const char *folder, struct error *err);

/* Those of a text, for tests; nothing is written at the end. */
struct verdicts *verdicts_of(const char *text, size_t len);

/* The folder, open as long as v is; -1: there is none. */
int verdicts_folder(const struct verdicts *v);

/* Append what was added and read what others have. */
void verdicts_save(struct verdicts *v);

/* Append what was added and free. */
void verdicts_close(struct verdicts *v);

/* Is it known that the signature is good at this time? */
bool
verdicts_signature(const struct verdicts *v, const char *digest, time_t now);

/* Is it known that the key is usable at this time? Its primary fingerprint. */
bool verdicts_key(const struct verdicts *v, const char *digest, time_t now,
    char fingerprint[FINGERPRINT_MAX]);

/* Add one; fingerprint is NULL for a signature. */
void verdicts_add(struct verdicts *v, const char *digest, struct span span,
    const char *fingerprint);

#endif
