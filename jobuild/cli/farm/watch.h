/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job of a master, looked at until it ends. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cli;

/*
 * Look at the configured master's job until it has ended: redrawn on a
 * terminal, else a line for each change, with --json the last answer. A master
 * that goes away meanwhile is waited for, about a minute. CLI_OK when the job
 * passed, CLI_FAILED when it did not.
 */
int watch_job(struct cli *c, int64_t job);

/* Has the job come to its end? What that means for the exit status. */
bool job_ended(const json_t *job);
int job_status(const json_t *job);

/* Everything about a job (GET jobs/J) as text. */
void job_print(struct cli *c, const json_t *job, bool color, FILE *f);

/* What is new in job since old, a line each. */
void
job_print_changes(struct cli *c, const json_t *old, const json_t *job, FILE *f);

#endif
