/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packages of a stage's tarball, read by a child that is confined as all
 * children of the loop are: what libarchive makes of the bytes can't reach
 * the database or the keys.
 */
#ifndef MASTER_STAGE_READ_H
#define MASTER_STAGE_READ_H

#include "master/stages/packages.h"

#include <stdint.h>

struct error;
struct state;

/* Of the stage at path; -1 when it can't be read, or not in time. */
int stage_read(
    struct state *st, const char *path, struct packages *p, struct error *err);

/*
 * Store them as the stage's, in the transaction that is open, instead of what
 * was stored before.
 */
int stage_packages_write(struct state *st, const char *digest,
    const struct packages *p, struct error *err);

#endif
