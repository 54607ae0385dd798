/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/seed.h"
#include "chroot/jail/cgroup.h"
#include "chroot/sys/sys.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A pipe whose reading (0) or writing (1) end is the child's. */
static int
make_pipe(int *ours, int *theirs, int child_end, struct error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	*theirs = fds[child_end];
	*ours = fds[!child_end];
	return 0;
}

static int
make_pipes(struct seed *s, struct box *b, struct error *err)
{
	int fds[2];

	if (make_pipe(&s->leash, &b->leash, 0, err) < 0 ||
	    make_pipe(&s->log, &b->log, 1, err) < 0 ||
	    make_pipe(&s->answer, &b->answer, 1, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return fail_errno(err, "socketpair");
	s->order = fds[0];
	b->order = fds[1];
	(void)fcntl(s->log, F_SETPIPE_SZ, SEED_LOG_PIPE);
	if (fcntl(s->log, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(s->answer, F_SETFL, O_NONBLOCK) < 0)
		return fail_errno(err, "pipe");
	return 0;
}

static void
close_theirs(struct box *b)
{
	int *fds[] = {&b->leash, &b->log, &b->answer, &b->order};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/*
 * The kernel takes down the jail's mounts when the last who has them lets go,
 * who waits for that: process 1 would, before we see its end.
 */
static int
open_view(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static uint64_t
namespaces(const struct box *b)
{
	uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
	    CLONE_NEWUTS | CLONE_NEWCGROUP;

	if (b->net == NETWORK_NO)
		flags |= CLONE_NEWNET;
	return flags;
}

int
seed_start(struct seed *s, struct box *b, struct error *err)
{
	*s = SEED_NONE;
	b->log = b->leash = b->answer = b->order = -1;
	if (make_pipes(s, b, err) < 0)
		goto failed;
	s->group = cgroup_birthplace(b->groups);
	s->pid = sys_clone(namespaces(b), s->group, &s->pidfd);
	if (s->pid == 0)
		inside(b);
	if (s->pid < 0) {
		s->pid = 0;
		s->pidfd = -1;
		fail_errno(err, "start the jail");
		goto failed;
	}
	s->view = open_view(s->pid);
	close_theirs(b);
	return 0;
failed:
	close_theirs(b);
	seed_close(s);
	return -1;
}

bool
seed_fits(const struct seed *s, const struct box *b)
{
	struct pollfd p = {.fd = s->pidfd, .events = POLLIN};

	return s->pid > 0 && b->net == NETWORK_NO && b->argv &&
	    s->group == cgroup_birthplace(b->groups) && poll(&p, 1, 0) == 0;
}

void
seed_close(struct seed *s)
{
	int fds[] = {s->pidfd, s->log, s->leash, s->answer, s->order, s->view};
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	*s = SEED_NONE;
}

void
seed_drop(struct seed *s)
{
	if (s->pid > 0) {
		(void)sys_pidfd_kill(s->pidfd);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	seed_close(s);
}
