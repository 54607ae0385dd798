/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Milliseconds of plan_make(), content keys included, over recipes in memory.
 *	plan [OPTION]...	made graphs of 10,000 and 100,000 jobuilds
 *	plan [OPTION]... FILE	a graph of lines "NAME NEEDED...", in which
 *				any-of groups are written as in DEPEND; a root
 *				needs them all
 *	-w DIR			write each graph to NUMBER.solv (for
 *				tests/resolve/peer), NUMBER.tsort and
 *				NUMBER.ninja in that folder, too
 *	-o NUMBER		only this one of the made graphs, from 0
 *	-r RUNS			instead of seven
 * What nobody has is left out of a graph, and so are edges that close a cycle.
 * CPU time: median, least and most.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "plan/plan.h"
#include "tests/resolve/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUNS_MAX 1000

struct options {
	const char *folder; /* for peers, or NULL */
	int only;           /* or -1 */
	size_t runs;
};

/* All versions of one name, newest first. */
struct entry {
	struct version *versions;
	struct metadata *metas;
	char (*contents)[KEY_HEX]; /* as a tree's index has them */
	size_t n;
};

struct world {
	struct arena arena;
	struct entry *list;
	size_t n;
	struct buf text; /* scratch */
};

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "plan: %s\n", what);
	exit(1);
}

/*
 * All names are a/xK with K the place in the list, so that what is measured is
 * the plan and not how its source finds things.
 */
static struct entry *
find(const struct world *w, const char *name)
{
	size_t i = 0;

	while (*++name)
		i = 10 * i + (size_t)(*name - '0');
	return i < w->n ? &w->list[i] : NULL;
}

/* n names with this many versions each: V.0 to 1.0. */
static void
make_world(struct world *w, size_t n, size_t nversions)
{
	static const char *const digests[] = {
	    "RECIPE 0123456789abcdef0123456789abcdef"
	    "0123456789abcdef0123456789abcdef"};
	struct entry *e;
	size_t i, k;

	memset(w, 0, sizeof(*w));
	buf_init(&w->text, 1 << 22);
	w->n = n;
	w->list = arena_array(&w->arena, n, struct entry);
	for (i = 0; i < n; i++) {
		e = &w->list[i];
		e->n = nversions;
		e->versions = arena_array(&w->arena, nversions, struct version);
		e->metas = arena_array(&w->arena, nversions, struct metadata);
		e->contents = arena_alloc(&w->arena, nversions, KEY_HEX);
		for (k = 0; k < nversions; k++) {
			e->versions[k].major = (uint32_t)(nversions - k);
			e->metas[k].id.user = "a";
			e->metas[k].id.name =
			    arena_printf(&w->arena, "x%zu", i);
			e->metas[k].id.ver = e->versions[k];
			e->metas[k].stage = "";
			plan_content_key(
			    &e->metas[k], digests, 1, e->contents[k]);
		}
	}
}

static void
end_world(struct world *w)
{
	buf_release(&w->text);
	arena_release(&w->arena);
}

/* Give all versions of a name the DEPEND that is in w->text. */
static void
depend(struct world *w, struct entry *e)
{
	struct place at = {"a/x/x-1.0.jobuild", 2, 1};
	struct diags d;
	size_t i;

	diags_init(&d, &w->arena);
	for (i = 0; i < e->n && w->text.len > 0; i++) {
		if (dep_list_parse(&w->arena, w->text.data, at, "DEPEND",
			&e->metas[i].depend, &d) < 0) {
			diags_print(&d, stderr);
			give_up("the graph is wrong");
		}
	}
}

static size_t
versions(
    void *ctx, const char *user, const char *name, const struct version **out)
{
	const struct entry *e = find(ctx, name);

	(void)user;
	*out = e ? e->versions : NULL;
	return e ? e->n : 0;
}

static const struct metadata *
metadata(void *ctx, const struct recipe_id *id, struct diags *d)
{
	const struct entry *e = find(ctx, id->name);

	(void)d;
	return &e->metas[e->n - id->ver.major];
}

