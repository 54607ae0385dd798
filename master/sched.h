/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can run where, in memory: the units that aren't finished, the slaves,
 * and who has what. Pure: no clock, no database, no network; times are
 * microseconds that the caller passes. The database is the truth: a caller
 * asks here what a transition would change (sched_next()), commits that, and
 * then says that it has happened (sched_end(), ...).
 *
 * A unit belongs to its job, whose arena it lives in; a job is dropped when
 * all its units are over. Slaves stay.
 *
 * Ready units wait in classes (same architecture, requirements, exclusive or
 * not), each a heap by priority, job, unit; a choice looks at one unit of
 * each class that the slave fits.
 */
#ifndef MASTER_SCHED_H
#define MASTER_SCHED_H

#include "master/ids.h"
#include "base/arena.h"
#include "base/map.h"
#include "recipe/recipe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unit_state {
	UNIT_BLOCKED,
	UNIT_READY,
	UNIT_LEASED,
	UNIT_PASSED,
	UNIT_FAILED,
	UNIT_SKIPPED,
	UNIT_CANCELLED,
	UNIT_DEP_FAILED,
	UNIT_STATES
};
extern const char *const unit_state_names[UNIT_STATES];

/* -1 when there is no such state. */
int unit_state_parse(const char *name);
bool unit_state_is_over(enum unit_state s);

#define TRIES_MAX  3 /* of infrastructure's failures */
#define UNTIL_EVER INT64_MAX

struct sched_class;
struct sched_slave;
struct sched_unit;

/* This slave doesn't get this unit until then. */
struct sched_refusal {
	int64_t slave;
	int64_t until;
	bool rather; /* it may, when no other slave can */
	const char *reason;
	struct sched_refusal *next;
};

struct sched_lease {
	struct id_node node; /* id 0: none */
	struct sched_slave *slave;
	int64_t expires, granted;
	bool heard;                      /* its slave has called about it */
	bool told;                       /* that its job is cancelled */
	struct sched_lease *prev, *next; /* by expiry */
	const char *state;               /* live progress, of its step */
	int64_t step;
};

struct sched_job {
	struct id_node node;
	struct arena arena;
	struct sched_job *prev, *next; /* all open jobs */
	int64_t id, priority;
	const char *user;
	bool cancelled, failed, started;
	size_t nopen; /* units that aren't over */
	struct sched_unit *units;
};

struct sched_unit {
	struct id_node node;
	struct sched_job *job;
	struct sched_unit *next; /* of the job */
	int64_t id;
	const char *root;
	enum unit_state state;
	struct sched_class *class;
	int64_t attempt, tries;
	struct sched_unit **needs, **users;
	size_t nneeds, nusers;
	size_t nblock; /* needs that haven't passed */
	struct sched_refusal *refusals;
	struct sched_lease lease;
	/* the class's heap; prev is the left sibling, or the parent */
	struct sched_unit *child, *sibling, *prev;
	bool marked;
};

struct sched_unit_spec {
	int64_t id;
	const char *root, *arch;
	const char *const *requires;
	size_t nrequires;
	bool exclusive;
	enum unit_state state;
	int64_t attempt, tries;
};

struct sched_slave {
	struct id_node node;
	struct arena arena; /* of what the hello said */
	int64_t id;
	const char *name;
	bool known;   /* said hello since the start */
	bool waiting; /* for work, at the moment */
	bool retired;
	bool alone; /* what it has leased is exclusive */
	int64_t slots, leased, seen;
	const char **arches;
	size_t narches;
	struct map capabilities; /* name to version */
	struct sched_slave *next;
};

struct sched {
	struct arena arena;
	struct ids jobs, units, leases, slave_ids;
	struct sched_job *first_job, *last_job;
	struct sched_slave *slaves;
	struct sched_class *classes;
	struct map class_map;
	struct sched_lease *first_lease, *last_lease;
	int64_t patience; /* a slave unheard of for longer isn't there */
	size_t nready, nleased;
	size_t nunwanted; /* leased ones of cancelled jobs */
};

