/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of the machine a job may use. Time, silence and the log are the
 * matter of jail.c; memory, processes and processors of cgroup.c, or where
 * there are no control groups of the limits of single processes here and of
 * counting.
 */
#ifndef CHROOT_LIMIT_H
#define CHROOT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

enum limit {
	LIMIT_NONE,
	LIMIT_TIME,
	LIMIT_SILENCE,
	LIMIT_LOG,
	LIMIT_MEMORY,
	LIMIT_PIDS,
	LIMIT_DISK,
	LIMIT_ARTIFACTS, /* their bytes */
	LIMIT_FILES,     /* their number */
};
extern const char *const limit_names[]; /* "-", "time", ... */

struct limits {
	int64_t memory, disk; /* bytes; 0: no limit */
	int64_t pids;
	int64_t cpus; /* thousandths of a processor */
};

/*
 * The limits of single processes, for this one and all that it starts. poor:
 * there is no control group that counts processes.
 */
int limit_set(const struct limits *l, bool poor, struct error *err);

/*
 * The same for the memory of one process and those that it starts: twice what
 * all may have together, so that those who count see who wants more.
 */
void limit_memory(pid_t pid, int64_t bytes);

/*
 * The same for what the kernel holds for processes and counts for none, in the
 * ipc namespace that this process is in; sys is /proc/sys. Only the owner of
 * the namespace can do it, and on older kernels root of the machine alone;
 * else they are as large as ever.
 */
void limit_ipc(int sys);

#endif
