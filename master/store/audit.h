/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who changed what, when and from where: rows that are only added. Each has
 * the digest of itself and of the row before, so that none can be changed,
 * taken out or put in between without all later digests becoming others. The
 * last one's, the head, is to be noted somewhere else: then the end can't be
 * cut off and nothing be written anew either.
 */
#ifndef MASTER_AUDIT_H
#define MASTER_AUDIT_H

#include "base/digest.h"

#include <stdint.h>

struct db;
struct error;

struct audit_head {
	int64_t id; /* 0: there is no row */
	char digest[KEY_HEX];
};

/* A row; inside the caller's transaction if there is one. */
int audit(struct db *db, int64_t now, const char *who, const char *what,
    const char *object, const char *origin, struct error *err);

/* Give rows of a schema without digests theirs; inside a transaction. */
int audit_seal(struct db *db, struct error *err);

/* The last row. */
int audit_head(struct db *db, struct audit_head *head, struct error *err);

/*
 * Follow the chain to its end; head is the last row. noted: a row that must
 * be in it as it is, or NULL. err names the first row that isn't right.
 */
int audit_verify(struct db *db, const struct audit_head *noted,
    struct audit_head *head, struct error *err);

#endif
