/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/sys/unpacker.h"
#include "base/file.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "autotua-unpack"

const char *const unpack_policies[] = {"stage", "conf", "layer"};

/*
 * Where the program is: beside the running one, as in a build folder, or
 * where an installation has it. Never by PATH.
 */
static int
find(char path[PATH_MAX], struct error *err)
{
	static const char *const below[] = {"", "../libexec/autotua/"};
	char own[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	size_t i;

	own[n > 0 ? n : 0] = '\0';
	slash = strrchr(own, '/');
	for (i = 0; slash && i < sizeof(below) / sizeof(*below); i++) {
		slash[1] = '\0';
		if (snprintf(path, PATH_MAX, "%s%s%s", own, below[i], PROGRAM) <
			PATH_MAX &&
		    access(path, X_OK) == 0)
			return 0;
	}
	snprintf(path, PATH_MAX, "%s/%s", LIBEXEC, PROGRAM);
	if (access(path, X_OK) < 0)
		return fail_errno(
		    err, "%s: install it beside autotua-chroot", path);
	return 0;
}

int
unpacker_start(struct unpacker *u, int fd, int root, int userns,
    enum unpack_policy policy, struct error *err)
{
	const int folder[2] = {root, userns};
	char path[PATH_MAX], numbers[2][16];
	const char *argv[5] = {path, unpack_policies[policy]};
	struct proc p = {.argv = argv, .in = fd, .err = STDERR_FILENO};
	int fds[2];

	if (find(path, err) < 0)
		return -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	p.out = fds[1];
	p.keep = folder;
	while (p.nkeep < 2 && folder[p.nkeep] >= 0) {
		snprintf(numbers[p.nkeep], 16, "%d", folder[p.nkeep]);
		argv[2 + p.nkeep] = numbers[p.nkeep];
		p.nkeep++;
	}
	u->pid = proc_start(&p, err);
	u->answer = fds[0];
	close(fds[1]);
	if (u->pid < 0)
		close(fds[0]);
	return u->pid < 0 ? -1 : 0;
}

int
unpacker_end(struct unpacker *u, struct unpack_count *count, struct error *err)
{
	struct unpacker_answer a = {.good = false};
	int status;
	ssize_t n;

	do
		n = read(u->answer, &a, sizeof(a));
	while (n < 0 && errno == EINTR);
	close(u->answer);
	if (proc_wait(u->pid, &status, err) < 0)
		return -1;
	if (n != sizeof(a))
		return fail(err, "the unpacking process died: %s",
		    proc_status_text(status));
	*count = a.count;
	if (!a.good)
		*err = a.err;
	return a.good ? 0 : -1;
}

void
unpacker_stop(struct unpacker *u)
{
	struct error ignored;
	int status;

	(void)kill(u->pid, SIGKILL);
	(void)proc_wait(u->pid, &status, &ignored);
	close(u->answer);
}

int
unpacker_fill(int fd, int root, int userns, enum unpack_policy policy,
    struct unpack_count *count, struct error *err)
{
	struct unpacker u;

	*count = (struct unpack_count){0};
	if (unpacker_start(&u, fd, root, userns, policy, err) < 0)
		return -1;
	return unpacker_end(&u, count, err);
}
