/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the master answered last, and since when it does: kept in the file
 * "heard" of the state folder, so that the command "status" can tell it, of a
 * slave that runs and of one that has ended.
 */
#ifndef SLAVE_HEARD_H
#define SLAVE_HEARD_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

struct answer;

#define HEARD_GOOD    200
#define HEARD_NOTHING 0 /* the master wasn't reached */

struct heard {
	int status; /* of HTTP, one of the above, or -1: nothing is known */
	time_t since;
	char text[256]; /* why, for people; "" when it was good */
};

/* From the file; state is the open state folder. */
void heard_read(struct heard *h, int state);

/* The answer to a hello or a claim; written when it isn't as the last one. */
void
heard_note(struct heard *h, int state, const struct answer *answer, time_t now);

/* Does the master refuse this slave? */
bool heard_refused(const struct heard *h);

/* For "status": as an object (null: nothing is known), as a line. */
json_t *heard_json(const struct heard *h);
void heard_print(const struct heard *h);

#endif
