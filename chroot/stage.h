/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages and layers as their owner sees them: brought in, shown, removed. */
#ifndef CHROOT_STAGE_H
#define CHROOT_STAGE_H

#include "chroot/state.h"
#include "base/digest.h"

#include <jansson.h>

/*
 * Unpack the tarball and make it a stage; id is the digest of its bytes. If
 * that stage is there already, only its name is set. name may be NULL; a
 * name that another stage has moves to this one.
 */
int stage_import(struct state *s, const char *tarball, const char *name,
    char id[DIGEST_HEX_MAX], struct error *err);

/*
 * An array of {"kind","id","name","size","used"}: stages, then layers, the
 * last used first. size is in bytes on disk, used in seconds since 1970.
 */
json_t *stage_list(struct state *s);

/* Remove the stage or layer of this id or name; not if a run uses it. */
int stage_remove(struct state *s, const char *what, struct error *err);

#endif
