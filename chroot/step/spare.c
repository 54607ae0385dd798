/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/step/spare.h"
#include "chroot/serve.h"
#include "base/passing.h"

#include <sys/socket.h>
#include <unistd.h>

bool
spare_is_wanted(const struct spare *s)
{
	return s->pid == 0 && !s->never;
}

int
spare_open(struct spare *s)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		spare_fail(s);
		return -1;
	}
	s->socket = fds[0];
	return fds[1];
}

/* As it came: the descriptors of its bits, in their order. */
static bool
send_message(int socket, const struct message *m)
{
	int list[REQUEST_FDS], i;
	size_t n = 0;

	for (i = 0; i < REQUEST_FDS; i++) {
		if (m->fds[i] >= 0)
			list[n++] = m->fds[i];
	}
	return pass_send(socket, &m->q, sizeof(m->q), list, n, MSG_DONTWAIT) ==
	    0;
}

pid_t
spare_give(struct spare *s, const struct message *m)
{
	pid_t pid = s->pid;

	if (pid == 0 || !send_message(s->socket, m))
		return 0;
	spare_close(s);
	s->pid = 0;
	return pid;
}

void
spare_close(struct spare *s)
{
	if (s->socket >= 0)
		close(s->socket);
	s->socket = -1;
}

void
spare_fail(struct spare *s)
{
	spare_close(s);
	s->pid = 0;
	s->never = true;
}
