/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process 1 of a jail from its birth until it is told what it runs: it is in
 * its namespaces already and has made what is the same in every jail, see
 * inside(). One may wait so for a job that isn't known yet; then it has let
 * go of the host's mounts, and it dies with the parent or when it is dropped.
 */
#ifndef CHROOT_SEED_H
#define CHROOT_SEED_H

#include "chroot/jail/box.h"

#include <sys/types.h>

struct error;

#define SEED_LOG_PIPE (1 << 20) /* bytes */

struct seed {
	pid_t pid;                     /* 0: there is none */
	int pidfd, log, leash, answer; /* our ends */
	int order;                     /* the socket of order.h */
	int view;                      /* its mounts */
	int group;                     /* it was born in, not ours */
};
#define SEED_NONE ((struct seed){0, -1, -1, -1, -1, -1, -1, -1})

/*
 * Start one with what b says of namespaces and ids, in b->groups. b->ahead:
 * it is to wait, for a job without a network.
 */
int seed_start(struct seed *s, struct box *b, struct error *err);

/* Is it alive, and made for a jail such as this? */
bool seed_fits(const struct seed *s, const struct box *b);

/* Kill it, if there is one. */
void seed_drop(struct seed *s);

/* Close what is ours of it; it is not waited for. */
void seed_close(struct seed *s);

#endif
