/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/sched/inside.h"

#include <assert.h>
#include <string.h>

const char *const unit_state_names[UNIT_STATES] = {"blocked", "ready", "leased",
    "passed", "failed", "skipped", "cancelled", "dep-failed"};

int
unit_state_parse(const char *name)
{
	int i;

	for (i = 0; i < UNIT_STATES; i++) {
		if (strcmp(name, unit_state_names[i]) == 0)
			return i;
	}
	return -1;
}

bool
unit_state_is_over(enum unit_state s)
{
	return s != UNIT_BLOCKED && s != UNIT_READY && s != UNIT_LEASED;
}

void
sched_init(struct sched *s, int64_t patience, int64_t half_life)
{
	memset(s, 0, sizeof(*s));
	s->patience = patience;
	s->half_life = half_life;
	s->typical = TYPICAL_FIRST;
	s->wake = s->check = UNTIL_EVER;
	map_init(&s->class_map, &s->arena);
	map_init(&s->users, &s->arena);
	map_init(&s->locks, &s->arena);
}

void
sched_release(struct sched *s)
{
	struct sched_job *job, *next;
	struct sched_slave *sl;

	for (job = s->first_job; job; job = next) {
		next = job->next;
		arena_release(&job->arena);
	}
	for (sl = s->slaves; sl; sl = sl->next)
		arena_release(&sl->arena);
	ids_release(&s->jobs);
	ids_release(&s->units);
	ids_release(&s->leases);
	ids_release(&s->slave_ids);
	ids_release(&s->sames);
	ids_release(&s->refusals);
	arena_release(&s->arena);
}

/* ---- jobs and units ------------------------------------------------------ */

struct sched_job *
sched_job_add(struct sched *s, int64_t id, int64_t priority, const char *user,
    int64_t created)
{
	struct sched_job *job = s->spare_jobs;

	if (job)
		s->spare_jobs = job->next;
	else
		job = arena_new(&s->arena, struct sched_job);
	*job = (struct sched_job){0};
	job->id = id;
	job->priority = priority;
	job->created = created;
	job->owner = user_of(s, user);
	job->user = job->owner->name;
	job->prev = s->last_job;
	if (s->last_job)
		s->last_job->next = job;
	else
		s->first_job = job;
	s->last_job = job;
	ids_add(&s->jobs, &job->id);
	return job;
}

/* ---- in and out of the queues -------------------------------------------- */

void
note_class(struct sched *s, struct sched_class *c)
{
	if (c->nqueued == 0)
		return;
	/* it is the one that is looked at, or will be: from the first */
	s->cursor = NULL;
	if (c->noted)
		return;
	c->noted = true;
	c->next_noted = s->noted;
	s->noted = c;
}

void
unit_queue(struct sched *s, struct sched_unit *u)
{
	u->parked = false;
	queue_add(queue_of(s, u->class, u->job->owner), u);
	u->class->nqueued++;
	note_class(s, u->class);
}

void
unit_unqueue(struct sched *s, struct sched_unit *u)
{
	queue_remove(queue_of(s, u->class, u->job->owner), u);
	u->class->nqueued--;
}

/*
 * Nobody may have it now: it must not stand in a line before those who can
 * go. Those that are put aside first stand again first.
 */
static void
put_aside(struct sched_unit *u)
{
	struct sched_class *c = u->class;

	u->aside = true;
	u->sibling = NULL;
	u->prev = c->last_aside;
	if (u->prev)
		u->prev->sibling = u;
	else
		c->aside = u;
	c->last_aside = u;
}

static void
take_back(struct sched_unit *u)
{
	struct sched_class *c = u->class;

	if (u->prev)
		u->prev->sibling = u->sibling;
	else
		c->aside = u->sibling;
	if (u->sibling)
		u->sibling->prev = u->prev;
	else
		c->last_aside = u->prev;
	u->sibling = u->prev = NULL;
	u->aside = false;
}

