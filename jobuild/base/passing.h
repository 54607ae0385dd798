/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages with descriptors over a Unix socket (unix(7), SCM_RIGHTS).
 */
#ifndef BASE_PASSING_H
#define BASE_PASSING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PASSED_MAX 253 /* descriptors of one message, as the kernel has it */

struct passed {
	int fds[PASSED_MAX];
	size_t n;
	bool cut; /* the message had more than there was room for */
};

/* All bytes and descriptors at once; flags as of send(2); -1 with errno. */
int pass_send(int socket, const void *p, size_t size, const int *fds, size_t n,
    int flags);

/*
 * At most size bytes, and the descriptors, which are CLOEXEC and the caller's
 * whatever the message is. Gives its size, 0 at the end, or -1 with errno.
 */
ssize_t pass_receive(int socket, void *p, size_t size, struct passed *got);

#endif
