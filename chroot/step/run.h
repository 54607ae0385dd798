/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step of a unit: its phases, one jail after the other over the same
 * upper layer; then its artifacts are collected and, if all went well and it
 * is wanted, the upper becomes a layer. Whatever happens, the run's folder is
 * gone at the end.
 */
#ifndef CHROOT_RUN_H
#define CHROOT_RUN_H

#include "chroot/jail/box.h"

#include <stdint.h>
#include <sys/types.h>

struct error;

/* Exit statuses of autotua-chroot. */
enum {
	CODE_OK = 0,
	CODE_PHASE = 1, /* a phase failed or reached a limit */
	CODE_USAGE = 2,
	CODE_MISSING = 3, /* a stage, layer or source is not there */
	CODE_BROKEN = 70, /* an invariant is */
	CODE_TROUBLE = 75,
	CODE_STOPPED = 143,
};

struct run_phase {
	const char *name; /* NULL: the command has no phase as argument */
	bool net;         /* it asks for one: run_options.network */
};

/* All names have passed id.h. Descriptors are above 2 and CLOEXEC, or -1. */
struct run_options {
	const char *job, *stage;
	const char **layers; /* bottom to top */
	size_t nlayers;
	const char *commit; /* NULL: the result is thrown away */
	int recipe;         /* a folder, or -1 */
	struct source *sources;
	size_t nsources;
	const char **confs; /* stored names of archives for /etc */
	size_t nconfs;
	int store;     /* folder of sources; -1: distfiles of the state */
	int artifacts; /* an empty folder, or -1 */
	uid_t owner;   /* whose the store and the artifacts are */
	gid_t group;
	struct run_phase *phases;
	size_t nphases;               /* at least 1 */
	int64_t time, silence, grace; /* seconds; 0: no limit, no grace */
	int64_t log_max;              /* bytes; 0: no limit */
	struct limits limits;
	int64_t reserve;  /* bytes of disk, or DISK_RESERVE_DEFAULT */
	int64_t pressure; /* percent, see ready.h; 0: doesn't matter */
	int64_t artifact_bytes, artifact_files; /* 0: no limit */
	int64_t layers_max; /* bytes of all images, see gc.h; 0: no limit */
	bool nest, bits32, allow_rootful;
	enum network network; /* of phases that ask for one */
	unsigned without;     /* of enum feature */
	bool keep;            /* the folder of a run whose phase failed */
	int log, status, report, leash;
	int shell; /* a terminal for a shell after a phase that failed */
	const char *const *argv;
};

#define RUN_LAYERS_MAX 128

/* What holds if nothing is said. */
void run_defaults(struct run_options *o);

struct run;
struct state;

/*
 * Do it; the exit status. err says why, if it is CODE_MISSING, CODE_BROKEN or
 * CODE_TROUBLE. The state is this process's own and closed at the end; what
 * the run leaves is deleted behind our back.
 */
int run(struct state *s, const struct run_options *o, struct error *err);

/*
 * The same in steps, for who answers before deleting: the state stays the
 * caller's, and what is left is in its trash and in r->watch.view. Between
 * the two it may be prepared ahead, see prepare.h, and then be cancelled.
 */
int run_begin(struct run *r, const struct state *s, struct error *err);
int run_work(struct run *r, const struct run_options *o, struct error *err);
void run_cancel(struct run *r);

#endif
