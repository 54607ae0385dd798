/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work on a run's files that takes seconds, of which the caller may want an
 * end: it is done by a child, which dies with its parent and with the run. It
 * has the lock of the run's folder with it, so that nobody takes the run for
 * dead before.
 */
#ifndef CHROOT_ASIDE_H
#define CHROOT_ASIDE_H

#include <stdint.h>

struct error;
struct run;

/*
 * Do work in a child with these new namespaces (CLONE_NEW...) until
 * CLOCK_BOOTTIME is until (ns; 0: no matter how long it takes). -1 with what
 * work says, or once the run is stopped, or with err->code ETIME when the
 * time is over; both hold for a child that was just done, too.
 */
int aside(struct run *r, uint64_t namespaces, int64_t until,
    int (*work)(struct run *, struct error *), struct error *err);

#endif
