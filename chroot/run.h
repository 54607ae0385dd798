/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step of a unit: its phases, one jail after the other over the same
 * upper layer; then its artifacts are collected and, if all went well and it
 * is wanted, the upper becomes a layer. Whatever happens, the run's folder is
 * gone at the end.
 */
#ifndef CHROOT_RUN_H
#define CHROOT_RUN_H

#include "chroot/box.h"

#include <stdint.h>

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
	bool net;
};

/* All names have passed id.h. Descriptors are above 2 and CLOEXEC, or -1. */
struct run_options {
	const char *job, *stage;
	const char **layers; /* bottom to top */
	size_t nlayers;
	const char *commit; /* NULL: the result is thrown away */
	const char *recipe; /* absolute path, or NULL */
	struct source *sources;
	size_t nsources;
	const char **confs; /* stored names of archives for /etc */
	size_t nconfs;
	const char *artifacts; /* an empty folder, or NULL */
	struct run_phase *phases;
	size_t nphases;               /* at least 1 */
	int64_t time, silence, grace; /* seconds; 0: no limit, no grace */
	int64_t log_max;              /* bytes; 0: no limit */
	struct limits limits;
	int64_t reserve;  /* bytes of disk, or DISK_RESERVE_DEFAULT */
	int64_t pressure; /* percent, see ready.h; 0: doesn't matter */
	int64_t artifact_bytes, artifact_files; /* 0: no limit */
	bool nest, bits32, allow_rootful;
	unsigned without; /* of enum feature */
	bool keep;        /* the folder of a run whose phase failed */
	int log, status, report, leash;
	int shell; /* a terminal for a shell after a phase that failed */
	const char *const *argv;
};

#define RUN_LAYERS_MAX 128

/* Do it; the exit status. err says why, if it is CODE_BROKEN or more. */
int run(const char *state, const struct run_options *o, struct error *err);

#endif
