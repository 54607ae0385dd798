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
 * Ready units wait in classes (those that want the same of a slave), in each
 * class in one heap a user. The order of units, for the slave that asks:
 *
 *	1. jobs of the security lane
 *	2. the user who has had least of the farm lately (decaying)
 *	3. the older job, each point of priority counting as an hour of age
 *	4. where the stage, then layers, are there already
 *	5. what most of its job's work waits for (critical path)
 *	6. age
 *
 * Nothing is looked for in rounds: a unit that becomes ready, a slave that
 * begins to wait and whatever frees something leave a note, and sched_turn()
 * looks at what has notes.
 */
#ifndef MASTER_SCHED_H
#define MASTER_SCHED_H

#include "master/sched/ids.h"
#include "base/arena.h"
#include "base/map.h"

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

struct lock_use;
struct sched_class;
struct sched_lock;
struct sched_same;
struct sched_slave;
struct sched_stage;
struct sched_unit;
struct sched_user;

/* What a slave has of each, and what a unit wants of it. */
enum sched_resource {
	SCHED_MEMORY, /* bytes */
	SCHED_CPUS,
	SCHED_DISK, /* bytes */
	SCHED_RESOURCES
};

/* This slave doesn't get this unit until then; of a pair one of each kind. */
struct sched_refusal {
	int64_t unit;
	int64_t slave;
	int64_t until; /* 0: over */
	bool rather;   /* it may, when no other slave can */
	const char *reason;
	struct sched_refusal *next;
};

struct sched_lease {
	int64_t id;
	struct sched_unit *unit;
	struct sched_slave *slave;
	int64_t expires, granted;
	double charged;  /* to its user, seconds */
	bool heard;      /* its slave has called about it */
	bool told;       /* that its job is cancelled */
	bool released;   /* the caller's: its slave is paused */
	bool recalled;   /* the caller's: and told to return it */
	bool counted;    /* the caller's: is unnamed known? */
	int64_t unnamed; /* bytes that no report names */
	struct sched_lease *prev, *next; /* by expiry */
	const char *state;               /* live progress, of its step */
	int64_t step;
};

struct sched_job {
	int64_t id;
	struct arena arena;
	struct sched_job *prev, *next; /* all open jobs */
	int64_t priority, created;
	const char *user;
	struct sched_user *owner; /* what counts of it */
	bool security;            /* goes before all others */
	bool cancelled, failed, started;
	bool reuse;   /* the caller's: of earlier results */
	size_t nopen; /* units that aren't over */
	struct sched_unit *units;
};

/*
 * There are many of them: what few have is told elsewhere or behind it, and
 * what none has at the same time is in one place.
 */
struct sched_unit {
	int64_t id;
	struct sched_job *job;
	struct sched_unit *next; /* of the job */
	struct sched_class *class;
	struct sched_unit **needs; /* behind them its users */
	uint32_t nneeds, nusers;
	uint32_t nblock; /* needs that haven't passed */
	int32_t attempt;
	int64_t ready; /* since when it waits for a slave */
	float expect;  /* seconds that it will take; 0: nobody knows */
	float rank;    /* seconds from its start to the end of its job */
	union {
		struct sched_lease *lease;    /* of a leased one */
		struct sched_slave *reserved; /* kept free for a ready one */
	};
	/* the heap of its class and user; prev is the left sibling, or the
	   parent. Of one aside: the list of those. */
	struct sched_unit *child, *sibling;
	union {
		struct sched_unit *prev;
		uint32_t todo; /* users whose rank isn't known, in ranking */
	};
	uint8_t state; /* enum unit_state */
	uint8_t tries;
	bool reuse : 1; /* the caller's: an earlier result may stand for it */
	bool parked : 1, marked : 1;
	bool aside : 1; /* has locks, but no slave may have it now */
	bool held : 1;  /* the same unit runs for another job */
	bool same : 1;  /* it can be: see same.c */
	bool refused : 1;
	uint16_t nuses, nlayers;
	/* behind it: what the functions below find */
};

const char *sched_root(const struct sched_unit *unit);
struct sched_unit **sched_users(const struct sched_unit *unit);
struct lock_use *sched_uses(const struct sched_unit *unit);

/* NULL: it isn't leased. */
struct sched_lease *sched_lease_of(const struct sched_unit *unit);

