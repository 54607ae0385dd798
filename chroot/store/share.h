/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layers as tarballs, for other machines that have the chain below. In it is
 * the file "ok" with key, stage, layer below, digest of the chain (layer.h)
 * and its own, then the tree "root". overlayfs's marks are there as overlayfs
 * has them: a whiteout is the character device 0:0, an opaque or redirected
 * folder has its attribute trusted.overlay.opaque or .redirect.
 */
#ifndef CHROOT_SHARE_H
#define CHROOT_SHARE_H

#include "chroot/store/state.h"
#include "base/digest.h"

/*
 * Write the layer key to fd; digest is that of what is in it. One that isn't
 * as it was made is refused, or whose chain isn't (err->code ENOENT).
 */
int share_export(struct state *s, const char *key, int fd, char digest[KEY_HEX],
    struct error *err);

/*
 * Make a layer of the tarball at fd, which must be a file: its stage and the
 * layers below it must be here as it was made on them, and its content have the
 * digest that it names, and this one if digest isn't NULL. 1 if it was there
 * already; missing says whether it failed because one of those isn't here.
 */
int share_import(struct state *s, int fd, const char *digest, char key[KEY_HEX],
    bool *missing, struct error *err);

#endif
