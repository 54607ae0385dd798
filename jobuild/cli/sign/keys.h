/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's own OpenPGP keys, and the keys that a tree brings along.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "cli/tree/review.h"
#include "tree/sign/keyring.h"
#include "tree/tree.h"

struct buf;
struct error;

/*
 * Primary fingerprint of the one secret key that can sign and fits name (a
 * fingerprint or user id; NULL: any). -1: none does, and fingerprint is that of
 * the first which fits but can't sign, with EKEYREJECTED, or ""; or several do,
 * with EINVAL.
 */
int keys_choose(
    const char *name, char fingerprint[FINGERPRINT_MAX], struct error *err);

/* The armoured public key, without other people's signatures, and without the
 * subkeys that have expired. */
int keys_export(const char *fingerprint, struct buf *out, struct error *err);

/* All of it, to be looked at. */
int
keys_export_all(const char *fingerprint, struct buf *out, struct error *err);

struct cli;
struct notary;

/* One that remembers verdicts in $XDG_CACHE_HOME/autotua. */
struct notary *keys_notary(struct cli *c);

/*
 * The configured keyring; without one, what USER.asc of each user of the tree
 * says: files that are missing or broken are left out, so that who verifies
 * finds no key.
 */
int keys_ring(struct cli *c, struct tree *t, struct notary *n,
    struct keyring *k, struct error *err);

/* Tell that there is no keyring but the tree's own keys, and the remedy. */
void keys_note_none(struct cli *c);

/*
 * Verify those of the list that can be read; what is wrong goes to the review.
 * How many are good.
 */
size_t keys_verify(struct review *r, struct notary *n,
    const struct named_list *list, const struct keyring *k);

#endif
