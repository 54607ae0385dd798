/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/sched.h"
#include "master/queue.h"

#include <assert.h>
#include <stdlib.h>
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
sched_init(struct sched *s, int64_t patience)
{
	memset(s, 0, sizeof(*s));
	s->patience = patience;
	ids_init(&s->jobs, &s->arena);
	ids_init(&s->units, &s->arena);
	ids_init(&s->leases, &s->arena);
	ids_init(&s->slave_ids, &s->arena);
	map_init(&s->class_map, &s->arena);
}

void
sched_release(struct sched *s)
{
	struct sched_job *job, *next;
	struct sched_slave *sl;

	for (job = s->first_job; job; job = next) {
		struct arena a = job->arena;

		next = job->next;
		arena_release(&a);
	}
	for (sl = s->slaves; sl; sl = sl->next)
		arena_release(&sl->arena);
	arena_release(&s->arena);
}

/* ---- classes ---------------------------------------------------------------
 */

static const char *
class_key(struct arena *a, const struct sched_unit_spec *spec)
{
	const char *key;
	size_t i;

	key = arena_printf(a, "%s %d", spec->arch, spec->exclusive);
	for (i = 0; i < spec->nrequires; i++)
		key = arena_printf(a, "%s %s", key, spec->requires[i]);
	return key;
}

static struct sched_class *
class_new(struct sched *s, const struct sched_unit_spec *spec)
{
	struct sched_class *c = arena_new(&s->arena, struct sched_class);
	size_t i;

	c->arch = arena_strdup(&s->arena, spec->arch);
	c->exclusive = spec->exclusive;
	c->nrequires = spec->nrequires;
	c->words = arena_array(&s->arena, c->nrequires, const char *);
	c->requires = arena_array(&s->arena, c->nrequires, struct requirement);
	for (i = 0; i < spec->nrequires; i++) {
		c->words[i] = arena_strdup(&s->arena, spec->requires[i]);
		/* not of the right form: a name that nobody has */
		if (!requirement_parse(&s->arena, c->words[i], &c->requires[i]))
		c->requires[i].name = c->words[i];
	}
	c->next = s->classes;
	s->classes = c;
	return c;
}

static struct sched_class *
class_of(struct sched *s, const struct sched_unit_spec *spec)
{
	struct arena tmp = {0};
	const char *key = class_key(&tmp, spec);
	struct sched_class *c = map_gets(&s->class_map, key);

	if (!c) {
		c = class_new(s, spec);
		*map_puts(&s->class_map, arena_strdup(&s->arena, key)) = c;
	}
	arena_release(&tmp);
	return c;
}

/* ---- jobs and units ------------------------------------------------------ */

struct sched_job *
sched_job_add(struct sched *s, int64_t id, int64_t priority, const char *user)
{
	struct arena a = {0};
	struct sched_job *job = arena_new(&a, struct sched_job);

	job->id = id;
	job->priority = priority;
	job->user = arena_strdup(&a, user);
	job->arena = a;
	job->prev = s->last_job;
	if (s->last_job)
		s->last_job->next = job;
	else
		s->first_job = job;
	s->last_job = job;
	ids_add(&s->jobs, &job->node, id, job);
	return job;
}

struct sched_unit *
sched_unit_add(
    struct sched *s, struct sched_job *job, const struct sched_unit_spec *spec)
{
	struct sched_unit *u = arena_new(&job->arena, struct sched_unit);

	u->job = job;
	u->id = spec->id;
	u->root = arena_strdup(&job->arena, spec->root);
	u->state = spec->state;
	u->attempt = spec->attempt;
	u->tries = spec->tries;
	u->class = class_of(s, spec);
	u->next = job->units;
	job->units = u;
	job->nopen += !unit_state_is_over(u->state);
	job->failed |= u->state == UNIT_FAILED || u->state == UNIT_DEP_FAILED;
	ids_add(&s->units, &u->node, u->id, u);
	return u;
}

void
sched_need(struct sched_unit *unit, struct sched_unit *needed)
{
	struct arena *a = &unit->job->arena;

	unit->needs =
	    arena_grow(a, unit->needs, unit->nneeds, sizeof(*unit->needs));
	unit->needs[unit->nneeds++] = needed;
	needed->users = arena_grow(
	    a, needed->users, needed->nusers, sizeof(*needed->users));
	needed->users[needed->nusers++] = unit;
	unit->nblock += needed->state != UNIT_PASSED;
}

static void
enqueue(struct sched *s, struct sched_unit *u)
{
	assert(u->nblock == 0);
	u->state = UNIT_READY;
	queue_add(u->class, u);
	s->nready++;
}

static void
dequeue(struct sched *s, struct sched_unit *u)
{
	assert(u->state == UNIT_READY);
	queue_remove(u->class, u);
	s->nready--;
}

void
sched_start(struct sched *s, struct sched_unit *unit)
{
	if (unit->nblock == 0)
		enqueue(s, unit);
	else
		unit->state = UNIT_BLOCKED;
}

