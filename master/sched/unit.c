/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A unit is one piece of its job's arena. Behind the struct are, if it has
 * them: its place among those that are the same, its locks, its layers' numbers
 * and its root.
 */
#include "master/sched/inside.h"

#include <string.h>

/* ---- what is behind a unit ----------------------------------------------- */

struct sched_same *
unit_same(const struct sched_unit *u)
{
	return (struct sched_same *)(u + 1);
}

struct lock_use *
sched_uses(const struct sched_unit *unit)
{
	return (struct lock_use *)(unit_same(unit) + unit->same);
}

uint64_t *
unit_layers(const struct sched_unit *u)
{
	return (uint64_t *)(sched_uses(u) + u->nuses);
}

const char *
sched_root(const struct sched_unit *unit)
{
	return (const char *)(unit_layers(unit) + unit->nlayers);
}

static size_t
unit_size(const struct sched_unit *u, const char *root)
{
	return sizeof(*u) + u->same * sizeof(struct sched_same) +
	    u->nuses * sizeof(struct lock_use) + u->nlayers * sizeof(uint64_t) +
	    strlen(root) + 1;
}

/* ---- what has two meanings ----------------------------------------------- */

struct sched_unit **
sched_users(const struct sched_unit *unit)
{
	return unit->needs + unit->nneeds;
}

struct sched_lease *
sched_lease_of(const struct sched_unit *unit)
{
	return unit->state == UNIT_LEASED ? unit->lease : NULL;
}

struct sched_slave *
unit_reserved(const struct sched_unit *u)
{
	return u->state == UNIT_READY ? u->reserved : NULL;
}

/* ---- a new one ----------------------------------------------------------- */

uint64_t
layer_number(const char *key)
{
	uint64_t n = 0;
	size_t i;

	/* keys are digests: any 16 digits of one are as good as random */
	for (i = 0; i < 16 && key[i]; i++)
		n = n << 4 |
		    (uint64_t)(key[i] <= '9' ? key[i] - '0'
					     : key[i] - 'a' + 10);
	return n;
}

/* What says how large it is. */
static struct sched_unit
sized(const struct sched_unit_spec *spec)
{
	size_t n = spec->nlayers < 1000 ? spec->nlayers : 1000;

	return (struct sched_unit){
	    .same = spec->reuse && spec->key && *spec->key,
	    .nuses = locks_count(&spec->wants),
	    .nlayers = (uint16_t)n,
	};
}

size_t
sched_unit_room(const struct sched_unit_spec *spec)
{
	struct sched_unit u = sized(spec);

	return arena_room(unit_size(&u, spec->root));
}

/* What is behind it. */
static void
fill(struct sched *s, struct sched_unit *u, const struct sched_unit_spec *spec)
{
	uint64_t *layers = unit_layers(u);
	size_t i;

	if (u->same)
		unit_same(u)->id = same_number(spec->key, spec->wants.arch);
	locks_init(s, u, &spec->wants);
	for (i = 0; i < u->nlayers; i++)
		layers[i] = layer_number(spec->layers[i]);
	memcpy(layers + u->nlayers, spec->root, strlen(spec->root) + 1);
}

struct sched_unit *
sched_unit_add(
    struct sched *s, struct sched_job *job, const struct sched_unit_spec *spec)
{
	struct sched_unit like = sized(spec), *u;

	u = arena_alloc(&job->arena, 1, unit_size(&like, spec->root));
	*u = like;
	u->id = spec->id;
	u->job = job;
	u->state = (uint8_t)spec->state;
	u->attempt = (int32_t)spec->attempt;
	u->tries = (uint8_t)spec->tries;
	u->expect = (float)spec->expect;
	u->ready = spec->ready;
	u->reuse = spec->reuse;
	fill(s, u, spec);
	u->class = spec->class ? class_enter(s, spec->class)
			       : class_of(s, &spec->wants);
	u->next = job->units;
	job->units = u;
	job->nopen += !unit_state_is_over(spec->state);
	job->failed |= u->state == UNIT_FAILED || u->state == UNIT_DEP_FAILED;
	ids_add(&s->units, &u->id);
	return u;
}

/* ---- needs --------------------------------------------------------------- */

void
sched_needs(struct sched_job *job, const struct sched_edge *edges, size_t n)
{
	struct sched_unit **room, *u, *needed;
	size_t i;

	if (n == 0)
		return;
	for (i = 0; i < n; i++) {
		edges[i].unit->nneeds++;
		edges[i].needed->nusers++;
	}
	room = arena_array(&job->arena, 2 * n, struct sched_unit *);
	for (u = job->units; u; u = u->next) {
		u->needs = room;
		room += u->nneeds + u->nusers;
		u->nusers = 0;
	}
	for (i = 0; i < n; i++) {
		u = edges[i].unit;
		needed = edges[i].needed;
		u->needs[u->nblock++] = needed;
		sched_users(needed)[needed->nusers++] = u;
	}
	for (i = 0; i < n; i++)
		edges[i].unit->nblock -= edges[i].needed->state == UNIT_PASSED;
}

void
sched_job_reserve(struct sched_job *job, size_t bytes)
{
	arena_reserve(&job->arena, bytes);
}

size_t
sched_needs_room(size_t n)
{
	return n > 0 ? arena_room(2 * n * sizeof(struct sched_unit *)) : 0;
}
