/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Should this machine take work at the moment? */
#ifndef CHROOT_READY_H
#define CHROOT_READY_H

#include <stdint.h>

struct error;

/*
 * 0, or -1 and why not: the file system at fd has less than reserve bytes
 * free (DISK_RESERVE_DEFAULT: see disk.h), or all work on the machine stood
 * still for more than this many percent of the last ten seconds for want of
 * memory or disk (0: doesn't matter; nor does it where the kernel doesn't
 * tell).
 */
int ready(int fd, int64_t reserve, int64_t pressure, struct error *err);

#endif
