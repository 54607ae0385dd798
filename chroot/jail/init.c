/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of a jail. It has one child of its own, the command; what that
 * leaves behind becomes its child too and is reaped, so that the times of all
 * are in the answer. When the command ends, or the leash does, everything
 * else is killed; when process 1 ends, the kernel kills what might be left.
 */
#include "chroot/jail/box.h"
#include "chroot/jail/count.h"
#include "chroot/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORK_DIR "/autotua/work"

/* Where there is no SHELL, bash looks for its user's, in many files. */
static const char *const environment[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/autotua/home", "LC_ALL=C.UTF-8", "TERM=dumb", "SHELL=/bin/bash",
    NULL};

/* What is the command's and not ours: descriptors, signals, a session. */
static int
spawn(const struct box *b, pid_t *pid, posix_spawn_file_actions_t *files,
    posix_spawnattr_t *attr)
{
	sigset_t set;

	sigfillset(&set);
	posix_spawnattr_setsigdefault(attr, &set);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(attr, &set);
	posix_spawnattr_setflags(attr,
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
	if (b->extra >= 0)
		posix_spawn_file_actions_adddup2(files, BOX_EXTRA, BOX_EXTRA);
	posix_spawn_file_actions_addclosefrom_np(
	    files, b->extra >= 0 ? BOX_EXTRA + 1 : BOX_EXTRA);
	return posix_spawnp(pid, b->argv[0], files, attr,
	    (char *const *)b->argv, (char *const *)environment);
}

/*
 * Start the command: its pid, or -1 and its status. What goes wrong is the
 * job's matter and in its log. It is spawned, not forked: a fork of process 1
 * costs more than all that it does afterwards.
 */
static pid_t
command(const struct box *b, int *status)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid = -1;
	int code;

	umask(022);
	environ = (char **)environment; /* its PATH is searched */
	if (chdir(WORK_DIR) < 0) {
		dprintf(2, "autotua-chroot: enter %s: %s\n", WORK_DIR,
		    strerror(errno));
		*status = 126 << 8;
		return -1;
	}
	if (posix_spawnattr_init(&attr) != 0 ||
	    posix_spawn_file_actions_init(&files) != 0)
		box_die(b, "process 1: out of memory");
	code = spawn(b, &pid, &files, &attr);
	if (code == 0 && b->poor && b->limits.memory > 0)
		limit_memory(pid, b->limits.memory);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (code == 0)
		return pid;
	dprintf(2, "autotua-chroot: run %s: %s\n", b->argv[0], strerror(code));
	*status = (code == ENOENT ? 127 : 126) << 8;
	return -1;
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

/* Until the command has ended or must; the limit for which it must. */
static enum limit
watch(const struct box *b, pid_t pid, int signals, int *status)
{
	enum limit limit;
	struct count count;
	struct pollfd p[2] = {{.fd = BOX_LEASH, .events = POLLIN},
	    {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;

	if (b->poor)
		count_begin(&count, &b->limits);
	for (;;) {
		if (poll(p, 2, b->poor ? COUNT_MS : -1) < 0)
			continue;
		limit = b->poor ? count_exceeded(&count) : LIMIT_NONE;
		if (limit != LIMIT_NONE)
			return limit;
		if (p[1].revents != 0 &&
		    read(signals, &info, sizeof(info)) > 0 && reap(pid, status))
			return LIMIT_NONE;
		if (p[0].revents != 0 && !obey(pid))
			return LIMIT_NONE;
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
	if (signals < 0)
		box_die(b, "process 1: %s", strerror(errno));
	pid = command(b, &a.status);
	if (pid > 0)
		a.limit = watch(b, pid, signals, &a.status);
	kill_all(pid, &a.status);
	getrusage(RUSAGE_CHILDREN, &a.usage);
	if (b->poor && a.limit == LIMIT_NONE && b->limits.memory > 0 &&
	    a.usage.ru_maxrss >= b->limits.memory / 1024)
		a.limit = LIMIT_MEMORY;
	a.lacks = *b->lacks;
	if (write(BOX_ANSWER, &a, sizeof(a)) < 0)
		_exit(71);
	_exit(0);
}
