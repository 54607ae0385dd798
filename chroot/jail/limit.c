/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/limit.h"
#include "base/error.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB (1024 * 1024)

const char *const limit_names[] = {"-", "time", "silence", "log", "memory",
    "pids", "disk", "artifacts", "artifacts-files"};

/* Set a limit, at most what it is already. */
static int
lower(int which, rlim_t soft, rlim_t hard)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)which, &r) < 0)
		return -1;
	if (hard < r.rlim_max)
		r.rlim_max = hard;
	r.rlim_cur = soft < r.rlim_max ? soft : r.rlim_max;
	return setrlimit((__rlimit_resource_t)which, &r);
}

int
limit_set(const struct limits *l, bool poor, struct error *err)
{
	if (lower(RLIMIT_CORE, 0, 0) < 0 ||
	    lower(RLIMIT_NOFILE, 16384, 524288) < 0 ||
	    lower(RLIMIT_MEMLOCK, 8 * MIB, 8 * MIB) < 0 ||
	    lower(RLIMIT_STACK, 8 * MIB, RLIM_INFINITY) < 0)
		return fail_errno(err, "limit resources");
	/* some more than are allowed, so that it shows who wants them */
	if (poor && l->pids > 0 &&
	    lower(RLIMIT_NPROC, (rlim_t)l->pids + 16, (rlim_t)l->pids + 16) < 0)
		return fail_errno(err, "limit processes");
	/* a file that has really grown too large is found where it lies */
	if (l->disk > 0 &&
	    lower(RLIMIT_FSIZE, 2 * (rlim_t)l->disk, 2 * (rlim_t)l->disk) < 0)
		return fail_errno(err, "limit the size of files");
	return 0;
}

void
limit_memory(pid_t pid, int64_t bytes)
{
	struct rlimit r = {2 * (rlim_t)bytes, 2 * (rlim_t)bytes};

	(void)prlimit(pid, RLIMIT_DATA, &r, NULL);
}

void
limit_ipc(int sys)
{
	/* half a MiB of semaphores, 64 bytes each; a MiB in each queue */
	static const char *const limits[][2] = {
	    {"kernel/sem", "250 8000 500 128"}, {"kernel/msgmni", "32"}};
	size_t i;
	int fd;

	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		fd = openat(sys, limits[i][0], O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		(void)!write(fd, limits[i][1], strlen(limits[i][1]));
		close(fd);
	}
}
