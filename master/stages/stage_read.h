/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packages of a stage's tarball, read by a child that has the tarball and
 * its pipe open and is confined (serve/confine.h) before it reads the first
 * byte. Whatever the bytes make of libarchive or SQLite, it can't open the
 * database or the keys, nor anything else, nor reach the network or another
 * process; it has the memory of its parent, though, so the parent has the
 * database closed. All it can do is to tell of other packages, and take its
 * time. On a kernel without seccomp filters nothing is read. Landlock makes
 * no difference.
 */
#ifndef MASTER_STAGE_READ_H
#define MASTER_STAGE_READ_H

#include "master/stages/packages.h"

#include <stdint.h>

struct error;
struct state;

/*
 * Of the stage at path; -1 when it can't be read, or not in time, with the
 * code EBADMSG when it is no whole archive. No database may be open, since its
 * index is memory that processes share.
 */
int stage_read(const char *path, struct packages *p, struct error *err);

/*
 * Store them as the stage's, in the transaction that is open, instead of what
 * was stored before.
 */
int stage_packages_write(struct state *st, const char *digest,
    const struct packages *p, struct error *err);

#endif
