/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine can do for "jobuild run". */
#ifndef CLI_RUN_MACHINE_H
#define CLI_RUN_MACHINE_H

struct cli;
struct error;

/*
 * Do programs of the architecture run in jails here, by the processor or an
 * emulator? -1: err has those that do.
 */
int machine_runs(struct cli *c, const char *arch, struct error *err);

#endif
