/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/jail/count.h"
#include "chroot/jail/jail.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/map.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MS         1000000LL
#define LOOK_SHARE 20    /* it may take a twentieth of the time */
#define LOOK_MAX   65536 /* descriptors and mappings */

/* One search for shared memory. */
struct look {
	dev_t dev;
	struct arena arena;
	struct map memfds; /* inodes */
	int64_t bytes;
	int seen; /* descriptors and mappings */
};

/* Memory of a process that is its alone, in bytes. */
static int64_t
own_memory(int proc, const char *pid)
{
	long all = 0, shared = 0;
	char path[300], text[128];

	snprintf(path, sizeof(path), "%s/statm", pid);
	file_read_text(proc, path, text, sizeof(text));
	if (sscanf(text, "%*d %ld %ld", &all, &shared) != 2 || all < shared)
		return 0;
	return (int64_t)(all - shared) * sysconf(_SC_PAGESIZE);
}

static void
add_memfd(struct look *l, const struct stat *st)
{
	ino_t *key;

	if (map_get(&l->memfds, (const char *)&st->st_ino, sizeof(ino_t)))
		return;
	key = arena_new(&l->arena, ino_t);
	*key = st->st_ino;
	*map_put(&l->memfds, (const char *)key, sizeof(ino_t)) = key;
	l->bytes += (int64_t)st->st_blocks * 512;
}

/* What else is open is not even asked for its size, which could take time. */
static void
look_at_files(struct look *l, const char *pid)
{
	char path[300], text[8];
	struct dirent *e;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && l->seen < LOOK_MAX && (e = readdir(dir)) != NULL) {
		l->seen++;
		if (readlinkat(dirfd(dir), e->d_name, text, 7) == 7 &&
		    memcmp(text, "/memfd:", 7) == 0 &&
		    fstatat(dirfd(dir), e->d_name, &st, 0) == 0 &&
		    st.st_dev == l->dev)
			add_memfd(l, &st);
	}
	if (dir)
		closedir(dir);
}

/*
 * Has it any shared memory mapped, as far as that's known? Its page tables
 * count: they are its own, but small in any process that has nothing in mind.
 */
static bool
look_at_status(struct look *l, const char *pid)
{
	bool alive = false, known = false;
	char path[300], line[512];
	long long shared = 0, tables = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", pid);
	f = fopen(path, "re");
	/* as long as there are groups in it; a name has no end of line */
	while (f && fgets(line, sizeof(line), f)) {
		alive = true;
		known |= sscanf(line, "RssShmem: %lld", &shared) == 1;
		if (sscanf(line, "VmPTE: %lld", &tables) == 1)
			break;
	}
	if (f)
		fclose(f);
	l->bytes += tables * 1024;
	return alive && (!known || shared > 0);
}

/* Does the line begin a mapping of memory that isn't counted elsewhere? */
static bool
is_other(const struct look *l, const char *line, bool before)
{
	unsigned major, minor;
	unsigned long inode;
	ino_t key;
	int n = 0;

	if (sscanf(line, "%*x-%*x %*4s %*x %x:%x %lu %n", &major, &minor,
		&inode, &n) != 3)
		return before;
	key = inode;
	return makedev(major, minor) == l->dev &&
	    strncmp(line + n, "/SYSV", 5) != 0 &&
	    !map_get(&l->memfds, (const char *)&key, sizeof(key));
}

/* Each gets its share of what several have mapped. */
static void
look_at_maps(struct look *l, const char *pid)
{
	bool whole = true, other = false;
	char path[300], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/smaps", pid);
	f = fopen(path, "re");
	while (f && l->seen < LOOK_MAX && fgets(line, sizeof(line), f)) {
		/* the rest of a long name says nothing */
		if (whole)
			other = is_other(l, line, other);
		if (whole && strncmp(line, "Pss:", 4) == 0) {
			l->seen++;
			if (other)
				l->bytes += strtoll(line + 4, NULL, 10) * 1024;
		}
		whole = strchr(line, '\n') != NULL;
	}
	if (f)
		fclose(f);
}

/* Segments of System V, mapped or not. */
static void
look_at_segments(struct look *l)
{
	FILE *f = fopen("/proc/sysvipc/shm", "re");
	long long bytes;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line,
			"%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			"%*s %*s %lld",
			&bytes) == 1)
			l->bytes += bytes;
	}
	if (f)
		fclose(f);
}

/*
 * Its blocks, and its inodes as tmpfs counts them: attributes are as many as
 * they take KiB.
 */
static void
look_at_shm(struct look *l)
{
	struct statvfs v;

	if (statvfs("/dev/shm", &v) == 0)
		l->bytes += (int64_t)((v.f_blocks - v.f_bfree) * v.f_frsize +
		    (v.f_files - v.f_ffree) * 1024);
}

static void
each_process(
    DIR *proc, struct look *l, void (*visit)(struct look *l, const char *pid))
{
	struct dirent *e;

	rewinddir(proc);
	while ((e = readdir(proc)) != NULL) {
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			visit(l, e->d_name);
	}
}

static void
look_at_process(struct look *l, const char *pid)
{
	if (look_at_status(l, pid))
		look_at_maps(l, pid);
}

/* All memory that isn't one process's alone. */
static void
look(struct count *c, DIR *proc)
{
	struct look l = {.dev = c->dev};
	int64_t begin = jail_now(), took;

	map_init(&l.memfds, &l.arena);
	each_process(proc, &l, look_at_files);
	each_process(proc, &l, look_at_process);
	look_at_segments(&l);
	look_at_shm(&l);
	arena_release(&l.arena);
	c->shared = l.seen < LOOK_MAX ? l.bytes : INT64_MAX / 2;
	took = (jail_now() - begin) * LOOK_SHARE;
	c->next = begin + (took > COUNT_MS * MS ? took : COUNT_MS * MS);
}

void
count_begin(struct count *c, const struct limits *limits)
{
	struct stat st = {.st_dev = 0};
	int fd = memfd_create("count", MFD_CLOEXEC);

	if (fd >= 0) {
		(void)fstat(fd, &st);
		close(fd);
	}
	*c = (struct count){.limits = limits, .dev = st.st_dev};
}

enum limit
count_exceeded(struct count *c)
{
	const struct limits *l = c->limits;
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
	if (l->memory > 0 && jail_now() >= c->next)
		look(c, dir);
	closedir(dir);
	/* process 1 is ours */
	if (l->pids > 0 && pids > l->pids + 1)
		return LIMIT_PIDS;
	if (l->memory > 0 && memory + c->shared > l->memory)
		return LIMIT_MEMORY;
	return LIMIT_NONE;
}
