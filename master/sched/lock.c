/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named locks. A unit gets all of its locks at the instant at which it gets
 * its slave, and gives all of them back at its lease's end; nobody holds one
 * while waiting for another, so there is no deadlock. Each lock is first
 * come, first served: in its line stand the units that are ready and that
 * some slave that is open may have, in the order in which they became ready.
 * All lines have that same order, so the first unit of all is never behind
 * anybody. Who has no such slave now, as none fits, all that fit have refused
 * or are shut, is put aside, and is where it was when it has one.
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

static bool
conflict(const struct lock_use *a, const struct lock_use *b)
{
	return a->unit != b->unit && !(a->shared && b->shared);
}

/* Those behind x that could go can't any more; who wants it alone couldn't. */
static void
push_back(struct sched *s, const struct lock_use *x)
{
	struct lock_use *y;

	if (x->lock->per_slave)
		return;
	for (y = x->next; y; y = y->next) {
		if (conflict(x, y) && !y->unit->parked) {
			unit_unqueue(s, y->unit);
			y->unit->parked = true;
		}
		if (!y->shared)
			break;
	}
}

void
locks_wait(struct sched *s, struct sched_unit *u)
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
		push_back(s, x);
	}
}

void
locks_leave(struct sched_unit *u, bool taken)
{
	struct lock_use *x;
	size_t i;

	for (i = 0; i < u->nuses; i++) {
		x = &sched_uses(u)[i];
		unlink_use(&x->lock->waiting, x);
		x->lock->nexclusive -= !x->shared;
		if (taken)
			link_after(&x->lock->holders, x, x->lock->holders.last);
	}
}

static const struct lock_use *
holder(const struct lock_use *x, const struct sched_slave *sl)
{
	const struct lock_use *y;

	for (y = x->lock->holders.first; y; y = y->next) {
		if (x->lock->per_slave && y->unit->lease->slave != sl)
			continue;
		if (conflict(x, y))
			return y;
	}
	return NULL;
}

const struct lock_use *
lock_obstacle(const struct sched *s, const struct lock_use *x,
    const struct sched_slave *sl, int64_t now)
{
	const struct sched_lock *l = x->lock;
	const struct lock_use *y = holder(x, sl);

	if (y || x->unit->aside || (x->shared && l->nexclusive == 0))
		return y;
	for (y = l->waiting.first; y && y != x; y = y->next) {
		if (conflict(x, y) &&
		    (!l->per_slave ||
			(class_fits(y->unit->class, sl) &&
			    unit_may(s, y->unit, sl, now))))
			return y;
	}
	return NULL;
}

bool
locks_open(const struct sched *s, const struct sched_unit *u,
    const struct sched_slave *sl, int64_t now)
{
	size_t i;

	for (i = 0; i < u->nuses; i++) {
		if (sched_uses(u)[i].lock->per_slave && !sl)
			continue;
		if (lock_obstacle(s, &sched_uses(u)[i], sl, now))
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
		if (x->unit->parked && locks_open(s, x->unit, NULL, 0))
			unit_queue(s, x->unit);
		else if (!x->unit->parked)
			note_class(s, x->unit->class);
		/* nobody passes one who wants it alone */
		if (!x->shared && !l->per_slave)
			break;
	}
}

void
locks_drop(struct sched *s, struct sched_unit *u)
{
	struct lock_use *x = sched_uses(u);
	size_t i;

	for (i = 0; i < u->nuses; i++, x++)
		unlink_use(&x->lock->holders, x);
	locks_changed(s, u);
}

void
locks_changed(struct sched *s, const struct sched_unit *u)
{
	size_t i;

	for (i = 0; i < u->nuses; i++)
		lock_changed(s, sched_uses(u)[i].lock);
}

void
lines_clear(struct sched *s)
{
	struct lock_use *x, *next;
	struct sched_lock *l;
	bool any = false;
	size_t i;

	for (i = 0; i < s->locks.n; i++) {
		l = s->locks.items[i].value;
		for (x = l->waiting.first; x; x = next) {
			next = x->next;
			any |= unit_step_aside(s, x->unit);
		}
	}
	for (i = 0; any && i < s->locks.n; i++)
		lock_changed(s, s->locks.items[i].value);
}
