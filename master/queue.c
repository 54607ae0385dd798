/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/queue.h"
#include "master/sched.h"

static bool
before(const struct sched_unit *a, const struct sched_unit *b)
{
	if (a->job->priority != b->job->priority)
		return a->job->priority > b->job->priority;
	return a->id < b->id;
}

static struct sched_unit *
meld(struct sched_unit *a, struct sched_unit *b)
{
	struct sched_unit *t;

	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
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

void
queue_remove(struct sched_class *c, struct sched_unit *u)
{
	struct sched_unit *rest = meld_list(u->child);

	u->child = NULL;
	if (c->heap == u) {
		c->heap = rest;
		return;
	}
	if (u->prev->child == u)
		u->prev->child = u->sibling;
	else
		u->prev->sibling = u->sibling;
	if (u->sibling)
		u->sibling->prev = u->prev;
	u->sibling = u->prev = NULL;
	c->heap = meld(c->heap, rest);
}

void
queue_add(struct sched_class *c, struct sched_unit *u)
{
	u->child = u->sibling = u->prev = NULL;
	c->heap = meld(c->heap, u);
}
