/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jailer CHROOT STATE STAGE RUNS REST [LAYER...]: milliseconds from the request
 * of a step, whose command is /bin/true, to its answer; the median. REST is the
 * milliseconds between an answer and the next request: with 0 a run also pays
 * for the end of the one before and for what is made ahead of the next.
 */
#include "base/error.h"
#include "run/jailer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* A file of the records: layers and the command. */
static int
make_lists(char **layers, int n)
{
	struct request_record r = {.kind = RECORD_LAYER};
	int fd = memfd_create("lists", MFD_CLOEXEC), i;

	for (i = 0; i < n; i++) {
		snprintf(r.name, sizeof(r.name), "%s", layers[i]);
		if (write(fd, &r, sizeof(r)) < 0)
			return -1;
	}
	memset(&r, 0, sizeof(r));
	r.kind = RECORD_ARGUMENT;
	snprintf(r.name, sizeof(r.name), "/bin/true");
	return write(fd, &r, sizeof(r)) < 0 ? -1 : fd;
}

static double
run_once(int socket, const char *stage, int lists, int log, int nlayers)
{
	struct error err = {0, ""};
	int fds[REQUEST_FDS], leash[2];
	struct request q;
	double begin;

	memset(fds, -1, sizeof(fds));
	jailer_request(&q, REQUEST_RUN);
	snprintf(q.job, sizeof(q.job), "bench-job");
	snprintf(q.id, sizeof(q.id), "%s", stage);
	q.records = (uint32_t)nlayers + 1;
	if (pipe2(leash, O_CLOEXEC) < 0)
		exit(1);
	fds[REQUEST_LISTS] = lists;
	fds[REQUEST_LOG] = log;
	fds[REQUEST_LEASH] = leash[0];
	begin = now();
	if (jailer_ask(socket, &q, fds, &err) < 0) {
		fprintf(stderr, "jailer: %s\n", err.msg);
		exit(1);
	}
	begin = now() - begin;
	close(leash[0]);
	close(leash[1]);
	return begin;
}

int
main(int argc, char **argv)
{
	struct jailer_conf conf = {0};
	struct jailer j;
	struct error err;
	double ms[1000];
	int n, i, lists, log;
	long rest;

	if (argc < 6 || (n = (int)strtol(argv[4], NULL, 10)) < 1 || n > 1000 ||
	    (rest = strtol(argv[5], NULL, 10)) < 0 || rest > 1000)
		return 2;
	conf.program = argv[1];
	conf.state = argv[2];
	lists = make_lists(argv + 6, argc - 6);
	log = memfd_create("log", MFD_CLOEXEC);
	if (lists < 0 || log < 0 || jailer_start(&j, &conf, &err) < 0) {
		fprintf(stderr, "jailer: can't start\n");
		return 1;
	}
	for (i = 0; i < n; i++) {
		usleep((useconds_t)rest * 1000);
		ms[i] = run_once(j.socket, argv[3], lists, log, argc - 6);
	}
	jailer_end(&j);
	qsort(ms, (size_t)n, sizeof(ms[0]), by_value);
	printf("%.1f ms\n", ms[n / 2]);
	return 0;
}