/* What a unit wants of its slave. */
struct sched_wants {
	const char *arch;
	const char *stage; /* digest, or "" */
	const char *const *requires;
	size_t nrequires;
	const char *const *labels;
	size_t nlabels;
	const char *const *locks; /* "master:NAME", "slave:NAME=shared" */
	size_t nlocks;
	bool exclusive;
	int64_t resources[SCHED_RESOURCES]; /* 0: what one slot has */
};

struct sched_unit_spec {
	int64_t id;
	const char *root;
	struct sched_wants wants;
	enum unit_state state;
	int64_t attempt, tries;
	int64_t ready;             /* of a leased one: since when it was */
	double expect;             /* seconds; 0: nobody knows */
	const char *const *layers; /* keys of its steps */
	size_t nlayers;
	const char *key; /* what it is, as hex digits; NULL: never the same */
	bool reuse;
	/* of a unit that wants the same; NULL: nobody knows of one */
	struct sched_class *class;
};

/* What is in a stage: never another thing, as its digest is its name. */
struct sched_stage {
	const char *digest;
	const char *name;    /* as people call it */
	bool known;          /* its packages are told */
	struct map packages; /* name to struct sched_package */
	struct sched_stage *next;
};

struct sched_package {
	const char *version;        /* as its package manager writes it */
	struct sched_package *next; /* others of the same name */
};

struct sched_slave {
	int64_t id;
	struct arena arena; /* of what the hello said */
	size_t index;       /* 0, 1, ... of all slaves */
	const char *name;
	bool known;    /* said hello since the start */
	void *waiting; /* what waits for work for it: the caller's, or NULL */
	bool full;     /* by its own word: that waits for events alone */
	bool retired;
	bool here, paused;  /* heard of lately; till paused_until */
	bool open;          /* takes something now: see slave.c */
	bool alone;         /* what it has leased is exclusive */
	const char *closed; /* why it gets nothing, or NULL */
	/* the caller's, of which closed is made: what its owner says (in the
	   arena), what an administrator does (a constant) */
	const char *own_words, *ruled;
	int64_t own_until; /* his words hold as long; 0: nobody knows */
	int64_t slots, leased, seen;
	int64_t paused_until; /* it gets nothing before */
	/* the caller's: why (quarantine.h) */
	int64_t strikes, strike_unit, pauses, struck;
	int64_t offer[SCHED_RESOURCES]; /* 0: unknown, not counted */
	int64_t used[SCHED_RESOURCES];
	const char **arches;
	size_t narches;
	struct map capabilities; /* name to version */
	struct map labels;       /* value: is it mandatory? */
	size_t nmandatory;
	struct map stages, layers;
	struct sched_unit *reserved; /* what it is kept free for */
	bool listed;                 /* among those that are kept free */
	struct sched_slave *next, *next_kept;
	struct sched_slave *wait_prev, *wait_next;
};

struct sched {
	struct arena arena;
	struct ids jobs, units, leases, slave_ids, sames;
	struct ids refusals; /* the first of each unit that has any */
	struct sched_job *first_job, *last_job;
	struct sched_slave *slaves;
	size_t nslaves;
	struct sched_stage *stages;
	struct sched_class *classes;
	struct map class_map, users, locks;
	struct sched_lease *first_lease, *last_lease, *spare_leases;
	struct sched_job *spare_jobs;
	int64_t patience; /* a slave unheard of for longer isn't there */
	int64_t since;    /* the caller's: nothing was heard before */
	int64_t half_life, epoch;
	double typical; /* seconds that a unit takes, of late */
	size_t nready, nleased;
	size_t nunwanted; /* leased ones of cancelled jobs */
	bool untold; /* more of them than at the last look (the caller's) */
	/* notes for sched_turn() */
	struct sched_slave *first_waiting, *last_waiting, *cursor;
	struct sched_class *noted;
	struct sched_slave *kept; /* kept free, or were a moment ago */
	int64_t wake;             /* a refusal ends */
	int64_t check; /* a slave's pause ends, or our patience with it */
};

/*
 * patience: microseconds after which a silent slave counts as offline.
 * half_life: microseconds after which what a user had counts half.
 */
void sched_init(struct sched *s, int64_t patience, int64_t half_life);
void sched_release(struct sched *s);

/* Jobs and their units; needs are added before sched_start(). */
struct sched_edge {
	struct sched_unit *unit, *needed;
};

struct sched_job *sched_job_add(struct sched *s, int64_t id, int64_t priority,
    const char *user, int64_t created);
struct sched_unit *sched_unit_add(
    struct sched *s, struct sched_job *job, const struct sched_unit_spec *spec);

