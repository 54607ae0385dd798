/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which unit a slave gets. */
#include "master/sched/inside.h"

#include <string.h>

/*
 * What doesn't fit beside what runs gets a slave kept free for it, but not
 * before it has waited so long: until then others go past it.
 */
#define RESERVE_AFTER ((int64_t)300 * 1000000)

#define LOOK_AT 16 /* units of a heap, for the one with most layers there */

/* ---- may this unit go to this slave? ------------------------------------- */

const struct sched_refusal *
refusal_of(const struct sched *s, const struct sched_unit *u, int64_t slave,
    int64_t now)
{
	const struct sched_refusal *r, *loss = NULL;

	for (r = sched_refusals(s, u); r; r = r->next) {
		if (r->slave != slave || r->until <= now)
			continue;
		if (!r->rather)
			return r;
		loss = r;
	}
	return loss;
}

bool
is_refused(const struct sched *s, const struct sched_unit *u, int64_t slave)
{
	const struct sched_refusal *r;

	for (r = sched_refusals(s, u); r; r = r->next) {
		if (r->slave == slave && r->until != 0 && !r->rather)
			return true;
	}
	return false;
}

/* Is there a slave that nothing speaks against? */
static bool
another_can(const struct sched *s, const struct sched_unit *u, int64_t now)
{
	const struct sched_slave *sl;

	for (sl = s->slaves; sl; sl = sl->next) {
		if (sl->open && sl->known && class_fits(u->class, sl) &&
		    !refusal_of(s, u, sl->id, now))
			return true;
	}
	return false;
}

bool
unit_may(const struct sched *s, const struct sched_unit *unit,
    const struct sched_slave *sl, int64_t now)
{
	const struct sched_refusal *r = refusal_of(s, unit, sl->id, now);

	return !r || (r->rather && !another_can(s, unit, now));
}

/* ---- the choice ---------------------------------------------------------- */

struct choice {
	const struct sched *s;
	const struct sched_slave *sl;
	int64_t now;
	bool room; /* for units of the class that is looked at */
	bool lane; /* only the security lane: the slave is kept free */
	struct sched_unit *best;
	const struct sched_queue *best_queue;
	bool best_stage;
};

/* Without room a unit is a choice only when the slave may be kept for it. */
static bool
reservable(const struct choice *ch, const struct sched_unit *u)
{
	const struct sched_slave *sl = unit_reserved(u);

	return ch->now - u->ready >= RESERVE_AFTER &&
	    (!sl || sl == ch->sl || !sched_is_online(ch->s, sl, ch->now));
}

static bool
eligible(const struct choice *ch, const struct sched_unit *u)
{
	return (ch->room || reservable(ch, u)) &&
	    (u->nuses == 0 || locks_open(ch->s, u, ch->sl, ch->now)) &&
	    (!u->refused || unit_may(ch->s, u, ch->sl, ch->now));
}

/*
 * The first unit of the heap that the slave may have. From a unit that it
 * may not have the search goes on below; what is below one that it may have
 * comes after that.
 */
static struct sched_unit *
first_for(const struct choice *ch, struct sched_unit *u)
{
	struct sched_unit *best = NULL, *at = u;

	while (at) {
		/* nothing below is of the lane if the unit isn't */
		bool below = (!best || queue_before(at, best)) &&
		    (!ch->lane || at->job->security);

		if (below && eligible(ch, at)) {
			best = at;
			below = false;
		}
		if (below && at->child) {
			at = at->child;
			continue;
		}
		while (at != u && !at->sibling) {
			while (at->prev->child != at)
				at = at->prev;
			at = at->prev;
		}
		at = at == u ? NULL : at->sibling;
	}
	return best;
}

/* How many of its first layers does the slave have? */
static size_t
layers_there(const struct sched_slave *sl, const struct sched_unit *u)
{
	const uint64_t *layers = unit_layers(u);
	size_t n = 0;

	while (n < u->nlayers &&
	    map_get(&sl->layers, (const char *)&layers[n], sizeof(*layers)))
		n++;
	return n;
}

/* Of units near the top with the same turn: who finds most layers there? */
static struct sched_unit *
nearest_layers(const struct choice *ch, struct sched_unit *top)
{
	struct sched_unit *list[LOOK_AT], *u, *best = top;
	size_t n = 0, at, most = layers_there(ch->sl, top), there;

	if (ch->sl->layers.n == 0 || !ch->room)
		return top;
	list[n++] = top;
	for (at = 0; at < n; at++) {
		for (u = list[at]->child; u && n < LOOK_AT; u = u->sibling)
			list[n++] = u;
		u = list[at];
		if (job_turn(u->job) != job_turn(top->job) ||
		    u->job->security != top->job->security)
			continue;
		there = layers_there(ch->sl, u);
		if (there > most && eligible(ch, u)) {
			most = there;
			best = u;
		}
	}
	return best;
}

static bool
better(const struct choice *ch, const struct sched_queue *q,
    const struct sched_unit *u, bool stage)
{
	const struct sched_unit *b = ch->best;
	double x = q->user->usage, y;

	if (!b)
		return true;
	y = ch->best_queue->user->usage;
	if (u->job->security != b->job->security)
		return u->job->security;
	if (x < y || x > y)
		return x < y;
	if (job_turn(u->job) != job_turn(b->job))
		return job_turn(u->job) < job_turn(b->job);
	if (stage != ch->best_stage)
		return stage;
	return queue_before(u, b);
}

