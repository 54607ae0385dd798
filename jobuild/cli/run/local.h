/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "jobuild run": the units of a plan on this machine, one after another in an
 * order where what is needed comes first. A unit whose needs did not pass
 * isn't started; others go on.
 */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include "cli/run/live.h"
#include "cli/run/stage.h"
#include "cli/terminal.h"
#include "plan/plan.h"
#include "run/run.h"

#include <jansson.h>
#include <stdbool.h>

struct cli;

struct local_unit {
	bool started;
	bool left_out; /* by --from: taken as passed */
	enum run_result result;
	const char *reason; /* "" when it passed */
	const char *dir;    /* its results */
	const char *kept;   /* the folder of the step that failed; NULL */
	json_t **reports;   /* one a step; NULL: not run */
};

struct local {
	struct cli *cli;
	struct tree *tree;
	const struct plan *plan;
	struct run_conf conf;
	struct stage_list stages;
	const char *stage; /* of units that name none */
	const char *dir;   /* for results of all units */
	struct local_unit *units;
	size_t current; /* index of the unit that runs */
	int lock;       /* of dir */
	double began;
	size_t from_unit, from_step;
	bool from_set;
	struct live live;
	bool shell; /* wanted when a step fails */
	struct terminal terminal;
};

/* Do all units; CLI_OK, CLI_FAILED, CLI_TEMPORARY or CLI_INTERRUPTED. */
int local_run(struct local *l);

/* What became of a unit: "passed", ..., "dep-failed", "not run". */
const char *local_result(const struct local *l, size_t unit);

/* Show how the steps of the current unit that failed did so. */
void local_show_failure(struct local *l);

/* Write into the folder what runs there, or (status not -1) how it ended. */
int local_note(const struct local *l, int status, struct error *err);

/* The table of results, where logs and artifacts are; or all as JSON. */
void local_report(struct local *l, int status);

#endif
