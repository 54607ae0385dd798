/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The token of a session with a master, kept in a file that only its user can
 * read: below $XDG_RUNTIME_DIR, which ends with the login, else below
 * $XDG_STATE_HOME. One for each master.
 */
#ifndef CLI_TICKET_H
#define CLI_TICKET_H

#include <stdint.h>

struct cli;
struct error;

struct ticket {
	int64_t session;
	const char *user, *token;
	double expires; /* seconds since 1970 */
};

/* The one for the configured master; NULL: there is none that is good. */
const struct ticket *ticket_find(struct cli *c);

int ticket_keep(struct cli *c, const struct ticket *t, struct error *err);
void ticket_drop(struct cli *c);

#endif
