/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which open variable to try when any solution will do: the one that was in
 * most of the last conflicts (VSIDS), as it was the last time. A heap has the
 * variables, that to try first at its root; one that isn't open may be in it.
 */
#include "plan/sat.h"

#define FADE     0.95  /* of all that was, after each conflict */
#define HIGH     1e100 /* here all are made less */
#define PATIENCE 64    /* conflicts until the first return to the start */

static bool
goes_first(const struct sat *s, uint32_t a, uint32_t b)
{
	double x = s->vars[a].activity, y = s->vars[b].activity;

	return x > y || (x >= y && a > b);
}

static void
put(struct sat *s, uint32_t at, uint32_t v)
{
	s->heap[at] = v;
	s->vars[v].place = at + 1;
}

static void
rise(struct sat *s, uint32_t at)
{
	uint32_t v = s->heap[at], up;

	for (; at > 0; at = up) {
		up = (at - 1) / 2;
		if (!goes_first(s, v, s->heap[up]))
			break;
		put(s, at, s->heap[up]);
	}
	put(s, at, v);
}

static void
sink(struct sat *s, uint32_t at)
{
	uint32_t v = s->heap[at], below;

	for (; (below = 2 * at + 1) < s->nheap; at = below) {
		if (below + 1 < s->nheap &&
		    goes_first(s, s->heap[below + 1], s->heap[below]))
			below++;
		if (goes_first(s, v, s->heap[below]))
			break;
		put(s, at, s->heap[below]);
	}
	put(s, at, v);
}

void
guess_open(struct sat *s, uint32_t v)
{
	if (!s->guessing || s->vars[v].place > 0)
		return;
	put(s, s->nheap++, v);
	rise(s, s->nheap - 1);
}

void
guess_bump(struct sat *s, uint32_t v)
{
	uint32_t i;

	s->vars[v].activity += s->bump;
	if (s->vars[v].activity > HIGH) {
		for (i = 0; i < s->nvars; i++)
			s->vars[i].activity /= HIGH;
		s->bump /= HIGH;
	}
	if (s->vars[v].place > 0)
		rise(s, s->vars[v].place - 1);
}

void
guess_learned(struct sat *s)
{
	s->bump /= FADE;
	s->nlearned++;
}

void
sat_guess_begin(struct sat *s)
{
	uint32_t v;

	sat_take_back(s, 0);
	s->guessing = true;
	s->patience = s->nlearned + PATIENCE;
	for (v = 0; v < s->nvars; v++) {
		s->vars[v].activity = 0;
		s->vars[v].was = false;
		guess_open(s, v);
	}
	s->bump = 1;
}

/* 1 1 2 1 1 2 4 1 1 2 ... (Luby, Sinclair and Zuckerman, 1993), i from 1. */
static uint32_t
luby(uint32_t i)
{
	uint32_t size = 1;

	for (;;) {
		while (size <= i)
			size *= 2;
		if (size == i + 1)
			return size / 2;
		i -= size / 2 - 1;
		size = 1;
	}
}

bool
sat_guess(struct sat *s, uint32_t level)
{
	uint32_t v;

	if (s->nlearned >= s->patience) {
		s->patience = s->nlearned + PATIENCE * luby(++s->restarts);
		sat_take_back(s, level);
		return true;
	}
	while (s->nheap > 0) {
		s->steps++;
		v = s->heap[0];
		s->vars[v].place = 0;
		if (--s->nheap > 0) {
			put(s, 0, s->heap[s->nheap]);
			sink(s, 0);
		}
		if (s->vars[v].value != 0)
			continue;
		sat_decide(s, s->vars[v].was ? SAT_IS(v) : SAT_NOT(v));
		return true;
	}
	return false;
}

void
sat_keep_model(struct sat *s)
{
	uint32_t v;

	for (v = 0; v < s->nvars; v++)
		s->vars[v].model = s->vars[v].value > 0;
	s->steps += s->nvars / 16;
}
