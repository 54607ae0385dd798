/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel may lack, or what is to be done without. Each is tried where
 * it is needed, never told by a version.
 */
#ifndef CHROOT_FEATURE_H
#define CHROOT_FEATURE_H

#include <stddef.h>

enum feature {
	FEATURE_USERNS = 1,   /* a user namespace and id-mapped mounts */
	FEATURE_DETACHED = 2, /* overlayfs of mounts attached nowhere */
	FEATURE_FSCONFIG = 4, /* overlayfs of descriptors */
	FEATURE_LANDLOCK = 8, /* scopes: abstract sockets, signals */
	FEATURE_SECCOMP = 16,
	FEATURE_PIVOT = 32, /* pivot_root; else a chroot */
	FEATURE_CGROUP2 = 64,
	FEATURE_CGROUP1 = 128,
	FEATURE_OVERLAY = 256, /* overlayfs at all; else copies */
	FEATURE_PRIVATE = 512, /* private networks, see uplink.h */
	FEATURES = 10          /* how many */
};

/* "userns,landlock" as bits; -1: there is another word in it. */
int feature_parse(const char *words);

/* The other way round, into text; "-" for none. */
#define FEATURE_TEXT 96
const char *feature_text(unsigned features, char text[FEATURE_TEXT]);

#endif
