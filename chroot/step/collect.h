/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Artifacts out of a dead jail: regular files and folders are copied, without
 * following links, without setuid, capabilities or owners of the jail's. All
 * else is left out with a line in the log.
 */
#ifndef CHROOT_COLLECT_H
#define CHROOT_COLLECT_H

#include "chroot/jail/limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct jail_watch;

struct collect {
	int to;      /* the folder that is filled, */
	uid_t owner; /* whose it is, and all that is made in there */
	gid_t group;
	int status; /* gets lines "artifact" and "left-out"; -1: nobody */
	int log;    /* gets a line for what is left out */
	int64_t bytes_max, files_max; /* 0: no limit */
	struct jail_watch *watch;     /* what stops the run ends this too */
	int64_t until;                /* CLOCK_BOOTTIME in ns; 0: never */
	size_t left_out;
	int64_t bytes, files; /* copied */
	enum limit over;      /* one was met: the rest is not copied */
};

/*
 * Copy what is below from, until a limit is met or the watch is stopped; a
 * file that is not whole by then is removed.
 */
int collect(struct collect *c, int from, struct error *err);

#endif
