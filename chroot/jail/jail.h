/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent side of one jail: starts it, copies its output, keeps the time,
 * and ends it when the command ends, a limit is reached, or somebody wants.
 * A log longer than its limit loses its middle: three quarters of what this
 * phase may write are its first bytes, one quarter its last.
 * When jail_run() returns, no process of the jail is left.
 */
#ifndef CHROOT_JAIL_H
#define CHROOT_JAIL_H

#include "chroot/jail/box.h"
#include "chroot/jail/order.h"
#include "chroot/jail/seed.h"

#include <stdint.h>
#include <time.h>

struct cgroup;
struct disk;
struct error;

/* What holds for all phases of a run. */
struct jail_watch {
	int out;     /* where the output goes */
	int leash;   /* the caller's; its end stops the run; -1: none */
	int signals; /* a signalfd: what comes there stops the run */
	int64_t end; /* CLOCK_BOOTTIME in ns; 0: never */
	int64_t silence, grace; /* ns; silence 0: never */
	uint64_t log_max;       /* bytes over all phases; 0: no limit */
	uint64_t log_bytes;     /* written so far */
	unsigned phases_left;   /* that share in log_max, this one too */
	int spill;              /* folder for the tail of a long log */
	struct cgroup *groups;  /* made for this run */
	struct disk *disk;
	bool stopped;      /* by leash or signal */
	struct seed ahead; /* for the first jail that it fits */
	/* of the last jail, see jail_drop_view() */
	int view;
	struct parts parts;
};
#define JAIL_WATCH_NONE                                                        \
	((struct jail_watch){.out = -1,                                        \
	    .leash = -1,                                                       \
	    .signals = -1,                                                     \
	    .ahead = SEED_NONE,                                                \
	    .view = -1,                                                        \
	    .parts = PARTS_NONE})

struct jail_result {
	enum limit limit;
	uint64_t left_out; /* bytes of the log */
	int exit, signal;  /* exit is -1 when a signal ended it */
	int64_t wall;      /* ns */
	int64_t carried;   /* bytes by a private network */
	unsigned lacks;    /* of enum feature */
	struct rusage usage;
};

/* CLOCK_BOOTTIME in nanoseconds. */
int64_t jail_now(void);

/* Run one box to its end. -1: it could not be made, or the output is lost. */
int jail_run(struct box *b, struct jail_watch *w, struct jail_result *r,
    struct error *err);

/*
 * Let go of the last jail's mounts, in which nothing can happen any more. The
 * kernel needs a moment to take them down, so this is for when nobody waits.
 */
void jail_drop_view(struct jail_watch *w);

/* Has the caller's leash or a signal ended the run? Looks, doesn't wait. */
bool jail_stopped(struct jail_watch *w);

#endif
