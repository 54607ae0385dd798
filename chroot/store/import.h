/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages that are brought in. */
#ifndef CHROOT_IMPORT_H
#define CHROOT_IMPORT_H

#include "chroot/store/state.h"
#include "chroot/unpack/unpack.h"
#include "base/digest.h"

/*
 * Unpack the tarball and make it a stage; id is the digest of its bytes, and
 * must be want if that isn't NULL. If that stage is there already, only its
 * name is set. name may be NULL; a name that another stage has moves to this
 * one. A folder is packed into a tarball first. path or fd names the one or
 * the other; of fd all is read, wherever it stands.
 */
int import_stage(struct state *s, const char *path, const char *name,
    char id[KEY_HEX], struct error *err);
int import_stage_fd(struct state *s, int fd, const char *name, const char *want,
    char id[KEY_HEX], struct error *err);

/*
 * The parts of an import: run/NAME, locked; the tarball into the folder root,
 * as root of a user namespace if there can be one.
 */
int import_folder(struct state *s, const char *name, struct error *err);
int import_unpack(struct state *s, int tarball, int root,
    enum unpack_policy policy, struct unpack_count *count, struct error *err);

#endif
