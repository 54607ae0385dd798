/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits without control groups: process 1 looks at the processes of its jail
 * several times a second. What is faster than that is only held by the limits
 * of single processes.
 *
 * Memory is what each process has alone with its page tables, and once each
 * what can be shared: memfds that a descriptor is open to, segments of System
 * V, the files in /dev/shm, and what else of shared memory is mapped. Looking
 * for these takes a twentieth of the time at most. The files of a job are never
 * opened, and nothing but memfds is asked for its size.
 */
#ifndef CHROOT_COUNT_H
#define CHROOT_COUNT_H

#include "chroot/jail/limit.h"

#include <sys/types.h>

#define COUNT_MS 200

struct count {
	const struct limits *limits;
	dev_t dev;      /* where memfds are */
	int64_t shared; /* bytes, when it was looked for */
	int64_t next;   /* time at which it is looked for again, ns */
};

/* limits are the caller's. */
void count_begin(struct count *c, const struct limits *limits);

/*
 * Are there too many processes, or have they too much memory together? They
 * also have when they hold more descriptors and mappings than can be looked at.
 */
enum limit count_exceeded(struct count *c);

#endif
