/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has what, until when, and what a user is charged for it. */
#include "master/sched/inside.h"

#include <assert.h>
#include <string.h>

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

static struct sched_lease *
lease_new(struct sched *s)
{
	struct sched_lease *l = s->spare_leases;

	if (!l)
		return arena_new(&s->arena, struct sched_lease);
	s->spare_leases = l->next;
	memset(l, 0, sizeof(*l));
	return l;
}

/* What an exclusive unit has of the slave is all of it. */
int64_t
sched_slots(const struct sched_unit *unit, const struct sched_slave *sl)
{
	return unit->class->exclusive ? sl->slots : 1;
}

const char *
sched_arch(const struct sched_unit *unit)
{
	return unit->class->arch;
}

static void
use_resources(const struct sched_unit *u, struct sched_slave *sl, int sign)
{
	size_t k;

	for (k = 0; k < SCHED_RESOURCES; k++)
		sl->used[k] += sign * class_takes(u->class, k, sl);
}

void
slave_recount(const struct sched *s, struct sched_slave *sl)
{
	const struct sched_lease *l;

	memset(sl->used, 0, sizeof(sl->used));
	for (l = s->first_lease; l && sl->leased > 0; l = l->next) {
		if (l->slave == sl)
			use_resources(l->unit, sl, 1);
	}
}

void
sched_lease(struct sched *s, struct sched_unit *unit, struct sched_slave *sl,
    int64_t lease, int64_t now, int64_t expires)
{
	struct sched_lease *l = lease_new(s);

	if (unit->state == UNIT_READY)
		unit_leave(s, unit, true);
	else if (unit->nuses > 0) {
		/* rebuilt at start: straight into the hands that held them */
		locks_wait(s, unit);
		locks_leave(unit, true);
	}
	unit->state = UNIT_LEASED;
	unit->lease = l;
	l->unit = unit;
	l->slave = sl;
	l->granted = now;
	l->expires = expires;
	l->charged = unit_expects(s, unit) * (double)sched_slots(unit, sl);
	user_charge(s, unit->job->owner, l->charged, now);
	sl->leased++;
	sl->alone |= unit->class->exclusive;
	use_resources(unit, sl, 1);
	s->nleased++;
	s->nunwanted += unit->job->cancelled;
	l->id = lease;
	/* of a slave's lock it may stand in nobody's way any more on others */
	locks_changed(s, unit);
	ids_add(&s->leases, &l->id);
	link_lease(s, l);
	same_run(s, unit);
}

void
sched_renew(struct sched *s, struct sched_unit *unit, int64_t expires)
{
	unlink_lease(s, unit->lease);
	unit->lease->expires = expires;
	link_lease(s, unit->lease);
}

struct sched_unit *
sched_leased(const struct sched *s, int64_t lease)
{
	const struct sched_lease *l = ids_get(&s->leases, lease);

	return l ? l->unit : NULL;
}

struct sched_unit *
sched_expired(const struct sched *s, int64_t now)
{
	if (!s->first_lease || s->first_lease->expires > now)
		return NULL;
	return s->first_lease->unit;
}

static void
move_unit(const struct sched *s, struct sched_unit *u, int64_t by)
{
	struct sched_refusal *r;

	if (u->ready > 0)
		u->ready += by;
	for (r = sched_refusals(s, u); r; r = r->next) {
		if (r->until > 0 && r->until != UNTIL_EVER)
			r->until += by;
	}
}

/* Orders stay, as all that is compared moves alike. */
void
sched_move(struct sched *s, int64_t by)
{
	const struct sched_job *job;
	struct sched_lease *l;
	struct sched_slave *sl;
	struct sched_unit *u;

	for (l = s->first_lease; l; l = l->next) {
		l->expires += by;
		l->granted += by;
	}
	for (sl = s->slaves; sl; sl = sl->next) {
		if (sl->seen > 0)
			sl->seen += by;
		if (sl->paused_until > 0)
			sl->paused_until += by;
		if (sl->struck > 0)
			sl->struck += by;
	}
	for (job = s->first_job; job; job = job->next) {
		for (u = job->units; u; u = u->next)
			move_unit(s, u, by);
	}
	if (s->epoch > 0)
		s->epoch += by;
	if (s->since > 0)
		s->since += by;
	if (s->wake != UNTIL_EVER)
		s->wake += by;
	if (s->check != UNTIL_EVER)
		s->check += by;
}

void
lease_drop(struct sched *s, struct sched_unit *u, int64_t now)
{
	struct sched_lease *l = u->lease;
	struct sched_slave *sl = l->slave;
	double took = (double)(now - l->granted) / 1e6;

	user_charge(s, u->job->owner,
	    (took < 0 ? 0 : took) * (double)sched_slots(u, sl) - l->charged,
	    now);
	sl->leased--;
	if (u->class->exclusive)
		sl->alone = false;
	use_resources(u, sl, -1);
	s->nleased--;
	s->nunwanted -= u->job->cancelled;
	unlink_lease(s, l);
	ids_remove(&s->leases, l->id);
	/* the locks look at whose lease it was */
	locks_drop(s, u);
	u->lease = NULL;
	l->next = s->spare_leases;
	s->spare_leases = l;
	same_free(s, u);
	/* a slave that waits has room now for what didn't fit */
	if (sl->waiting)
		sched_slave_room(s, sl);
}

void
sched_cancel(struct sched *s, struct sched_job *job, int64_t now)
{
	struct sched_unit *u;

	assert(!job->cancelled);
	job->cancelled = true;
	for (u = job->units; u; u = u->next) {
		if (u->state == UNIT_READY || u->state == UNIT_BLOCKED)
			sched_end(s, u, UNIT_CANCELLED, now);
		else if (u->state == UNIT_LEASED) {
			s->nunwanted++;
			s->untold = true;
			same_free(s, u);
		}
	}
}

void
sched_return(struct sched *s, struct sched_unit *unit, int64_t now)
{
	int64_t ready = unit->ready ? unit->ready : now;

	assert(unit->state == UNIT_LEASED);
	lease_drop(s, unit, now);
	unit_enter(s, unit, ready);
}

struct sched_refusal *
sched_refusals(const struct sched *s, const struct sched_unit *unit)
{
	return unit->refused ? ids_get(&s->refusals, unit->id) : NULL;
}

void
sched_refuse(struct sched *s, struct sched_unit *unit, int64_t slave,
    int64_t until, bool rather, const char *reason)
{
	struct arena *a = &unit->job->arena;
	struct sched_refusal *first = sched_refusals(s, unit), *r;

	/* a loss is remembered beside what the slave says */
	for (r = first; r && (r->slave != slave || r->rather != rather);
	     r = r->next)
		;
	if (!r) {
		r = arena_new(a, struct sched_refusal);
		r->unit = unit->id;
		r->next = first;
		unit->refused = true;
		ids_add(&s->refusals, &r->unit);
	}
	r->slave = slave;
	r->until = until;
	r->rather = rather;
	r->reason = arena_strdup(a, reason);
	if (until < s->wake)
		s->wake = until;
	unit_judge(s, unit);
}

void
sched_forgive(const struct sched *s, int64_t slave, bool all)
{
	const struct sched_job *job;
	const struct sched_unit *u;
	struct sched_refusal *r;

	for (job = s->first_job; job; job = job->next) {
		for (u = job->units; u; u = u->next) {
			for (r = sched_refusals(s, u); r; r = r->next) {
				if (r->slave == slave && !r->rather &&
				    (all || r->until != UNTIL_EVER))
					r->until = 0;
			}
		}
	}
}
