/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has a state folder for itself: a serve, as long as it runs, and a command
 * that brings the database up to date, which takes a moment.
 */
#ifndef MASTER_SERVING_H
#define MASTER_SERVING_H

#include <stdbool.h>

struct error;
struct state;

/*
 * One at a time tries for the lock: a descriptor to close when that is done.
 * It waits for a command that brings the database up to date: who has it and
 * doesn't get the lock knows that somebody serves.
 */
int serving_turn(const struct state *st, struct error *err);

/*
 * The lock: a descriptor that holds it. make: the file, too. -1 with
 * EWOULDBLOCK as err's code when another has it, ENOENT: nobody ever served.
 */
int serving_lock(const struct state *st, bool make, struct error *err);

/* Is there a serve with this folder? */
bool serving_now(const struct state *st);

#endif
