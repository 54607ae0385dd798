/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The border for names from outside: what passes here can be used as one
 * component of a path. Nothing is opened or made before it passed.
 */
#ifndef CHROOT_ID_H
#define CHROOT_ID_H

#include <stdbool.h>

bool id_is_key(const char *s);    /* stage or layer: [0-9a-f]{64} */
bool id_is_job(const char *s);    /* [a-z0-9-]{8,64} */
bool id_is_name(const char *s);   /* of a stage: [A-Za-z0-9._+-]{1,63} */
bool id_is_phase(const char *s);  /* [A-Za-z0-9_]{1,63} or "-" */
bool id_is_stored(const char *s); /* blake2b-HEX or sha512-HEX, 128 digits */
bool id_is_file(const char *s);   /* a file's name: printable, no slash */

#endif
