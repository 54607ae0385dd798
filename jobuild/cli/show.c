/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/repo.h"
#include "cli/text.h"

#include <string.h>

struct show_options {
	const char *revision;
};

static const struct opt options[] = {
    {"revision", 'r', OPT_TEXT, offsetof(struct show_options, revision), "REV",
	"a commit instead of the work tree"},
    {0},
};

static const char *
place_text(struct cli *c, struct place at)
{
	if (!at.file)
		return "";
	if (!at.line)
		return cli_show(c, at.file);
	return arena_printf(&c->arena, "%s:%u", cli_show(c, at.file), at.line);
}

static void
print_variables(struct cli *c, const struct metadata *m)
{
	static const char *const headings[] = {"VARIABLE", "VALUE", "FROM"};
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 3);
	for (i = 0; i < m->nvars; i++)
		table_add(&t,
		    (const char *[]){m->vars[i].name, m->vars[i].value,
			place_text(c, m->vars[i].at)});
	table_print(&t, c->color_out, stdout);
}

/* The function of this name in the chain, or NULL. */
static const struct function *
find_function(const struct metadata *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nfunctions; i++) {
		if (strcmp(m->functions[i].name, name) == 0)
			return &m->functions[i];
	}
	return NULL;
}

/* job_unpack has a default when there is something to unpack. */
static bool
has_default(const struct metadata *m, size_t phase)
{
	return phase == PHASE_UNPACK && m->nsources > 0 && m->phases != 0;
}

static void
print_phases(struct cli *c, const struct metadata *m)
{
	static const char *const headings[] = {"PHASE", "FROM"};
	const struct function *f;
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 2);
	for (i = 0; i < PHASES; i++) {
		f = find_function(m, phase_names[i]);
		if (f)
			table_add(&t,
			    (const char *[]){
				phase_names[i], place_text(c, f->at)});
		else if (has_default(m, i))
			table_add(&t,
			    (const char *[]){
				phase_names[i], "default: unpack ${A}"});
	}
	if (t.rows > 1)
		putchar('\n');
	table_print(&t, c->color_out, stdout);
}

static const struct source *
source_at(const struct metadata *m, size_t i)
{
	return i < m->nsources ? &m->sources[i] : &m->portconf[i - m->nsources];
}

static void
print_sources(struct cli *c, const struct tree_recipe *r)
{
	static const char *const headings[] = {"SOURCE", "SIZE", "FOR", "URI"};
	const struct metadata *m = r->meta;
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 4);
	for (i = 0; i < m->nsources + m->nportconf; i++)
		table_add(&t,
		    (const char *[]){source_at(m, i)->name,
			i < r->ndist && r->dist[i]
			    ? text_size(&c->arena, r->dist[i]->size)
			    : "?",
			i < m->nsources ? "unpack" : "/etc",
			source_at(m, i)->uri});
	if (t.rows > 1)
		putchar('\n');
	table_print(&t, c->color_out, stdout);
}

static void
print_text(struct cli *c, const struct tree_recipe *r)
{
	size_t i;

	printf("%s%s\n", id_format(&c->arena, &r->id),
	    r->kind == RECIPE_TEMPLATE ? " (template)" : "");
	for (i = r->nchain; i-- > 0;)
		printf("%s%s\n", i + 1 == r->nchain ? "  " : "  extends ",
		    cli_show(c, r->chain[i]->path));
	for (i = 0; i < r->naux; i++)
		printf("  with %s\n", cli_show(c, r->aux[i]->path));
	putchar('\n');
	print_variables(c, r->meta);
	print_phases(c, r->meta);
	print_sources(c, r);
}

static json_t *
chain_json(const struct tree_recipe *r)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < r->nchain; i++)
		json_array_append_new(array,
		    json_pack("{s:s, s:s, s:s}", "path", r->chain[i]->path,
			"blob", r->chain[i]->blob, "digest",
			r->chain[i]->digest));
	return array;
}

static json_t *
place_json(json_t *o, struct place at)
{
	if (at.file)
		json_object_set_new(o, "file", json_string(at.file));
	if (at.line)
		json_object_set_new(o, "line", json_integer(at.line));
	return o;
}

static json_t *
variables_json(const struct metadata *m)
{
	json_t *array = json_array(), *o;
	size_t i;

	for (i = 0; i < m->nvars; i++) {
		o = json_pack("{s:s, s:s}", "name", m->vars[i].name, "value",
		    m->vars[i].value);
		json_array_append_new(array, place_json(o, m->vars[i].at));
	}
	return array;
}

static json_t *
phases_json(const struct metadata *m)
{
	json_t *array = json_array(), *o;
	const struct function *f;
	size_t i;

	for (i = 0; i < PHASES; i++) {
		f = find_function(m, phase_names[i]);
		if (!f && !has_default(m, i))
			continue;
		o = json_pack(
		    "{s:s, s:b}", "name", phase_names[i], "default", f == NULL);
		if (f)
			place_json(o, f->at);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *
sources_json(const struct tree_recipe *r)
{
	const struct metadata *m = r->meta;
	const struct manifest_entry *e;
	json_t *array = json_array(), *o;
	size_t i;

	for (i = 0; i < m->nsources + m->nportconf; i++) {
		o = json_pack("{s:s, s:s, s:b}", "name", source_at(m, i)->name,
		    "uri", source_at(m, i)->uri, "portconf", i >= m->nsources);
		e = i < r->ndist ? r->dist[i] : NULL;
		if (e)
			json_object_set_new(o, "size", json_integer(e->size));
		if (e && *e->blake2b)
			json_object_set_new(
			    o, "blake2b", json_string(e->blake2b));
		if (e && *e->sha512)
			json_object_set_new(
			    o, "sha512", json_string(e->sha512));
		json_array_append_new(array, o);
	}
	return array;
}

static int
show_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct show_options *o = opts;
	const struct tree_recipe *r;
	struct error err = {0};
	struct named what;
	struct tree *t;
	struct atom root;
	struct diags d;
	int rc = CLI_OK;

	(void)n;
	if (root_parse(c, args[0], &root, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	rc = repo_tree(c, o->revision, &t);
	if (rc != CLI_OK)
		return rc;
	diags_init(&d, &c->arena);
	if (root_find(c, t, &root, &what, &err) < 0) {
		rc = cli_error(c, CLI_NOT_FOUND, &err);
		goto out;
	}
	r = tree_recipe(t, &what.id, what.kind, &d);
	if (!r) {
		rc = cli_refused(c, &d);
		goto out;
	}
	cli_diags(c, &d);
	if (c->json)
		cli_json(json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
		    "atom", id_format(&c->arena, &r->id), "kind",
		    r->kind == RECIPE_TEMPLATE ? "template" : "jobuild",
		    "chain", chain_json(r), "variables",
		    variables_json(r->meta), "phases", phases_json(r->meta),
		    "sources", sources_json(r), "diagnostics", diags_json(&d)));
	else
		print_text(c, r);
out:
	tree_close(t);
	return rc;
}

const struct command show_command = {
    .name = "show",
    .arguments = "ATOM",
    .summary = "show a jobuild as it is understood, and what comes from where",
    .options = options,
    .size = sizeof(struct show_options),
    .min = 1,
    .max = 1,
    .run = show_main,
};