/* Is there an open slave that may have it? */
static bool
has_slave(const struct sched *s, const struct sched_unit *u)
{
	const struct sched_slave *sl;

	if (!u->refused)
		return u->class->open;
	for (sl = s->slaves; sl; sl = sl->next) {
		if (sl->open && class_fits(u->class, sl) &&
		    !is_refused(s, u, sl->id))
			return true;
	}
	return false;
}

void
unit_stand(struct sched *s, struct sched_unit *u)
{
	if (u->nuses == 0) {
		unit_queue(s, u);
		return;
	}
	u->parked = true;
	if (!has_slave(s, u)) {
		put_aside(u);
		return;
	}
	locks_wait(s, u);
	if (locks_open(s, u, NULL, 0))
		unit_queue(s, u);
}

void
class_stand(struct sched *s, struct sched_class *c)
{
	struct sched_unit *u, *next;

	for (u = c->aside; u; u = next) {
		next = u->sibling;
		if (!has_slave(s, u))
			continue;
		take_back(u);
		unit_stand(s, u);
	}
}

bool
unit_step_aside(struct sched *s, struct sched_unit *u)
{
	if (has_slave(s, u))
		return false;
	unit_unreserve(s, u);
	if (!u->parked)
		unit_unqueue(s, u);
	u->parked = true;
	locks_leave(u, false);
	put_aside(u);
	return true;
}

void
unit_enter(struct sched *s, struct sched_unit *u, int64_t ready)
{
	assert(u->nblock == 0);
	u->state = UNIT_READY;
	u->ready = ready;
	s->nready++;
	if (!same_enter(s, u))
		unit_stand(s, u);
}

static void
step_out(struct sched *s, struct sched_unit *u, bool taken)
{
	unit_unreserve(s, u);
	if (u->aside) {
		take_back(u);
		u->parked = false;
		return;
	}
	if (!u->parked)
		unit_unqueue(s, u);
	u->parked = false;
	locks_leave(u, taken);
	if (!taken)
		locks_changed(s, u);
}

void
unit_withdraw(struct sched *s, struct sched_unit *u)
{
	step_out(s, u, false);
}

void
unit_judge(struct sched *s, struct sched_unit *u)
{
	if (u->state != UNIT_READY || u->held)
		return;
	if (u->nuses > 0) {
		unit_withdraw(s, u);
		unit_stand(s, u);
	}
	note_class(s, u->class);
}

void
unit_leave(struct sched *s, struct sched_unit *u, bool taken)
{
	bool held;

	assert(u->state == UNIT_READY);
	s->nready--;
	held = same_leave(s, u);
	assert(!held || !taken);
	if (!held)
		step_out(s, u, taken);
}

void
sched_start(struct sched *s, struct sched_unit *unit, int64_t ready)
{
	if (unit->nblock == 0)
		unit_enter(s, unit, ready);
	else
		unit->state = UNIT_BLOCKED;
}

static bool
is_queued(const struct sched_unit *u)
{
	return u->state == UNIT_READY && !u->parked && !u->held;
}

/* Heaps are in order of what is about to change: out and in again. */
void
sched_job_priority(struct sched *s, struct sched_job *job, int64_t priority)
{
	struct sched_unit *u;

	for (u = job->units; u; u = u->next) {
		if (is_queued(u))
			unit_unqueue(s, u);
	}
	job->priority = priority;
	for (u = job->units; u; u = u->next) {
		if (is_queued(u))
			unit_queue(s, u);
	}
}

static void
forget_refusals(struct sched *s, struct sched_unit *u)
{
	if (u->refused)
		ids_remove(&s->refusals, u->id);
	u->refused = false;
}