static const char *
content(void *ctx, const struct metadata *meta)
{
	const struct entry *e = find(ctx, meta->id.name);

	return e->contents[meta - e->metas];
}

static const char *const *
names(void *ctx)
{
	static const char *const none[] = {NULL};

	(void)ctx;
	return none;
}

/* ---- measuring ------------------------------------------------------------
 */

static double
milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
plan_once(struct world *w, bool thorough, size_t *steps, size_t *bytes)
{
	struct plan_source src = {
	    .ctx = w,
	    .versions = versions,
	    .metadata = metadata,
	    .content = content,
	    .names = names,
	};
	struct plan_request req = {.arch = "amd64", .default_stage = "base"};
	struct arena a = {0};
	struct diags d;
	struct plan *p;
	double begin, used;

	diags_init(&d, &a);
	req.root.id = w->list[0].metas[0].id;
	req.thorough = thorough;
	begin = milliseconds();
	p = plan_make(&a, &src, &req, &d);
	used = milliseconds() - begin;
	*steps = p ? p->units[p->root].nsteps : 0;
	*bytes = arena_size(&a);
	if (!p && d.n > 0 && strcmp(d.list[0].rule, "cycle") != 0)
		diags_print(&d, stderr);
	arena_release(&a);
	return used;
}

static void
measure(struct world *w, const char *what, bool thorough, size_t runs)
{
	size_t steps = 0, bytes = 0, i;
	double times[RUNS_MAX] = {0};

	for (i = 0; i < runs; i++)
		times[i] = plan_once(w, thorough, &steps, &bytes);
	qsort(times, runs, sizeof(times[0]), by_value);
	printf("%-46s %.1f ms (%.1f to %.1f; %zu steps, %.1f MB)\n", what,
	    times[runs / 2], times[0], times[runs - 1], steps,
	    (double)bytes / 1e6);
}

/* ---- for peers ------------------------------------------------------------
 */

static FILE *
create(const struct world *w, const char *folder, int number, const char *end)
{
	struct arena a = w->arena;
	FILE *f =
	    fopen(arena_printf(&a, "%s/%d.%s", folder, number, end), "we");

	if (!f)
		give_up("a file for peers can't be written");
	return f;
}

/* Every atom once, groups and versions left out of account. */
static void
write_edges(const struct dep *items, size_t n, FILE *f, const char *fmt,
    const char *from)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (items[i].kind == DEP_ATOM)
			fprintf(f, *fmt == 't' ? "%s %s\n" : " %s",
			    items[i].atom.id.name, from);
		else
			write_edges(items[i].items, items[i].n, f, fmt, from);
	}
}

static void
write_peers(const struct world *w, const char *folder, int number)
{
	struct peer_writer solv = {.f = create(w, folder, number, "solv")};
	FILE *tsort = create(w, folder, number, "tsort");
	FILE *ninja = create(w, folder, number, "ninja");
	const struct metadata *m;
	size_t i, k;

	fputs("rule r\n command = true\n", ninja);
	for (i = 0; i < w->n; i++) {
		for (k = 0; k < w->list[i].n; k++)
			peer_add(&solv, &w->list[i].metas[k]);
		m = &w->list[i].metas[0];
		write_edges(
		    m->depend.items, m->depend.n, tsort, "t", m->id.name);
		fprintf(ninja, "build %s: r", m->id.name);
		write_edges(m->depend.items, m->depend.n, ninja, "n", "");
		fputc('\n', ninja);
	}
	peer_solve(&solv, "a", "x0");
	if (fclose(solv.f) + fclose(tsort) + fclose(ninja) != 0)
		give_up("a file for peers can't be written");
}

/* ---- made graphs ----------------------------------------------------------
 */

/* One edge in that many is part of a group, has an operator. */
struct shape {
	const char *name;
	size_t n, versions, group, constraint, knot;
	bool thorough;
};

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1d) >> 33;
}

