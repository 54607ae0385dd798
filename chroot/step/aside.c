/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/step/aside.h"
#include "chroot/step/prepare.h"
#include "chroot/sys/sys.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 100

static _Noreturn void
child(struct run *r, int out, int (*work)(struct run *, struct error *),
    pid_t parent)
{
	struct error err = {0, ""};
	int rc = -1;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
		rc = work(r, &err);
	if (rc < 0 && write(out, &err, sizeof(err)) < 0)
		_exit(2);
	_exit(rc < 0 ? 1 : 0);
}

static bool
is_late(int64_t until)
{
	return until > 0 && jail_now() >= until;
}

/* Its end, or the run's. */
static int
wait_for(struct run *r, int pidfd, pid_t pid, int64_t until, int in,
    struct error *err)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int status;

	while (poll(&p, 1, LOOK_MS) <= 0) {
		if (jail_stopped(&r->watch) || is_late(until))
			(void)sys_pidfd_kill(pidfd);
	}
	if (waitpid(pid, &status, 0) < 0)
		return fail_errno(err, "wait");
	if (jail_stopped(&r->watch))
		return fail(err, "stopped");
	if (is_late(until)) {
		fail(err, "the time is over");
		err->code = ETIME;
		return -1;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (read(in, err, sizeof(*err)) == sizeof(*err))
		return -1;
	return fail(err, "the process aside died");
}

int
aside(struct run *r, uint64_t namespaces, int64_t until,
    int (*work)(struct run *, struct error *), struct error *err)
{
	pid_t pid, own = getpid();
	int fds[2], pidfd, rc;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	pid = sys_clone(namespaces, -1, &pidfd);
	if (pid == 0)
		child(r, fds[1], work, own);
	close(fds[1]);
	if (pid < 0) {
		rc = fail_errno(err, "start a process aside");
	} else {
		rc = wait_for(r, pidfd, pid, until, fds[0], err);
		close(pidfd);
	}
	close(fds[0]);
	return rc;
}
