/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sched/graph.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
cut(char **line, char end)
{
	char *s = *line, *at = strchr(s, end);

	if (at)
		*at = '\0';
	*line = at ? at + 1 : s + strlen(s);
	return s;
}

struct node *
graph_unit(struct graph *g, const char *name, const char *needs, double seconds)
{
	struct node *n;

	g->nodes = arena_grow(g->arena, g->nodes, g->n, sizeof(*g->nodes));
	n = &g->nodes[g->n++];
	memset(n, 0, sizeof(*n));
	n->name = arena_strdup(g->arena, name);
	n->needs = arena_strdup(g->arena, needs);
	n->seconds = seconds < 0.001 ? 0.001 : seconds;
	return n;
}

void
graph_file(struct graph *g, const char *path)
{
	const char *name, *needs;
	struct error err;
	struct buf text;
	char *at, *line;

	buf_init(&text, (size_t)64 << 20);
	if (file_read(path, &text, &err) < 0)
		die(err.msg);
	buf_add(&text, "", 1);
	at = text.data;
	while (*at) {
		line = cut(&at, '\n');
		if (*line == '#' || !*line)
			continue;
		name = cut(&line, '\t');
		needs = cut(&line, '\t');
		graph_unit(g, name, needs, strtod(line, NULL));
	}
	buf_release(&text);
}

static bool
is_linked(const struct node *n, size_t to)
{
	size_t i;

	for (i = 0; i < n->nto; i++) {
		if (n->to[i] == to)
			return true;
	}
	return false;
}

static void
link_names(struct graph *g)
{
	struct map names;
	struct node *n;
	char *list, *word;
	size_t i, *at;

	map_init(&names, g->arena);
	for (i = 0; i < g->n; i++)
		*map_puts(&names, g->nodes[i].name) = &g->nodes[i];
	for (i = 0; i < g->n; i++) {
		list = arena_strdup(g->arena, g->nodes[i].needs);
		while (*list) {
			word = cut(&list, ',');
			n = map_gets(&names, word);
			if (!n || n == &g->nodes[i] ||
			    is_linked(&g->nodes[i], (size_t)(n - g->nodes)))
				continue;
			at = arena_grow(g->arena, g->nodes[i].to,
			    g->nodes[i].nto, sizeof(*at));
			g->nodes[i].to = at;
			at[g->nodes[i].nto++] = (size_t)(n - g->nodes);
		}
	}
}

/*
 * Depth first with a stack of our own: an edge to a node that is on the way
 * closes a cycle and goes. order gets needs before users.
 */
static size_t *
drop_cycles(struct graph *g)
{
	size_t *order = arena_array(g->arena, g->n, size_t), done = 0;
	size_t *stack = arena_array(g->arena, g->n, size_t), depth, i;
	struct node *n, *need;

	for (i = 0; i < g->n; i++) {
		if (g->nodes[i].mark)
			continue;
		depth = 0;
		stack[depth++] = i;
		g->nodes[i].mark = 1;
		while (depth > 0) {
			n = &g->nodes[stack[depth - 1]];
			if (n->place == n->nto) {
				n->mark = 2;
				order[done++] = stack[--depth];
				continue;
			}
			need = &g->nodes[n->to[n->place]];
			if (need->mark == 1) {
				n->to[n->place] = n->to[--n->nto];
				continue;
			}
			n->place++;
			if (need->mark == 0) {
				need->mark = 1;
				stack[depth++] = (size_t)(need - g->nodes);
			}
		}
	}
	return order;
}

void
graph_link(struct graph *g)
{
	link_names(g);
	g->order = drop_cycles(g);
}

/*
 * For each node: seconds of all that must be done before it (or, backwards,
 * after it). Sets are rows of bits.
 */
static double *
work_around(struct graph *g, const double *seconds, bool backwards)
{
	double *work = arena_array(g->arena, g->n, double);
	size_t words = (g->n + 63) / 64, i, k, w;
	uint64_t *bits = calloc(g->n * words, sizeof(*bits)), *a, *b;

	if (!bits)
		die("not enough memory");
	for (i = 0; i < g->n; i++) {
		size_t at = g->order[backwards ? g->n - 1 - i : i];
		struct node *n = &g->nodes[at];

		for (k = 0; k < n->nto; k++) {
			size_t from = backwards ? at : n->to[k];
			size_t into = backwards ? n->to[k] : at;

			a = bits + into * words;
			b = bits + from * words;
			for (w = 0; w < words; w++)
				a[w] |= b[w];
			a[from / 64] |= (uint64_t)1 << from % 64;
		}
	}
	for (i = 0; i < g->n; i++) {
		a = bits + i * words;
		for (k = 0; k < g->n; k++) {
			if (a[k / 64] >> k % 64 & 1)
				work[i] += seconds[k];
		}
	}
	free(bits);
	return work;
}

static double
larger(double a, double b)
{
	return a > b ? a : b;
}

/* The longest chains, and not less than the work around through all slots. */
static void
set_heads(struct graph *g, const double *seconds, double slots)
{
	const double *before = work_around(g, seconds, false);
	const double *after = work_around(g, seconds, true);
	struct node *n, *need;
	size_t i, k;

	for (i = 0; i < g->n; i++)
		g->nodes[i].tail = 0;
	for (i = 0; i < g->n; i++) {
		n = &g->nodes[g->order[i]];
		n->head = before[g->order[i]] / slots;
		for (k = 0; k < n->nto; k++) {
			need = &g->nodes[n->to[k]];
			n->head =
			    larger(n->head, need->head + seconds[n->to[k]]);
		}
	}
	for (i = g->n; i-- > 0;) {
		n = &g->nodes[g->order[i]];
		n->tail = larger(n->tail, after[g->order[i]] / slots);
		for (k = 0; k < n->nto; k++) {
			need = &g->nodes[n->to[k]];
			need->tail =
			    larger(need->tail, n->tail + seconds[g->order[i]]);
		}
	}
}

static int
compare(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

/*
 * What no schedule of one such graph can be faster than: for any set of
 * units, the least head, all its work through all slots, the least tail.
 * The sets are those with at least this head and that tail.
 */
double
graph_bound(struct graph *g, const double *seconds, long nslots)
{
	double *heads = arena_array(g->arena, g->n, double), bound = 0;
	double *tails = arena_array(g->arena, g->n, double), work;
	double slots = (double)nslots;
	size_t step = g->n / 200 + 1, h, t, i;

	set_heads(g, seconds, slots);
	for (i = 0; i < g->n; i++) {
		heads[i] = g->nodes[i].head;
		tails[i] = g->nodes[i].tail;
		bound = larger(bound, heads[i] + seconds[i] + tails[i]);
	}
	qsort(heads, g->n, sizeof(*heads), compare);
	qsort(tails, g->n, sizeof(*tails), compare);
	for (h = 0; h < g->n; h += step) {
		for (t = 0; t < g->n; t += step) {
			work = 0;
			for (i = 0; i < g->n; i++) {
				if (g->nodes[i].head >= heads[h] &&
				    g->nodes[i].tail >= tails[t])
					work += seconds[i];
			}
			if (work > 0)
				bound = larger(
				    bound, heads[h] + work / slots + tails[t]);
		}
	}
	return bound;
}