/* One of the k-th third of the next 999. */
static size_t
pick(size_t from, size_t k, uint64_t *random)
{
	return from + 2 + k * 333 + next_random(random) % 332;
}

static void
make_edges(const struct shape *s, struct buf *b, size_t i, uint64_t *random)
{
	size_t k, to;

	for (k = 0; k < 3; k++) {
		to = pick(i, k, random);
		if (to >= s->n)
			continue;
		if (s->group && next_random(random) % s->group == 0)
			buf_addf(b, " || ( a/x%zu a/x%zu )", to, to - 1);
		else if (s->constraint &&
		    next_random(random) % s->constraint == 0)
			buf_addf(b, " >=a/x%zu-1.0", to);
		else
			buf_addf(b, " a/x%zu", to);
	}
}

/*
 * Everybody needs the next, in chains of 500, and three of the next thousand;
 * the root needs where each chain begins.
 */
static void
make(struct world *w, const struct shape *s)
{
	uint64_t random = 1;
	size_t i, k;

	make_world(w, s->n, s->versions);
	for (i = 0; i < s->n; i++) {
		w->text.len = 0;
		for (k = 1; i == 0 && k < s->n; k += 500)
			buf_addf(&w->text, " a/x%zu", k);
		if (i > 0 && i % 500 && i + 1 < s->n)
			buf_addf(&w->text, " a/x%zu", i + 1);
		if (i > 0)
			make_edges(s, &w->text, i, &random);
		if (s->knot && i == s->n / 2 + s->knot)
			buf_addf(&w->text, " a/x%zu", i - s->knot + 1);
		depend(w, &w->list[i]);
	}
}

static void
bench_made(const struct options *o)
{
	static const struct shape shapes[] = {
	    {"10,000 jobuilds, 4 edges each", 10000, 1, 0, 0, 0, false},
	    {"  without the short way", 10000, 1, 0, 0, 0, true},
	    {"  3 versions, operators, any-of", 10000, 3, 10, 3, 0, false},
	    {"  knot of 1,200: refused", 10000, 1, 0, 0, 1200, false},
	    {"100,000 jobuilds, 4 edges each", 100000, 1, 0, 0, 0, false},
	    {"  without the short way", 100000, 1, 0, 0, 0, true},
	    {"  3 versions, operators, any-of", 100000, 3, 10, 3, 0, false},
	    {"  knot of 1,200: refused", 100000, 1, 0, 0, 1200, false},
	};
	struct world w;
	int i;

	for (i = 0; i < (int)(sizeof(shapes) / sizeof(*shapes)); i++) {
		if (o->only >= 0 && o->only != i)
			continue;
		make(&w, &shapes[i]);
		measure(&w, shapes[i].name, shapes[i].thorough, o->runs);
		if (o->folder)
			write_peers(&w, o->folder, i);
		end_world(&w);
	}
}

/* ---- a graph from a file --------------------------------------------------
 */

#define SYMBOL (SIZE_MAX - 3) /* and above: ) ( || */

struct line {
	size_t *tokens, n, at;
	int state; /* 0 new, 1 on the way, 2 done */
};

struct graph_file {
	struct arena arena;
	struct map names; /* to lines */
	struct line *lines;
	size_t n;
};

static const char *const symbols[] = {")", "(", "||"};

static size_t
token(const struct graph_file *g, const char *word)
{
	const struct line *l;
	size_t i;

	for (i = 0; i < 3; i++) {
		if (strcmp(word, symbols[i]) == 0)
			return SYMBOL + i;
	}
	l = map_gets(&g->names, word);
	return l ? (size_t)(l - g->lines) : SIZE_MAX;
}

