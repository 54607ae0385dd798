/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other programs: argument vectors, never shell text. Children get only
 * descriptors 0 to 2 and those named; all others are CLOEXEC in this project.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <sys/types.h>

struct buf;
struct error;

struct proc {
	const char *const *argv; /* argv[0] is looked for in PATH */
	const char *const *env;  /* NULL: the caller's */
	int in, out, err;        /* -1: /dev/null */
	const int *keep;         /* descriptors kept open under their number */
	int nkeep;
};

/* Start it; the pid, or -1 when it can't be executed. */
pid_t proc_start(const struct proc *p, struct error *err);

/* Wait for pid; wait status as of waitpid(2), or -1. */
int proc_wait(pid_t pid, int *status, struct error *err);

/* Processors that this process may use, not those that there are; at least 1.
 */
size_t proc_processors(void);

/* "exit 3", "signal 9 (Killed)" for a wait status; a static buffer. */
const char *proc_status_text(int status);

/*
 * Run it to its end with its standard output appended to out (NULL: to the
 * caller's) and standard error the caller's. -1 if it failed in any way.
 */
int proc_run(const char *const argv[], struct buf *out, struct error *err);

#endif
