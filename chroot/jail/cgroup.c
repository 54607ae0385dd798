/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where groups can be made is told by /proc/self/cgroup (which group we are
 * in) and /proc/self/mountinfo (where that hierarchy is mounted). In version 2
 * a group that has processes can't pass controllers on, except the root. So
 * the place is our own group if it is the root; or if systemd has delegated it
 * (Delegate=), once all that is in it has moved to a group "main" below; or the
 * one above, if that is the delegated one (DelegateSubgroup=, or moved before).
 */
#include "chroot/jail/cgroup.h"
#include "chroot/sys/feature.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX (256 * 1024)
#define PERIOD   100000 /* µs, in which a processor limit is counted */

static const char *const names[CONTROLS] = {"memory", "pids", "cpu"};

/* Is the word in the list, whose items are separated by sep? */
static bool
has_word(const char *list, const char *word, char sep)
{
	size_t n = strlen(word);
	const char *p;

	for (p = list; p; p = strchr(p, sep) ? strchr(p, sep) + 1 : NULL) {
		if (strncmp(p, word, n) == 0 &&
		    (p[n] == sep || p[n] == '\0' || p[n] == '\n'))
			return true;
	}
	return false;
}

/* A small file of the kernel's in full; false if it can't be read. */
static bool
read_text(const char *path, struct buf *b)
{
	struct error err;

	buf_init(b, TEXT_MAX);
	if (file_read(path, b, &err) == 0 && b->data)
		return true;
	buf_release(b);
	return false;
}

static int
write_value(int dirfd, const char *name, const char *value)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = write(fd, value, strlen(value)) < 0 ? -1 : 0;
	close(fd);
	return rc;
}

static int
write_number(int dirfd, const char *name, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return write_value(dirfd, name, text);
}

/* ---- where --------------------------------------------------------------- */

/*
 * Our own group in the hierarchy of a controller; "" for version 2. A line is
 * "4:memory,x:/path".
 */
static bool
own_group(char *text, const char *controller, char path[PATH_MAX])
{
	char *line, *list, *group;

	while ((line = strsep(&text, "\n")) != NULL) {
		list = strchr(line, ':');
		group = list ? strchr(list + 1, ':') : NULL;
		if (!group)
			continue;
		*group++ = '\0';
		if (*controller ? !has_word(list + 1, controller, ',')
				: list[1] != '\0')
			continue;
		snprintf(path, PATH_MAX, "%s", group);
		return true;
	}
	return false;
}

/*
 * The mount of a hierarchy: its mount point, and which group is seen there. A
 * line is "36 35 98:0 /group /point options tags - type source options".
 */
static bool
find_mount(char *text, const char *controller, char point[PATH_MAX],
    char group[PATH_MAX])
{
	const char *type = *controller ? "cgroup" : "cgroup2";
	char *line, *end, kind[16], options[256];

	while ((line = strsep(&text, "\n")) != NULL) {
		end = strstr(line, " - ");
		if (!end ||
		    sscanf(end, " - %15s %*s %255s", kind, options) != 2 ||
		    strcmp(kind, type) != 0 ||
		    (*controller && !has_word(options, controller, ',')))
			continue;
		if (sscanf(line, "%*s %*s %*s %4095s %4095s", group, point) ==
		    2)
			return true;
	}
	return false;
}

/* The folder of our own group; controller "": of version 2. */
static bool
own_folder(const char *controller, char path[PATH_MAX])
{
	char group[PATH_MAX], point[PATH_MAX], top[PATH_MAX];
	struct buf mine, mounts;
	const char *below = group;
	bool found = false;

	if (!read_text("/proc/self/cgroup", &mine))
		return false;
	if (read_text("/proc/self/mountinfo", &mounts)) {
		found = own_group(mine.data, controller, group) &&
		    find_mount(mounts.data, controller, point, top);
		buf_release(&mounts);
	}
	buf_release(&mine);
	if (!found)
		return false;
	/* a container sees its own group as the root */
	if (strcmp(top, "/") != 0 && strncmp(group, top, strlen(top)) == 0)
		below += strlen(top);
	if (strcmp(below, "/") == 0)
		below = "";
	return snprintf(path, PATH_MAX, "%s%s", point, below) < PATH_MAX - 256;
}

