/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every shortest chain from one jobuild to what it needs, over the steps that
 * a job of it would have: what other versions need does not count.
 */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/tree/links.h"
#include "cli/tree/repo.h"

#include <stdint.h>
#include <string.h>

#define CHAINS 20 /* shown if nothing else is asked for */

struct why_options {
	const char *revision;
	int64_t max;
};

static const struct opt options[] = {
    {"revision", 'r', OPT_TEXT, offsetof(struct why_options, revision), "REV",
	"a commit instead of the work tree"},
    {"arch", 'a', OPT_SETTING, 0, "ARCH", "instead of this machine's"},
    {"max", 'm', OPT_NUMBER, offsetof(struct why_options, max), "N",
	"show that many chains at most (20)"},
    {0},
};

struct search {
	struct cli *c;
	struct links links;
	struct links_index index;
	size_t *depth;  /* from the start, plus one; 0: not reached */
	uint64_t *ways; /* shortest chains that lead there; stops at its
			   largest value */
	bool *end;      /* is what is looked for */
	size_t *queue, nqueue;
	size_t nearest; /* depth of the ends that count; 0: there is none */
};

static void
add_step(struct search *s, const struct plan *p, const struct plan_unit *u,
    const struct plan_step *step)
{
	size_t from = links_node(&s->links, &step->meta->id), i;
	const struct plan_unit *side;

	for (i = 0; i < step->ndepend; i++)
		links_add(&s->links, from,
		    links_node(
			&s->links, &u->steps[step->depend[i].to].meta->id),
		    "DEPEND", step->depend[i].dep->at);
	for (i = 0; i < step->nsidepend; i++) {
		side = &p->units[step->sidepend[i].to];
		links_add(&s->links, from,
		    links_node(
			&s->links, &side->steps[side->nsteps - 1].meta->id),
		    "SIDEPEND", step->sidepend[i].dep->at);
	}
	links_add_parent(&s->links, from, step->meta);
}

/* Templates extend others in turn: those are nodes without steps. */
static void
add_ancestors(struct search *s, struct tree *t)
{
	const struct tree_recipe *r;
	struct recipe_id id;
	struct diags none;
	size_t i;

	diags_init(&none, &s->c->arena);
	for (i = 0; i < s->links.nlinks; i++) {
		const struct link *l = &s->links.list[i];

		if (strcmp(l->kind, "EXTENDS") != 0)
			continue;
		id_parse(&s->c->arena, s->links.names[l->to],
		    strlen(s->links.names[l->to]), &id);
		r = tree_recipe(t, &id, RECIPE_TEMPLATE, &none);
		if (r)
			links_add_parent(&s->links, l->to, r->meta);
	}
}

static void
add_plan(struct search *s, struct tree *t, const struct plan *p)
{
	const struct plan_unit *root = &p->units[p->root], *u;
	size_t i, k;

	/* the start is node 0 */
	links_node(&s->links, &root->steps[root->nsteps - 1].meta->id);
	for (i = 0; i < p->nunits; i++) {
		u = &p->units[i];
		for (k = 0; k < u->nsteps; k++)
			add_step(s, p, u, &u->steps[k]);
	}
	add_ancestors(s, t);
	links_index(&s->links, false, &s->index);
}

static void
mark_ends(struct search *s, const struct atom *wanted)
{
	struct recipe_id id;
	size_t i;

	s->end = arena_array(&s->c->arena, s->links.n, bool);
	for (i = 0; i < s->links.n; i++) {
		id_parse(&s->c->arena, s->links.names[i],
		    strlen(s->links.names[i]), &id);
		s->end[i] = strcmp(id.user, wanted->id.user) == 0 &&
		    strcmp(id.name, wanted->id.name) == 0 &&
		    (wanted->op == ATOM_ANY || atom_matches(wanted, id.ver));
	}
}

static void
add_ways(uint64_t *to, uint64_t more)
{
	*to = UINT64_MAX - *to < more ? UINT64_MAX : *to + more;
}

/* Breadth first; a node's ways are complete when it leaves the queue. */
static void
measure(struct search *s)
{
	size_t at = 0, i, v, u;

	s->depth = arena_array(&s->c->arena, s->links.n, size_t);
	s->ways = arena_array(&s->c->arena, s->links.n, uint64_t);
	s->queue = arena_array(&s->c->arena, s->links.n, size_t);
	s->depth[0] = s->ways[0] = 1;
	s->queue[s->nqueue++] = 0;
	while (at < s->nqueue) {
		v = s->queue[at++];
		if (s->nearest && s->depth[v] >= s->nearest)
			break;
		for (i = s->index.first[v]; i < s->index.first[v + 1]; i++) {
			u = s->index.sorted[i]->to;
			if (s->depth[u] == 0) {
				s->depth[u] = s->depth[v] + 1;
				s->queue[s->nqueue++] = u;
			}
			if (s->depth[u] != s->depth[v] + 1)
				continue;
			add_ways(&s->ways[u], s->ways[v]);
			if (s->end[u])
				s->nearest = s->depth[u];
		}
	}
}