void
sched_job_drop(struct sched *s, struct sched_job *job)
{
	struct sched_unit *u;
	struct arena a;

	for (u = job->units; u; u = u->next) {
		assert(u->state != UNIT_LEASED);
		if (u->state == UNIT_READY)
			dequeue(s, u);
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
	a = job->arena;
	arena_release(&a);
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

/* ---- what happens to a unit ---------------------------------------------- */

static void
unlink_lease(struct sched *s, struct sched_lease *l)
{
	if (l->prev)
		l->prev->next = l->next;
	else
		s->first_lease = l->next;
	if (l->next)
		l->next->prev = l->prev;
	else
		s->last_lease = l->prev;
	l->prev = l->next = NULL;
}

/* Nearly always a lease ends later than all others: search from the end. */
static void
link_lease(struct sched *s, struct sched_lease *l)
{
	struct sched_lease *at = s->last_lease;

	while (at && at->expires > l->expires)
		at = at->prev;
	l->prev = at;
	l->next = at ? at->next : s->first_lease;
	if (l->prev)
		l->prev->next = l;
	else
		s->first_lease = l;
	if (l->next)
		l->next->prev = l;
	else
		s->last_lease = l;
}

void
sched_lease(struct sched *s, struct sched_unit *unit, struct sched_slave *sl,
    int64_t lease, int64_t now, int64_t expires)
{
	struct sched_lease *l = &unit->lease;

	if (unit->state == UNIT_READY)
		dequeue(s, unit);
	unit->state = UNIT_LEASED;
	unit->job->started = true;
	memset(l, 0, sizeof(*l));
	l->slave = sl;
	l->granted = now;
	l->expires = expires;
	sl->leased++;
	sl->alone |= unit->class->exclusive;
	s->nleased++;
	s->nunwanted += unit->job->cancelled;
	ids_add(&s->leases, &l->node, lease, unit);
	link_lease(s, l);
}

void
sched_renew(struct sched *s, struct sched_unit *unit, int64_t expires)
{
	unlink_lease(s, &unit->lease);
	unit->lease.expires = expires;
	link_lease(s, &unit->lease);
}

struct sched_unit *
sched_leased(const struct sched *s, int64_t lease)
{
	return ids_get(&s->leases, lease);
}

struct sched_unit *
sched_expired(const struct sched *s, int64_t now)
{
	if (!s->first_lease || s->first_lease->expires > now)
		return NULL;
	return s->first_lease->node.object;
}

static void
drop_lease(struct sched *s, struct sched_unit *u)
{
	struct sched_slave *sl = u->lease.slave;

	sl->leased--;
	if (u->class->exclusive)
		sl->alone = false;
	s->nleased--;
	s->nunwanted -= u->job->cancelled;
	unlink_lease(s, &u->lease);
	ids_remove(&s->leases, u->lease.node.id);
	memset(&u->lease, 0, sizeof(u->lease));
}

void
sched_cancel(struct sched *s, struct sched_job *job)
{
	struct sched_unit *u;

	assert(!job->cancelled);
	job->cancelled = true;
	for (u = job->units; u; u = u->next) {
		if (u->state == UNIT_READY || u->state == UNIT_BLOCKED)
			sched_end(s, u, UNIT_CANCELLED);
		else if (u->state == UNIT_LEASED)
			s->nunwanted++;
	}
}

void
sched_return(struct sched *s, struct sched_unit *unit)
{
	assert(unit->state == UNIT_LEASED);
	drop_lease(s, unit);
	enqueue(s, unit);
}

void
sched_refuse(struct sched_unit *unit, int64_t slave, int64_t until, bool rather,
    const char *reason)
{
	struct arena *a = &unit->job->arena;
	struct sched_refusal *r;

	for (r = unit->refusals; r && r->slave != slave; r = r->next)
		;
	if (!r) {
		r = arena_new(a, struct sched_refusal);
		r->next = unit->refusals;
		unit->refusals = r;
	}
	r->slave = slave;
	r->until = until;
	r->rather = rather;
	r->reason = arena_strdup(a, reason);
}

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
			user = u->users[i];
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

void
sched_end(struct sched *s, struct sched_unit *unit, enum unit_state state)
{
	struct arena tmp = {0};
	struct sched_unit **list;
	size_t i, n;

	assert(unit_state_is_over(state));
	list = sched_next(unit, state, &tmp, &n);
	if (unit->state == UNIT_LEASED)
		drop_lease(s, unit);
	else if (unit->state == UNIT_READY)
		dequeue(s, unit);
	set_over(unit, state);
	for (i = 0; state == UNIT_PASSED && i < unit->nusers; i++)
		unit->users[i]->nblock--;
	for (i = 0; i < n; i++) {
		if (state == UNIT_PASSED)
			enqueue(s, list[i]);
		else
			set_over(list[i],
			    state == UNIT_CANCELLED ? state : UNIT_DEP_FAILED);
	}
	arena_release(&tmp);
}
