/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "master/sched.h"

#include <string.h>

struct reasons {
	struct arena *arena;
	const char **list;
	size_t n;
};

static void
add_reason(struct reasons *r, const char *text)
{
	r->list = arena_grow(r->arena, r->list, r->n, sizeof(*r->list));
	r->list[r->n++] = text;
}

static void
blocked_reasons(struct reasons *r, const struct sched_unit *u)
{
	const struct sched_unit *need;
	size_t i;

	for (i = 0; i < u->nneeds; i++) {
		need = u->needs[i];
		if (need->state != UNIT_PASSED)
			add_reason(r,
			    arena_printf(r->arena,
				"waits for %s (unit %lld, %s)", need->root,
				(long long)need->id,
				unit_state_names[need->state]));
	}
}

/* Which requirement does no slave of this architecture fulfil? */
static void
requirement_reasons(
    struct reasons *r, const struct sched *s, const struct sched_class *c)
{
	const struct sched_slave *sl;
	const char *version;
	bool good;
	size_t i;

	for (i = 0; i < c->nrequires; i++) {
		good = false;
		for (sl = s->slaves; sl && !good; sl = sl->next) {
			if (sl->retired || !sched_class_arch(c, sl))
				continue;
			version =
			    map_gets(&sl->capabilities, c->requires[i].name);
			good = version &&
			    requirement_matches(&c->requires[i], version);
		}
		if (!good)
			add_reason(r,
			    arena_printf(r->arena,
				"no slave for arch %s fulfils %s", c->arch,
				c->words[i]));
	}
	if (r->n == 0)
		add_reason(r,
		    arena_printf(r->arena,
			"no slave for arch %s fulfils all of its REQUIRES",
			c->arch));
}

struct tally {
	size_t arch, fits, refused, online, idle;
};

static struct tally
count_slaves(struct reasons *r, const struct sched *s,
    const struct sched_unit *u, int64_t now)
{
	const struct sched_slave *sl;
	struct tally t = {0};

	for (sl = s->slaves; sl; sl = sl->next) {
		if (sl->retired)
			continue;
		t.arch += sched_class_arch(u->class, sl);
		if (!sched_fits(u->class, sl))
			continue;
		t.fits++;
		if (!sched_may(s, u, sl, now)) {
			t.refused++;
			add_reason(r,
			    arena_printf(r->arena, "not on %s: %s", sl->name,
				sched_refusal_of(u, sl->id, now)->reason));
			continue;
		}
		if (!sched_is_online(s, sl, now))
			continue;
		t.online++;
		t.idle += u->class->exclusive
		    ? sl->leased == 0
		    : !sl->alone && sl->leased < sl->slots;
	}
	return t;
}

/* What is with those that could have it? */
static const char *
state_of(const struct tally *t, bool exclusive)
{
	if (t->online == 0)
		return "none is online";
	if (t->idle > 0)
		return "waiting for one to ask";
	return exclusive ? "none is idle (exclusive)" : "none has a free slot";
}

static void
ready_reasons(struct reasons *r, const struct sched *s,
    const struct sched_unit *u, int64_t now)
{
	struct tally t = count_slaves(r, s, u, now);
	size_t n = t.fits - t.refused;

	if (t.arch == 0)
		add_reason(r,
		    arena_printf(
			r->arena, "no slave for arch %s", u->class->arch));
	else if (t.fits == 0)
		requirement_reasons(r, s, u->class);
	else if (n > 0)
		add_reason(r,
		    arena_printf(r->arena, "%zu slave%s, %s", n,
			n == 1 ? " matches" : "s match",
			state_of(&t, u->class->exclusive)));
}

size_t
sched_reasons(const struct sched *s, const struct sched_unit *unit, int64_t now,
    struct arena *a, const char ***out)
{
	struct reasons r = {.arena = a};

	switch (unit->state) {
	case UNIT_BLOCKED:
		blocked_reasons(&r, unit);
		break;
	case UNIT_READY:
		ready_reasons(&r, s, unit, now);
		break;
	case UNIT_LEASED:
	case UNIT_PASSED:
	case UNIT_FAILED:
	case UNIT_SKIPPED:
	case UNIT_CANCELLED:
	case UNIT_DEP_FAILED:
	case UNIT_STATES:
		break;
	}
	*out = r.list;
	return r.n;
}
