/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named locks. A unit gets all of its locks at the instant at which it gets
 * its slave, and gives all of them back at its lease's end; nobody holds one
 * while waiting for another, so there is no deadlock. Each lock is first
 * come, first served: in its line stand the units that are ready and that
 * some slave fits, in the order in which they became ready. All lines have
 * that same order, so the first unit of all is never behind anybody.
 *
 * A unit whose master locks aren't open is parked beside the heap. Locks of
 * slaves are looked at when one asks.
 */
#include "master/sched/inside.h"

#include <string.h>

static struct sched_lock *
lock_of(struct sched *s, const char *name, size_t len)
{
	struct sched_lock *l = map_get(&s->locks, name, len);

	if (l)
		return l;
	l = arena_new(&s->arena, struct sched_lock);
	l->name = arena_strndup(&s->arena, name, len);
	l->per_slave = strncmp(name, "slave:", 6) == 0;
	*map_put(&s->locks, l->name, len) = l;
	return l;
}

/* Up to the "=" of what is wanted shared. */
static size_t
name_length(const char *wanted)
{
	return strcspn(wanted, "=");
}

static bool
wanted_before(const struct sched_wants *w, size_t i)
{
	size_t len = name_length(w->locks[i]), k;

	for (k = 0; k < i; k++) {
		if (name_length(w->locks[k]) == len &&
		    memcmp(w->locks[k], w->locks[i], len) == 0)
			return true;
	}
	return false;
}

uint16_t
locks_count(const struct sched_wants *w)
{
	uint16_t n = 0;
	size_t i;

	for (i = 0; i < w->nlocks && n < UINT16_MAX; i++)
		n += !wanted_before(w, i);
	return n;
}

void
locks_init(struct sched *s, struct sched_unit *u, const struct sched_wants *w)
{
	struct lock_use *x, *uses = sched_uses(u);
	struct sched_lock *lock;
	size_t i, k, n = 0, len;

	for (i = 0; i < w->nlocks; i++) {
		len = name_length(w->locks[i]);
		lock = lock_of(s, w->locks[i], len);
		for (k = 0; k < n && uses[k].lock != lock; k++)
			;
		if (k == u->nuses)
			return;
		x = &uses[k];
		/* wanted both ways by two steps: then not shared */
		x->shared = w->locks[i][len] == '=' && (k == n || x->shared);
		x->lock = lock;
		x->unit = u;
		n += k == n;
	}
}

static void
unlink_use(struct lock_list *list, struct lock_use *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		list->first = x->next;
	if (x->next)
		x->next->prev = x->prev;
	else
		list->last = x->prev;
	x->prev = x->next = NULL;
}

static void
link_after(struct lock_list *list, struct lock_use *x, struct lock_use *at)
{
	x->prev = at;
	x->next = at ? at->next : list->first;
	if (x->prev)
		x->prev->next = x;
	else
		list->first = x;
	if (x->next)
		x->next->prev = x;
	else
		list->last = x;
}

static bool
came_before(const struct sched_unit *a, const struct sched_unit *b)
{
	return a->ready != b->ready ? a->ready < b->ready : a->id < b->id;
}

void
locks_wait(struct sched_unit *u)
{
	struct lock_use *x, *at;
	size_t i;

	for (i = 0; i < u->nuses; i++) {
		x = &sched_uses(u)[i];
		at = x->lock->waiting.last;
		while (at && came_before(u, at->unit))
			at = at->prev;
		link_after(&x->lock->waiting, x, at);
		x->lock->nexclusive += !x->shared;
	}
}

void
locks_take(struct sched_unit *u)
{
	struct lock_use *x;
	size_t i;

	for (i = 0; i < u->nuses; i++) {
		x = &sched_uses(u)[i];
		unlink_use(&x->lock->waiting, x);
		x->lock->nexclusive -= !x->shared;
		link_after(&x->lock->holders, x, x->lock->holders.last);
	}
}

static bool
conflict(const struct lock_use *a, const struct lock_use *b)
{
	return a->unit != b->unit && !(a->shared && b->shared);
}

const struct lock_use *
lock_obstacle(const struct lock_use *x, const struct sched_slave *sl)
{
	const struct sched_lock *l = x->lock;
	const struct lock_use *y;

	for (y = l->holders.first; y; y = y->next) {
		if (l->per_slave && y->unit->lease->slave != sl)
			continue;
		if (conflict(x, y))
			return y;
	}
	if (x->shared && l->nexclusive == 0)
		return NULL;
	for (y = x->prev; y; y = y->prev) {
		if (conflict(x, y) &&
		    (!l->per_slave || class_fits(y->unit->class, sl)))
			return y;
	}
	return NULL;
}

bool
locks_open(const struct sched_unit *u, const struct sched_slave *sl)
{
	size_t i;

	for (i = 0; i < u->nuses; i++) {
		if (sched_uses(u)[i].lock->per_slave && !sl)
			continue;
		if (lock_obstacle(&sched_uses(u)[i], sl))
			return false;
	}
	return true;
}

/* Something left this lock: who could go on? */
static void
lock_changed(struct sched *s, struct sched_lock *l)
{
	struct lock_use *x, *next;

	for (x = l->waiting.first; x; x = next) {
		next = x->next;
		if (x->unit->parked && locks_open(x->unit, NULL))
			unit_queue(s, x->unit);
		else if (!x->unit->parked)
			note_class(s, x->unit->class);
		/* nobody passes one who wants it alone */
		if (!x->shared && !l->per_slave)
			break;
	}
}

void
locks_drop(struct sched *s, struct sched_unit *u, bool held)
{
	struct lock_use *x;
	size_t i;

	for (i = 0; i < u->nuses; i++) {
		x = &sched_uses(u)[i];
		unlink_use(held ? &x->lock->holders : &x->lock->waiting, x);
		if (!held)
			x->lock->nexclusive -= !x->shared;
	}
	for (i = 0; i < u->nuses; i++)
		lock_changed(s, sched_uses(u)[i].lock);
}
