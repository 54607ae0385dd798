/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Slaves, and which unit one gets. */
#include "master/sched/inside.h"

#include <string.h>

/*
 * What doesn't fit beside what runs gets a slave kept free for it, but not
 * before it has waited so long: until then others go past it.
 */
#define RESERVE_AFTER ((int64_t)300 * 1000000)

#define HELLO_ROOM 496 /* bytes: what one says that has no layers yet */

#define LOOK_AT 16 /* units of a heap, for the one with most layers there */

/* ---- slaves -------------------------------------------------------------- */

struct sched_slave *
sched_slave(struct sched *s, int64_t id, const char *name)
{
	struct sched_slave *sl = ids_get(&s->slave_ids, id);

	if (sl)
		return sl;
	sl = arena_new(&s->arena, struct sched_slave);
	sl->id = id;
	sl->index = s->nslaves++;
	sl->name = arena_strdup(&s->arena, name);
	sl->next = s->slaves;
	s->slaves = sl;
	ids_add(&s->slave_ids, &sl->id);
	return sl;
}

void
sched_slave_reset(struct sched_slave *sl, int64_t slots)
{
	arena_release(&sl->arena);
	arena_reserve(&sl->arena, HELLO_ROOM);
	sl->arches = NULL;
	sl->narches = sl->nmandatory = 0;
	sl->slots = slots;
	memset(sl->offer, 0, sizeof(sl->offer));
	map_init(&sl->capabilities, &sl->arena);
	map_init(&sl->labels, &sl->arena);
	map_init(&sl->stages, &sl->arena);
	map_init(&sl->layers, &sl->arena);
}

void
sched_slave_arch(struct sched_slave *sl, const char *arch)
{
	sl->arches = arena_grow(
	    &sl->arena, sl->arches, sl->narches, sizeof(*sl->arches));
	sl->arches[sl->narches++] = arena_strdup(&sl->arena, arch);
}

void
sched_slave_can(struct sched_slave *sl, const char *name, const char *version)
{
	name = arena_strdup(&sl->arena, name);
	*map_puts(&sl->capabilities, name) = arena_strdup(&sl->arena, version);
}

void
sched_slave_label(struct sched_slave *sl, const char *name, bool mandatory)
{
	bool *value;

	if (map_gets(&sl->labels, name))
		return;
	value = arena_new(&sl->arena, bool);
	*value = mandatory;
	*map_puts(&sl->labels, arena_strdup(&sl->arena, name)) = value;
	sl->nmandatory += mandatory;
}

void
sched_slave_stage(struct sched_slave *sl, const char *digest)
{
	*map_puts(&sl->stages, arena_strdup(&sl->arena, digest)) = sl;
}

void
sched_slave_layer(struct sched_slave *sl, const char *key)
{
	uint64_t *number = arena_new(&sl->arena, uint64_t);

	*number = layer_number(key);
	*map_put(&sl->layers, (const char *)number, sizeof(*number)) = sl;
}

void
sched_slave_room(struct sched *s, const struct sched_slave *sl)
{
	struct sched_class *c;

	for (c = s->classes; c; c = c->next) {
		if (c->nqueued > 0 && class_fits(c, sl))
			note_class(s, c);
	}
}

void
sched_slave_close(struct sched *s, struct sched_slave *sl, const char *why)
{
	bool opened = sl->closed && !why;

	sl->closed = why;
	if (why && sl->reserved)
		unreserve(sl->reserved);
	if (opened)
		sched_slave_room(s, sl);
}

void
sched_slave_pause(
    struct sched *s, struct sched_slave *sl, int64_t until, int64_t now)
{
	bool was = sl->paused_until > now;

	sl->paused_until = until;
	if (until > now && until < s->wake)
		s->wake = until;
	if (until > now && sl->reserved)
		unreserve(sl->reserved);
	if (was && until <= now)
		sched_slave_room(s, sl);
}

void
sched_slave_retire(struct sched *s, struct sched_slave *sl)
{
	sl->retired = true;
	class_forget(s, sl);
	if (sl->reserved)
		unreserve(sl->reserved);
}

