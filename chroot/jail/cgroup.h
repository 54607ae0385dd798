/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups of a run, made below the caller's own: of version 2 where
 * the controllers are delegated to it, of version 1 where they are mounted.
 * Their paths are in run/JOB/groups before they are made, so that recovery
 * knows what a dead run left.
 */
#ifndef CHROOT_CGROUP_H
#define CHROOT_CGROUP_H

#include "chroot/jail/limit.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

enum controller { CONTROL_MEMORY, CONTROL_PIDS, CONTROL_CPU, CONTROLS };

struct control_group {
	char path[PATH_MAX]; /* "": none has this controller */
	int fd;
	bool v2;
	uint64_t events; /* of the limit, so far */
};

/* Zero before cgroup_find(). A v2 group is in each controller's place. */
struct cgroup {
	struct control_group of[CONTROLS];
};

/*
 * Find where groups can be made for these limits. Not finding one is no
 * error: its path is empty then. without: of enum feature.
 */
void cgroup_find(struct cgroup *g, const struct limits *l, unsigned without);

/*
 * Make the groups, name below each path found, after writing their paths to
 * the file "groups" in the folder run. Nothing is limited by them yet. The path
 * of one that this user can't make is empty then.
 */
int cgroup_make(struct cgroup *g, const char *name, int run, struct error *err);

/* Which versions these limits do without, of enum feature. */
unsigned cgroup_lacks(const struct cgroup *g, const struct limits *l);

/* Set the limits, once; how often they are met is counted from here on. */
int cgroup_limit(struct cgroup *g, const struct limits *l, struct error *err);

/* The v2 group to be born in (CLONE_INTO_CGROUP), or -1. */
int cgroup_birthplace(const struct cgroup *g);

/*
 * For a group that nobody can be born in: an open file by which who writes to
 * it, with cgroup_join(), comes in; -1 if c has no such group, -2 on error.
 * The process has one thread: for itself alone the kernel has no need to stop
 * all forks of the machine for a moment, which takes it longer than the rest
 * of a jail.
 */
int cgroup_door(const struct cgroup *g, enum controller c, struct error *err);
int cgroup_join(int door);

/* Has a limit been met since the last call? */
enum limit cgroup_exceeded(struct cgroup *g);

/* Kill what is in them and remove them. */
void cgroup_remove(struct cgroup *g);

/* The same for the groups of a dead run, whose folder is dirfd/name. */
void cgroup_recover(int dirfd, const char *name);

#endif