/* All needs of a job's units, once for each job. */
void
sched_needs(struct sched_job *job, const struct sched_edge *edges, size_t n);

/*
 * For who knows a job's units before they are added: have room for just
 * those, the sum of what the functions below say.
 */
void sched_job_reserve(struct sched_job *job, size_t bytes);
size_t sched_unit_room(const struct sched_unit_spec *spec);
size_t sched_needs_room(size_t n);

/* Work out the ranks of the job's units: all of them and their needs are in. */
void sched_job_rank(struct sched *s, struct sched_job *job);

/* Queue a unit that waits for nothing, since ready; with needs: blocked. */
void sched_start(struct sched *s, struct sched_unit *unit, int64_t ready);

/* Another priority, for what isn't leased yet. */
void
sched_job_priority(struct sched *s, struct sched_job *job, int64_t priority);

/* Forget the job with its units; none of them may be leased. */
void sched_job_drop(struct sched *s, struct sched_job *job);
struct sched_job *sched_job_get(const struct sched *s, int64_t id);
struct sched_unit *sched_unit_get(const struct sched *s, int64_t id);

/* Add seconds that the user's units had a slot until then. */
void
sched_charge(struct sched *s, const char *user, double seconds, int64_t until);

/* Seconds of slots that the user had lately, as they count now. */
double sched_usage(const struct sched *s, const char *user, int64_t now);

/* The slave of this id, made if it is new. */
struct sched_slave *sched_slave(struct sched *s, int64_t id, const char *name);

/*
 * A fresh hello: empties what it said before, for the caller to fill, who
 * calls sched_slave_ready() then.
 */
void sched_slave_reset(struct sched_slave *sl, int64_t slots);
void sched_slave_arch(struct sched_slave *sl, const char *arch);
void
sched_slave_can(struct sched_slave *sl, const char *name, const char *version);
void
sched_slave_label(struct sched_slave *sl, const char *name, bool mandatory);
void sched_slave_stage(struct sched_slave *sl, const char *digest);
void sched_slave_layer(struct sched_slave *sl, const char *key);
void sched_slave_ready(struct sched *s, struct sched_slave *sl);

/*
 * The stage of this digest, made if it is new. Until its packages are added
 * and sched_stage_ready() is called, nothing is known of it, and no REQUIRES
 * of its packages is fulfilled.
 */
struct sched_stage *sched_stage(struct sched *s, const char *digest);
void sched_stage_package(struct sched *s, struct sched_stage *stage,
    const char *name, const char *version);
void
sched_stage_name(struct sched *s, struct sched_stage *stage, const char *name);
void sched_stage_ready(struct sched *s, struct sched_stage *stage);

/* Give it nothing, for this reason (kept by the caller); NULL: open again. */
void
sched_slave_close(struct sched *s, struct sched_slave *sl, const char *why);

/* Give it nothing before then; 0: give it all that it may have. */
void sched_slave_pause(
    struct sched *s, struct sched_slave *sl, int64_t until, int64_t now);
void sched_slave_retire(struct sched *s, struct sched_slave *sl);

/* It is another machine from now on, which has to say hello first. */
void sched_slave_rejoin(struct sched *s, struct sched_slave *sl);

/* It has just been heard of. */
void sched_seen(struct sched *s, struct sched_slave *sl, int64_t now);

/* who (the caller's) waits for work for it; NULL: nobody any more. */
void sched_wait(struct sched *s, struct sched_slave *sl, void *who);

/* Was the slave heard of lately? */
bool sched_is_online(
    const struct sched *s, const struct sched_slave *sl, int64_t now);

/* The unit that the slave should get now, or NULL. */
struct sched_unit *
sched_pick(struct sched *s, struct sched_slave *sl, int64_t now);

/*
 * A waiting slave that sched_pick() has a unit for, or NULL when there is
 * none. The slave should have been served, or not wait any more, before the
 * next call.
 */
struct sched_slave *sched_turn(struct sched *s, int64_t now);

/* When sched_turn() should be called even if nothing happens. */
int64_t sched_wake(const struct sched *s);

/* The unit is leased (out of the queue, if it was in) until expires. */
void sched_lease(struct sched *s, struct sched_unit *unit,
    struct sched_slave *sl, int64_t lease, int64_t now, int64_t expires);
/* What it has of the slave's slots, and its architecture. */
int64_t
sched_slots(const struct sched_unit *unit, const struct sched_slave *sl);
const char *sched_arch(const struct sched_unit *unit);
void sched_renew(struct sched *s, struct sched_unit *unit, int64_t expires);