/* patience: microseconds after which a silent slave counts as offline. */
void sched_init(struct sched *s, int64_t patience);
void sched_release(struct sched *s);

/* Jobs and their units; needs are added before sched_start(). */
struct sched_job *
sched_job_add(struct sched *s, int64_t id, int64_t priority, const char *user);
struct sched_unit *sched_unit_add(
    struct sched *s, struct sched_job *job, const struct sched_unit_spec *spec);
void sched_need(struct sched_unit *unit, struct sched_unit *needed);

/* Queue a unit that waits for nothing; one with needs stays blocked. */
void sched_start(struct sched *s, struct sched_unit *unit);

/* Forget the job with its units; none of them may be leased. */
void sched_job_drop(struct sched *s, struct sched_job *job);
struct sched_job *sched_job_get(const struct sched *s, int64_t id);
struct sched_unit *sched_unit_get(const struct sched *s, int64_t id);

/* The slave of this id, made if it is new. */
struct sched_slave *sched_slave(struct sched *s, int64_t id, const char *name);

/* A fresh hello: empties arches and capabilities for the caller to fill. */
void sched_slave_reset(struct sched_slave *sl, int64_t slots);
void sched_slave_arch(struct sched_slave *sl, const char *arch);
void
sched_slave_can(struct sched_slave *sl, const char *name, const char *version);

/* Was the slave heard of lately? */
bool sched_is_online(
    const struct sched *s, const struct sched_slave *sl, int64_t now);

/* Could this slave ever run units of this class? */
bool sched_fits(const struct sched_class *c, const struct sched_slave *sl);

/* The unit that the slave should get now, or NULL. */
struct sched_unit *
sched_pick(struct sched *s, const struct sched_slave *sl, int64_t now);

/* The unit is leased (out of the queue, if it was in) until expires. */
void sched_lease(struct sched *s, struct sched_unit *unit,
    struct sched_slave *sl, int64_t lease, int64_t now, int64_t expires);
void sched_renew(struct sched *s, struct sched_unit *unit, int64_t expires);

/* The unit whose lease has this number, or NULL. */
struct sched_unit *sched_leased(const struct sched *s, int64_t lease);

/* The unit whose lease ended first, if that was before now; or NULL. */
struct sched_unit *sched_expired(const struct sched *s, int64_t now);

/* Its leased units are unwanted from now on. */
void sched_cancel(struct sched *s, struct sched_job *job);

/* The lease is given back or lost: the unit is ready again. */
void sched_return(struct sched *s, struct sched_unit *unit);
void sched_refuse(struct sched_unit *unit, int64_t slave, int64_t until,
    bool rather, const char *reason);

/*
 * If the unit ended in this state, which others would change with it: those
 * that become ready (passed) or can't run any more (anything else). The list
 * is in the arena, in order of nearness.
 */
struct sched_unit **sched_next(
    struct sched_unit *unit, enum unit_state state, struct arena *a, size_t *n);

/* The unit has ended; with it what sched_next() said has changed. */
void sched_end(struct sched *s, struct sched_unit *unit, enum unit_state state);

/* Why the unit isn't running: one text a reason, for people. */
size_t sched_reasons(const struct sched *s, const struct sched_unit *unit,
    int64_t now, struct arena *a, const char ***out);

/* For reasons.c. */
struct sched_class {
	const char *arch;
	bool exclusive;
	const char **words; /* REQUIRES as written */
	struct requirement *requires;
	size_t nrequires;
	struct sched_unit *heap;
	struct sched_class *next;
};
bool sched_class_arch(const struct sched_class *c, const struct sched_slave *s);
const struct sched_refusal *
sched_refusal_of(const struct sched_unit *u, int64_t slave, int64_t now);
bool sched_may(const struct sched *s, const struct sched_unit *unit,
    const struct sched_slave *sl, int64_t now);

#endif
