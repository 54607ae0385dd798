/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of "run", checked: the border that run.h stands behind. */
#ifndef CHROOT_ARGS_H
#define CHROOT_ARGS_H

#include "chroot/step/run.h"

struct arena;

/* argv[0] is "run". -1 with what is wrong with which option. */
int args_run(int argc, char **argv, struct run_options *o, struct arena *a,
    struct error *err);

/* Of "serve". */
struct serve_options;
int
args_serve(int argc, char **argv, struct serve_options *o, struct error *err);

/* Of "ready": reserve and pressure. */
int args_ready(int argc, char **argv, struct run_options *o, struct arena *a,
    struct error *err);

#endif