void
sched_job_drop(struct sched *s, struct sched_job *job)
{
	struct sched_unit *u;

	for (u = job->units; u; u = u->next) {
		assert(u->state != UNIT_LEASED);
		if (u->state == UNIT_READY)
			unit_leave(s, u, false);
		class_drop(s, u->class);
		forget_refusals(s, u);
		ids_remove(&s->units, u->id);
	}
	ids_remove(&s->jobs, job->id);
	if (job->prev)
		job->prev->next = job->next;
	else
		s->first_job = job->next;
	if (job->next)
		job->next->prev = job->prev;
	else
		s->last_job = job->prev;
	arena_release(&job->arena);
	job->next = s->spare_jobs;
	s->spare_jobs = job;
}

struct sched_job *
sched_job_get(const struct sched *s, int64_t id)
{
	return ids_get(&s->jobs, id);
}

struct sched_unit *
sched_unit_get(const struct sched *s, int64_t id)
{
	return ids_get(&s->units, id);
}

/* ---- ends ---------------------------------------------------------------- */

static void
unmark(struct sched_unit **list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		assert(list[i]);
		list[i]->marked = false;
	}
}

struct sched_unit **
sched_next(
    struct sched_unit *unit, enum unit_state state, struct arena *a, size_t *n)
{
	struct sched_unit **list = NULL, *u, *user;
	size_t i, at = 0;

	*n = 0;
	for (u = unit; u; u = at < *n ? list[at++] : NULL) {
		for (i = 0; i < u->nusers; i++) {
			user = sched_users(u)[i];
			if (user->state != UNIT_BLOCKED || user->marked)
				continue;
			if (state == UNIT_PASSED && user->nblock > 1)
				continue;
			user->marked = state != UNIT_PASSED;
			list = arena_grow(
			    a, list, *n, sizeof(struct sched_unit *));
			list[(*n)++] = user;
		}
		if (state == UNIT_PASSED)
			break;
	}
	unmark(list, *n);
	return list;
}

/* Count a unit's end; what it was before is dealt with by the caller. */
static void
set_over(struct sched_unit *u, enum unit_state state)
{
	u->state = state;
	u->job->nopen--;
	u->job->failed |= state == UNIT_FAILED || state == UNIT_DEP_FAILED;
}

/* Weight of the last unit in the typical one. */
#define LEARN 0.1

static void
learn(struct sched *s, const struct sched_unit *u, int64_t now)
{
	double took = (double)(now - u->lease->granted) / 1e6;

	if (took >= 0)
		s->typical += LEARN * (took - s->typical);
}

void
sched_end(struct sched *s, struct sched_unit *unit, enum unit_state state,
    int64_t now)
{
	struct arena tmp = {0};
	struct sched_unit **list;
	size_t i, n;

	assert(unit_state_is_over(state));
	list = sched_next(unit, state, &tmp, &n);
	if (unit->state == UNIT_LEASED) {
		if (state == UNIT_PASSED)
			learn(s, unit, now);
		lease_drop(s, unit, now);
	} else if (unit->state == UNIT_READY) {
		unit_leave(s, unit, false);
	}
	set_over(unit, state);
	for (i = 0; state == UNIT_PASSED && i < unit->nusers; i++)
		sched_users(unit)[i]->nblock--;
	for (i = 0; i < n; i++) {
		if (state == UNIT_PASSED)
			unit_enter(s, list[i], now);
		else
			set_over(list[i],
			    state == UNIT_CANCELLED ? state : UNIT_DEP_FAILED);
	}
	arena_release(&tmp);
}

void
sched_reopen(struct sched *s, struct sched_unit *unit)
{
	struct sched_job *job = unit->job;
	const struct sched_unit *u;

	assert(unit_state_is_over(unit->state) && unit->state != UNIT_PASSED);
	unit->state = UNIT_BLOCKED;
	unit->tries = 0;
	forget_refusals(s, unit);
	job->nopen++;
	job->failed = false;
	for (u = job->units; u && !job->failed; u = u->next)
		job->failed =
		    u->state == UNIT_FAILED || u->state == UNIT_DEP_FAILED;
}
