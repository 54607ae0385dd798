/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/count.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Memory of a process that is its alone, in bytes. */
static int64_t
own_memory(int proc, const char *pid)
{
	long all = 0, shared = 0;
	char path[300], text[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/statm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%*d %ld %ld", &all, &shared) != 2 || all < shared)
		return 0;
	return (int64_t)(all - shared) * sysconf(_SC_PAGESIZE);
}

enum limit
count_exceeded(const struct limits *l)
{
	int64_t memory = 0, pids = 0;
	struct dirent *e;
	DIR *dir = opendir("/proc");

	if (!dir)
		return LIMIT_NONE;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		pids++;
		if (l->memory > 0)
			memory += own_memory(dirfd(dir), e->d_name);
	}
	closedir(dir);
	/* process 1 is ours */
	if (l->pids > 0 && pids > l->pids + 1)
		return LIMIT_PIDS;
	if (l->memory > 0 && memory > l->memory)
		return LIMIT_MEMORY;
	return LIMIT_NONE;
}
