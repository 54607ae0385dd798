/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A compressed archive is decompressed by a process of its own, so that a
 * second processor does that while files are written. It has the rights of
 * the caller, which has given up its own before.
 */
#ifndef CHROOT_INFLATE_H
#define CHROOT_INFLATE_H

#include <stdbool.h>
#include <sys/types.h>

struct inflate {
	pid_t pid;  /* 0: there is none */
	int data;   /* what to read: its output, or the archive itself */
	int errors; /* what it could not do */
	char why[256];
};

/* Begin with the archive at fd, if it is a compressed file. */
void inflate_begin(struct inflate *i, int fd);

/*
 * After the reader's end or failure, waits for its end: has it failed, be it
 * that it died? Then why is filled.
 */
bool inflate_failed(struct inflate *i);

/* It is gone afterwards. */
void inflate_end(struct inflate *i);

#endif
