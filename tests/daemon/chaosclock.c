/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded, it moves the wall clock of a daemon forward by as many seconds as
 * the file that CHAOS_CLOCK names has bytes, at any moment. Clocks that only
 * count on are left as they are.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char *file;

__attribute__((constructor)) static void
find_file(void)
{
	file = getenv("CHAOS_CLOCK");
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);
	struct stat s;

	if (rc == 0 && file &&
	    (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) &&
	    stat(file, &s) == 0)
		t->tv_sec += s.st_size;
	return rc;
}

time_t
time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}
