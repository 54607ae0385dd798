/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a run needs before its first jail, all of it in its folder, run/JOB,
 * which is also its lock:
 *	upper		what the job writes
 *	work.N		overlayfs's, a fresh one for each mount
 *	home		/autotua of the jail: work temp home artifacts
 *	src		/autotua/distfiles: hard links to sources
 *	recipe		where it must be one, a copy, see recipe.h
 *	groups		paths of its control groups, see cgroup.h
 * Only upper and home/ are ever writable for the job.
 */
#ifndef CHROOT_PREPARE_H
#define CHROOT_PREPARE_H

#include "chroot/step/base.h"
#include "chroot/jail/cgroup.h"
#include "chroot/jail/disk.h"
#include "chroot/sys/ids.h"
#include "chroot/jail/jail.h"
#include "chroot/step/run.h"
#include "chroot/store/state.h"
#include "base/arena.h"

struct run {
	const struct run_options *o;
	struct arena arena;
	struct state state;
	int fd;         /* run/JOB, locked */
	char spare[48]; /* its name while there is no JOB yet; "": had none */
	int held[RUN_LAYERS_MAX + 1]; /* "ok" files of layers and stage */
	size_t nheld;
	struct base base;
	struct ids ids; /* userns -1: root of the jail is the host's */
	int folder;     /* run/JOB as their mount, for the first jail; or -1 */
	struct jail_watch watch;
	unsigned mounts; /* so far */
	unsigned lacks;  /* of enum feature */
	bool told;       /* what it lacks */
	bool failed;     /* by what the job did */
	bool poor;       /* limits without control groups */
	struct cgroup groups;
	const struct cgroup *places; /* of groups, if they are known already */
	struct limits ahead;         /* of what was made ahead */
	struct disk disk;
};

/*
 * What does not depend on the job, before it is known: the folder, under the
 * name "spare.NUMBER", which no job has, ids, and control groups, and process
 * 1 of the first jail. Only o->without counts, and which limits there are.
 * places: what cgroup_find() has found for them.
 */
int prepare_ahead(struct run *r, const struct run_options *o,
    const struct cgroup *places, struct error *err);

/* Are these limits met by the same control groups? */
bool prepare_same_kinds(const struct limits *a, const struct limits *b);

/* Make it all, or the rest; the exit status, CODE_OK to go on. */
int prepare(struct run *r, struct error *err);

/* The store of sources, which may be on a file system of its own; or -1. */
int prepare_store(struct run *r);

/* A file in it for reading, which must be the owner's; or -1. */
int prepare_open_stored(
    struct run *r, int store, const char *stored, struct error *err);

#endif
