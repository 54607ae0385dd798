/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sources of this room share. */
#ifndef MASTER_SCHED_INSIDE_H
#define MASTER_SCHED_INSIDE_H

#include "master/sched/sched.h"
#include "recipe/recipe.h"

#define TYPICAL_FIRST 60.0 /* seconds, before anything has run */

struct sched_user {
	const char *name;
	double usage; /* seconds of slots, scaled: see share.c */
};

/* Ready units of one class and user: a pairing heap (queue.c). */
struct sched_queue {
	struct sched_user *user;
	struct sched_unit *heap;
	struct sched_queue *next;
};

/* Units that want the same of a slave. */
struct sched_class {
	const char *arch, *stage;
	const char **words; /* REQUIRES as written */
	struct requirement *requires;
	size_t nrequires;
	const struct sched_stage *home; /* if one of them is of its stage */
	const char **labels;
	size_t nlabels;
	int64_t resources[SCHED_RESOURCES];
	bool exclusive;
	bool noted;    /* sched_turn() has to look at it */
	bool open;     /* some open slave fits */
	size_t nunits; /* of open jobs; with none it is in no list */
	size_t nqueued;
	struct sched_queue *queues;
	struct sched_unit *aside, *last_aside;
	unsigned char *fits; /* by index of the slave: see class.c */
	size_t nfits;
	struct sched_class *prev, *next, *next_noted;
};

/* ---- class.c ------------------------------------------------------------- */

/* For one unit more; class_drop() when its job is forgotten. */
struct sched_class *class_of(struct sched *s, const struct sched_wants *w);
struct sched_class *class_enter(struct sched *s, struct sched_class *c);
void class_drop(struct sched *s, struct sched_class *c);

/* Could this slave ever run units of this class? Remembered. */
bool class_fits(struct sched_class *c, const struct sched_slave *sl);

/* Is there an open slave that could? */
bool class_open(const struct sched *s, struct sched_class *c);
bool class_arch(const struct sched_class *c, const struct sched_slave *sl);

/* Is a mandatory label of the slave all that keeps it from running them? */
bool class_barred(const struct sched_class *c, const struct sched_slave *sl);
/* Do they ask for the label of this name? */
bool class_asks(const struct sched_class *c, const char *label);
bool class_requirement(
    const struct sched_class *c, size_t i, const struct sched_slave *sl);
bool class_label(
    const struct sched_class *c, size_t i, const struct sched_slave *sl);
bool class_resource(
    const struct sched_class *c, size_t k, const struct sched_slave *sl);

/* Has it room for one now? */
bool class_room(const struct sched_class *c, const struct sched_slave *sl);

/* What there is too little of. */
enum class_lack {
	LACKS_NOTHING,
	LACKS_SLOT,
	LACKS_IDLENESS, /* one runs alone, and others run */
	LACKS_COMPANY,  /* what runs, runs alone */
	LACKS_RESOURCE, /* the first of them */
	LACKS_KINDS = LACKS_RESOURCE + SCHED_RESOURCES
};
enum class_lack
class_lacks(const struct sched_class *c, const struct sched_slave *sl);

/* What one takes of what the slave offers. */
int64_t class_takes(
    const struct sched_class *c, size_t k, const struct sched_slave *sl);

/* The slave has changed: what classes remember of it is not true any more. */
void class_forget(struct sched *s, const struct sched_slave *sl);

/* What the class remembers of all slaves is not true any more. */
void class_reset(struct sched_class *c);

/* ---- stage.c ------------------------------------------------------------- */

/* Has the stage what r wants? */
bool
stage_fulfils(const struct sched_stage *stage, const struct requirement *r);

/* The versions that it has of r's package; NULL when it has none. */
const char *stage_versions(const struct sched_stage *stage,
    const struct requirement *r, struct arena *a);

/* Why r is not fulfilled, for people. */
const char *stage_lacks(const struct sched_stage *stage,
    const struct requirement *r, struct arena *a);

/* ---- queue.c ------------------------------------------------------------- */

/* The class's queue for this user, made if it is new. */
struct sched_queue *
queue_of(struct sched *s, struct sched_class *c, struct sched_user *user);
void queue_add(struct sched_queue *q, struct sched_unit *u);
void queue_remove(struct sched_queue *q, struct sched_unit *u);

/* Is a to run before b, both of the same user? */
bool queue_before(const struct sched_unit *a, const struct sched_unit *b);

/* The time at which the job's turn comes: older first. */
int64_t job_turn(const struct sched_job *job);

/* ---- unit.c -------------------------------------------------------------- */

/* Numbers of its steps' keys, in order: layer_number(). */
uint64_t *unit_layers(const struct sched_unit *u);

/* Its place among those that are the same; only if u->same. */
struct sched_same *unit_same(const struct sched_unit *u);

/* Of a ready one: the slave that is kept free for it, or NULL. */
struct sched_slave *unit_reserved(const struct sched_unit *u);

/* What a slave's list and a unit's steps are compared by. */
uint64_t layer_number(const char *key);

