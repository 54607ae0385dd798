/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * autotua-unpack: all work on the bytes of archives, in a process and a
 * program of its own. So a hostile archive meets a process that has nothing
 * but the folder it fills, and a run, which seldom unpacks anything, doesn't
 * load the two dozen libraries that archives need.
 *
 *	autotua-unpack stage|conf|layer FD [USERNS]
 *
 * unpacks standard input into the folder FD, as root of the user namespace
 * USERNS (a descriptor).
 *
 * It writes one struct unpacker_answer to its standard output.
 */
#ifndef CHROOT_UNPACKER_H
#define CHROOT_UNPACKER_H

#include "chroot/unpack/unpack.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct unpacker_answer {
	bool good;
	struct unpack_count count;
	struct error err; /* if it isn't good */
};

/*
 * Unpack the archive at fd, from its place on, into the folder root, as root
 * of the user namespace userns (-1: of the host). The process dies with its
 * caller.
 */
int unpacker_fill(int fd, int root, int userns, enum unpack_policy policy,
    struct unpack_count *count, struct error *err);

/* The same in steps. What was started is either waited for or stopped. */
struct unpacker {
	pid_t pid;
	int answer;
};
int unpacker_start(struct unpacker *u, int fd, int root, int userns,
    enum unpack_policy policy, struct error *err);
int
unpacker_end(struct unpacker *u, struct unpack_count *count, struct error *err);
void unpacker_stop(struct unpacker *u);

#endif
