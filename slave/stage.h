/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stages come from the master, once: downloaded below the state folder
 * (resumed when cut off), checked by digest, imported by autotua-chroot.
 * Blocks; for workers. Several may want the same stage at once: one fetches,
 * the others wait for it.
 */
#ifndef SLAVE_STAGE_H
#define SLAVE_STAGE_H

#include <stdint.h>

struct calls;
struct capsule;
struct error;
struct slave_conf;

/*
 * Make sure that the capsule's stage is imported. What comes for it is taken
 * off left, the bytes that may come today.
 */
int stage_ensure(const struct slave_conf *c, const struct calls *master,
    const struct capsule *capsule, int64_t *left, struct error *err);

#endif
