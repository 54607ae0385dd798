/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A detached signature of somebody else's over a file of any size, such as the
 * maker of a stage publishes beside it. There is no notation in it: what it
 * says is that one of the given keys signed these bytes, and their digest is
 * taken while they are verified.
 */
#ifndef TREE_DETACHED_H
#define TREE_DETACHED_H

#include "base/digest.h"
#include "tree/sign/keyring.h"

#include <stddef.h>
#include <time.h>

struct error;
struct buf;

struct detached {
	char fingerprint[FINGERPRINT_MAX]; /* of the key (or subkey) */
	char id[DIGEST_HEX_MAX];           /* DIGEST_KEY of the bytes */
};

/*
 * Accept exactly one good signature (armoured) of all that fd holds, by a key
 * out of keys (what "gpg --export" writes, armoured or not): neither expired
 * nor revoked, nor weak; with SHA-256 or better, not dated after now. err says
 * which rule was broken.
 */
int detached_check(struct detached *d, int fd, const struct buf *sig,
    const struct buf *keys, time_t now, struct error *err);

#endif
