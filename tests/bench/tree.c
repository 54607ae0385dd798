/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole tree validated: layout, every jobuild and template evaluated, their
 * Manifest entries found. No signatures, no plans.
 *	tree [-rsw] [-i INDEX] [-j PROCESSES] REPOSITORY [REVISION]
 * -r: every recipe is wanted, with its values, not only the verdict. -w: what
 * the work tree has. -i: with
 * an index, which -s saves: each run from the file as it was, the last one's
 * takes its place. Prints milliseconds, those of CPU by all processes, and
 * bytes of memory a recipe: the median of five runs, each in a process of its
 * own.
 */
#include "base/arena.h"
#include "base/error.h"
#include "cli/workers.h"
#include "tree/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS 5

struct options {
	const char *path, *rev, *index;
	bool recipes, save, work;
	size_t jobs;
};

struct result {
	double wall, cpu; /* seconds */
	size_t recipes, broken;
	long memory; /* KiB */
};

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this process and those that it has waited for. */
static double
cpu_seconds(void)
{
	static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
	struct rusage u;
	double sum = 0;
	int i;

	for (i = 0; i < 2; i++) {
		getrusage(whose[i], &u);
		sum += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	}
	return sum;
}

/* KiB of its own; pages of the repository's files are the system's cache. */
static long
memory(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "RssAnon: %ld kB", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib;
}

static void
count(const struct options *o, struct tree *t, const struct tree_package *p,
    enum recipe_kind kind, struct diags *d, struct result *r)
{
	size_t n = kind == RECIPE_JOBUILD ? p->nversions : p->ntemplates, i;
	struct recipe_id id = {p->user, p->name, {0, 0}};

	for (i = 0; i < n; i++, r->recipes++) {
		id.ver =
		    kind == RECIPE_JOBUILD ? p->versions[i] : p->templates[i];
		if (o->recipes ? tree_recipe(t, &id, kind, d) == NULL
			       : !tree_check_recipe(t, &id, kind, d))
			r->broken++;
	}
}

static void
tell_package(void *ctx, size_t i, struct buf *out)
{
	tree_tell_package(ctx, i, out);
}

static void
take_package(void *ctx, size_t i, const char *data, size_t len)
{
	tree_take_package(ctx, i, data, len);
}

static void
share(struct tree *t, size_t jobs)
{
	struct workers w = {
	    .jobs = jobs, .work = tell_package, .take = take_package, .ctx = t};
	struct error err;

	(void)tree_packages(t, &w.n);
	if (workers_run(&w, &err) < 0) {
		fprintf(stderr, "tree: %s\n", err.msg);
		exit(1);
	}
}

static void
validate(const struct options *o, struct result *r)
{
	const struct tree_package *p;
	struct arena a = {0};
	struct error err;
	struct diags d;
	struct tree *t;
	size_t i, n;

	if ((o->work ? tree_open_work(&t, o->path, &err)
		     : tree_open(&t, o->path, o->rev, &err)) < 0) {
		fprintf(stderr, "tree: %s\n", err.msg);
		exit(1);
	}
	if (o->index)
		tree_use_index(t, o->index, o->save ? time(NULL) : 0);
	if (o->jobs > 1)
		share(t, o->jobs);
	diags_init(&d, &a);
	tree_check_layout(t, &d);
	p = tree_packages(t, &n);
	for (i = 0; i < n; i++) {
		count(o, t, &p[i], RECIPE_TEMPLATE, &d, r);
		count(o, t, &p[i], RECIPE_JOBUILD, &d, r);
	}
	diags_print(&d, stderr);
	r->memory = memory();
	if (o->save && tree_save_index(t, &err) < 0)
		fprintf(stderr, "tree: %s\n", err.msg);
	tree_close(t);
	arena_release(&a);
}

/* In a process of its own, so that memory counts from zero. */
static struct result
measure(const struct options *o)
{
	struct result r = {0};
	double wall, cpu;
	int fds[2];
	long before;

	if (pipe(fds) < 0)
		exit(1);
	if (fork() == 0) {
		before = memory();
		wall = seconds();
		cpu = cpu_seconds();
		validate(o, &r);
		r.wall = seconds() - wall;
		r.cpu = cpu_seconds() - cpu;
		r.memory -= before;
		_exit(write(fds[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
	}
	close(fds[1]);
	if (read(fds[0], &r, sizeof(r)) != sizeof(r))
		exit(1);
	close(fds[0]);
	wait(NULL);
	return r;
}

/* Without a buffer: memory that was used before would not be counted. */
static void
copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;

	(void)unlink(to);
	if (in < 0)
		return; /* there is none yet */
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	while (copy_file_range(in, NULL, out, NULL, 1 << 30, 0) > 0)
		;
	if (out < 0 || lseek(in, 0, SEEK_END) != lseek(out, 0, SEEK_END)) {
		fprintf(stderr, "tree: copy %s to %s\n", from, to);
		exit(1);
	}
	close(out);
	close(in);
}

static void
measure_all(const struct options *o, struct result r[RUNS])
{
	struct options on_copy = *o;
	char copy[PATH_MAX];
	int i;

	snprintf(copy, sizeof(copy), "%s.run", o->index);
	on_copy.index = o->save ? copy : o->index;
	for (i = 0; i < RUNS; i++) {
		if (o->save)
			copy_file(o->index, copy);
		r[i] = measure(&on_copy);
	}
	if (o->save && rename(copy, o->index) < 0)
		perror(o->index);
}

static int
by_time(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	return x->wall < y->wall ? -1 : x->wall > y->wall;
}

int
main(int argc, char *argv[])
{
	struct options o = {0};
	struct result r[RUNS], m;
	int c;

	while ((c = getopt(argc, argv, "rswi:j:")) != -1) {
		o.recipes |= c == 'r';
		o.save |= c == 's';
		o.work |= c == 'w';
		if (c == 'i')
			o.index = optarg;
		if (c == 'j')
			o.jobs = strtoul(optarg, NULL, 10);
	}
	if (optind >= argc) {
		fputs("usage: tree [-rsw] [-i INDEX] [-j N] REPOSITORY "
		      "[REVISION]\n",
		    stderr);
		return 2;
	}
	o.path = argv[optind];
	o.rev = argv[optind + 1];
	if (o.save && !o.index) {
		fputs("tree: -s goes with -i\n", stderr);
		return 2;
	}
	measure_all(&o, r);
	qsort(r, RUNS, sizeof(r[0]), by_time);
	m = r[RUNS / 2];
	printf("%zu recipes%s: %.0f ms (%.0f of CPU), %.0f bytes each\n",
	    m.recipes, m.broken ? ", some broken" : "", m.wall * 1e3,
	    m.cpu * 1e3, (double)m.memory * 1024 / (double)m.recipes);
	return m.broken > 0;
}
