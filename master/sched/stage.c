/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stages, as far as units want something of what is in them. */
#include "master/sched/inside.h"

#include <string.h>

struct sched_stage *
sched_stage(struct sched *s, const char *digest)
{
	struct sched_stage *st;

	for (st = s->stages; st; st = st->next) {
		if (strcmp(st->digest, digest) == 0)
			return st;
	}
	st = arena_new(&s->arena, struct sched_stage);
	st->digest = arena_strdup(&s->arena, digest);
	st->name = st->digest;
	map_init(&st->packages, &s->arena);
	st->next = s->stages;
	s->stages = st;
	return st;
}

void
sched_stage_package(struct sched *s, struct sched_stage *stage,
    const char *name, const char *version)
{
	struct sched_package *p = arena_new(&s->arena, struct sched_package);
	struct sched_package *first = map_gets(&stage->packages, name);

	p->version = arena_strdup(&s->arena, version);
	p->next = first;
	*map_puts(
	    &stage->packages, first ? name : arena_strdup(&s->arena, name)) = p;
}

void
sched_stage_name(struct sched *s, struct sched_stage *stage, const char *name)
{
	if (strcmp(stage->name, name) != 0)
		stage->name = arena_strdup(&s->arena, name);
}

void
sched_stage_ready(struct sched *s, struct sched_stage *stage)
{
	struct sched_class *c;

	stage->known = true;
	for (c = s->classes; c; c = c->next) {
		if (c->home != stage)
			continue;
		class_reset(c);
		c->open = class_open(s, c);
		class_stand(s, c);
		note_class(s, c);
	}
}

bool
stage_fulfils(const struct sched_stage *stage, const struct requirement *r)
{
	const struct sched_package *p = map_gets(&stage->packages, r->name);

	for (; p; p = p->next) {
		if (requirement_matches_package(r, p->version))
			return true;
	}
	return false;
}

const char *
stage_versions(const struct sched_stage *stage, const struct requirement *r,
    struct arena *a)
{
	const struct sched_package *p = map_gets(&stage->packages, r->name);
	const char *out = NULL;

	for (; p; p = p->next)
		out = out ? arena_printf(a, "%s, %s", p->version, out)
			  : p->version;
	return out;
}

const char *
stage_lacks(const struct sched_stage *stage, const struct requirement *r,
    struct arena *a)
{
	const char *has = stage_versions(stage, r, a);

	if (!stage->known)
		return arena_printf(a,
		    "the packages of stage %s are not known: add it again "
		    "(autotua-master stage add)",
		    stage->name);
	if (!has)
		return arena_printf(
		    a, "stage %s has no package %s", stage->name, r->name);
	return arena_printf(a, "stage %s has %s %s, wanted %s%s", stage->name,
	    r->name, has, requirement_op(r), r->version);
}
