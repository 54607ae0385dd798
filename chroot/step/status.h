/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a run tells its caller as it goes: a line for each event. */
#ifndef CHROOT_STATUS_H
#define CHROOT_STATUS_H

#include <stdint.h>

struct error;
struct jail_result;
struct run;

/* A whole line; nothing if nobody wants it. */
int status_line(struct run *r, const char *line, struct error *err);

/* The end of a phase, whose output began at log_start. */
int status_end(struct run *r, const char *phase, const struct jail_result *res,
    uint64_t log_start, struct error *err);

/* What the machine lacks is told once, and again when more is found. */
int status_lacks(struct run *r, unsigned lacks, struct error *err);

#endif
