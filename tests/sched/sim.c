/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler on a farm that exists in memory only: time jumps from one
 * end of a unit to the next.
 *
 *	sim [-l] [-s SLAVES] [-t SLOTS] [-u USERS] [-e RATE] FILE
 *
 * FILE has a unit a line: name, TAB, names that it needs (with commas), TAB,
 * seconds. An edge that would close a cycle is left out. -u: the graph is
 * submitted that many times, each by another user. -l: nobody knows what
 * units take. -e: of 1000 units this many are exclusive. Prints one line:
 *
 *	units=N makespan=S bound=S ratio=R choices=N choice_us=U
 *	wait_max=S share_min=S share_max=S
 *
 * The bound is what no schedule can be faster than. share_*: when the first
 * user was through, seconds of slots that each user had had.
 */
#include "master/sched/sched.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define S ((int64_t)1000000)

struct node {
	const char *name, *needs;
	double seconds;
	double head, tail; /* at least before it, at least after it */
	size_t *to;        /* that it needs */
	size_t nto, place;
	int mark;
};

struct event {
	int64_t at;
	struct sched_unit *unit;
	struct sched_slave *slave;
};

struct sim {
	struct arena arena;
	struct sched sched;
	struct node *nodes;
	size_t n;
	bool unknown;
	long slaves, slots, users, exclusive;
	struct event *heap;
	size_t nheap;
	double *seconds; /* by unit id - 1 */
	double *had;     /* by user, when the first was through */
	long choices;
	double choosing, wait_max, work;
	int64_t now, lease;
};

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "sim: %s\n", what);
	exit(1);
}

/* ---- the graph ----------------------------------------------------------- */

static char *
cut(char **line, char end)
{
	char *s = *line, *at = strchr(s, end);

	if (at)
		*at = '\0';
	*line = at ? at + 1 : s + strlen(s);
	return s;
}

