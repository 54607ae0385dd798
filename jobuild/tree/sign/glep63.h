/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A maintainer's key against the rules of GLEP 63 (version 2.2, of 2020),
 * "Gentoo OpenPGP policies", and against what is accepted here at all.
 */
#ifndef TREE_GLEP63_H
#define TREE_GLEP63_H

#include "tree/sign/pubkey.h"

/* How much a rule weighs. */
enum rule_level {
	RULE_ACCEPTED,    /* else every signature of the key is refused */
	RULE_MINIMUM,     /* the standard's bare minimum */
	RULE_RECOMMENDED, /* the standard's recommendations */
	RULE_HINT         /* what can't be seen in the key */
};

struct ruling {
	const char *rule; /* stable name, as in "signing-subkey" */
	enum rule_level level;
	bool holds;         /* a hint always does */
	const char *text;   /* what is so */
	const char *remedy; /* "" when it holds */
};

struct rulings {
	struct arena *arena;
	struct ruling *list;
	size_t n;
};

/* All rules, in the order in which they are best mended. */
void glep63_check(
    const struct pubkey *k, time_t now, struct arena *a, struct rulings *out);

/* Does every rule up to this level hold? */
bool glep63_holds(const struct rulings *r, enum rule_level level);

/* "accepted", "minimum", "recommended", "hint". */
const char *rule_level_name(enum rule_level level);

/* When the first of the parts that sign, or the key itself, expires; 0: never.
 */
time_t glep63_expiry(const struct pubkey *k, time_t now);

#define GLEP63_RENEW (14 * 86400) /* seconds before its end to renew a key */

#endif
