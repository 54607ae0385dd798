/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child that takes apart what anybody made: from the call on it computes
 * with what it has. What it has open it can read and write, and memory of its
 * own it gets; 0 to 2 lead nowhere. Nothing can be opened, made, removed or
 * looked at by a path, no socket, process or thread comes into being, no
 * other program is executed, and no signal reaches another process: those
 * calls, as all that aren't needed, fail with EPERM. What is mapped already
 * stays mapped: let there be nothing shared or secret.
 */
#ifndef MASTER_CONFINE_H
#define MASTER_CONFINE_H

struct error;

/* -1: this kernel has no seccomp filters; nothing may be taken apart then. */
int confine(struct error *err);

#endif