/* ---- sched.c ------------------------------------------------------------- */

/* Into the heap and out of it, for lock.c. */
void unit_queue(struct sched *s, struct sched_unit *u);
void unit_unqueue(struct sched *s, struct sched_unit *u);

/* Out of its queue and lines, or back into them, while it stays ready. */
void unit_withdraw(struct sched *s, struct sched_unit *u);
void unit_stand(struct sched *s, struct sched_unit *u);

/* What speaks for or against it has changed: is it where it belongs, and who
   may have it? */
void unit_judge(struct sched *s, struct sched_unit *u);

/* Those put aside that a slave may have now stand in their lines again. */
void class_stand(struct sched *s, struct sched_class *c);

/*
 * Out of its lines and aside, if no slave may have it now; else false. Those
 * behind it are the caller's to look at.
 */
bool unit_step_aside(struct sched *s, struct sched_unit *u);

/* It is ready since then: into its queue, or its locks' lines. */
void unit_enter(struct sched *s, struct sched_unit *u, int64_t ready);

/* Out of them; taken: it is about to have its locks. */
void unit_leave(struct sched *s, struct sched_unit *u, bool taken);

/* ---- lease.c ------------------------------------------------------------- */

void lease_drop(struct sched *s, struct sched_unit *u, int64_t now);

/* The slave offers something else: what do its leases take of that? */
void slave_recount(const struct sched *s, struct sched_slave *sl);

/* Have sched_turn() look at the class. */
void note_class(struct sched *s, struct sched_class *c);

/* ---- lock.c -------------------------------------------------------------- */

/* How many locks these are: two steps may want the same. */
uint16_t locks_count(const struct sched_wants *w);
void
locks_init(struct sched *s, struct sched_unit *u, const struct sched_wants *w);

/* The unit is ready: it gets its places in the lines. */
void locks_wait(struct sched *s, struct sched_unit *u);

/* Out of the lines; taken: it has a slave, and holds its locks from now on. */
void locks_leave(struct sched_unit *u, bool taken);

/* It holds them no more. */
void locks_drop(struct sched *s, struct sched_unit *u);

/* The unit stands in its locks' way no more, or less: who could go on? */
void locks_changed(struct sched *s, const struct sched_unit *u);

/* Out of the lines with those that no slave may have any more. */
void lines_clear(struct sched *s);

/*
 * Could it have all of its locks at this instant? sl NULL: the master's, at
 * any time.
 */
bool locks_open(const struct sched *s, const struct sched_unit *u,
    const struct sched_slave *sl, int64_t now);

/* The use that stands in the way of x, on sl if it is a slave's; or NULL. */
const struct lock_use *lock_obstacle(const struct sched *s,
    const struct lock_use *x, const struct sched_slave *sl, int64_t now);

/* ---- same.c -------------------------------------------------------------- */

/* A unit's place in the list of those that are the same. */
struct sched_same {
	int64_t id; /* the key's number */
	struct sched_same *prev, *next;
};

/* The key's number; never 0. */
int64_t same_number(const char *key, const char *arch);

/* It is ready, or isn't any more: is (was) it held? */
bool same_enter(struct sched *s, struct sched_unit *u);
bool same_leave(struct sched *s, struct sched_unit *u);

/* It is leased: hold the others; or no longer, or in vain: let them go. */
void same_run(struct sched *s, struct sched_unit *u);
void same_free(struct sched *s, const struct sched_unit *u);

/* The leased one that the unit is held for, or NULL. */
const struct sched_unit *
same_runs(const struct sched *s, const struct sched_unit *u);

/* ---- share.c ------------------------------------------------------------- */

struct sched_user *user_of(struct sched *s, const char *name);
void
user_charge(struct sched *s, struct sched_user *u, double seconds, int64_t at);

/* What a unit will take, seconds. */
double unit_expects(const struct sched *s, const struct sched_unit *u);

/* ---- slave.c ------------------------------------------------------------- */

/* Something of the slaves ends at this time. */
void slaves_check(struct sched *s, int64_t now);

/* The slave has room for more than before. */
void sched_slave_room(struct sched *s, const struct sched_slave *sl);

/* ---- pick.c -------------------------------------------------------------- */

/* Does the slave refuse it, whoever else could have it? */
bool
is_refused(const struct sched *s, const struct sched_unit *u, int64_t slave);
const struct sched_refusal *refusal_of(const struct sched *s,
    const struct sched_unit *u, int64_t slave, int64_t now);
bool unit_may(const struct sched *s, const struct sched_unit *unit,
    const struct sched_slave *sl, int64_t now);

/* The slave isn't kept free for it any more; and who can go there now? */
void unreserve(struct sched_unit *u);
void unit_unreserve(struct sched *s, struct sched_unit *u);

/* The unit that the slave is kept free for, if it could go there; or NULL. */
struct sched_unit *slave_kept_for(
    const struct sched *s, const struct sched_slave *sl, int64_t now);

#endif
