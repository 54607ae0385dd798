/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/repo.h"

#include <string.h>

struct graph_options {
	const char *revision;
	bool dot;
};

static const struct opt options[] = {
    {"revision", 'r', OPT_TEXT, offsetof(struct graph_options, revision), "REV",
	"a commit instead of the work tree"},
    {"arch", 'a', OPT_SETTING, 0, "ARCH", "instead of this machine's"},
    {"dot", 0, OPT_FLAG, offsetof(struct graph_options, dot), NULL,
	"for Graphviz"},
    {0},
};

struct drawing {
	struct cli *cli;
	const struct plan *plan;
	bool *done; /* this unit has been drawn */
};

static const char *
step_name(struct cli *c, const struct plan_unit *u, size_t step)
{
	return id_format(&c->arena, &u->steps[step].meta->id);
}

static void
print_unit(struct drawing *d, size_t unit, const char *indent)
{
	const struct plan_unit *u = &d->plan->units[unit];
	const char *first = "", *rest = "";
	size_t i;

	printf("unit %zu  %s", unit + 1, step_name(d->cli, u, u->nsteps - 1));
	if (d->done[unit]) {
		puts("  (above)");
		return;
	}
	d->done[unit] = true;
	printf("  (%s, stage %s)\n", d->plan->arch, cli_show(d->cli, u->stage));
	for (i = 0; i < u->nsteps; i++)
		printf("%s%s  %zu. %s\n", indent, u->nneeds ? "|" : " ", i + 1,
		    step_name(d->cli, u, i));
	for (i = 0; i < u->nneeds; i++) {
		first = i + 1 < u->nneeds ? "|-- " : "`-- ";
		rest = i + 1 < u->nneeds ? "|   " : "    ";
		printf("%s%s", indent, first);
		print_unit(d, u->needs[i],
		    arena_printf(&d->cli->arena, "%s%s", indent, rest));
	}
}

static void
print_dot(struct cli *c, const struct plan *p)
{
	const struct plan_unit *u;
	size_t i, k;

	puts("digraph job {\n\trankdir=LR;\n\tnode [shape=box];");
	for (i = 0; i < p->nunits; i++) {
		u = &p->units[i];
		printf("\tsubgraph cluster_%zu {\n\t\tlabel=\"unit %zu\";\n", i,
		    i + 1);
		for (k = 0; k < u->nsteps; k++)
			printf("\t\tu%zu_%zu [label=\"%s\"];\n", i, k,
			    step_name(c, u, k));
		for (k = 1; k < u->nsteps; k++)
			printf("\t\tu%zu_%zu -> u%zu_%zu;\n", i, k - 1, i, k);
		puts("\t}");
	}
	for (i = 0; i < p->nunits; i++) {
		for (k = 0; k < p->units[i].nneeds; k++)
			printf("\tu%zu_%zu -> u%zu_0 [style=dashed];\n",
			    p->units[i].needs[k],
			    p->units[p->units[i].needs[k]].nsteps - 1, i);
	}
	puts("}");
}

static json_t *
unit_json(struct cli *c, const struct plan *p, size_t unit)
{
	const struct plan_unit *u = &p->units[unit];
	json_t *steps = json_array(), *needs = json_array();
	size_t i;

	for (i = 0; i < u->nsteps; i++)
		json_array_append_new(steps, json_string(step_name(c, u, i)));
	for (i = 0; i < u->nneeds; i++)
		json_array_append_new(
		    needs, json_integer((json_int_t)u->needs[i] + 1));
	return json_pack("{s:I, s:s, s:s, s:o, s:o}", "unit",
	    (json_int_t)unit + 1, "root", step_name(c, u, u->nsteps - 1),
	    "stage", u->stage, "steps", steps, "needs", needs);
}

static json_t *
plan_json(struct cli *c, const struct plan *p)
{
	json_t *units = json_array();
	size_t i;

	for (i = 0; i < p->nunits; i++)
		json_array_append_new(units, unit_json(c, p, i));
	return json_pack("{s:s, s:I, s:o}", "arch", p->arch, "root",
	    (json_int_t)p->root + 1, "units", units);
}

static void
print(struct cli *c, const struct plan *p, bool dot)
{
	struct drawing d = {c, p, arena_array(&c->arena, p->nunits, bool)};

	if (c->json)
		cli_json(plan_json(c, p));
	else if (dot)
		print_dot(c, p);
	else
		print_unit(&d, p->root, "");
}

static int
graph_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct graph_options *o = opts;
	struct error err = {0};
	struct plan *p;
	struct tree *t;
	struct atom root;
	struct diags d;
	int rc;

	(void)n;
	if (root_parse(c, args[0], &root, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	rc = repo_tree(c, o->revision, &t);
	if (rc != CLI_OK)
		return rc;
	diags_init(&d, &c->arena);
	p = repo_plan(c, t, &root, c->conf.arch, NULL, NULL, &d);
	if (p) {
		cli_diags(c, &d);
		print(c, p, o->dot);
	} else {
		rc = cli_refused(c, &d);
	}
	tree_close(t);
	return rc;
}

const struct command graph_command = {
    .name = "graph",
    .arguments = "ATOM",
    .summary = "show the units of a job, their steps and what they need",
    .options = options,
    .size = sizeof(struct graph_options),
    .min = 1,
    .max = 1,
    .run = graph_main,
};
