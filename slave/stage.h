/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stages come from the master, once: downloaded below the state folder
 * (resumed when cut off), checked by digest, imported by autotua-chroot.
 * Blocks; for workers. Several may want the same stage at once: one fetches,
 * the others wait for it.
 */
#ifndef SLAVE_STAGE_H
#define SLAVE_STAGE_H

struct calls;
struct capsule;
struct error;
struct leash;
struct slave_conf;

/* Make sure that the capsule's stage is imported; what comes is asked for. */
int stage_ensure(const struct slave_conf *c, const struct calls *master,
    const struct capsule *capsule, struct leash *leash, struct error *err);

#endif
