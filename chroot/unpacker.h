/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * autotua-unpack: all work on the bytes of archives, in a process and a
 * program of its own. So a hostile archive meets a process that has nothing
 * but the folder it fills, and a run, which seldom unpacks anything, doesn't
 * load the two dozen libraries that archives need.
 *
 *	autotua-unpack digest		of standard input, to its end
 *	autotua-unpack stage|conf|layer FD [USERNS]	standard input into the
 *folder FD, as root of the user namespace USERNS (a descriptor)
 *
 * It writes one struct unpacker_answer to its standard output.
 */
#ifndef CHROOT_UNPACKER_H
#define CHROOT_UNPACKER_H

#include "chroot/unpack.h"
#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>

struct unpacker_answer {
	bool good;
	char id[DIGEST_HEX_MAX];   /* digest */
	struct unpack_count count; /* stage, conf */
	struct error err;          /* if it isn't good */
};

/* DIGEST_KEY of the file at fd, from its place on. */
int unpacker_digest(int fd, char id[DIGEST_HEX_MAX], struct error *err);

/*
 * Unpack the archive at fd, from its place on, into the folder root, as root
 * of the user namespace userns (-1: of the host). The process dies with its
 * caller.
 */
int unpacker_fill(int fd, int root, int userns, enum unpack_policy policy,
    struct unpack_count *count, struct error *err);

#endif
