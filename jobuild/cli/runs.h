/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders with the results of runs, below $XDG_STATE_HOME/autotua/runs: one a
 * run, named by the time of its begin. A run holds a lock on its folder as long
 * as it lives. Of those that have ended the newest are kept, and as many
 * of those that failed; older ones are deleted.
 */
#ifndef CLI_RUNS_H
#define CLI_RUNS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

/* Make and lock a folder for a run; its descriptor (the lock), or -1. */
int runs_new(
    struct arena *a, const char *parent, const char **path, struct error *err);

/* Lock a folder of the caller's. */
int runs_lock(const char *path, struct error *err);

/* Note in the folder how its run ended, for runs_clean(). */
int runs_end(int fd, bool passed, struct error *err);

/*
 * Delete all but the newest keep runs and the newest keep failed ones (0:
 * delete none). What can't be deleted stays; how many were deleted.
 */
size_t runs_clean(const char *parent, size_t keep);

#endif
