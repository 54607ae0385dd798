/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Columns by the longest way down to a unit that needs none, so that all lines
 * go from right to left; in a column, units stand in the order of the middle
 * of what they need, which keeps most lines from crossing.
 */
#include "cli/cli.h"
#include "cli/tree/drawing.h"
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#define LINE   18 /* height of a line of text */
#define CHAR   8  /* width of a character, at most */
#define MARGIN 12
#define GAP    70 /* between columns */

struct box {
	size_t unit, column;
	double middle; /* of what it needs: its place among its column's */
	long x, y, width, height;
};

struct picture {
	struct cli *c;
	const struct plan *p;
	struct box *boxes;   /* by unit */
	struct box **sorted; /* by column, from top to bottom */
	long *widths;        /* by column */
	size_t ncolumns;
	long width, height;
};

static const char *
line_text(struct picture *g, const struct plan_unit *u, size_t i)
{
	return arena_printf(&g->c->arena, "%zu. %s", i + 1,
	    id_format(&g->c->arena, &u->steps[i].meta->id));
}

static const char *
title(struct picture *g, size_t unit)
{
	return arena_printf(&g->c->arena, "unit %zu (%s, stage %s)", unit + 1,
	    g->p->arch, cli_show(g->c, g->p->units[unit].stage));
}

/* A unit comes after those that it needs: one pass is enough. */
static void
measure(struct picture *g)
{
	const struct plan_unit *u;
	struct box *b;
	size_t i, k;
	long width;

	for (i = 0; i < g->p->nunits; i++) {
		u = &g->p->units[i];
		b = &g->boxes[i];
		g->sorted[i] = b;
		b->unit = i;
		for (k = 0; k < u->nneeds; k++) {
			if (b->column <= g->boxes[u->needs[k]].column)
				b->column = g->boxes[u->needs[k]].column + 1;
		}
		b->width = (long)strlen(title(g, i)) * CHAR;
		for (k = 0; k < u->nsteps; k++) {
			width = (long)strlen(line_text(g, u, k)) * CHAR;
			if (b->width < width)
				b->width = width;
		}
		b->width += 2 * MARGIN;
		b->height = (long)(u->nsteps + 1) * LINE + MARGIN;
		if (g->widths[b->column] < b->width)
			g->widths[b->column] = b->width;
		if (g->ncolumns <= b->column)
			g->ncolumns = b->column + 1;
	}
}

static int
by_place(const void *a, const void *b)
{
	const struct box *x = *(struct box *const *)a;
	const struct box *y = *(struct box *const *)b;

	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	if (x->middle < y->middle || x->middle > y->middle)
		return x->middle < y->middle ? -1 : 1;
	return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* Give the column's boxes, n from the first on, their places. */
static void
place_column(struct picture *g, struct box **boxes, size_t n, long x)
{
	const struct plan_unit *u;
	long y = MARGIN;
	size_t i, k;

	for (i = 0; i < n; i++) {
		u = &g->p->units[boxes[i]->unit];
		boxes[i]->middle = 0;
		for (k = 0; k < u->nneeds; k++)
			boxes[i]->middle +=
			    (double)g->boxes[u->needs[k]].y / (double)u->nneeds;
	}
	qsort(boxes, n, sizeof(struct box *), by_place);
	for (i = 0; i < n; i++) {
		boxes[i]->x = x;
		boxes[i]->y = y;
		y += boxes[i]->height + MARGIN;
	}
	if (g->height < y)
		g->height = y;
}

static void
place(struct picture *g)
{
	size_t column, first = 0, end = 0;
	long x = MARGIN;

	qsort(g->sorted, g->p->nunits, sizeof(struct box *), by_place);
	for (column = 0; column < g->ncolumns; column++) {
		while (end < g->p->nunits && g->sorted[end]->column == column)
			end++;
		place_column(g, g->sorted + first, end - first, x);
		first = end;
		x += g->widths[column] + GAP;
	}
	g->width = x - GAP + MARGIN;
}

static void
print_escaped(const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", stdout);
			break;
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		default:
			putchar(*s);
		}
	}
}

static void
print_line(
    const struct box *b, size_t line, const char *class, const char *text)
{
	printf("<text%s x=\"%ld\" y=\"%ld\">", class, b->x + MARGIN,
	    b->y + (long)(line + 1) * LINE);
	print_escaped(text);
	puts("</text>");
}

static void
print_box(struct picture *g, const struct box *b)
{
	const struct plan_unit *u = &g->p->units[b->unit];
	size_t i;

	printf("<rect x=\"%ld\" y=\"%ld\" width=\"%ld\" height=\"%ld\" "
	       "rx=\"4\"/>\n",
	    b->x, b->y, b->width, b->height);
	print_line(b, 0, " class=\"t\"", title(g, b->unit));
	for (i = 0; i < u->nsteps; i++)
		print_line(b, i + 1, "", line_text(g, u, i));
}

/* From the step that needs it to the last step of what is needed. */
static void
print_line_between(const struct box *from, size_t step, const struct box *to)
{
	long x1 = from->x, x2 = to->x + to->width, mid = (x1 + x2) / 2;
	long y1 = from->y + (long)(step + 2) * LINE - LINE / 3;
	long y2 = to->y + to->height - LINE / 2 - MARGIN / 2;

	printf("<path d=\"M%ld %ldC%ld %ld %ld %ld %ld %ld\"/>\n", x1, y1, mid,
	    y1, mid, y2, x2, y2);
}

static void
print_lines(struct picture *g, const struct box *b)
{
	const struct plan_unit *u = &g->p->units[b->unit];
	size_t i, k;

	for (i = 0; i < u->nsteps; i++) {
		for (k = 0; k < u->steps[i].nsidepend; k++)
			print_line_between(
			    b, i, &g->boxes[u->steps[i].sidepend[k].to]);
	}
}

void
drawing_svg(struct cli *c, const struct plan *p)
{
	struct picture g = {.c = c, .p = p};
	size_t i;

	g.boxes = arena_array(&c->arena, p->nunits, struct box);
	g.sorted = arena_array(&c->arena, p->nunits, struct box *);
	g.widths = arena_array(&c->arena, p->nunits, long);
	measure(&g);
	place(&g);
	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%ld\" "
	       "height=\"%ld\" viewBox=\"0 0 %ld %ld\">\n",
	    g.width, g.height, g.width, g.height);
	puts("<style>text{font:13px monospace}.t{font-weight:bold}"
	     "rect{fill:#fff;stroke:#444}path{fill:none;stroke:#777}</style>");
	for (i = 0; i < p->nunits; i++)
		print_lines(&g, &g.boxes[i]);
	for (i = 0; i < p->nunits; i++)
		print_box(&g, &g.boxes[i]);
	puts("</svg>");
}
