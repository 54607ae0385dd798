/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lender's contract: may this machine work for others now? Kept here,
 * whatever a master says: while it is closed nothing is claimed, what comes
 * all the same is given back, and what runs is ended if the owner wants the
 * machine for himself. What is looked at: the owner's word (a file that the
 * commands pause, drain and resume write), whether jails can hold a job here (a
 * file, too, so that a command can tell), hours, battery, free disk, and bytes
 * moved today (a file that outlives the process).
 */
#ifndef SLAVE_CONTRACT_H
#define SLAVE_CONTRACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct error;
struct metadata;
struct slave_conf;

/* What the owner said last. */
enum owner {
	OWNER_OPEN,
	OWNER_DRAIN, /* nothing more; what runs is finished */
	OWNER_PAUSE, /* nothing more; what runs is given back */
};

#define CLOSED_MAX     160
#define CONTRACT_SPENT "its traffic of today is used up"

struct contract {
	const struct slave_conf *conf;
	int state; /* descriptor of the state folder */
	enum owner owner;
	int64_t day, moved, saved; /* days since 1970; bytes; as in the file */
	int64_t waits; /* bytes of what has no place in today's traffic */
	char closed[CLOSED_MAX]; /* why; "": it is open */
	time_t until;            /* as long as that; 0: nobody knows */
	char ends[CLOSED_MAX];   /* why what runs is given back; "": it isn't */
};

/* conf may change between looks. state is the open state folder. */
void
contract_init(struct contract *c, const struct slave_conf *conf, int state);

/* Look at everything again: has closed (or ends) changed? */
bool contract_look(struct contract *c, time_t now);

/* Bytes that came or went. */
void contract_moved(struct contract *c, int64_t bytes, time_t now);

/* Those that the phases of a step's report had a private network carry. */
int64_t contract_phases(const json_t *report);

/* Bytes that may be moved today still; INT64_MAX: no limit. */
int64_t contract_left(const struct contract *c);

/* So many have to wait for another day: nothing is taken meanwhile. */
void contract_wait(struct contract *c, int64_t bytes);

/* Is there no more for today? A look closes it then, as CONTRACT_SPENT. */
bool contract_is_spent(const struct contract *c);

/* Write what was moved, if it isn't written yet. */
void contract_save(struct contract *c);

/* What was found out about jails: why they hold no job, or NULL. */
void contract_set_unfit(struct contract *c, const char *why);

/* The owner's word, from and to the file. */
enum owner contract_owner(int state);
int contract_set_owner(int state, enum owner owner, struct error *err);

/* May the jobuild have what it asks for, of the machine's owner? -1: why not */
int contract_allows(
    const struct slave_conf *c, const struct metadata *m, struct error *err);

/* Does the owner take jobs of this tree? -1: no, as err says. */
int
contract_takes(const struct slave_conf *c, const char *tree, struct error *err);

/* Does the machine run on a battery? folder is that of power supplies. */
bool contract_on_battery(const char *folder);

#endif
