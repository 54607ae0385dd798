/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of a jail. It has one child of its own, the command; what that
 * leaves behind becomes its child too and is reaped, so that the times of all
 * are in the answer. When the command ends, or the leash does, everything
 * else is killed; when process 1 ends, the kernel kills what might be left.
 */
#include "chroot/box.h"
#include "chroot/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOME_DIR "/autotua/home"
#define WORK_DIR "/autotua/work"

static const char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=" HOME_DIR, "LC_ALL=C.UTF-8", "TERM=dumb", NULL};

/* The caller's blocked and ignored signals are not the command's. */
static void
default_signals(void)
{
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* From here on what goes wrong is the job's matter and in its log. */
static _Noreturn void
command(const struct box *b)
{
	int code;

	setsid();
	default_signals();
	umask(022);
	close(0);
	if (open("/dev/null", O_RDONLY) != 0 || chdir(WORK_DIR) < 0) {
		dprintf(2, "autotua-chroot: enter %s: %s\n", WORK_DIR,
		    strerror(errno));
		_exit(126);
	}
	if (b->extra >= 0)
		fcntl(BOX_EXTRA, F_SETFD, 0);
	sys_close_from(b->extra >= 0 ? BOX_EXTRA + 1 : BOX_EXTRA);
	environ = (char **)environment;
	execvp(b->argv[0], (char *const *)b->argv);
	code = errno == ENOENT ? 127 : 126;
	dprintf(2, "autotua-chroot: run %s: %s\n", b->argv[0], strerror(errno));
	_exit(code);
}

/* Reap whoever ended; true when the command (pid) is among them. */
static bool
reap(pid_t pid, int *status)
{
	bool ended = false;
	int one;
	pid_t who;

	while ((who = waitpid(-1, &one, WNOHANG)) > 0) {
		if (who != pid)
			continue;
		*status = one;
		ended = true;
	}
	return ended;
}

/* Kill and reap until nobody but us is left. */
static void
kill_all(pid_t pid, int *status)
{
	int one;
	pid_t who;

	while (kill(-1, SIGKILL) == 0) {
		while ((who = waitpid(-1, &one, 0)) > 0 || errno == EINTR) {
			if (who == pid)
				*status = one;
		}
	}
	(void)reap(pid, status);
}

/* What the parent wants: false when it wants the end. */
static bool
obey(pid_t pid)
{
	char c;

	if (read(BOX_LEASH, &c, 1) != 1)
		return false;
	if (c == BOX_TERM)
		kill(-pid, SIGTERM);
	return true;
}

/* Until the command has ended or must. */
static void
watch(pid_t pid, int signals, int *status)
{
	struct pollfd p[2] = {{.fd = BOX_LEASH, .events = POLLIN},
	    {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0 &&
		    read(signals, &info, sizeof(info)) > 0 && reap(pid, status))
			return;
		if (p[0].revents != 0 && !obey(pid))
			return;
	}
}

void
init_run(const struct box *b)
{
	struct answer a = {.kind = ANSWER_ENDED, .status = SIGKILL};
	sigset_t set;
	int signals;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	pid = fork();
	if (signals < 0 || pid < 0)
		box_die(b, "process 1: %s", strerror(errno));
	if (pid == 0)
		command(b);
	watch(pid, signals, &a.status);
	kill_all(pid, &a.status);
	getrusage(RUSAGE_CHILDREN, &a.usage);
	if (write(BOX_ANSWER, &a, sizeof(a)) < 0)
		_exit(71);
	_exit(0);
}
