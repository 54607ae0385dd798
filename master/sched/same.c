/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units of several jobs that are the same, of jobs that reuse results: while
 * one runs, the ready ones are held out of the queues and the locks' lines.
 * Nobody waits for one that isn't leased, and nobody with a lease waits: so
 * no ring of waiting can close. What two keys share by chance of 63 bits
 * costs a wait, never a result: those are compared in full by the caller.
 */
#include "master/sched/inside.h"

int64_t
same_number(const char *key, const char *arch)
{
	uint64_t n = layer_number(key);

	for (; *arch; arch++)
		n = (n ^ (unsigned char)*arch) * 0x100000001b3u;
	n &= INT64_MAX;
	return n ? (int64_t)n : 1;
}

/* The unit behind which it is. */
static struct sched_unit *
unit_of(const struct sched_same *x)
{
	return (struct sched_unit *)x - 1;
}

static struct sched_same *
first_of(const struct sched *s, const struct sched_unit *u)
{
	return u->same ? ids_get(&s->sames, unit_same(u)->id) : NULL;
}

/* Is it what the others of the list are held for? */
static bool
runs(const struct sched_same *first)
{
	return first && unit_of(first)->state == UNIT_LEASED;
}

/* Behind at, or as the first of its list. */
static void
link_same(struct sched *s, struct sched_same *x, struct sched_same *at)
{
	x->prev = at;
	x->next = at ? at->next : ids_get(&s->sames, x->id);
	if (x->next)
		x->next->prev = x;
	if (at)
		at->next = x;
	else
		ids_add(&s->sames, &x->id);
}

static void
unlink_same(struct sched *s, struct sched_same *x)
{
	if (x->next)
		x->next->prev = x->prev;
	if (x->prev)
		x->prev->next = x->next;
	else if (x->next)
		ids_add(&s->sames, &x->next->id);
	else
		ids_remove(&s->sames, x->id);
	x->prev = x->next = NULL;
}

bool
same_enter(struct sched *s, struct sched_unit *u)
{
	struct sched_same *first = first_of(s, u);

	if (!u->same)
		return false;
	u->held = runs(first);
	link_same(s, unit_same(u), u->held ? first : NULL);
	return u->held;
}

bool
same_leave(struct sched *s, struct sched_unit *u)
{
	bool held = u->held;

	if (!u->same)
		return false;
	unlink_same(s, unit_same(u));
	u->held = false;
	return held;
}

void
same_run(struct sched *s, struct sched_unit *u)
{
	struct sched_same *x;

	if (!u->same || u->job->cancelled || runs(first_of(s, u)))
		return;
	link_same(s, unit_same(u), NULL);
	for (x = unit_same(u)->next; x; x = x->next) {
		unit_withdraw(s, unit_of(x));
		unit_of(x)->held = true;
	}
}

void
same_free(struct sched *s, const struct sched_unit *u)
{
	struct sched_same *x = first_of(s, u), *next;

	if (!x || unit_of(x) != u)
		return;
	next = x->next;
	unlink_same(s, x);
	for (x = next; x; x = x->next) {
		unit_of(x)->held = false;
		unit_stand(s, unit_of(x));
	}
}

const struct sched_unit *
same_runs(const struct sched *s, const struct sched_unit *u)
{
	return u->held ? unit_of(first_of(s, u)) : NULL;
}

struct sched_unit *
sched_same_next(const struct sched_unit *unit)
{
	const struct sched_same *next = unit_same(unit)->next;

	return next ? unit_of(next) : NULL;
}

struct sched_unit *
sched_same(const struct sched *s, const struct sched_unit *unit)
{
	const struct sched_same *first = first_of(s, unit);

	if (!first)
		return NULL;
	return runs(first) ? sched_same_next(unit_of(first)) : unit_of(first);
}
