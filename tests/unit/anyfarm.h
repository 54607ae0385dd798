/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A schedule of a few slaves, units and jobs that are anything, at random. */
#ifndef UNIT_ANYFARM_H
#define UNIT_ANYFARM_H

#include "tap.h"
#include "master/sched/sched.h"

#define S ((int64_t)1000000)

#define UNITS    24 /* at a time */
#define JOBS     4
#define SLAVES   5
#define PATIENCE (50 * S)
#define LONG     (400 * S) /* so that slaves are kept free for who waits */
#define DAY      (86400 * S)

static const char *const lock_names[] = {"master:a", "master:a=shared",
    "master:b", "master:b=shared", "slave:c", "slave:c=shared", "slave:d"};

/* What a unit was made of. */
struct made {
	const char *locks[2], *label, *key;
	size_t nlocks;
	int64_t memory;
	bool exclusive;
};

/* What a slave said last. */
struct said {
	const char *label;
	bool mandatory;
	int64_t slots, memory;
};

static struct sched sched;
static struct sched_job *jobs[JOBS];
static struct sched_unit *units[UNITS];
static struct made made[UNITS];
static struct said said[SLAVES];
static struct sched_slave *slaves[SLAVES];
static int64_t now, next_unit, next_job, next_lease;
static uint32_t seed, first_seed;
static int who; /* waits */

static uint32_t
any(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static struct sched_unit_spec
spec_of(struct made *m, int64_t id)
{
	return (struct sched_unit_spec){.id = id,
	    .root = "a/b-1.0",
	    .wants = {.arch = "amd64",
		.stage = "",
		.labels = &m->label,
		.nlabels = m->label != NULL,
		.locks = m->locks,
		.nlocks = m->nlocks,
		.exclusive = m->exclusive,
		.resources = {m->memory}},
	    .state = UNIT_BLOCKED,
	    .key = m->key,
	    .reuse = m->key != NULL};
}

static void
says_hello(struct sched *s, struct sched_slave *sl, const struct said *what)
{
	sched_slave_reset(sl, what->slots);
	sched_slave_arch(sl, "amd64");
	if (what->label)
		sched_slave_label(sl, what->label, what->mandatory);
	sl->offer[SCHED_MEMORY] = what->memory;
	sl->known = true;
	sched_slave_ready(s, sl);
}

static void
says_anything(size_t i)
{
	said[i] = (struct said){.label = any(3) == 0 ? NULL
		: any(2)                             ? "x"
						     : "y",
	    .mandatory = any(4) == 0,
	    .slots = any(3) + 1,
	    .memory = any(2) * 6};
	says_hello(&sched, slaves[i], &said[i]);
}

static void
new_job(size_t i)
{
	jobs[i] = sched_job_add(
	    &sched, ++next_job, 0, any(2) ? "alpha" : "beta", now);
	jobs[i]->security = any(4) == 0;
}

#endif
