/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who the slave is. Started as root it makes the state folder its user's,
 * starts the jailer, which stays root, and becomes that user; nothing of the
 * network, of archives or of recipes is ever read by root. Started by an
 * ordinary user it stays that one, and so is its jailer.
 *
 * The state folder itself stays root's, sticky and writable for the user's
 * group: so the jailer's folder in it can't be exchanged for another.
 */
#ifndef SLAVE_ACCOUNT_H
#define SLAVE_ACCOUNT_H

#include "run/jailer.h"

#include <stdbool.h>
#include <sys/types.h>

struct error;
struct slave_conf;

struct account {
	bool changes; /* we are root and become it */
	uid_t uid;
	gid_t gid;
	char name[64]; /* "" if it is only a number */
};

/* The one that the configuration says. */
int
account_find(struct account *a, const struct slave_conf *c, struct error *err);

/*
 * Make the state folder and hand over what is in it, once; the jailer's
 * stays. Nothing is handed over that others could have put there.
 */
int account_own(
    const struct account *a, const struct slave_conf *c, struct error *err);

/* Become it, without a way back. */
int account_enter(
    const struct account *a, const struct slave_conf *c, struct error *err);

/* All of that for "run": the jailer's socket is in c->jailer afterwards. */
int account_run(struct slave_conf *c, struct jailer *j, struct error *err);

/*
 * For commands that look at or write files of the state folder: become the
 * user whose it is. make: it is to be made first, if it isn't there.
 */
int account_command(const struct slave_conf *c, bool make, struct error *err);

#endif
