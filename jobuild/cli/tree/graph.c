/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/tree/drawing.h"
#include "cli/tree/repo.h"

#include <string.h>

struct graph_options {
	const char *revision;
	bool dot, svg;
};

static const struct opt options[] = {
    {"revision", 'r', OPT_TEXT, offsetof(struct graph_options, revision), "REV",
	"a commit instead of the work tree"},
    {"arch", 'a', OPT_SETTING, 0, "ARCH", "instead of this machine's"},
    {"dot", 0, OPT_FLAG, offsetof(struct graph_options, dot), NULL,
	"for Graphviz"},
    {"svg", 0, OPT_FLAG, offsetof(struct graph_options, svg), NULL,
	"as a picture"},
    {0},
};

static const char *
step_name(struct cli *c, const struct plan_unit *u, size_t step)
{
	return id_format(&c->arena, &u->steps[step].meta->id);
}

static void
add_links(struct cli *c, const struct plan *p, const struct plan_unit *u,
    size_t step, json_t *out)
{
	const struct plan_step *s = &u->steps[step];
	const struct plan_edge *e;
	const struct plan_unit *side;
	const char *to;
	size_t i;

	for (i = 0; i < s->ndepend + s->nsidepend; i++) {
		e = i < s->ndepend ? &s->depend[i]
				   : &s->sidepend[i - s->ndepend];
		side = i < s->ndepend ? NULL : &p->units[e->to];
		to = side ? step_name(c, side, side->nsteps - 1)
			  : step_name(c, u, e->to);
		json_array_append_new(out,
		    json_pack("{s:s, s:s, s:s, s:s, s:I}", "from",
			step_name(c, u, step), "to", to, "kind",
			side ? "SIDEPEND" : "DEPEND", "file",
			e->dep->at.file ? e->dep->at.file : "", "line",
			(json_int_t)e->dep->at.line));
	}
}

static json_t *
unit_json(struct cli *c, const struct plan *p, size_t unit)
{
	const struct plan_unit *u = &p->units[unit];
	json_t *steps = json_array(), *needs = json_array();
	json_t *links = json_array();
	size_t i;

	for (i = 0; i < u->nsteps; i++) {
		json_array_append_new(steps, json_string(step_name(c, u, i)));
		add_links(c, p, u, i, links);
	}
	for (i = 0; i < u->nneeds; i++)
		json_array_append_new(
		    needs, json_integer((json_int_t)u->needs[i] + 1));
	return json_pack("{s:I, s:s, s:s, s:o, s:o, s:o}", "unit",
	    (json_int_t)unit + 1, "root", step_name(c, u, u->nsteps - 1),
	    "stage", u->stage, "steps", steps, "needs", needs, "links", links);
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
print(struct cli *c, const struct plan *p, const struct graph_options *o)
{
	if (c->json)
		cli_json(c, plan_json(c, p));
	else if (o->dot)
		drawing_dot(c, p);
	else if (o->svg)
		drawing_svg(c, p);
	else
		drawing_text(c, p);
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
	if (o->dot && o->svg)
		return cli_errorf(
		    c, CLI_USAGE, "graph: --dot and --svg exclude each other");
	if (root_parse(c, args[0], &root, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	rc = repo_tree(c, o->revision, &t);
	if (rc != CLI_OK)
		return rc;
	diags_init(&d, &c->arena);
	rc = repo_has_root(c, t, &root);
	p = rc == CLI_OK ? repo_plan(c, t, &root, c->conf.arch, NULL, NULL, &d)
			 : NULL;
	if (p) {
		cli_diags(c, &d);
		print(c, p, o);
	} else if (rc == CLI_OK) {
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
