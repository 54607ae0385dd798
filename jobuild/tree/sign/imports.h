/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gpg's imports of keys made, kept beside the verdicts: bytes for each
 * key's digest, which is theirs as a verdict is. Nothing else is known of
 * them here but that they are what was put there.
 */
#ifndef TREE_IMPORTS_H
#define TREE_IMPORTS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

#define IMPORTS_SIZE_MAX 65536 /* of one; what is larger isn't kept */
#define IMPORTS_MAX      1000  /* of them; then they start anew */

/* folder is an open one, the caller's alone. false: there is none. */
bool imports_get(int folder, const char *digest, struct buf *out);
void imports_put(int folder, const char *digest, const void *p, size_t n);

#endif
