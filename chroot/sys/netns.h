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

/*
 * A new one, so prepared; a descriptor of it, or -1. The caller is where it
 * was, or dead: it needs root's rights over the network that it comes from.
 */
int netns_new(struct error *err);

#endif
