/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that isn't one process's alone, extended attributes, times. */
#include "probe.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

/* In a memfd, mapped by nobody. */
static int
fill_memfd(size_t mib)
{
	static char some[1 << 20];
	int fd = memfd_create("held", 0);

	memset(some, 1, sizeof(some));
	while (fd >= 0 && mib-- > 0) {
		if (write(fd, some, sizeof(some)) != (ssize_t)sizeof(some))
			return 1;
	}
	return fd < 0;
}

static int
fill_segment(size_t mib)
{
	int id = shmget(IPC_PRIVATE, mib * MIB, IPC_CREAT | 0600);
	void *p = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

	if (p == (void *)-1)
		return 1;
	memset(p, 1, mib * MIB);
	return shmdt(p) < 0;
}

/* A page of them for each two MiB that are read, all of one page of zeros. */
static int
fill_tables(size_t mib)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), span = page * page / 8;
	size_t i, n = mib * MIB / page;
	volatile const char *p = mmap(NULL, n * span, PROT_READ,
	    /* cppcheck-suppress invalidFunctionArg ; there is no file */
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED ||
	    madvise((void *)p, n * span, MADV_NOHUGEPAGE) < 0)
		return 1;
	for (i = 0; i < n; i++)
		(void)p[i * span];
	return 0;
}

/* They take 64 bytes each. */
static int
fill_semaphores(size_t mib)
{
	size_t i;

	for (i = 0; i < mib * MIB / 64; i += 250) {
		if (semget(IPC_PRIVATE, 250, IPC_CREAT | 0600) < 0)
			return 1;
	}
	return 0;
}

static int
fill_queues(size_t mib)
{
	static struct {
		long type;
		char text[8192];
	} message = {.type = 1};
	size_t sent;
	int id;

	for (sent = 0; sent < mib * MIB;) {
		id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
		if (id < 0)
			return 1;
		while (
		    msgsnd(id, &message, sizeof(message.text), IPC_NOWAIT) == 0)
			sent += sizeof(message.text);
	}
	return 0;
}

static int
fill(const char *kind, size_t mib, char *mapped)
{
	if (strcmp(kind, "segment") == 0)
		return fill_segment(mib);
	if (strcmp(kind, "tables") == 0)
		return fill_tables(mib);
	if (strcmp(kind, "semaphores") == 0)
		return fill_semaphores(mib);
	if (strcmp(kind, "queues") == 0)
		return fill_queues(mib);
	if (strcmp(kind, "hidden") == 0 &&
	    (setgid(1000) < 0 || setuid(1000) < 0 ||
		prctl(PR_SET_DUMPABLE, 0) < 0))
		return 1;
	if (strcmp(kind, "mapped") != 0)
		return fill_memfd(mib);
	memset(mapped, 1, mib * MIB);
	return 0;
}

int
hold(char **args)
{
	size_t mib = (size_t)strtoul(args[1], NULL, 10);
	int i, n = (int)strtol(args[2], NULL, 10), status, bad = 0;
	unsigned seconds = (unsigned)strtoul(args[3], NULL, 10);
	char *mapped = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE,
	    /* cppcheck-suppress invalidFunctionArg ; there is no file */
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mapped == MAP_FAILED)
		return 1;
	for (i = 0; i < n; i++) {
		if (fork() == 0) {
			if (fill(args[0], mib, mapped) != 0)
				_exit(1);
			sleep(seconds);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		bad = bad || status != 0;
	return bad;
}

int
attributes(char **args)
{
	static char value[XATTR_SIZE_MAX];
	int i, fd = open(args[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	int n = (int)strtol(args[1], NULL, 10);
	int width = (int)strtol(args[2], NULL, 10);
	size_t size = (size_t)strtoul(args[3], NULL, 10);
	char name[XATTR_NAME_MAX + 1];

	if (fd < 0 || size > sizeof(value))
		return 1;
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "user.%0*d", width - 5, i);
		if (fsetxattr(fd, name, value, size, 0) < 0) {
			perror(args[0]);
			return 1;
		}
	}
	return 0;
}

int
dated(char **args)
{
	const struct timespec times[] = {{.tv_nsec = UTIME_OMIT},
	    {strtoll(args[1], NULL, 10), strtol(args[2], NULL, 10)}};

	return utimensat(AT_FDCWD, args[0], times, 0) < 0;
}
