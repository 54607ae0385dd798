/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * autotua-chroot of an ordinary user: in a user namespace of its own, where it
 * is root of the user's own id and of a range of 65536 subordinate ids
 * (subuid(5)), which newuidmap(1) lets it have. The user's own id is 0 there
 * and owns the state folder; the range begins at 1 and is the jobs'.
 */
#ifndef CHROOT_SUBID_H
#define CHROOT_SUBID_H

struct error;

/*
 * Enter such a namespace, and a mount namespace in it. -1 with what is
 * missing: then nothing can be done here but as root.
 */
int subid_enter(struct error *err);

#endif