void
sched_wait(struct sched *s, struct sched_slave *sl, void *who)
{
	bool was = sl->waiting != NULL;

	sl->waiting = who;
	if (was == (who != NULL))
		return;
	if (who) {
		sl->wait_prev = s->last_waiting;
		sl->wait_next = NULL;
		if (s->last_waiting)
			s->last_waiting->wait_next = sl;
		else
			s->first_waiting = sl;
		s->last_waiting = sl;
		return;
	}
	if (s->cursor == sl)
		s->cursor = sl->wait_next;
	if (sl->wait_prev)
		sl->wait_prev->wait_next = sl->wait_next;
	else
		s->first_waiting = sl->wait_next;
	if (sl->wait_next)
		sl->wait_next->wait_prev = sl->wait_prev;
	else
		s->last_waiting = sl->wait_prev;
	sl->wait_prev = sl->wait_next = NULL;
}

bool
sched_is_online(
    const struct sched *s, const struct sched_slave *sl, int64_t now)
{
	return sl->known && !sl->retired &&
	    (sl->waiting || sl->seen >= now - s->patience);
}

/* ---- may this unit go to this slave? ------------------------------------- */

const struct sched_refusal *
refusal_of(const struct sched *s, const struct sched_unit *u, int64_t slave,
    int64_t now)
{
	const struct sched_refusal *r;

	for (r = sched_refusals(s, u); r; r = r->next) {
		if (r->slave == slave && r->until > now)
			return r;
	}
	return NULL;
}

/* Is there a slave that nothing speaks against? */
static bool
another_can(const struct sched *s, const struct sched_unit *u, int64_t now)
{
	const struct sched_slave *sl;

	for (sl = s->slaves; sl; sl = sl->next) {
		if (sched_is_online(s, sl, now) && !sl->closed &&
		    sl->paused_until <= now && class_fits(u->class, sl) &&
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
	    (u->nuses == 0 || locks_open(u, ch->sl)) &&
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
		bool below = !best || queue_before(at, best);

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

void
unreserve(struct sched_unit *u)
{
	struct sched_slave *sl = unit_reserved(u);

	if (!sl)
		return;
	sl->reserved = NULL;
	u->reserved = NULL;
}

struct sched_unit *
sched_pick(struct sched *s, struct sched_slave *sl, int64_t now)
{
	struct choice ch = {.s = s, .sl = sl, .now = now, .room = true};
	struct sched_class *c;

	if (sl->closed || sl->paused_until > now || sl->alone ||
	    sl->leased >= sl->slots || s->nready == 0)
		return NULL;
	if (sl->reserved && eligible(&ch, sl->reserved))
		return class_room(sl->reserved->class, sl) ? sl->reserved
							   : NULL;
	for (c = s->classes; c; c = c->next) {
		if (c->nqueued > 0 && class_fits(c, sl))
			consider(&ch, c);
	}
	if (!ch.best || class_room(ch.best->class, sl))
		return ch.best;
	if (sl->reserved)
		unreserve(sl->reserved);
	unreserve(ch.best);
	ch.best->reserved = sl;
	sl->reserved = ch.best;
	return NULL;
}

/* ---- who should be looked at --------------------------------------------- */

int64_t
sched_wake(const struct sched *s)
{
	return s->wake;
}

/* A refusal is over: look at all that waits, and again at the next's end. */
static void
wake_up(struct sched *s, int64_t now)
{
	const struct sched_slave *sl;
	const struct sched_job *job;
	const struct sched_refusal *r;
	const struct sched_unit *u;
	struct sched_class *c;

	s->wake = UNTIL_EVER;
	for (sl = s->slaves; sl; sl = sl->next) {
		if (sl->paused_until > now && sl->paused_until < s->wake)
			s->wake = sl->paused_until;
	}
	for (c = s->classes; c; c = c->next)
		note_class(s, c);
	for (job = s->first_job; job; job = job->next) {
		for (u = job->units; u; u = u->next) {
			if (u->state != UNIT_READY)
				continue;
			for (r = sched_refusals(s, u); r; r = r->next) {
				if (r->until > now && r->until < s->wake)
					s->wake = r->until;
			}
		}
	}
}

struct sched_slave *
sched_turn(struct sched *s, int64_t now)
{
	struct sched_slave *sl;
	struct sched_class *c;

	if (now >= s->wake)
		wake_up(s, now);
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
