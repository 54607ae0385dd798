/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a user may ask for, each right with those before it: read; maintain:
 * jobs of the user's own; operate: everybody's jobs and the security lane;
 * admin. A user that was added may maintain.
 */
#ifndef MASTER_RIGHTS_H
#define MASTER_RIGHTS_H

#include <stdbool.h>

struct error;
struct master;
struct request;
struct state;

enum right { RIGHT_READ, RIGHT_MAINTAIN, RIGHT_OPERATE, RIGHT_ADMIN };

/* Has the user at least this right? -1: trouble; unknown users have none. */
int rights_has(
    struct master *m, const char *user, enum right right, struct error *err);

/* As that; without it r is answered, what says what it is needed for. */
bool rights_need(struct master *m, struct request *r, const char *user,
    enum right right, const char *what);

/* Set a user's right (name NULL: print everybody's). */
int rights_command(
    struct state *st, const char *user, const char *right, struct error *err);

#endif
