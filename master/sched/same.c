/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units of several jobs that are the same, of jobs that reuse results: while
 * one runs, the ready ones are held out of the queues and the locks' lines.
 * Nobody waits for one that isn't leased, and nobody with a lease waits: so
 * no ring of waiting can close. What two keys share by chance of 63 bits
 * costs a wait, never a result: those are compared in full by the caller.
 */
#include "master/sched/inside.h"

struct sched_same {
	struct id_node node;
	struct sched_unit *runs;  /* leased, and still wanted */
	struct sched_unit *ready; /* a list of them */
	struct sched_same *spare;
};

int64_t
same_number(const char *key, const char *arch)
{
	uint64_t n = layer_number(key);

	for (; *arch; arch++)
		n = (n ^ (unsigned char)*arch) * 0x100000001b3u;
	n &= INT64_MAX;
	return n ? (int64_t)n : 1;
}

static struct sched_same *
same_of(struct sched *s, const struct sched_unit *u)
{
	struct sched_same *x = ids_get(&s->sames, u->same);

	if (x)
		return x;
	x = s->spare_sames;
	if (x)
		s->spare_sames = x->spare;
	else
		x = arena_new(&s->arena, struct sched_same);
	*x = (struct sched_same){0};
	ids_add(&s->sames, &x->node, u->same);
	return x;
}

static void
drop_empty(struct sched *s, struct sched_same *x)
{
	if (x->runs || x->ready)
		return;
	ids_remove(&s->sames, x->node.id);
	x->spare = s->spare_sames;
	s->spare_sames = x;
}

bool
same_enter(struct sched *s, struct sched_unit *u)
{
	struct sched_same *x;

	if (u->same == 0)
		return false;
	x = same_of(s, u);
	u->same_prev = NULL;
	u->same_next = x->ready;
	if (x->ready)
		x->ready->same_prev = u;
	x->ready = u;
	u->held = x->runs != NULL;
	return u->held;
}

bool
same_leave(struct sched *s, struct sched_unit *u)
{
	struct sched_same *x;
	bool held = u->held;

	if (u->same == 0)
		return false;
	x = ids_get(&s->sames, u->same);
	if (u->same_prev)
		u->same_prev->same_next = u->same_next;
	else
		x->ready = u->same_next;
	if (u->same_next)
		u->same_next->same_prev = u->same_prev;
	u->same_prev = u->same_next = NULL;
	u->held = false;
	drop_empty(s, x);
	return held;
}

void
same_run(struct sched *s, struct sched_unit *u)
{
	struct sched_same *x;
	struct sched_unit *other;

	if (u->same == 0 || u->job->cancelled)
		return;
	x = same_of(s, u);
	if (x->runs)
		return;
	x->runs = u;
	for (other = x->ready; other; other = other->same_next) {
		unit_withdraw(s, other);
		other->held = true;
	}
}

void
same_free(struct sched *s, const struct sched_unit *u)
{
	struct sched_same *x = ids_get(&s->sames, u->same);
	struct sched_unit *other;

	if (u->same == 0 || !x || x->runs != u)
		return;
	x->runs = NULL;
	for (other = x->ready; other; other = other->same_next) {
		other->held = false;
		unit_stand(s, other);
	}
	drop_empty(s, x);
}

const struct sched_unit *
same_runs(const struct sched *s, const struct sched_unit *u)
{
	const struct sched_same *x = ids_get(&s->sames, u->same);

	return u->held && x ? x->runs : NULL;
}

struct sched_unit *
sched_same(const struct sched *s, const struct sched_unit *unit)
{
	const struct sched_same *x =
	    unit->same ? ids_get(&s->sames, unit->same) : NULL;

	return x ? x->ready : NULL;
}
