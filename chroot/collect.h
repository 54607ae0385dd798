/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Artifacts out of a dead jail: regular files and folders are copied, without
 * following links, without setuid, capabilities or owners of the jail's. All
 * else is left out with a line in the log.
 */
#ifndef CHROOT_COLLECT_H
#define CHROOT_COLLECT_H

#include <stddef.h>

struct error;

struct collect {
	int to;     /* the folder that is filled */
	int status; /* gets "artifact path=... size=..."; -1: nobody */
	int log;    /* gets a line for what is left out */
	size_t left_out;
};

/* Copy what is below from. */
int collect(struct collect *c, int from, struct error *err);

#endif
