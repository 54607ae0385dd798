/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/drawing.h"
#include "cli/cli.h"
#include "plan/plan.h"

#include <string.h>

#define DEPTH 16 /* levels of units in one tree */

static const char *
step_name(struct cli *c, const struct plan_unit *u, size_t step)
{
	return id_format(&c->arena, &u->steps[step].meta->id);
}

/* ---- text ------------------------------------------------------------------
 */

enum mark { UNIT_NEW, UNIT_WAITING, UNIT_SHOWN };

/* A unit whose needs are being printed. */
struct level {
	size_t unit, next; /* of its needs */
};

struct text {
	struct cli *c;
	const struct plan *p;
	enum mark *marks;
	struct level levels[DEPTH];
	size_t nlevels;
	size_t *later, nlater;
};

/* What stands before a line below n levels. */
static void
print_indent(const struct text *t, size_t n)
{
	const struct plan_unit *u;
	size_t i;

	for (i = 0; i < n; i++) {
		u = &t->p->units[t->levels[i].unit];
		fputs(t->levels[i].next < u->nneeds ? "|   " : "    ", stdout);
	}
}

/* Print a unit, and go down to what it needs unless that is too deep. */
static void
print_unit(struct text *t, size_t unit)
{
	const struct plan_unit *u = &t->p->units[unit];
	size_t i;

	printf("unit %zu  %s", unit + 1, step_name(t->c, u, u->nsteps - 1));
	if (t->marks[unit] == UNIT_SHOWN) {
		puts("  (above)");
		return;
	}
	if (t->nlevels == DEPTH) {
		puts("  (below)");
		if (t->marks[unit] == UNIT_NEW)
			t->later[t->nlater++] = unit;
		t->marks[unit] = UNIT_WAITING;
		return;
	}
	t->marks[unit] = UNIT_SHOWN;
	printf("  (%s, stage %s)\n", t->p->arch, cli_show(t->c, u->stage));
	for (i = 0; i < u->nsteps; i++) {
		print_indent(t, t->nlevels);
		printf("%s  %zu. %s\n", u->nneeds ? "|" : " ", i + 1,
		    step_name(t->c, u, i));
	}
	t->levels[t->nlevels].unit = unit;
	t->levels[t->nlevels++].next = 0;
}

static void
print_tree(struct text *t, size_t unit)
{
	const struct plan_unit *u;
	struct level *l;
	size_t need;

	print_unit(t, unit);
	while (t->nlevels > 0) {
		l = &t->levels[t->nlevels - 1];
		u = &t->p->units[l->unit];
		if (l->next == u->nneeds) {
			t->nlevels--;
			continue;
		}
		print_indent(t, t->nlevels - 1);
		need = u->needs[l->next++];
		fputs(l->next < u->nneeds ? "|-- " : "`-- ", stdout);
		print_unit(t, need);
	}
}

void
drawing_text(struct cli *c, const struct plan *p)
{
	struct text t = {.c = c, .p = p};
	size_t i;

	t.marks = arena_array(&c->arena, p->nunits, enum mark);
	t.later = arena_array(&c->arena, p->nunits, size_t);
	print_tree(&t, p->root);
	for (i = 0; i < t.nlater; i++) {
		if (t.marks[t.later[i]] == UNIT_SHOWN)
			continue;
		putchar('\n');
		print_tree(&t, t.later[i]);
	}
}

/* ---- DOT -------------------------------------------------------------------
 */

static void
print_quoted(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
	putchar('"');
}

static void
print_cluster(struct cli *c, const struct plan *p, size_t unit)
{
	const struct plan_unit *u = &p->units[unit];
	size_t i, k;

	printf("\tsubgraph cluster_%zu {\n\t\tlabel=", unit);
	print_quoted(arena_printf(&c->arena, "unit %zu (%s, stage %s)",
	    unit + 1, p->arch, cli_show(c, u->stage)));
	puts(";");
	for (i = 0; i < u->nsteps; i++) {
		printf("\t\tu%zu_%zu [label=", unit, i);
		print_quoted(step_name(c, u, i));
		puts("];");
	}
	for (i = 0; i < u->nsteps; i++) {
		for (k = 0; k < u->steps[i].ndepend; k++)
			printf("\t\tu%zu_%zu -> u%zu_%u;\n", unit, i, unit,
			    u->steps[i].depend[k].to);
	}
	puts("\t}");
}

static void
print_sides(const struct plan *p, size_t unit)
{
	const struct plan_unit *u = &p->units[unit];
	size_t i, k, to;

	for (i = 0; i < u->nsteps; i++) {
		for (k = 0; k < u->steps[i].nsidepend; k++) {
			to = u->steps[i].sidepend[k].to;
			printf("\tu%zu_%zu -> u%zu_%zu [style=dashed];\n", unit,
			    i, to, p->units[to].nsteps - 1);
		}
	}
}

void
drawing_dot(struct cli *c, const struct plan *p)
{
	size_t i;

	puts("digraph job {\n\trankdir=RL;\n\tnode [shape=box];");
	for (i = 0; i < p->nunits; i++)
		print_cluster(c, p, i);
	for (i = 0; i < p->nunits; i++)
		print_sides(p, i);
	puts("}");
}
