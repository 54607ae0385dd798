/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sched/case.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static const char *const figures[] = {
    "ratio", "took", "wait", "share", "choice"};

static char *
word(char **line)
{
	*line += strspn(*line, " \t");
	return cut(line, ' ');
}

static double
number(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end != '\0' || n < 0)
		die("a number is expected");
	return n;
}

static void
read_graph(struct sim_case *c, char *rest)
{
	if (c->ngraphs == GRAPHS_MAX)
		die("too many graphs");
	c->graph = &c->graphs[c->ngraphs++];
	c->graph->arena = &c->arena;
	c->graph->name = arena_strdup(&c->arena, word(&rest));
}

/* wide and chain. */
static void
read_units(struct sim_case *c, char *rest, bool chain)
{
	const char *name = word(&rest), *last = "";
	size_t n = (size_t)number(word(&rest)), i;
	char *range = word(&rest), *least = cut(&range, '-');
	double from = number(least), to = *range ? number(range) : from;
	bool exclusive = strcmp(word(&rest), "exclusive") == 0;
	struct node *unit;
	double at = from;

	for (i = 1; i <= n; i++) {
		unit = graph_unit(c->graph,
		    arena_printf(&c->arena, "%s%zu", name, i), last, at);
		unit->exclusive = exclusive;
		last = chain ? unit->name : "";
		at = at + 1 > to ? from : at + 1;
	}
}

static struct graph *
graph_of(struct sim_case *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->ngraphs; i++) {
		if (strcmp(c->graphs[i].name, name) == 0)
			return &c->graphs[i];
	}
	die("there is no graph of this name");
}

static void
read_job(struct sim_case *c, char *rest)
{
	const char *user = arena_strdup(&c->arena, word(&rest)), *name;
	struct run run = {.user = user, .graph = graph_of(c, word(&rest))};
	double every = 0, times = 1;

	while (*(name = word(&rest))) {
		if (strcmp(name, "at") == 0)
			run.at = (int64_t)(number(word(&rest)) * 1e6);
		else if (strcmp(name, "every") == 0)
			every = number(word(&rest)) * 1e6;
		else if (strcmp(name, "times") == 0)
			times = number(word(&rest));
		else
			die("a job has at, every and times");
	}
	for (; times >= 1; times--) {
		c->runs =
		    arena_grow(&c->arena, c->runs, c->nruns, sizeof(*c->runs));
		c->runs[c->nruns++] = run;
		run.at += (int64_t)every;
	}
}

static void
read_expect(struct sim_case *c, char *rest)
{
	struct expect *e = arena_new(&c->arena, struct expect);
	const char *name, *sign;

	e->text = arena_strdup(&c->arena, rest);
	name = word(&rest);
	while (e->figure < FIGURES && strcmp(name, figures[e->figure]) != 0)
		e->figure++;
	if (e->figure == FIGURES)
		die("there is no figure of this name");
	if (e->figure == RATIO || e->figure == TOOK)
		e->job = (size_t)number(word(&rest)) - 1;
	if (e->figure == WAIT || e->figure == SHARE)
		e->user = arena_strdup(&c->arena, word(&rest));
	if (e->figure == SHARE) {
		e->from = number(word(&rest)) * 1e6;
		e->to = number(word(&rest)) * 1e6;
	}
	sign = word(&rest);
	e->most = strcmp(sign, "<=") == 0;
	if (!e->most && strcmp(sign, ">=") != 0)
		die("expected <= or >=");
	e->limit = number(word(&rest));
	if (e->job >= c->nruns)
		die("there is no such job");
	*c->last = e;
	c->last = &e->next;
}

static void
read_line(struct sim_case *c, char *line)
{
	const char *what = word(&line);

	if (*what == '#' || !*what)
		return;
	if (strcmp(what, "slaves") == 0)
		c->slaves = (long)number(word(&line));
	else if (strcmp(what, "slots") == 0)
		c->slots = (long)number(word(&line));
	else if (strcmp(what, "half-life") == 0)
		c->half_life = number(word(&line));
	else if (strcmp(what, "vary") == 0)
		c->vary = number(word(&line)) / 100;
	else if (strcmp(what, "learn") == 0)
		c->learn = true;
	else if (strcmp(what, "graph") == 0)
		read_graph(c, line);
	else if (strcmp(what, "job") == 0)
		read_job(c, line);
	else if (strcmp(what, "expect") == 0)
		read_expect(c, line);
	else if (!c->graph)
		die("what is in a graph comes after its name");
	else if (strcmp(what, "file") == 0)
		graph_file(c->graph, word(&line));
	else if (strcmp(what, "wide") == 0 || strcmp(what, "chain") == 0)
		read_units(c, line, *what == 'c');
	else
		die(what);
}

void
case_read(struct sim_case *c, const char *path)
{
	struct error err;
	struct buf text;
	char *at;
	size_t i;

	c->last = &c->expects;
	buf_init(&text, (size_t)1 << 20);
	if (file_read(path, &text, &err) < 0)
		die(err.msg);
	buf_add(&text, "", 1);
	at = arena_strdup(&c->arena, text.data);
	buf_release(&text);
	while (*at)
		read_line(c, cut(&at, '\n'));
	if (!c->expects || c->slaves < 1 || c->slots < 1)
		die("a case has slaves, slots and what is expected");
	for (i = 0; i < c->ngraphs; i++)
		graph_link(&c->graphs[i]);
}