/* Forget what leads to no end: ends are marked, then whoever leads there. */
static void
prune(struct search *s)
{
	size_t i, k, v;

	for (v = 0; v < s->links.n; v++)
		s->end[v] &= s->depth[v] == s->nearest && s->nearest > 0;
	for (i = s->nqueue; i-- > 0;) {
		v = s->queue[i];
		if (s->depth[v] >= s->nearest)
			continue;
		for (k = s->index.first[v]; k < s->index.first[v + 1]; k++) {
			const struct link *l = s->index.sorted[k];

			s->end[v] |=
			    s->depth[l->to] == s->depth[v] + 1 && s->end[l->to];
		}
	}
}

static uint64_t
count_ways(const struct search *s)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < s->links.n; i++) {
		if (s->end[i] && s->depth[i] == s->nearest)
			add_ways(&sum, s->ways[i]);
	}
	return sum;
}

static void
print_chain(struct search *s, const struct link *const *chain, size_t n)
{
	struct arena *a = &s->c->arena;
	size_t i;

	puts(s->links.names[0]);
	for (i = 0; i < n; i++)
		printf("  %s %s  (%s, %s)\n",
		    strcmp(chain[i]->kind, "SIDEPEND") == 0 ? "=>" : "->",
		    s->links.names[chain[i]->to], chain[i]->kind,
		    links_place(a, chain[i]->at));
}

static void
show_chain(struct search *s, const struct link *const *chain, json_t *out)
{
	json_t *links;
	size_t i, n = s->nearest - 1;

	if (!out) {
		print_chain(s, chain, n);
		return;
	}
	links = json_array();
	for (i = 0; i < n; i++)
		json_array_append_new(links, links_json(&s->links, chain[i]));
	json_array_append_new(out, links);
}

/* All chains in the order of declaration, max of them at most. */
static void
show_chains(struct search *s, uint64_t max, json_t *out)
{
	const struct link **chain =
	    arena_array(&s->c->arena, s->nearest, const struct link *);
	size_t *at = arena_array(&s->c->arena, s->nearest, size_t);
	size_t n = 0, v = 0;

	at[0] = s->index.first[0];
	while (max > 0) {
		if (n + 1 == s->nearest) {
			show_chain(s, chain, out);
			max--;
		}
		if (n + 1 == s->nearest || at[n] == s->index.first[v + 1]) {
			if (n == 0)
				return;
			v = chain[--n]->from;
			continue;
		}
		chain[n] = s->index.sorted[at[n]++];
		if (!s->end[chain[n]->to] || s->depth[chain[n]->to] != n + 2)
			continue;
		v = chain[n++]->to;
		if (n + 1 < s->nearest)
			at[n] = s->index.first[v];
	}
}

static int
answer(struct search *s, const struct atom *to, uint64_t max)
{
	const char *name = atom_format(&s->c->arena, to);
	json_t *chains = s->c->json ? json_array() : NULL;
	uint64_t ways = count_ways(s);

	if (s->nearest > 0)
		show_chains(s, max, chains);
	if (chains)
		cli_json(s->c,
		    json_pack("{s:s, s:s, s:I, s:I, s:o}", "from",
			s->links.names[0], "to", name, "length",
			(json_int_t)(s->nearest ? s->nearest - 1 : 0), "count",
			(json_int_t)(ways > INT64_MAX ? INT64_MAX : ways),
			"chains", chains));
	else if (s->nearest == 0)
		printf("%s does not need %s\n", s->links.names[0], name);
	else if (ways > max)
		printf("and %llu%s more of the same length\n",
		    (unsigned long long)(ways - max),
		    ways == UINT64_MAX ? " or" : "");
	return s->nearest > 0 ? CLI_OK : CLI_FAILED;
}

static int
search(struct cli *c, struct tree *t, const struct atom *from,
    const struct atom *to, uint64_t max)
{
	struct search s = {.c = c};
	struct plan *p;
	struct diags d;

	diags_init(&d, &c->arena);
	p = repo_plan(c, t, from, c->conf.arch, NULL, NULL, &d);
	if (!p)
		return cli_refused(c, &d);
	links_init(&s.links, &c->arena);
	add_plan(&s, t, p);
	mark_ends(&s, to);
	measure(&s);
	prune(&s);
	return answer(&s, to, max);
}

static int
why_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct why_options *o = opts;
	struct atom from, to;
	struct error err = {0};
	struct named known;
	struct tree *t;
	int rc;

	(void)n;
	if (root_parse(c, args[0], &from, &err) < 0 ||
	    root_parse(c, args[1], &to, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	rc = repo_tree(c, o->revision, &t);
	if (rc != CLI_OK)
		return rc;
	if (root_find(c, t, &from, &known, &err) < 0 ||
	    root_find(c, t, &to, &known, &err) < 0)
		rc = cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	else
		rc = search(
		    c, t, &from, &to, o->max > 0 ? (uint64_t)o->max : CHAINS);
	tree_close(t);
	return rc;
}

const struct command why_command = {
    .name = "why",
    .arguments = "FROM TO",
    .summary = "show by which chains a jobuild needs another",
    .options = options,
    .size = sizeof(struct why_options),
    .min = 2,
    .max = 2,
    .run = why_main,
};
