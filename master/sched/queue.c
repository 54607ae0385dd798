/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/sched/inside.h"

#define HOUR ((int64_t)3600 * 1000000)

/*
 * By hours, so that within one the critical path decides. The priority is
 * bounded (wish.c), so nothing overflows, and nothing waits for ever: what is
 * asked for later stands behind at some time.
 */
int64_t
job_turn(const struct sched_job *job)
{
	return job->created / HOUR - job->priority;
}

bool
queue_before(const struct sched_unit *a, const struct sched_unit *b)
{
	int64_t x = job_turn(a->job), y = job_turn(b->job);

	if (a->job->security != b->job->security)
		return a->job->security;
	if (x != y)
		return x < y;
	if (a->rank > b->rank || a->rank < b->rank)
		return a->rank > b->rank;
	return a->id < b->id;
}

static struct sched_unit *
meld(struct sched_unit *a, struct sched_unit *b)
{
	struct sched_unit *t;

	if (!a || !b)
		return a ? a : b;
	if (queue_before(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->sibling = a->child;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	a->sibling = a->prev = NULL;
	return a;
}

/* Meld a list of siblings: in pairs from the left, then from the right. */
static struct sched_unit *
meld_list(struct sched_unit *list)
{
	struct sched_unit *pairs = NULL, *a, *b, *whole = NULL;

	while (list) {
		a = list;
		b = a->sibling;
		list = b ? b->sibling : NULL;
		a->sibling = a->prev = NULL;
		if (b)
			b->sibling = b->prev = NULL;
		a = meld(a, b);
		a->sibling = pairs;
		pairs = a;
	}
	while (pairs) {
		a = pairs;
		pairs = a->sibling;
		a->sibling = NULL;
		whole = meld(whole, a);
	}
	return whole;
}

struct sched_queue *
queue_of(struct sched *s, struct sched_class *c, struct sched_user *user)
{
	struct sched_queue *q;

	for (q = c->queues; q; q = q->next) {
		if (q->user == user)
			return q;
	}
	q = arena_new(&s->arena, struct sched_queue);
	q->user = user;
	q->next = c->queues;
	c->queues = q;
	return q;
}

void
queue_remove(struct sched_queue *q, struct sched_unit *u)
{
	struct sched_unit *rest = meld_list(u->child);

	u->child = NULL;
	if (q->heap == u) {
		q->heap = rest;
		return;
	}
	if (u->prev->child == u)
		u->prev->child = u->sibling;
	else
		u->prev->sibling = u->sibling;
	if (u->sibling)
		u->sibling->prev = u->prev;
	u->sibling = u->prev = NULL;
	q->heap = meld(q->heap, rest);
}

void
queue_add(struct sched_queue *q, struct sched_unit *u)
{
	u->child = u->sibling = u->prev = NULL;
	q->heap = meld(q->heap, u);
}
