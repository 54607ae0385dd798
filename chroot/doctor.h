/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine can do, what it can't, and what to change: found by
 * trying, down to a jail that is built and ends.
 */
#ifndef CHROOT_DOCTOR_H
#define CHROOT_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

struct error;
struct state;

/*
 * Print the findings, in words or as JSON. 1 if no job can be run here, 0 if
 * one can, -1 if it can't be found out. allow_rootful: as for a run.
 */
int doctor(struct state *s, bool allow_rootful, bool json, struct error *err);

/*
 * Write what others need to know of it to out, as one JSON object: the
 * architectures whose programs run ("arches") and that are emulated
 * ("emulated"), the most that a job's network can be ("network": private or
 * host), how a root is made ("root": overlay or copy), what jails do without
 * ("lacks"), and whether jobs can be run at all ("fit", else "why" not).
 * Returns as doctor() does.
 */
int doctor_capabilities(
    FILE *out, struct state *s, bool allow_rootful, struct error *err);

/*
 * Can overlayfs put roots together here? A child tries it, in some
 * milliseconds; only a trial that says no is no. without: as for a run.
 */
bool doctor_overlay(const struct state *s, unsigned without);

#endif
