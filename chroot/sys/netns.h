/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network of a jail that has none: a namespace with nothing but lo. */
#ifndef CHROOT_NETNS_H
#define CHROOT_NETNS_H

struct error;

/*
 * Make the caller's network fit for a jail: lo is up, and every port may be
 * taken by everybody, for the jail's root has no power over it.
 */
int netns_raise(struct error *err);

#endif
