/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this room share: one unit being done. Everything lives in
 * the unit's arena and ends with run_unit().
 */
#ifndef RUN_UNIT_H
#define RUN_UNIT_H

#include "base/arena.h"
#include "base/error.h"
#include "run/jail.h"
#include "run/outcome.h"
#include "run/run.h"

#include <stdbool.h>

struct unit_run {
	struct arena *arena;
	const struct run_conf *conf;
	struct tree *tree;
	const struct plan_unit *unit;
	const char *arch, *stage, *id;
	int dirfd;     /* of results */
	int64_t begun; /* by clock_ms() */
	size_t synced; /* steps before this one survive a power cut */
	const struct run_watch *watch;
	size_t prefix;       /* steps before this one were reused */
	const char **layers; /* below the next step, bottom to top */
	size_t nlayers;
	const char **own; /* layers that only this run can use */
	size_t nown;
	bool impure; /* a step with network was in: nothing is reusable */
	char nonce[KEY_HEX]; /* makes keys of own layers */
	size_t now;          /* the step that runs */
};

/* What a step came to; o is NULL when nothing of it ran. */
struct step_end {
	enum run_result result;
	const char *reason;
	bool reused;
	double started, ended; /* seconds since 1970 */
	struct outcome *outcome;
};

/* ---- unit.c */

const struct metadata *unit_meta(const struct unit_run *r, size_t step);
const char *unit_atom(const struct unit_run *r, size_t step);

/* No phases and no configuration: nothing to run, it only depends. */
bool unit_is_meta(const struct metadata *m);

/* "K.json" and so on, in the arena. */
const char *unit_file(const struct unit_run *r, size_t step, const char *ext);

void unit_state(const struct unit_run *r, size_t step, enum step_state s);
double unit_clock(void);

/* ---- sources.c */

/*
 * Fetch what the steps from the prefix on need. -1: *step is the one whose
 * file can't be had.
 */
int sources_fetch(struct unit_run *r, size_t *step, struct error *err);

/*
 * Fill records (which have room) with the sources and configuration archives
 * of a step; returns how many. -1 when one is not in the store.
 */
int sources_records(struct unit_run *r, const struct tree_recipe *recipe,
    struct request_record *records, struct error *err);

/* The recipe of a step, as the tree has it; NULL with err. */
const struct tree_recipe *
sources_recipe(struct unit_run *r, size_t step, struct error *err);

/* ---- step.c */

/* Run one step; its report is written. err says why it did not pass. */
enum run_result step_run(struct unit_run *r, size_t step, struct error *err);

/* ---- judge.c */

/* What the jail's end means; err is the reason, unless it passed. */
enum run_result judge(const struct metadata *m, const struct jail_step *j,
    struct outcome *o, enum jail_end end, struct error *err);

/* The ceilings of a step: what the recipe asks for, at most the conf's. */
struct ceilings {
	int64_t time, silence, log, memory, disk, cpus, pids;
	int64_t artifacts, artifact_files;
};
struct ceilings
judge_ceilings(const struct run_conf *c, const struct metadata *m);

/* Does policy forbid it here? RUN_PASSED: no; else err says what. */
enum run_result judge_policy(
    const struct run_conf *c, const struct metadata *m, struct error *err);

/* ---- report.c */

/* A line of ours in the step's log: " * TEXT". */
void report_log(const struct unit_run *r, size_t step, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Write K.json (all or nothing, after the log and the artifacts; synced, but
 * for what took only a moment) and tell the watch. Artifacts are hashed here;
 * one that is not what autotua-chroot told is left out with a message.
 */
int report_write(struct unit_run *r, size_t step, const struct step_end *e,
    struct error *err);

/*
 * The report of a reused step: one that an earlier life of this run wrote is
 * kept, if it is of the same work and passed.
 */
int report_reused(struct unit_run *r, size_t step, struct error *err);

/* Delete what an earlier life left of a step that will run again. */
int report_clear(struct unit_run *r, size_t step, struct error *err);

#endif
