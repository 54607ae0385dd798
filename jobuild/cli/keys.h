/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The caller's own OpenPGP keys, and the keys that a tree brings along.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "tree/keyring.h"
#include "tree/tree.h"

struct buf;
struct error;

/*
 * Primary fingerprint of the one secret key that can sign and fits name (a
 * fingerprint or user id; NULL: any).
 */
int keys_choose(
    const char *name, char fingerprint[FINGERPRINT_MAX], struct error *err);

/* The armoured public key, without other people's signatures. */
int keys_export(const char *fingerprint, struct buf *out, struct error *err);

struct cli;
struct notary;

/* One that remembers verdicts in $XDG_CACHE_HOME/autotua. */
struct notary *keys_notary(struct cli *c);

/* A keyring with what USER.asc of each user of the tree says. Files that are
 * missing or broken are left out: who verifies finds no key then. */
void keys_of_tree(
    struct arena *a, struct tree *t, struct notary *n, struct keyring *k);

/* tree_verify() with remembered verdicts. */
int keys_verify(struct cli *c, struct tree *t,
    const struct tree_recipe *const list[], size_t n, const struct keyring *k,
    struct diags *d);

#endif
