/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/sched.h"

#include <string.h>

struct sched_slave *
sched_slave(struct sched *s, int64_t id, const char *name)
{
	struct sched_slave *sl = ids_get(&s->slave_ids, id);

	if (sl)
		return sl;
	sl = arena_new(&s->arena, struct sched_slave);
	sl->id = id;
	sl->name = arena_strdup(&s->arena, name);
	sl->next = s->slaves;
	s->slaves = sl;
	ids_add(&s->slave_ids, &sl->node, id, sl);
	return sl;
}

void
sched_slave_reset(struct sched_slave *sl, int64_t slots)
{
	arena_release(&sl->arena);
	sl->arches = NULL;
	sl->narches = 0;
	sl->slots = slots;
	map_init(&sl->capabilities, &sl->arena);
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

bool
sched_class_arch(const struct sched_class *c, const struct sched_slave *sl)
{
	size_t i;

	for (i = 0; i < sl->narches; i++) {
		if (strcmp(sl->arches[i], c->arch) == 0)
			return true;
	}
	return false;
}

bool
sched_fits(const struct sched_class *c, const struct sched_slave *sl)
{
	const char *version;
	size_t i;

	if (sl->retired || !sched_class_arch(c, sl))
		return false;
	for (i = 0; i < c->nrequires; i++) {
		version = map_gets(&sl->capabilities, c->requires[i].name);
		if (!version || !requirement_matches(&c->requires[i], version))
			return false;
	}
	return true;
}

const struct sched_refusal *
sched_refusal_of(const struct sched_unit *u, int64_t slave, int64_t now)
{
	const struct sched_refusal *r;

	for (r = u->refusals; r; r = r->next) {
		if (r->slave == slave && r->until > now)
			return r;
	}
	return NULL;
}

bool
sched_is_online(
    const struct sched *s, const struct sched_slave *sl, int64_t now)
{
	return sl->known && !sl->retired &&
	    (sl->waiting || sl->seen >= now - s->patience);
}

/* Is there a slave that nothing speaks against? */
static bool
another_can(const struct sched *s, const struct sched_unit *u, int64_t now)
{
	const struct sched_slave *sl;

	for (sl = s->slaves; sl; sl = sl->next) {
		if (sched_is_online(s, sl, now) && sched_fits(u->class, sl) &&
		    !sched_refusal_of(u, sl->id, now))
			return true;
	}
	return false;
}

bool
sched_may(const struct sched *s, const struct sched_unit *unit,
    const struct sched_slave *sl, int64_t now)
{
	const struct sched_refusal *r = sched_refusal_of(unit, sl->id, now);

	return !r || (r->rather && !another_can(s, unit, now));
}

/* The first unit of the heap below u that sl may have. */
static struct sched_unit *
first_for(const struct sched *s, struct sched_unit *u,
    const struct sched_slave *sl, int64_t now, struct sched_unit *best)
{
	for (; u; u = u->sibling) {
		if (best &&
		    (best->job->priority > u->job->priority ||
			(best->job->priority == u->job->priority &&
			    best->id < u->id)))
			continue;
		if (sched_may(s, u, sl, now))
			best = u;
		else
			best = first_for(s, u->child, sl, now, best);
	}
	return best;
}

struct sched_unit *
sched_pick(struct sched *s, const struct sched_slave *sl, int64_t now)
{
	struct sched_class *c;
	struct sched_unit *best = NULL;

	if (sl->alone || sl->leased >= sl->slots || s->nready == 0)
		return NULL;
	for (c = s->classes; c; c = c->next) {
		if (!c->heap || (c->exclusive && sl->leased > 0))
			continue;
		if (sched_fits(c, sl))
			best = first_for(s, c->heap, sl, now, best);
	}
	return best;
}
