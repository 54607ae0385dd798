/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a run needs before its first jail, all of it in its folder, run/JOB,
 * which is also its lock:
 *	upper		what the job writes, and in the jail's namespace the
 *			mount point of the whole
 *	work.N		overlayfs's, a fresh one for each mount
 *	home		/autotua of the jail: work temp home artifacts
 *	src		/autotua/distfiles: hard links to sources
 *	groups		paths of its control groups, see cgroup.h
 * Only upper and home/ are ever writable for the job.
 */
#ifndef CHROOT_PREPARE_H
#define CHROOT_PREPARE_H

#include "chroot/base.h"
#include "chroot/cgroup.h"
#include "chroot/disk.h"
#include "chroot/ids.h"
#include "chroot/jail.h"
#include "chroot/run.h"
#include "chroot/state.h"
#include "base/arena.h"

struct run {
	const struct run_options *o;
	struct arena arena;
	struct state state;
	int64_t begin;                /* jail_now() then */
	int fd;                       /* run/JOB, locked */
	int held[RUN_LAYERS_MAX + 1]; /* "ok" files of layers and stage */
	size_t nheld;
	struct base base;
	struct ids ids; /* userns -1: root of the jail is the host's */
	struct jail_watch watch;
	unsigned mounts; /* so far */
	unsigned lacks;  /* of enum feature */
	bool told;       /* what it lacks */
	bool failed;     /* a phase did */
	bool poor;       /* limits without control groups */
	struct cgroup groups;
	struct disk disk;
};

/* Make it all; the exit status, CODE_OK to go on. */
int prepare(struct run *r, struct error *err);

/* The store of sources, which may be on a file system of its own; or -1. */
int prepare_store(struct run *r);

#endif
