/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A turn of the loop is one transaction of the database (db_turns()); what
 * was answered in it leaves when that is committed. Does the commit fail,
 * because the disk is full or broken, then nothing of the turn has happened:
 * who was waiting is told to come again (503), and the schedule is made anew
 * from the database. From then on nothing is written, leased or accepted
 * until the database takes a small transaction again, which is tried every
 * second; what only reads goes on.
 */
#ifndef MASTER_TURN_H
#define MASTER_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct master;

/* The schedule as the database has it; the former one must be released. */
int turn_schedule(struct master *m, struct error *err);

/* End the turn. A schedule that can't be made anew stops the loop. */
void turn_end(struct master *m, int64_t now);

/* For httpd_conf; ctx is the master. */
bool turn_is_pending(void *ctx);
void turn_settle(void *ctx);

#endif
