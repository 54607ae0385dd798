/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders with the results of runs, below $XDG_STATE_HOME/autotua/runs: one a
 * run, named by the time of its begin. A run holds a lock on its folder as long
 * as it lives, and writes into it, as run.json, what it is about and how it
 * ended. Of those that have ended and weren't asked to be kept the newest stay,
 * and as many of those that failed, unless they are too old.
 */
#ifndef CLI_RUNS_H
#define CLI_RUNS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct arena;
struct error;

/* The folder of all, which needn't be there. */
const char *runs_folder(struct arena *a);

/* Make and lock a folder for a run; its descriptor (the lock), or -1. */
int runs_new(
    struct arena *a, const char *parent, const char **path, struct error *err);

/* Lock a folder of the caller's. */
int runs_lock(const char *path, struct error *err);

/* Write run.json; the reference is dropped. */
int runs_note(int fd, json_t *record, struct error *err);

struct runs_item {
	const char *name, *path;
	const char *root, *arch; /* "" where nothing was written */
	const char *result;      /* "passed", "failed", "interrupted", "running"
				    or "unknown" */
	double started, ended;   /* 0 where nobody knows */
	bool keep;               /* asked to be kept */
	const char **kept;       /* folders of failed steps that are there */
	size_t nkept;
};

struct runs_list {
	struct runs_item *items;
	size_t n;
};

/*
 * What is where: folders below parent, and state/kept/ID of the program chroot,
 * which is needed to delete only.
 */
struct runs_place {
	const char *parent, *state, *chroot;
};

/* All that are there, the newest first. */
void
runs_read(struct arena *a, const struct runs_place *p, struct runs_list *out);

/* Bytes on the disk below a folder. */
int64_t runs_size(struct arena *a, const char *path);

/* Delete it with what it kept. -1; err->code EBUSY: it is under way. */
int runs_remove(const struct runs_place *p, const struct runs_item *item,
    struct error *err);

/* Seconds since its end, or what is known of it. */
double runs_age(const struct runs_item *item, time_t now);

/*
 * Delete those that ended more than age seconds ago (0: whenever) and all but
 * the newest keep runs and the newest keep failed ones (0: however many). What
 * can't be deleted stays; how many were deleted.
 */
size_t
runs_clean(const struct runs_place *p, size_t keep, int64_t age, time_t now);

#endif
