/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passing.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define ROOM CMSG_SPACE(PASSED_MAX * sizeof(int))

int
pass_send(
    int socket, const void *p, size_t size, const int *fds, size_t n, int flags)
{
	_Alignas(struct cmsghdr) char control[ROOM] = {0};
	struct iovec iov = {(void *)p, size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;
	ssize_t sent;

	assert(n <= PASSED_MAX);
	if (n > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	do
		sent = sendmsg(socket, &msg, flags | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent == (ssize_t)size)
		return 0;
	if (sent >= 0)
		errno = EMSGSIZE;
	return -1;
}

ssize_t
pass_receive(int socket, void *p, size_t size, struct passed *got)
{
	_Alignas(struct cmsghdr) char control[ROOM];
	struct iovec iov = {p, size};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t rc;
	size_t n;

	got->n = 0;
	got->cut = false;
	do
		rc = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -1;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > PASSED_MAX - got->n)
			n = PASSED_MAX - got->n;
		memcpy(got->fds + got->n, CMSG_DATA(c), n * sizeof(int));
		got->n += n;
	}
	got->cut = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	return rc;
}
