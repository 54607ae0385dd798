/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits without control groups: process 1 looks at the processes of its jail
 * several times a second. What is faster than that is only held by the limits
 * of single processes.
 */
#ifndef CHROOT_COUNT_H
#define CHROOT_COUNT_H

#include "chroot/jail/limit.h"

#define COUNT_MS 200

/* Are there too many processes, or have they too much memory together? */
enum limit count_exceeded(const struct limits *l);

#endif