static void
consider(struct choice *ch, struct sched_class *c)
{
	bool stage = map_gets(&ch->sl->stages, c->stage) != NULL;
	const struct sched_queue *q;
	struct sched_unit *u;

	ch->room = class_room(c, ch->sl);
	for (q = c->queues; q; q = q->next) {
		u = first_for(ch, q->heap);
		if (!u || !better(ch, q, u, stage))
			continue;
		ch->best = nearest_layers(ch, u);
		ch->best_queue = q;
		ch->best_stage = stage;
	}
}

static void
reserve(struct sched *s, struct sched_slave *sl, struct sched_unit *u)
{
	u->reserved = sl;
	sl->reserved = u;
	if (sl->listed)
		return;
	sl->listed = true;
	sl->next_kept = s->kept;
	s->kept = sl;
}

void
unreserve(struct sched_unit *u)
{
	struct sched_slave *sl = unit_reserved(u);

	if (!sl)
		return;
	sl->reserved = NULL;
	u->reserved = NULL;
}

void
unit_unreserve(struct sched *s, struct sched_unit *u)
{
	const struct sched_slave *sl = unit_reserved(u);

	unreserve(u);
	/* it has room for others again */
	if (sl && sl->waiting)
		sched_slave_room(s, sl);
}

struct sched_unit *
slave_kept_for(const struct sched *s, const struct sched_slave *sl, int64_t now)
{
	struct sched_unit *u = sl->reserved;

	return u && locks_open(s, u, sl, now) && unit_may(s, u, sl, now) ? u
									 : NULL;
}

struct sched_unit *
sched_pick(struct sched *s, struct sched_slave *sl, int64_t now)
{
	struct choice ch = {.s = s, .sl = sl, .now = now, .room = true};
	struct sched_unit *kept;
	struct sched_class *c;

	if (sl->closed || sl->paused_until > now || sl->alone ||
	    sl->leased >= sl->slots || s->nready == 0)
		return NULL;
	kept = slave_kept_for(s, sl, now);
	ch.lane = kept != NULL;
	for (c = s->classes; c; c = c->next) {
		if (c->nqueued > 0 && class_fits(c, sl))
			consider(&ch, c);
	}
	if (kept && (!ch.best || kept->job->security))
		return class_room(kept->class, sl) ? kept : NULL;
	if (!ch.best || class_room(ch.best->class, sl))
		return ch.best;
	if (sl->reserved)
		unreserve(sl->reserved);
	unreserve(ch.best);
	reserve(s, sl, ch.best);
	return NULL;
}

/* ---- who should be looked at --------------------------------------------- */

int64_t
sched_wake(const struct sched *s)
{
	return s->wake < s->check ? s->wake : s->check;
}

/* Does a refusal of the unit end? The next one's end is noted. */
static bool
refusal_ends(struct sched *s, const struct sched_unit *u, int64_t now)
{
	struct sched_refusal *r;
	bool ends = false;

	for (r = sched_refusals(s, u); r; r = r->next) {
		if (r->until == 0)
			continue;
		if (r->until <= now) {
			r->until = 0;
			ends = true;
		} else if (r->until < s->wake) {
			s->wake = r->until;
		}
	}
	return ends;
}

/* A refusal is over: look at what it was of. */
static void
refusals_end(struct sched *s, int64_t now)
{
	const struct sched_job *job;
	struct sched_unit *u;

	s->wake = UNTIL_EVER;
	for (job = s->first_job; job; job = job->next) {
		for (u = job->units; u; u = u->next) {
			if (unit_state_is_over(u->state) ||
			    !refusal_ends(s, u, now))
				continue;
			unit_judge(s, u);
		}
	}
}

/*
 * When the unit that a slave is kept free for can't go there any more, the
 * slave is free for others, and another may be for the unit. Why that is
 * doesn't leave a note: who came before it is in its way again at a lock, or
 * there is a slave that hasn't lost it.
 */
static void
drop_vain(struct sched *s, int64_t now)
{
	struct sched_slave **at = &s->kept, *sl;

	while ((sl = *at) != NULL) {
		if (sl->reserved && !slave_kept_for(s, sl, now))
			unit_unreserve(s, sl->reserved);
		if (sl->reserved) {
			at = &sl->next_kept;
			continue;
		}
		*at = sl->next_kept;
		sl->listed = false;
	}
}

struct sched_slave *
sched_turn(struct sched *s, int64_t now)
{
	struct sched_slave *sl;
	struct sched_class *c;

	if (now >= s->check)
		slaves_check(s, now);
	if (now >= s->wake)
		refusals_end(s, now);
	drop_vain(s, now);
	while ((c = s->noted) != NULL) {
		if (!s->cursor)
			s->cursor = s->first_waiting;
		while (s->cursor && c->nqueued > 0) {
			sl = s->cursor;
			s->cursor = sl->wait_next;
			if (!sl->full && class_fits(c, sl) &&
			    sched_pick(s, sl, now))
				return sl;
		}
		s->cursor = NULL;
		s->noted = c->next_noted;
		c->noted = false;
	}
	return NULL;
}
