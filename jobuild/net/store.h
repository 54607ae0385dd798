/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder of fetched files, found by digest: each file is there under
 * "blake2b-HEX" and "sha512-HEX" (hard links). A name exists only when the
 * bytes behind it were checked and synced; halves are in "part/".
 */
#ifndef NET_STORE_H
#define NET_STORE_H

#include "tree/manifest.h"

#include <stdbool.h>

struct error;

#define STORE_NAME_MAX 160

/*
 * Open (making it, mode 0700) the store; a directory descriptor. Halves that
 * nobody went on with for two weeks are deleted.
 */
int store_open(const char *path, struct error *err);

/* The name in the store of the file of this entry: true if it is there. */
bool store_find(
    int store, const struct manifest_entry *e, char name[STORE_NAME_MAX]);

/*
 * Check the file at fd (from its start) against e and make it visible: size
 * first, then every hash that e has. fd must be an unnamed (O_TMPFILE) or
 * "part/" file of the store, part its name there (NULL: unnamed). err->code is
 * EILSEQ when it is not what e says.
 */
int store_add(int store, int fd, const char *part,
    const struct manifest_entry *e, struct error *err);

/*
 * Compare what was had with what e says: size and both digests (hex). -1 with
 * EILSEQ names what differs.
 */
int store_compare(const struct manifest_entry *e, int64_t size,
    const char *blake2b, const char *sha512, struct error *err);

/*
 * Make the file at fd, whose bytes have these digests, visible: the end of
 * store_add() for who computed them while the bytes came.
 */
int store_publish(int store, int fd, const char *part, const char *blake2b,
    const char *sha512, struct error *err);

#endif