/* Does the v2 group pass these controllers on, or can it be told to? */
static bool
passes_on(const char *folder, const char *wanted)
{
	char path[PATH_MAX + 32];
	struct buf b;
	bool good;
	int fd;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void)write_value(fd, "cgroup.subtree_control", wanted);
	close(fd);
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
	if (!read_text(path, &b))
		return false;
	good = (!strstr(wanted, "memory") || has_word(b.data, "memory", ' ')) &&
	    (!strstr(wanted, "pids") || has_word(b.data, "pids", ' ')) &&
	    (!strstr(wanted, "cpu") || has_word(b.data, "cpu", ' '));
	buf_release(&b);
	return good;
}

/* Has systemd given the group to its service? */
static bool
is_delegated(const char *folder)
{
	char value[4];

	return getxattr(folder, "trusted.delegate", value, sizeof(value)) ==
	    1 ||
	    getxattr(folder, "user.delegate", value, sizeof(value)) == 1;
}

/*
 * Move what is in the group to the group "main" below it. Who has a group
 * delegated may do so (systemd's "Control Group APIs and Delegation"). More
 * than one round, as what forks meanwhile is added.
 */
static void
make_room(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), round;
	char path[PATH_MAX + 32], *line, *rest;
	struct buf b;

	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	for (round = 0; round < 8 && read_text(path, &b); round++) {
		if (round == 0)
			(void)mkdirat(fd, "main", 0755);
		rest = b.data;
		while ((line = strsep(&rest, "\n")) != NULL && *line)
			(void)write_value(fd, "main/cgroup.procs", line);
		buf_release(&b);
	}
	close(fd);
}

/* Only the root of all may have both processes and limited groups. */
static bool
is_top(const char *folder)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/cgroup.type", folder);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

/*
 * The folder for groups of version 2 that have all that is wanted: ours if it
 * is delegated, or the one above it, where we are one that was moved. One with
 * processes in it isn't even asked: for some controllers it would agree, and
 * nobody could be in the groups below it (cgroups(7), "Threaded mode").
 */
static bool
find_v2(const char *wanted, char path[PATH_MAX])
{
	char *slash;

	if (!own_folder("", path))
		return false;
	if (is_top(path))
		return passes_on(path, wanted);
	slash = strrchr(path, '/');
	if (!is_delegated(path) && slash)
		*slash = '\0';
	if (!is_delegated(path))
		return false;
	make_room(path);
	return passes_on(path, wanted);
}

void
cgroup_find(struct cgroup *g, const struct limits *l, unsigned without)
{
	const int64_t asked[CONTROLS] = {l->memory, l->pids, l->cpus};
	char wanted[32] = "", path[PATH_MAX];
	int i;

	*g = (struct cgroup){0};
	for (i = 0; i < CONTROLS; i++) {
		g->of[i].fd = -1;
		if (asked[i] > 0)
			snprintf(wanted + strlen(wanted),
			    sizeof(wanted) - strlen(wanted), "%s+%s",
			    *wanted ? " " : "", names[i]);
	}
	if (!*wanted)
		return;
	if ((without & FEATURE_CGROUP2) == 0 && find_v2(wanted, path)) {
		for (i = 0; i < CONTROLS; i++) {
			if (asked[i] == 0)
				continue;
			g->of[i].v2 = true;
			memcpy(g->of[i].path, path, PATH_MAX);
		}
		return;
	}
	for (i = 0; i < CONTROLS && (without & FEATURE_CGROUP1) == 0; i++) {
		if (asked[i] > 0 && !own_folder(names[i], g->of[i].path))
			g->of[i].path[0] = '\0';
	}
}

static bool
is_made(const struct control_group *g)
{
	return g->path[0] != '\0' && g->fd >= 0;
}

/* ---- making -------------------------------------------------------------- */

