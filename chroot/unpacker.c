/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/unpacker.h"
#include "base/file.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/*
 * Run it to its end; the answer is good. folder: the one to fill, and the
 * user namespace; -1: none.
 */
static int
ask(const char *what, int fd, const int folder[2], struct unpacker_answer *a,
    struct error *err)
{
	char path[PATH_MAX], numbers[2][16];
	const char *argv[5] = {path, what};
	struct proc p = {.argv = argv, .in = fd, .err = STDERR_FILENO};
	int fds[2], status;
	ssize_t n;
	pid_t pid;

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
	pid = proc_start(&p, err);
	close(fds[1]);
	do
		n = read(fds[0], a, sizeof(*a));
	while (n < 0 && errno == EINTR);
	close(fds[0]);
	if (pid < 0 || proc_wait(pid, &status, err) < 0)
		return -1;
	if (n != sizeof(*a))
		return fail(err, "the unpacking process died: %s",
		    proc_status_text(status));
	if (!a->good)
		*err = a->err;
	return a->good ? 0 : -1;
}

int
unpacker_digest(int fd, char id[DIGEST_HEX_MAX], struct error *err)
{
	struct unpacker_answer a = {.good = false};

	if (ask("digest", fd, (const int[]){-1, -1}, &a, err) < 0)
		return -1;
	memcpy(id, a.id, DIGEST_HEX_MAX);
	return 0;
}

int
unpacker_fill(int fd, int root, int userns, enum unpack_policy policy,
    struct unpack_count *count, struct error *err)
{
	const int folder[] = {root, userns};
	struct unpacker_answer a = {.good = false};
	int rc;

	rc = ask(unpack_policies[policy], fd, folder, &a, err);
	*count = a.count;
	return rc;
}