/* The unit whose lease has this number, or NULL. */
struct sched_unit *sched_leased(const struct sched *s, int64_t lease);

/*
 * The clock that all times come from was set, by so many microseconds: move
 * with it what is measured, which thereby lasts as long as it would have.
 */
void sched_move(struct sched *s, int64_t by);

/* The unit whose lease ended first, if that was before now; or NULL. */
struct sched_unit *sched_expired(const struct sched *s, int64_t now);

/* Its leased units are unwanted from now on. */
void sched_cancel(struct sched *s, struct sched_job *job, int64_t now);

/* The lease is given back or lost: the unit is ready again, where it was. */
void sched_return(struct sched *s, struct sched_unit *unit, int64_t now);
void sched_refuse(struct sched *s, struct sched_unit *unit, int64_t slave,
    int64_t until, bool rather, const char *reason);

/* The first of the unit's, or NULL. */
struct sched_refusal *
sched_refusals(const struct sched *s, const struct sched_unit *unit);

/*
 * What the slave has refused for a while it may be asked again, once it is
 * ready, with all also what it refused for ever; losses are remembered.
 */
void sched_forgive(const struct sched *s, int64_t slave, bool all);

/*
 * If the unit ended in this state, which others would change with it: those
 * that become ready (passed) or can't run any more (anything else). The list
 * is in the arena, in order of nearness.
 */
struct sched_unit **sched_next(
    struct sched_unit *unit, enum unit_state state, struct arena *a, size_t *n);

/*
 * The first of the ready units that are the same as this one, of jobs that
 * reuse, and the one after such a one; NULL: no more. While one of them is
 * leased the others aren't picked.
 */
struct sched_unit *
sched_same(const struct sched *s, const struct sched_unit *unit);
struct sched_unit *sched_same_next(const struct sched_unit *unit);

/* The unit has ended; with it what sched_next() said has changed. */
void sched_end(struct sched *s, struct sched_unit *unit, enum unit_state state,
    int64_t now);

/*
 * A unit that is over, but hasn't passed, is not over any more: blocked until
 * sched_start(), which must follow.
 */
void sched_reopen(struct sched *s, struct sched_unit *unit);

/* ---- why a unit isn't running -------------------------------------------- */

enum reason_kind {
	REASON_NEEDS,       /* name: root; unit, state */
	REASON_LOCK,        /* name; unit, job: holder, or the first; count */
	REASON_ARCH,        /* name */
	REASON_REQUIREMENT, /* name: as written */
	REASON_STAGE,       /* name: requirement as written; state: versions */
	REASON_LABEL,       /* name; that nobody has, or is mandatory */
	REASON_RESOURCE,    /* name: memory, cpus or disk */
	REASON_MATCH,       /* each is fulfilled by some, all by none */
	REASON_REFUSED,     /* name: slave; until */
	REASON_CLOSED,      /* name: slave; state: why; until, or 0 */
	REASON_QUARANTINE,  /* name: slave; until; count: its failures */
	REASON_OFFLINE,     /* count: slaves that match */
	REASON_BUSY,        /* no slot; count; until: about, or 0 */
	REASON_ROOM,        /* a slot, but too little of name; count, until */
	REASON_EXCLUSIVE,   /* it, or what runs, runs alone; count, until */
	REASON_RESERVED,    /* name: slave that is kept free; for whom else */
	REASON_TURN,        /* others are first; count */
	REASON_SAME,        /* name: root; unit, job: what runs; until */
	REASON_KINDS
};
extern const char *const reason_kind_names[REASON_KINDS];

struct sched_reason {
	enum reason_kind kind;
	const char *text; /* for people */
	const char *name, *state;
	int64_t unit, job, count, until;
};

/* In the arena; none for a unit that is leased or over. */
size_t sched_reasons(const struct sched *s, const struct sched_unit *unit,
    int64_t now, struct arena *a, struct sched_reason **out);

/* ---- locks, for who wants to show them ----------------------------------- */

struct lock_use {
	struct sched_lock *lock;
	struct sched_unit *unit;
	bool shared;
	struct lock_use *prev, *next; /* of the waiting, or of the holders */
};

struct lock_list {
	struct lock_use *first, *last;
};

struct sched_lock {
	const char *name; /* "master:db", "slave:port-80" */
	bool per_slave;   /* each slave has its own */
	struct lock_list holders, waiting;
	size_t nexclusive; /* of the waiting */
};

#endif
