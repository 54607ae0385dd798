/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up what root can do, for this process and all that it starts. */
#ifndef CHROOT_PRIV_H
#define CHROOT_PRIV_H

struct error;

enum priv {
	PRIV_JOB,    /* enough for package managers in a jail */
	PRIV_COUNT,  /* the same, and only this process sees all others' */
	PRIV_NEST,   /* and for a package manager's own namespaces */
	PRIV_UNPACK, /* to write files of any owner */
};

/*
 * No groups, no keyring of the caller's, no core files, no privileges by
 * executing something, and of the capabilities only what is named.
 */
int priv_drop(enum priv keep, struct error *err);

#endif
