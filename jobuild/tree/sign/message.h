/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A detached signature and its data as one signed message: a one-pass packet,
 * the data as a literal packet, and the signature packet, RFC 4880, 11.3. The
 * armoured block must be exactly one signature packet over binary data, in the
 * form that gpg writes, so nothing in it can pass for other data or for a
 * second signature.
 */
#ifndef TREE_MESSAGE_H
#define TREE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

#define MESSAGE_DATA_MAX (1 << 20) /* bytes of what was signed */

/* Append the message to out; false if the block isn't as above. */
bool message_make(const void *data, size_t len, const char *sig, size_t siglen,
    struct buf *out);

#endif
