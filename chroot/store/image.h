/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is recorded of a stage or layer when it is made, and whether it is
 * still so: the file "list" beside its root says what was in it, "ok" has
 * that file's digest.
 */
#ifndef CHROOT_IMAGE_H
#define CHROOT_IMAGE_H

#include "chroot/store/state.h"
#include "base/digest.h"

#include <stdint.h>

struct image_facts {
	uint64_t bytes; /* on disk, with the list */
	uint64_t files;
	char digest[KEY_HEX]; /* of the list */
};

/*
 * Write "list" into folder, which has root/ in it. -1 with err->code
 * EOVERFLOW if there is too much for a list, see content.h.
 */
int image_record(int folder, struct image_facts *f, struct error *err);

/* Lines of "ok" about it: size, files, digest, made. */
#define IMAGE_OK 256
void image_ok(const struct image_facts *f, char text[IMAGE_OK]);

/*
 * Is the image as it was made? 1; 0 and err names the first difference; -1
 * if that can't be found out (err->code ENOENT: there is no such image).
 */
int image_verify(
    struct state *s, enum image kind, const char *id, struct error *err);

#endif