static void
read_lines(struct graph_file *g, char *text)
{
	char *line, *word, *save, *rest = arena_strdup(&g->arena, text);
	struct line *l;
	size_t i, n = 0;

	for (i = 0; text[i]; i++)
		n += text[i] == '\n';
	g->lines = arena_array(&g->arena, n + 1, struct line);
	g->n = 1; /* the root is made of all */
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, " ")] = '\0';
		*map_puts(&g->names, line) = &g->lines[g->n++];
	}
	for (l = g->lines + 1; (line = strsep(&rest, "\n")) && *line; l++) {
		for (word = strtok_r(line, " ", &save);
		     (word = strtok_r(NULL, " ", &save));) {
			l->tokens = arena_grow(
			    &g->arena, l->tokens, l->n, sizeof(*l->tokens));
			l->tokens[l->n++] = token(g, word);
		}
	}
}

/* Depth first; an edge to what is on the way is taken out. */
static void
cut_cycles(struct graph_file *g, size_t root, size_t *stack)
{
	size_t top = 0, to;
	struct line *l;

	if (g->lines[root].state != 0)
		return;
	g->lines[root].state = 1;
	stack[top++] = root;
	while (top > 0) {
		l = &g->lines[stack[top - 1]];
		if (l->at == l->n) {
			l->state = 2;
			top--;
			continue;
		}
		to = l->tokens[l->at++];
		if (to >= SYMBOL || g->lines[to].state == 2)
			continue;
		if (g->lines[to].state == 1) {
			l->tokens[l->at - 1] = SIZE_MAX;
			continue;
		}
		g->lines[to].state = 1;
		stack[top++] = to;
	}
}

/* The tokens from *at on, up to the end of their group, each name once. */
static void
write_tokens(
    struct line *l, size_t *at, size_t *seen, size_t mark, struct buf *b)
{
	size_t t, before;

	while (*at < l->n) {
		t = l->tokens[(*at)++];
		if (t == SYMBOL)
			return;
		if (t == SYMBOL + 2) {
			before = b->len;
			buf_adds(b, " || (");
			(*at)++;
			write_tokens(l, at, seen, mark, b);
			if (b->len == before + 5)
				b->len = before;
			else
				buf_adds(b, " )");
		} else if (t < SYMBOL && seen[t] != mark) {
			seen[t] = mark;
			buf_addf(b, " a/x%zu", t);
		}
	}
}

static void
fill_world(struct graph_file *g, struct world *w)
{
	size_t *seen = arena_array(&g->arena, g->n, size_t), i, at;

	make_world(w, g->n, 1);
	for (i = 0; i < g->n; i++) {
		w->text.len = 0;
		for (at = 1; i == 0 && at < g->n; at++)
			buf_addf(&w->text, " a/x%zu", at);
		at = 0;
		write_tokens(&g->lines[i], &at, seen, i + 1, &w->text);
		if (w->text.data)
			w->text.data[w->text.len] = '\0';
		depend(w, &w->list[i]);
	}
}

static void
bench_file(const char *file, const struct options *o)
{
	struct graph_file g = {.n = 0};
	struct error err;
	struct world w;
	size_t i, *stack;
	struct buf b;

	buf_init(&b, 1 << 28);
	if (file_read(file, &b, &err) < 0)
		give_up(err.msg);
	map_init(&g.names, &g.arena);
	read_lines(&g, b.data);
	stack = arena_array(&g.arena, g.n, size_t);
	for (i = 1; i < g.n; i++)
		cut_cycles(&g, i, stack);
	fill_world(&g, &w);
	measure(&w, "  a distribution's packages", false, o->runs);
	measure(&w, "    without the short way", true, o->runs);
	if (o->folder)
		write_peers(&w, o->folder, 100);
	end_world(&w);
	arena_release(&g.arena);
	buf_release(&b);
}

int
main(int argc, char *argv[])
{
	struct options o = {.only = -1, .runs = 7};
	int c;

	while ((c = getopt(argc, argv, "w:o:r:")) != -1) {
		if (c == 'w')
			o.folder = optarg;
		else if (c == 'o')
			o.only = (int)strtol(optarg, NULL, 10);
		else if (c == 'r')
			o.runs = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (o.runs < 1 || o.runs > RUNS_MAX)
		give_up("-r is from 1 to 1000");
	if (optind < argc)
		bench_file(argv[optind], &o);
	else
		bench_made(&o);
	return 0;
}
