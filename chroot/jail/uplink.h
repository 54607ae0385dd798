/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A private network: a network namespace with a way out. What carries its
 * packets is pasta(1) or slirp4netns(1), an ordinary program that makes
 * connections as a user who is nobody else on this machine. Nothing comes in,
 * and the loopback and the abstract sockets of the host can't be reached.
 */
#ifndef CHROOT_UPLINK_H
#define CHROOT_UPLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct jail_watch;

struct uplink {
	int netns; /* the namespace */
	int pidfd, leash;
	pid_t pid;
};
#define UPLINK_NONE ((struct uplink){-1, -1, -1, -1})

/*
 * Make one for a jail whose root is base. w: its groups are the carrier's
 * too, and its leash ends the waiting; NULL: a trial. without: of enum
 * feature. -1 with what is missing and what to do about it.
 */
int uplink_open(struct uplink *u, uint32_t base, unsigned without,
    struct jail_watch *w, struct error *err);

/* Bytes that it has carried, both ways; 0 where that can't be known. */
int64_t uplink_carried(const struct uplink *u);

/* Its carrier is dead afterwards. */
void uplink_close(struct uplink *u);

/*
 * The host's file with the name servers that a private network can reach:
 * not those on the host's loopback. NULL: there is none.
 */
const char *uplink_resolver(void);

/* Can one be had here? Tries it; -1 with why not. without: enum feature. */
int uplink_try(unsigned without, struct error *err);

#endif
