/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spool: a folder for each lease, which outlives this process.
 *	capsule.json	what the master gave
 *	K.json K.log K.out/	results of step K, as run_unit() leaves them
 *	result.json	how the lease ended; there is none while it runs
 *	sent.json	what the master has acknowledged (a hint: every call
 *			is idempotent, so losing it costs only bytes)
 * A lease is in the spool until the master has answered its end. That outlives
 * this process, and a power cut too if the work took more than a moment: what
 * was made in one is made again, elsewhere if need be.
 */
#ifndef SLAVE_SPOOL_H
#define SLAVE_SPOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

#define SPOOL_MOMENT     1000    /* milliseconds */
#define SPOOL_WORK       "work-" /* and its id: a worker's own folder */
#define SPOOL_REASON_MAX 2000    /* bytes of a reason for the master */

/* How a lease ended. */
enum ending_kind { ENDING_DONE, ENDING_REFUSE_SOFT, ENDING_REFUSE_HARD };

struct ending {
	enum ending_kind kind;
	char result[20]; /* ENDING_DONE: "passed", "failed", ... */
	char reason[SPOOL_REASON_MAX];
};

/* What the master has: all steps before step, and log bytes of step. */
struct sent {
	int64_t step, log;
};

/*
 * Open (making it, mode 0700) the spool; a directory descriptor. Folders of
 * workers, of which there are none yet, are deleted.
 */
int spool_open(const char *path, struct error *err);

/*
 * Is there room for one lease more? -1 with err: what is there now can be
 * delivered, but another one's results might have nowhere to wait.
 */
int spool_ready(int spool, struct error *err);

/* A worker is dead: delete its folder. */
void spool_drop_work(int spool, pid_t pid);

/* Call each() for every lease that is in the spool. */
int spool_each(int spool, void (*each)(void *ctx, int64_t lease), void *ctx,
    struct error *err);

/* Make the lease's folder with its capsule (replacing what is left of one). */
int
spool_add(int spool, int64_t lease, const json_t *capsule, struct error *err);

/* Open a lease's folder; a directory descriptor. */
int spool_lease(int spool, int64_t lease, struct error *err);

/* Delete a lease's folder. */
int spool_remove(int spool, int64_t lease, struct error *err);

/* A JSON file of a lease's folder (new reference); NULL if absent or not so. */
json_t *spool_json(int dir, const char *name, struct error *err);

/* Step K's report (new reference), or NULL when there is none yet. */
json_t *spool_report(int dir, int64_t step);

/* Bytes of step K's log; 0 when there is none yet. */
int64_t spool_log_size(int dir, int64_t step);

/* Descriptors to read; -1 with err. */
int spool_log(int dir, int64_t step, struct error *err);
int spool_artifact(int dir, int64_t step, const char *path, struct error *err);

/*
 * How the lease ended: false while it has not. Written whole or not at all;
 * sync: also after a power cut (spool_sync() first: it speaks of the rest).
 */
bool spool_ending(int dir, struct ending *e);
int spool_end(int dir, const struct ending *e, bool sync, struct error *err);

/*
 * What the lease's folder has so far outlives a power cut: capsule, reports,
 * logs and the folders with their names; artifacts are synced as they come.
 */
int spool_sync(int dir, struct error *err);

/* Fill e; result is NULL for a refusal. Too long reasons are cut. */
void ending_set(struct ending *e, enum ending_kind kind, const char *result,
    const char *reason);

void spool_sent(int dir, struct sent *s);
int spool_set_sent(int dir, const struct sent *s, struct error *err);

#endif
