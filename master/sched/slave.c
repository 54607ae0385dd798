/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slaves: what they have, and whether they are open, that is, take something
 * now if they have room for it. Only units that an open slave may have stand
 * in the lines of locks (lock.c): whatever opens or shuts a slave, or changes
 * what fits it, comes through slave_changed(). What ends by itself, a pause or
 * our patience with a silent one, is looked at when it does.
 */
#include "master/sched/inside.h"

#include <string.h>

#define HELLO_ROOM 496 /* bytes: what one says that has no layers yet */

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

/* ---- open or not --------------------------------------------------------- */

/* When has it been silent for so long that it isn't there any more? */
static int64_t
missed_at(const struct sched *s, const struct sched_slave *sl)
{
	int64_t heard = sl->seen > s->since ? sl->seen : s->since;

	return heard < UNTIL_EVER - s->patience ? heard + s->patience + 1
						: UNTIL_EVER;
}

/* Have slaves_check() look at it when something of it ends by itself. */
static void
watch(struct sched *s, const struct sched_slave *sl)
{
	if (sl->paused && sl->paused_until < s->check)
		s->check = sl->paused_until;
	if (sl->here && !sl->waiting && missed_at(s, sl) < s->check)
		s->check = missed_at(s, sl);
}

static bool
is_open(const struct sched_slave *sl)
{
	return sl->here && !sl->retired && !sl->closed && !sl->paused;
}

static void
slave_changed(struct sched *s, struct sched_slave *sl)
{
	struct sched_class *c;
	bool was = sl->open, fits;

	sl->open = is_open(sl);
	for (c = s->classes; c; c = c->next) {
		fits = class_fits(c, sl);
		if (c->open || (fits && sl->open))
			c->open = class_open(s, c);
		/* whether others may have what they lost hangs on it, too */
		if (fits || s->refusals.n > 0)
			note_class(s, c);
		if (fits && sl->open)
			class_stand(s, c);
	}
	if (was)
		lines_clear(s);
}

static void
look_at(struct sched *s, struct sched_slave *sl)
{
	if (is_open(sl) != sl->open)
		slave_changed(s, sl);
	watch(s, sl);
}

void
slaves_check(struct sched *s, int64_t now)
{
	struct sched_slave *sl;

	s->check = UNTIL_EVER;
	for (sl = s->slaves; sl; sl = sl->next) {
		sl->paused &= sl->paused_until > now;
		sl->here &= sl->waiting || missed_at(s, sl) > now;
		look_at(s, sl);
	}
}

void
sched_slave_ready(struct sched *s, struct sched_slave *sl)
{
	class_forget(s, sl);
	slave_recount(s, sl);
	if (sl->reserved)
		unreserve(sl->reserved);
	sl->here = true;
	slave_changed(s, sl);
	watch(s, sl);
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
	sl->closed = why;
	if (why && sl->reserved)
		unreserve(sl->reserved);
	look_at(s, sl);
}

void
sched_slave_pause(
    struct sched *s, struct sched_slave *sl, int64_t until, int64_t now)
{
	sl->paused_until = until;
	sl->paused = until > now;
	if (sl->paused && sl->reserved)
		unreserve(sl->reserved);
	look_at(s, sl);
}

void
sched_slave_retire(struct sched *s, struct sched_slave *sl)
{
	sl->retired = true;
	class_forget(s, sl);
	if (sl->reserved)
		unreserve(sl->reserved);
	slave_changed(s, sl);
}

void
sched_slave_rejoin(struct sched *s, struct sched_slave *sl)
{
	sl->retired = sl->known = sl->here = false;
	class_forget(s, sl);
	if (sl->reserved)
		unreserve(sl->reserved);
	slave_changed(s, sl);
}

void
sched_seen(struct sched *s, struct sched_slave *sl, int64_t now)
{
	sl->seen = now;
	/* before its hello nobody knows what it could have */
	sl->here |= sl->known;
	look_at(s, sl);
}

static void
unlink_waiting(struct sched *s, struct sched_slave *sl)
{
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

static void
link_waiting(struct sched *s, struct sched_slave *sl)
{
	sl->wait_prev = s->last_waiting;
	sl->wait_next = NULL;
	if (s->last_waiting)
		s->last_waiting->wait_next = sl;
	else
		s->first_waiting = sl;
	s->last_waiting = sl;
}

void
sched_wait(struct sched *s, struct sched_slave *sl, void *who)
{
	bool was = sl->waiting != NULL;

	sl->waiting = who;
	if (was == (who != NULL))
		return;
	if (who) {
		link_waiting(s, sl);
		sl->here = true;
	} else {
		unlink_waiting(s, sl);
	}
	look_at(s, sl);
}

bool
sched_is_online(
    const struct sched *s, const struct sched_slave *sl, int64_t now)
{
	return sl->known && !sl->retired &&
	    (sl->waiting || sl->seen >= now - s->patience);
}
