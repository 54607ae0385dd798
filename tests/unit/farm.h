/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A schedule with one job of user alpha, and what its tests do with it. */
#ifndef UNIT_FARM_H
#define UNIT_FARM_H

#include "tap.h"
#include "master/sched/sched.h"

#define S ((int64_t)1000000)

static struct sched sched;
static struct sched_job *job;
static int64_t next_unit;

static void
begin(void)
{
	sched_init(&sched, INT64_MAX / 2, 86400 * S);
	job = sched_job_add(&sched, 1, 0, "alpha", 0);
	next_unit = 1;
}

static void
end(void)
{
	sched_release(&sched);
}

static struct sched_slave *
slave(int64_t id, const char *name, const char *arch, int64_t slots)
{
	struct sched_slave *sl = sched_slave(&sched, id, name);

	sched_slave_reset(sl, slots);
	sched_slave_arch(sl, arch);
	sched_slave_ready(&sched, sl);
	sl->known = true;
	sl->seen = 1;
	return sl;
}

/* Pick and lease; the unit's number or 0. */
static int64_t
take(struct sched_slave *sl, int64_t now)
{
	static int64_t lease = 100;
	struct sched_unit *u = sched_pick(&sched, sl, now);

	if (!u)
		return 0;
	sched_lease(&sched, u, sl, lease++, now, now + 60 * S);
	return u->id;
}

__attribute__((unused)) static const char *
why(struct sched_unit *u, int64_t now)
{
	static struct arena a;
	struct sched_reason *list;
	size_t n;

	arena_release(&a);
	n = sched_reasons(&sched, u, now, &a, &list);
	return n == 0 ? ""
	    : n == 1  ? list[0].text
		      : arena_printf(&a, "%s; %s", list[0].text, list[1].text);
}

static struct sched_unit *
wanting(struct sched_job *j, const struct sched_wants *wants)
{
	struct sched_unit_spec spec = {.id = next_unit++,
	    .root = "a/b-1.0",
	    .wants = *wants,
	    .state = UNIT_BLOCKED};

	return sched_unit_add(&sched, j, &spec);
}

#endif
