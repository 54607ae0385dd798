/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step, done by the jailer (jailer.h). It is root's; this side only passes
 * ids, names and descriptors, and reads what it tells.
 */
#ifndef RUN_JAIL_H
#define RUN_JAIL_H

#include "run/jailer.h"
#include "run/outcome.h"
#include "run/run.h"

#include <stdbool.h>

struct error;

struct jail_step {
	const struct run_conf *conf; /* with a jailer */
	struct request *request;     /* RUN, without descriptors */
	const struct request_record *records;
	int logfd, recipe, artifacts; /* the latter two are folders */
	bool (*cancelled)(void *ctx); /* or NULL */
	void (*phase)(void *ctx, const char *name);  /* a phase starts */
	void (*shell)(void *ctx, const char *phase); /* a shell does */
	void *ctx;
};

/* How it ended: enough to tell a job's failure from a machine's. */
enum jail_end {
	JAIL_OK,
	JAIL_FAILED,    /* a phase failed or hit a limit: see the outcome */
	JAIL_TROUBLE,   /* autotua-chroot could not do it: err says why */
	JAIL_CANCELLED, /* we asked for its end */
};

/* Run one step to its end; o gets what was told. */
enum jail_end
jail_run(const struct jail_step *j, struct outcome *o, struct error *err);

/* Is the layer there? 1, 0, or -1 with err. */
int
jail_has_layer(const struct run_conf *c, const char *key, struct error *err);

/* Delete a layer that nobody can use again; trouble is only logged. */
void jail_remove_layer(const struct run_conf *c, const char *key);

#endif
