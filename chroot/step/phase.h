/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The jails of a run, which is prepared: each is built from what the run has,
 * lasts for one phase, and is told of by status lines. All return an exit
 * status; CODE_TROUBLE comes with err.
 */
#ifndef CHROOT_PHASE_H
#define CHROOT_PHASE_H

struct error;
struct run;
struct run_phase;

/* All archives for /etc. Only what fails is told of, as a phase. */
int phase_confs(struct run *r, struct error *err);

int phase_run(struct run *r, const struct run_phase *p, struct error *err);

/*
 * A phase has failed: the command once more in a jail like the phase's, with
 * "--shell" and its name as arguments and the terminal as descriptor 3. No
 * limit of time or output holds for who looks around in there.
 */
int phase_shell(struct run *r, const struct run_phase *p, struct error *err);

#endif
