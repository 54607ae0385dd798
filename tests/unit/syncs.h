/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In place of the C library's fsync(): it is told which files it was for. */
#ifndef TESTS_SYNCS_H
#define TESTS_SYNCS_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char syncs[4096]; /* paths, each with a newline before and behind */

int
fsync(int fd)
{
	char link[40], path[PATH_MAX];
	size_t at = strlen(syncs);
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	snprintf(syncs + at, sizeof(syncs) - at, "%s%.*s\n", at ? "" : "\n",
	    n > 0 ? (int)n : 0, path);
	return (int)syscall(SYS_fsync, fd);
}

/* Was the file folder/name (name "": the folder) synced since syncs was ""? */
static bool
is_synced(const char *folder, const char *name)
{
	char line[PATH_MAX];

	snprintf(
	    line, sizeof(line), "\n%s%s%s\n", folder, *name ? "/" : "", name);
	return strstr(syncs, line);
}

#endif
