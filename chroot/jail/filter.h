/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a job may ask of the kernel: system calls that have no place in a
 * build are refused by a seccomp filter, made from a constant table for the
 * machine's own ABI and its 32-bit one. Calls of any other ABI (x32) end in
 * ENOSYS or kill the process.
 */
#ifndef CHROOT_FILTER_H
#define CHROOT_FILTER_H

#include <stddef.h>

struct error;
struct sock_filter;

/* What has a table; a 64-bit machine runs the programs of the next as well. */
enum abi { ABI_X86_64, ABI_I386, ABI_ARM64, ABI_ARM, ABIS };

enum {
	FILTER_NEST = 1,  /* namespaces and mounts are the job's to make */
	FILTER_32BIT = 2, /* a jail of 32-bit programs */
};

/* For this process and all that it starts; no_new_privs is set already. */
int filter_install(unsigned flags, struct error *err);

/*
 * What is installed on such a machine, into code, which has room for
 * FILTER_MAX; how many instructions that are.
 */
#define FILTER_MAX 512
size_t filter_build(enum abi machine, unsigned flags, struct sock_filter *code);

#endif
