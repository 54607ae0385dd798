/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base/progress.h for commands: nothing with -q or --json; the innermost one
 * is in cli.bar.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/progress.h"

struct cli;

/* As progress_start(). */
void progress_begin(
    struct progress *p, struct cli *c, const char *what, size_t total);

/* Time goes by: to be called several times a second where nothing else is. */
void progress_tick(struct cli *c);

/* Something else is to be printed: a bar is taken off the screen. */
void progress_hide(struct cli *c);

/* Can lines on standard error be redrawn? */
bool progress_terminal(const struct cli *c);

#endif
