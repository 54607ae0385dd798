/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Doing a unit on this machine: what a slave and "jobuild run" share. Sources
 * are fetched, the longest prefix of steps whose layers are there is reused,
 * the rest runs step by step through autotua-chroot, each leaving a layer.
 * Results are written below a folder of the caller's, one set a step, so that
 * they outlive this process:
 *	K.json		struct of man autotua-api(7), "step report"
 *	K.log		what its phases wrote
 *	K.out/		its artifacts
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "base/network.h"
#include "net/fetch.h"
#include "plan/plan.h"
#include "tree/tree.h"

struct error;
struct scratch;

enum step_state {
	STEP_WAITING,
	STEP_FETCHING,
	STEP_PREPARING,
	STEP_SETUP,
	STEP_UNPACK,
	STEP_RUN,
	STEP_COLLECT,
	STEP_PASSED,
	STEP_FAILED,
	STEP_SKIPPED,
};
extern const char *const step_state_names[]; /* "waiting", ... */

enum run_result {
	RUN_PASSED,
	RUN_FAILED, /* the recipe's fault: final */
	RUN_SKIPPED,
	RUN_INFRASTRUCTURE, /* this machine's or the network's: elsewhere */
	RUN_LIMIT,          /* policy and limits: final, named */
};
extern const char *const run_result_names[]; /* "passed", ... */

#define RUN_PIDS 4096 /* processes of a step, if nobody says a number */

struct run_conf {
	const char *chroot;  /* the autotua-chroot program */
	const char *state;   /* its state folder */
	int jailer;          /* socket of one that serves; 0: one is started */
	const char *helpers; /* folder with jobuild.sh */
	struct fetch_conf fetch;
	int64_t jobs;           /* JOBS for emake; 0: processors */
	int64_t time, silence;  /* seconds; 0: 6 h and 30 min */
	int64_t log_max;        /* bytes of one step's log; 0: 256 MiB */
	int64_t memory, disk;   /* bytes a step may use; 0: no limit */
	int64_t cpus;           /* processors, likewise */
	int64_t pids;           /* processes; 0: RUN_PIDS */
	int64_t artifacts;      /* bytes of a step's artifacts; 0: no limit */
	int64_t artifact_files; /* their number; likewise */
	int64_t layers_max;     /* bytes of stages and layers; 0: no limit */
	bool nest;              /* may phases make namespaces of their own? */
	bool allow_rootful;     /* of a jailer that is started: see jailer.h */
	enum network network;   /* of phases with PROPERTIES=network */
	/* the job's parameters: NAME=VALUE for the phases, NULL-terminated */
	const char *const *parameters;
	/*
	 * By step: does the caller know the results that it had when it really
	 * ran? Layers of others aren't reused; NULL: all may be.
	 */
	const bool *made;
	/* folders of the caller's that serve unit after unit; NULL: none */
	struct scratch *scratch;
	/*
	 * What takes less than moment (milliseconds), from begun on by
	 * clock_ms() (0: from the call on), needn't survive a power cut: it's
	 * not synced.
	 */
	int64_t begun, moment;
	/*
	 * Start at this step: the layers of all before it must be there, and
	 * none from it on is reused.
	 */
	bool from_set;
	size_t from;
	/*
	 * A terminal for a shell in the chroot of a step that failed; 0: none.
	 * Its folder is kept in the state folder, as kept/ID.
	 */
	int shell;
	bool keep;
};

struct run_watch { /* all may be NULL */
	void *ctx;
	void (*state)(void *ctx, size_t step, enum step_state s);
	/* after K.json has been written */
	void (*report)(void *ctx, size_t step, const json_t *report);
	/* is the work unwanted by now? asked several times a second */
	bool (*cancelled)(void *ctx);
	/* bytes so far of a source that comes, of total */
	void (*fetched)(
	    void *ctx, const char *name, int64_t bytes, int64_t total);
	/* the shell begins: the terminal has somebody at its other end */
	void (*shell)(void *ctx, size_t step, const char *phase);
};

/*
 * Do the unit. id names this run (the jail's job id: [a-z0-9-]{8,64}), stage
 * is the digest of an imported stage, dir an empty or half-done folder of
 * results, for this unit alone. The answer is the unit's result; err says why
 * when it is not RUN_PASSED ("atom: reason"). A cancelled unit ends as
 * RUN_INFRASTRUCTURE with err->code ECANCELED; the step that it met has no
 * K.json. Steps after the first that doesn't pass have no report either.
 */
enum run_result
run_unit(const struct run_conf *c, struct tree *t, const struct plan_unit *u,
    const char *arch, const char *stage, const char *id, const char *dir,
    const struct run_watch *w, struct error *err);

#endif