static int
set_memory(const struct control_group *g, int64_t bytes)
{
	if (g->v2) {
		(void)write_value(g->fd, "memory.oom.group", "1");
		(void)write_value(g->fd, "memory.swap.max", "0");
		return write_number(g->fd, "memory.max", bytes);
	}
	if (write_number(g->fd, "memory.limit_in_bytes", bytes) < 0)
		return -1;
	/* with swap; not every kernel counts that */
	(void)write_number(g->fd, "memory.memsw.limit_in_bytes", bytes);
	return 0;
}

static int
set_cpus(const struct control_group *g, int64_t thousandths)
{
	int64_t quota = thousandths * (PERIOD / 1000);
	char text[48];

	if (!g->v2)
		return write_number(g->fd, "cpu.cfs_quota_us", quota);
	snprintf(text, sizeof(text), "%" PRId64 " %d", quota, PERIOD);
	return write_value(g->fd, "cpu.max", text);
}

static int
set_limit(
    const struct control_group *g, enum controller c, const struct limits *l)
{
	switch (c) {
	case CONTROL_MEMORY:
		return set_memory(g, l->memory);
	case CONTROL_PIDS:
		/* and process 1 of the jail, which is ours */
		return write_number(g->fd, "pids.max", l->pids + 1);
	case CONTROL_CPU:
		return set_cpus(g, l->cpus);
	case CONTROLS:
		break;
	}
	return 0;
}

