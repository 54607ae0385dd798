/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/arches.h"
#include "base/arch.h"
#include "base/arena.h"

#include <string.h>

void
arches_init(struct arches *x, struct arena *a, const char *first)
{
	const char *name;
	size_t i;

	*x = (struct arches){.arena = a};
	if (first)
		arches_find(x, first);
	for (i = 0; (name = arch_name(i)); i++)
		arches_find(x, name);
}

size_t
arches_find(struct arches *x, const char *name)
{
	size_t i;

	for (i = 0; i < x->n; i++) {
		if (strcmp(x->names[i], name) == 0)
			return i;
	}
	x->names = arena_grow(x->arena, x->names, x->n, sizeof(*x->names));
	x->names[x->n] = name;
	return x->n++;
}

bool
arches_left(uint64_t covered, size_t i)
{
	return i < ARCHES_TRIED && !(covered >> i & 1);
}

size_t
arches_next(const struct arches *x, uint64_t covered)
{
	size_t i;

	for (i = 0; i < x->n && !arches_left(covered, i); i++)
		;
	return i;
}

void
arch_watch_init(struct arch_watch *w, struct arches *x, size_t i)
{
	*w = (struct arch_watch){x, x->names[i], ~UINT64_C(0)};
}

/* The recipe also leaves out those that have no place yet. */
static void
note(void *reader, const struct metadata *m)
{
	struct arch_watch *w = reader;
	bool here = false;
	uint64_t on = 0;
	size_t i, at;

	for (i = 0; i < m->narch; i++) {
		at = arches_find(w->arches, m->arch[i]);
		if (at < ARCHES_TRIED)
			on |= UINT64_C(1) << at;
		here |= strcmp(m->arch[i], w->arch) == 0;
	}
	if (m->narch > 0)
		w->alike &= here ? on : ~on;
}

void
arch_watch(struct arch_watch *w, struct plan_source *source)
{
	source->reads = note;
	source->reader = w;
}
