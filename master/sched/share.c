/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who had how much of the farm: seconds of slots, of which half is forgotten
 * in each half-life. As all users forget at the same pace, nothing is worked
 * out again as time goes by: what comes later is made larger instead, by
 * 2^(time / half-life).
 */
#include "master/sched/inside.h"

#include <math.h>

#define SCALE_MAX 500.0 /* exponent: then everything is scaled down */

struct sched_user *
user_of(struct sched *s, const char *name)
{
	struct sched_user *u = map_gets(&s->users, name);

	if (u)
		return u;
	u = arena_new(&s->arena, struct sched_user);
	u->name = arena_strdup(&s->arena, name);
	*map_puts(&s->users, u->name) = u;
	return u;
}

static double
exponent(const struct sched *s, int64_t at)
{
	return (double)(at - s->epoch) / (double)s->half_life;
}

static void
move_epoch(struct sched *s, int64_t at)
{
	double factor = exp2(-exponent(s, at));
	struct sched_user *u;
	size_t i;

	for (i = 0; i < s->users.n; i++) {
		u = s->users.items[i].value;
		u->usage *= factor;
	}
	s->epoch = at;
}

void
user_charge(struct sched *s, struct sched_user *u, double seconds, int64_t at)
{
	if (s->epoch == 0)
		s->epoch = at;
	if (exponent(s, at) > SCALE_MAX)
		move_epoch(s, at);
	u->usage += seconds * exp2(exponent(s, at));
	if (u->usage < 0)
		u->usage = 0;
}

void
sched_charge(struct sched *s, const char *user, double seconds, int64_t until)
{
	user_charge(s, user_of(s, user), seconds, until);
}

double
sched_usage(const struct sched *s, const char *user, int64_t now)
{
	const struct sched_user *u = map_gets(&s->users, user);

	return u ? u->usage * exp2(-exponent(s, now)) : 0;
}

double
unit_expects(const struct sched *s, const struct sched_unit *u)
{
	return u->expect > 0 ? (double)u->expect : s->typical;
}

/* ---- ranks --------------------------------------------------------------- */

/*
 * Seconds from a unit's start to the end of all that needs it, had every
 * unit a slave at once: users before what they need, nblock's twin counted
 * down by those that are done.
 */
void
sched_job_rank(struct sched *s, struct sched_job *job)
{
	struct arena tmp = {0};
	struct sched_unit **list = NULL, *u, *need;
	size_t n = 0, at, i, total = 0;

	for (u = job->units; u; u = u->next) {
		u->rank = (float)unit_expects(s, u);
		total++;
	}
	list = arena_array(&tmp, total, struct sched_unit *);
	for (u = job->units; u; u = u->next) {
		u->todo = u->nusers;
		if (u->nusers == 0)
			list[n++] = u;
	}
	for (at = 0; at < n; at++) {
		u = list[at];
		for (i = 0; i < u->nneeds; i++) {
			need = u->needs[i];
			need->rank = fmaxf(
			    need->rank, u->rank + (float)unit_expects(s, need));
			if (--need->todo == 0)
				list[n++] = need;
		}
	}
	arena_release(&tmp);
}