/* How often the limit was met: "name N" in a file; 0 if it has none. */
static uint64_t
count_events(const struct control_group *g, enum controller c)
{
	const char *file = "pids.events", *name = "max ";
	char text[512];
	const char *p;

	if (c == CONTROL_CPU || !is_made(g))
		return 0;
	if (c == CONTROL_MEMORY) {
		file = g->v2 ? "memory.events" : "memory.oom_control";
		name = "oom_kill ";
	}
	file_read_text(g->fd, file, text, sizeof(text));
	p = strstr(text, name);
	return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

/*
 * Whole or not there, for half a path may be another's. Not synced: no group
 * outlives the machine.
 */
static int
put_paths(int run, const struct buf *b, struct error *err)
{
	int rc,
	    fd = openat(run, "groups.new",
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail_errno(err, "create groups");
	rc = file_write_all(fd, b->data, b->len, err);
	close(fd);
	if (rc == 0 && renameat(run, "groups.new", run, "groups") < 0)
		rc = fail_errno(err, "write groups");
	return rc;
}

/* The file that recovery reads: a path a line. */
static int
write_paths(const struct cgroup *g, int run, struct error *err)
{
	struct buf b;
	int i, rc = 0;

	buf_init(&b, CONTROLS * (PATH_MAX + 1));
	for (i = 0; i < CONTROLS; i++) {
		if (g->of[i].path[0])
			(void)buf_addf(&b, "%s\n", g->of[i].path);
	}
	if (b.len > 0)
		rc = put_paths(run, &b, err);
	else if (unlinkat(run, "groups", 0) < 0 && errno != ENOENT)
		rc = fail_errno(err, "remove groups");
	buf_release(&b);
	return rc;
}

/* Others' groups, or a mount that can only be read, as containers have it. */
static bool
is_out_of_reach(int error)
{
	return error == EACCES || error == EPERM || error == EROFS ||
	    error == ENOENT;
}

static int
make_group(struct control_group *g, struct error *err)
{
	if (mkdir(g->path, 0755) < 0 && errno != EEXIST) {
		if (!is_out_of_reach(errno))
			return fail_errno(err, "create %s", g->path);
		g->path[0] = '\0';
		return 0;
	}
	g->fd = open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return g->fd < 0 ? fail_errno(err, "open %s", g->path) : 0;
}

int
cgroup_make(struct cgroup *g, const char *name, int run, struct error *err)
{
	size_t n;
	int i;

	for (i = 0; i < CONTROLS; i++) {
		n = strlen(g->of[i].path);
		if (n > 0)
			snprintf(g->of[i].path + n, PATH_MAX - n, "/%s", name);
	}
	if (write_paths(g, run, err) < 0)
		return -1;
	for (i = 0; i < CONTROLS; i++) {
		if (g->of[i].path[0] && make_group(&g->of[i], err) < 0)
			return -1;
	}
	return 0;
}

int
cgroup_limit(struct cgroup *g, const struct limits *l, struct error *err)
{
	int i;

	for (i = 0; i < CONTROLS; i++) {
		if (!is_made(&g->of[i]))
			continue;
		if (set_limit(&g->of[i], (enum controller)i, l) < 0)
			return fail_errno(
			    err, "%s: limit of %s", g->of[i].path, names[i]);
		g->of[i].events = count_events(&g->of[i], (enum controller)i);
	}
	return 0;
}

unsigned
cgroup_lacks(const struct cgroup *g, const struct limits *l)
{
	const int64_t asked[CONTROLS] = {l->memory, l->pids, l->cpus};
	unsigned lacks = 0;
	int i;

	for (i = 0; i < CONTROLS; i++) {
		if (asked[i] <= 0)
			continue;
		if (!g->of[i].path[0])
			lacks |= FEATURE_CGROUP2 | FEATURE_CGROUP1;
		else if (!g->of[i].v2)
			lacks |= FEATURE_CGROUP2;
	}
	return lacks;
}

/* ---- use ----------------------------------------------------------------- */

int
cgroup_birthplace(const struct cgroup *g)
{
	int i;

	for (i = 0; i < CONTROLS; i++) {
		if (g->of[i].v2 && is_made(&g->of[i]))
			return g->of[i].fd;
	}
	return -1;
}

int
cgroup_door(const struct cgroup *g, enum controller c, struct error *err)
{
	int fd;

	if (g->of[c].v2 || !is_made(&g->of[c]))
		return -1;
	fd = openat(g->of[c].fd, "tasks", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	fail_errno(err, "open %s/tasks", g->of[c].path);
	return -2;
}

int
cgroup_join(int door)
{
	return write(door, "0", 1) == 1 ? 0 : -1;
}

enum limit
cgroup_exceeded(struct cgroup *g)
{
	static const enum limit limits[CONTROLS] = {
	    LIMIT_MEMORY, LIMIT_PIDS, LIMIT_NONE};
	enum limit met = LIMIT_NONE;
	uint64_t n;
	int i;

	for (i = 0; i < CONTROLS; i++) {
		n = count_events(&g->of[i], (enum controller)i);
		if (n > g->of[i].events && met == LIMIT_NONE)
			met = limits[i];
		g->of[i].events = n;
	}
	return met;
}

/* ---- the end ------------------------------------------------------------- */

/* Remove the group; what is dying in it needs a moment. */
static void
remove_group(const char *path)
{
	struct timespec pause = {0, 1000 * 1000};
	int i, fd;

	for (i = 0; i < 1000 && rmdir(path) < 0; i++) {
		if (errno != EBUSY)
			return;
		if (i % 100 == 0) {
			fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd >= 0) {
				/* version 1 has none: they die with process 1
				 */
				(void)write_value(fd, "cgroup.kill", "1");
				close(fd);
			}
		}
		nanosleep(&pause, NULL);
	}
}

void
cgroup_remove(struct cgroup *g)
{
	int i;

	for (i = 0; i < CONTROLS; i++) {
		if (!is_made(&g->of[i]))
			continue;
		close(g->of[i].fd);
		g->of[i].fd = -1;
		remove_group(g->of[i].path);
	}
}

void
cgroup_recover(int dirfd, const char *name)
{
	char path[300], *line, *rest;
	struct error err;
	struct buf b;

	snprintf(path, sizeof(path), "%s/groups", name);
	buf_init(&b, CONTROLS * (PATH_MAX + 1));
	if (file_read_at(dirfd, path, &b, &err) == 0 && b.data) {
		rest = b.data;
		while ((line = strsep(&rest, "\n")) != NULL) {
			/* nothing but what we have made ourselves */
			if (*line == '/' && strstr(line, "/autotua-"))
				remove_group(line);
		}
	}
	buf_release(&b);
}
