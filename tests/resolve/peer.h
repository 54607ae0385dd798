/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes jobuilds for peer.c: a jobuild becomes a package, its DEPEND what
 * that needs. An any-of group becomes a name that one package for each
 * alternative stands for; the members of an all-of group are needed singly.
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include "recipe/recipe.h"

#include <stdio.h>

struct peer_group {
	const struct dep *dep;
	unsigned number;
};

struct peer_writer {
	FILE *f;
	unsigned groups;
	struct peer_group todo[256]; /* any-of groups that are still to write */
	size_t ntodo;
};

static void
peer_atom(struct peer_writer *w, const struct atom *a)
{
	static const char *const ops[] = {[ATOM_EQ] = "=",
	    [ATOM_GE] = ">=",
	    [ATOM_LE] = "<=",
	    [ATOM_GT] = ">",
	    [ATOM_LT] = "<"};

	fprintf(w->f, "R %s/%s", a->id.user, a->id.name);
	if (a->op != ATOM_ANY)
		fprintf(w->f, " %s %u.%u", ops[a->op], a->id.ver.major,
		    a->id.ver.minor);
	fputc('\n', w->f);
}

/* The package written last needs all of these; groups nest 64 deep at most. */
static void
peer_needs(struct peer_writer *w, const struct dep *items, size_t n)
{
	struct peer_group *g;
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i].kind == DEP_ATOM) {
			peer_atom(w, &items[i].atom);
		} else if (items[i].kind == DEP_ALLOF) {
			peer_needs(w, items[i].items, items[i].n);
		} else {
			if (w->ntodo == sizeof(w->todo) / sizeof(*w->todo))
				abort();
			g = &w->todo[w->ntodo++];
			g->dep = &items[i];
			g->number = w->groups++;
			fprintf(w->f, "R group%u\n", g->number);
		}
	}
}

static void
peer_add(struct peer_writer *w, const struct metadata *m)
{
	struct peer_group g;
	size_t i;

	fprintf(w->f, "P %s/%s %u.%u\n", m->id.user, m->id.name,
	    m->id.ver.major, m->id.ver.minor);
	peer_needs(w, m->depend.items, m->depend.n);
	while (w->ntodo > 0) {
		g = w->todo[--w->ntodo];
		for (i = 0; i < g.dep->n; i++) {
			fprintf(w->f, "P group%u.%zu 1\nV group%u\n", g.number,
			    i, g.number);
			peer_needs(w, &g.dep->items[i], 1);
		}
	}
}

static void
peer_solve(struct peer_writer *w, const char *user, const char *name)
{
	fprintf(w->f, "S %s/%s\n", user, name);
	w->groups = 0;
}

#endif
