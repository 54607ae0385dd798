/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BLAKE2b with 256 bits (RFC 7693), as DIGEST_KEY of base/digest.h, for a
 * program without libraries and for who has many short texts: to begin costs
 * nothing. A struct that is copied goes on by itself.
 */
#ifndef BASE_BLAKE2B_H
#define BASE_BLAKE2B_H

#include "base/digest.h"

#include <stddef.h>
#include <stdint.h>

struct blake2b {
	uint64_t state[8], bytes;
	size_t used; /* of block */
	unsigned char block[128];
};

void blake2b_init(struct blake2b *b);
void blake2b_add(struct blake2b *b, const void *p, size_t n);
void blake2b_end(struct blake2b *b, char hex[KEY_HEX]);

#endif