static void
read_graph(struct sim *m, const char *path)
{
	struct error err;
	struct buf text;
	char *at, *line;
	struct node *n;

	buf_init(&text, (size_t)64 << 20);
	if (file_read(path, &text, &err) < 0)
		die(err.msg);
	buf_add(&text, "", 1);
	at = arena_strdup(&m->arena, text.data);
	buf_release(&text);
	while (*at) {
		line = cut(&at, '\n');
		if (*line == '#' || !*line)
			continue;
		m->nodes =
		    arena_grow(&m->arena, m->nodes, m->n, sizeof(*m->nodes));
		n = &m->nodes[m->n++];
		memset(n, 0, sizeof(*n));
		n->name = cut(&line, '\t');
		n->needs = cut(&line, '\t');
		n->seconds = strtod(line, NULL);
		if (n->seconds < 0.001)
			n->seconds = 0.001;
	}
	if (m->n == 0)
		die("the file has no units");
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
link_graph(struct sim *m)
{
	struct map names;
	struct node *n;
	char *list, *word;
	size_t i, *at;

	map_init(&names, &m->arena);
	for (i = 0; i < m->n; i++)
		*map_puts(&names, m->nodes[i].name) = &m->nodes[i];
	for (i = 0; i < m->n; i++) {
		list = arena_strdup(&m->arena, m->nodes[i].needs);
		while (*list) {
			word = cut(&list, ',');
			n = map_gets(&names, word);
			if (!n || n == &m->nodes[i] ||
			    is_linked(&m->nodes[i], (size_t)(n - m->nodes)))
				continue;
			at = arena_grow(&m->arena, m->nodes[i].to,
			    m->nodes[i].nto, sizeof(*at));
			m->nodes[i].to = at;
			at[m->nodes[i].nto++] = (size_t)(n - m->nodes);
		}
	}
}

/*
 * Depth first with a stack of our own: an edge to a node that is on the way
 * closes a cycle and goes. order gets needs before users.
 */
static size_t *
drop_cycles(struct sim *m)
{
	size_t *order = arena_array(&m->arena, m->n, size_t), done = 0;
	size_t *stack = arena_array(&m->arena, m->n, size_t), depth, i;
	struct node *n, *need;

	for (i = 0; i < m->n; i++) {
		if (m->nodes[i].mark)
			continue;
		depth = 0;
		stack[depth++] = i;
		m->nodes[i].mark = 1;
		while (depth > 0) {
			n = &m->nodes[stack[depth - 1]];
			if (n->place == n->nto) {
				n->mark = 2;
				order[done++] = stack[--depth];
				continue;
			}
			need = &m->nodes[n->to[n->place]];
			if (need->mark == 1) {
				n->to[n->place] = n->to[--n->nto];
				continue;
			}
			n->place++;
			if (need->mark == 0) {
				need->mark = 1;
				stack[depth++] = (size_t)(need - m->nodes);
			}
		}
	}
	return order;
}

/*
 * For each node: seconds of all that must be done before it (or, backwards,
 * after it). Sets are rows of bits.
 */
static double *
work_around(struct sim *m, const size_t *order, bool backwards)
{
	double *work = arena_array(&m->arena, m->n, double);
	size_t words = (m->n + 63) / 64, i, k, w;
	uint64_t *bits = calloc(m->n * words, sizeof(*bits)), *a, *b;

	if (!bits)
		die("not enough memory");
	for (i = 0; i < m->n; i++) {
		size_t at = order[backwards ? m->n - 1 - i : i];
		struct node *n = &m->nodes[at];

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
	for (i = 0; i < m->n; i++) {
		a = bits + i * words;
		for (k = 0; k < m->n; k++) {
			if (a[k / 64] >> k % 64 & 1)
				work[i] += m->nodes[k].seconds;
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
set_heads(struct sim *m, const size_t *order)
{
	double slots = (double)(m->slaves * m->slots);
	const double *before = work_around(m, order, false);
	const double *after = work_around(m, order, true);
	struct node *n, *need;
	size_t i, k;

	for (i = 0; i < m->n; i++) {
		n = &m->nodes[order[i]];
		n->head = before[order[i]] / slots;
		for (k = 0; k < n->nto; k++) {
			need = &m->nodes[n->to[k]];
			n->head = larger(n->head, need->head + need->seconds);
		}
	}
	for (i = m->n; i-- > 0;) {
		n = &m->nodes[order[i]];
		n->tail = larger(n->tail, after[order[i]] / slots);
		for (k = 0; k < n->nto; k++) {
			need = &m->nodes[n->to[k]];
			need->tail = larger(need->tail, n->tail + n->seconds);
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
static double
lower_bound(struct sim *m)
{
	double *heads = arena_array(&m->arena, m->n, double), bound = 0;
	double *tails = arena_array(&m->arena, m->n, double), work;
	double slots = (double)(m->slaves * m->slots);
	size_t step = m->n / 200 + 1, h, t, i;

	for (i = 0; i < m->n; i++) {
		heads[i] = m->nodes[i].head;
		tails[i] = m->nodes[i].tail;
		bound =
		    larger(bound, heads[i] + m->nodes[i].seconds + tails[i]);
	}
	qsort(heads, m->n, sizeof(*heads), compare);
	qsort(tails, m->n, sizeof(*tails), compare);
	for (h = 0; h < m->n; h += step) {
		for (t = 0; t < m->n; t += step) {
			work = 0;
			for (i = 0; i < m->n; i++) {
				if (m->nodes[i].head >= heads[h] &&
				    m->nodes[i].tail >= tails[t])
					work += m->nodes[i].seconds;
			}
			if (work > 0)
				bound = larger(
				    bound, heads[h] + work / slots + tails[t]);
		}
	}
	return bound;
}

/* ---- the farm ------------------------------------------------------------ */

static void
push(struct sim *m, struct event e)
{
	size_t i = m->nheap++, up;

	while (i > 0 && m->heap[up = (i - 1) / 2].at > e.at) {
		m->heap[i] = m->heap[up];
		i = up;
	}
	m->heap[i] = e;
}

static struct event
pop(struct sim *m)
{
	struct event first = m->heap[0], last = m->heap[--m->nheap];
	size_t i = 0, down;

	while ((down = 2 * i + 1) < m->nheap) {
		if (down + 1 < m->nheap &&
		    m->heap[down + 1].at < m->heap[down].at)
			down++;
		if (m->heap[down].at >= last.at)
			break;
		m->heap[i] = m->heap[down];
		i = down;
	}
	m->heap[i] = last;
	return first;
}

static void
submit(struct sim *m, long user)
{
	struct sched_wants wants = {.arch = "amd64", .stage = ""};
	struct sched_unit **units =
	    arena_array(&m->arena, m->n, struct sched_unit *);
	struct sched_unit_spec spec = {.state = UNIT_BLOCKED};
	struct sched_edge *edges = NULL;
	struct sched_job *job;
	char name[32];
	size_t i, k, nedges = 0;

	snprintf(name, sizeof(name), "user-%ld", user);
	job = sched_job_add(&m->sched, user + 1, 0, name, 0);
	for (i = 0; i < m->n; i++) {
		spec.id = (int64_t)((size_t)user * m->n + i) + 1;
		spec.root = m->nodes[i].name;
		spec.expect = m->unknown ? 0 : m->nodes[i].seconds;
		wants.exclusive = (long)(i % 1000) < m->exclusive;
		spec.wants = wants;
		m->seconds[spec.id - 1] = m->nodes[i].seconds;
		units[i] = sched_unit_add(&m->sched, job, &spec);
	}
	for (i = 0; i < m->n; i++) {
		for (k = 0; k < m->nodes[i].nto; k++) {
			edges = arena_grow(
			    &m->arena, edges, nedges, sizeof(*edges));
			edges[nedges++] = (struct sched_edge){
			    units[i], units[m->nodes[i].to[k]]};
		}
	}
	sched_needs(job, edges, nedges);
	sched_job_rank(&m->sched, job);
	for (i = 0; i < m->n; i++)
		sched_start(&m->sched, units[i], 0);
}

static double
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Give the slave all that it can have. */
static void
serve(struct sim *m, struct sched_slave *sl)
{
	struct sched_unit *u;
	double begin, waited;

	for (;;) {
		begin = clock_us();
		u = sched_pick(&m->sched, sl, m->now);
		m->choosing += clock_us() - begin;
		m->choices++;
		if (!u)
			break;
		waited = (double)(m->now - u->ready) / 1e6;
		if (waited > m->wait_max)
			m->wait_max = waited;
		sched_lease(
		    &m->sched, u, sl, ++m->lease, m->now, UNTIL_EVER - 1);
		push(m,
		    (struct event){
			m->now + (int64_t)(m->seconds[u->id - 1] * 1e6), u,
			sl});
	}
	sched_wait(&m->sched, sl, sl->leased < sl->slots ? sl : NULL);
}

static void
note_shares(struct sim *m)
{
	char name[32];
	long i;

	if (m->had)
		return;
	m->had = arena_array(&m->arena, (size_t)m->users, double);
	for (i = 0; i < m->users; i++) {
		snprintf(name, sizeof(name), "user-%ld", i);
		m->had[i] = sched_usage(&m->sched, name, m->now);
	}
}

static void
run(struct sim *m)
{
	struct sched_slave *sl;
	struct event e;
	long i;

	for (i = 0; i < m->slaves; i++) {
		sl = sched_slave(&m->sched, i + 1, "s");
		sched_slave_reset(sl, m->slots);
		sched_slave_arch(sl, "amd64");
		sched_slave_ready(&m->sched, sl);
		sl->known = true;
		sl->seen = INT64_MAX / 2;
		serve(m, sl);
	}
	while (m->nheap > 0) {
		e = pop(m);
		m->now = e.at;
		m->work += m->seconds[e.unit->id - 1];
		sched_end(&m->sched, e.unit, UNIT_PASSED, m->now);
		if (e.unit->job->nopen == 0)
			note_shares(m);
		serve(m, e.slave);
		while ((sl = sched_turn(&m->sched, m->now)) != NULL)
			serve(m, sl);
	}
	if (m->lease < (int64_t)(m->n * (size_t)m->users) || !m->had)
		die("units were left over");
}

static void
report(const struct sim *m, double bound)
{
	double makespan = (double)m->now / 1e6, least, most;
	long i;

	bound = larger(bound, m->work / (double)(m->slaves * m->slots));
	least = most = m->had[0];
	for (i = 1; i < m->users; i++) {
		least = m->had[i] < least ? m->had[i] : least;
		most = larger(most, m->had[i]);
	}
	printf("units=%zu makespan=%.1f bound=%.1f ratio=%.4f choices=%ld "
	       "choice_us=%.2f wait_max=%.1f share_min=%.0f share_max=%.0f\n",
	    m->n * (size_t)m->users, makespan, bound, makespan / bound,
	    m->choices, m->choosing / (double)m->choices, m->wait_max, least,
	    most);
}

int
main(int argc, char *argv[])
{
	struct sim m = {.slaves = 4, .slots = 2, .users = 1};
	double bound;
	size_t total;
	long i;
	int c;

	while ((c = getopt(argc, argv, "ls:t:u:e:")) != -1) {
		if (c == 'l')
			m.unknown = true;
		else if (c == 's')
			m.slaves = strtol(optarg, NULL, 10);
		else if (c == 't')
			m.slots = strtol(optarg, NULL, 10);
		else if (c == 'u')
			m.users = strtol(optarg, NULL, 10);
		else if (c == 'e')
			m.exclusive = strtol(optarg, NULL, 10);
		else
			die("usage: sim [-l] [-s SLAVES] [-t SLOTS] "
			    "[-u USERS] [-e RATE] FILE");
	}
	if (optind + 1 != argc || m.slaves < 1 || m.slots < 1 || m.users < 1)
		die("expected one file, and numbers above 0");
	read_graph(&m, argv[optind]);
	link_graph(&m);
	set_heads(&m, drop_cycles(&m));
	bound = lower_bound(&m);
	sched_init(&m.sched, INT64_MAX / 2, 86400 * S);
	total = m.n * (size_t)m.users;
	m.seconds = arena_array(&m.arena, total, double);
	m.heap = arena_array(&m.arena, total + 1, struct event);
	for (i = 0; i < m.users; i++)
		submit(&m, i);
	run(&m);
	report(&m, bound);
	sched_release(&m.sched);
	arena_release(&m.arena);
	return 0;
}
