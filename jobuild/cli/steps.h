/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Step reports for people: what a run of this machine writes and what a
 * master tells have the same form.
 */
#ifndef CLI_STEPS_H
#define CLI_STEPS_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

struct arena;
struct cli;

/* A text member of an object; "" when it has none. */
const char *member(const json_t *o, const char *name);

/* A number member; -1 when it has none. */
double member_number(const json_t *o, const char *name);

/* "setup 0.10s run 2.30s" */
const char *steps_phases(struct arena *a, const json_t *report);

/* "tests=12 size=3" */
const char *steps_figures(struct arena *a, const json_t *report);

/* From start to end, "" when it has no end and no start; now for no end. */
const char *steps_time(struct arena *a, const json_t *report, double now);

/* result, else state; "(reused)" behind when its layer was there already. */
const char *steps_result(const json_t *report);

/*
 * Why a step failed: "job_run: exit 1", "job_run: time limit", or its reason.
 * "" when it didn't.
 */
const char *steps_failure(struct arena *a, const json_t *report);

/*
 * What it warns of, and errors that aren't its reason: "LEAD: warn: TEXT", a
 * line each, the first ten and how many more. FILE gets them.
 */
void steps_warn(struct cli *c, const json_t *report, const char *lead, FILE *f);

#endif
