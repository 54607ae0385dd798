/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine can do, what it can't, and what to change: found by
 * trying, down to a jail that is built and ends.
 */
#ifndef CHROOT_DOCTOR_H
#define CHROOT_DOCTOR_H

#include <stdbool.h>

struct error;
struct state;

/*
 * Print the findings, in words or as JSON. 1 if no job can be run here, 0 if
 * one can, -1 if it can't be found out.
 */
int doctor(struct state *s, bool json, struct error *err);

#endif
