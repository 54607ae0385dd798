/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc.h"
#include "buf.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Make fd the descriptor number to; -1 becomes /dev/null. */
static int
place(int fd, int to)
{
	if (fd < 0)
		fd = open("/dev/null", to == 0 ? O_RDONLY : O_WRONLY);
	if (fd == to)
		return fcntl(fd, F_SETFD, 0);
	return dup2(fd, to);
}

/* In the child: executes or reports errno through fd. */
static _Noreturn void
child(const struct proc *p, int fd)
{
	int std[3] = {p->in, p->out, p->err};
	int i, code;

	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (i = 0; i < 3; i++) {
		/* out of the way of those that are placed before it */
		if (std[i] >= 0 && std[i] < 3 && std[i] != i)
			std[i] = fcntl(std[i], F_DUPFD_CLOEXEC, 10);
	}
	for (i = 0; i < 3; i++) {
		if (place(std[i], i) < 0)
			goto failed;
	}
	for (i = 0; i < p->nkeep; i++)
		fcntl(p->keep[i], F_SETFD, 0);
	if (p->env)
		execvpe(
		    p->argv[0], (char *const *)p->argv, (char *const *)p->env);
	else
		execvp(p->argv[0], (char *const *)p->argv);
failed:
	code = errno;
	if (write(fd, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

pid_t
proc_start(const struct proc *p, struct error *err)
{
	int pipefd[2], code = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	pid = fork();
	if (pid == 0)
		child(p, pipefd[1]);
	close(pipefd[1]);
	if (pid < 0) {
		fail_errno(err, "fork");
		close(pipefd[0]);
		return -1;
	}
	do
		n = read(pipefd[0], &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	close(pipefd[0]);
	if (n > 0) {
		waitpid(pid, NULL, 0);
		errno = code;
		return fail_errno(err, "run %s", p->argv[0]);
	}
	return pid;
}

int
proc_wait(pid_t pid, int *status, struct error *err)
{
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return fail_errno(err, "wait");
	}
	return 0;
}

size_t
proc_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (size_t)CPU_COUNT(&set);
}

const char *
proc_status_text(int status)
{
	static char text[64];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	return text;
}

int
proc_run(const char *const argv[], struct buf *out, struct error *err)
{
	struct proc p = {.argv = argv, .in = -1, .out = 1, .err = 2};
	int pipefd[2] = {-1, -1}, status = 0, rc = 0;
	pid_t pid;

	if (out && pipe2(pipefd, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	if (out)
		p.out = pipefd[1];
	pid = proc_start(&p, err);
	if (out)
		close(pipefd[1]);
	if (pid < 0)
		rc = -1;
	else if (out && buf_read(out, pipefd[0], err) < 0)
		rc = fail_in(err, "output of %s", argv[0]);
	if (out)
		close(pipefd[0]);
	if (pid < 0)
		return -1;
	if (proc_wait(pid, &status, err) < 0)
		return -1;
	if (rc == 0 && status != 0)
		rc = fail(err, "%s: %s", argv[0], proc_status_text(status));
	return rc;
}
