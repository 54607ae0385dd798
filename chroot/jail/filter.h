/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a job may ask of the kernel: system calls that have no place in a
 * build are refused by a seccomp filter, made from a constant table for the
 * machine's own ABI and its 32-bit one. Calls of any other ABI (x32) end in
 * ENOSYS or kill the process.
 */
#ifndef CHROOT_FILTER_H
#define CHROOT_FILTER_H

struct error;

enum {
	FILTER_NEST = 1,  /* namespaces and mounts are the job's to make */
	FILTER_32BIT = 2, /* a jail of 32-bit programs */
};

/* For this process and all that it starts; no_new_privs is set already. */
int filter_install(unsigned flags, struct error *err);

#endif
