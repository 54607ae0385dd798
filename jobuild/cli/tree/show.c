/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/tree/repo.h"
#include "cli/text.h"

#include <string.h>

/* The chain's files, parsed again: where each value was set or extended. */
struct origins {
	struct recipe *files[RECIPE_CHAIN_MAX];
	size_t n;
};

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
read_origins(struct cli *c, struct tree *t, const struct tree_recipe *r,
    struct origins *o)
{
	const struct tree_file *f;
	struct error ignored;
	struct diags none;

	diags_init(&none, &c->arena);
	for (o->n = 0; o->n < r->nchain; o->n++) {
		f = r->chain[o->n];
		if (tree_load(t, f, &ignored) < 0)
			return;
		o->files[o->n] =
		    recipe_parse(&c->arena, f->path, f->text, f->len, &none);
		if (!o->files[o->n])
			return; /* not when the tree has read it too */
	}
}

/* The next assignment of name, in the order of the chain. */
static bool
next_origin(const struct origins *o, const char *name, size_t *file, size_t *i,
    struct origin *out)
{
	for (; *file < o->n; (*file)++, *i = 0) {
		while (recipe_origin(o->files[*file], (*i)++, out)) {
			if (strcmp(out->name, name) == 0)
				return true;
		}
	}
	return false;
}

/* "=" or "+=" and the place. */
static const char *
origin_text(struct cli *c, const struct origin *a)
{
	return arena_printf(
	    &c->arena, "%-2s %s", a->append ? "+=" : "=", place_text(c, a->at));
}

/* A row for the value and what set or extended it last; before that below. */
static void
add_variable(struct cli *c, struct table *t, const struct variable *v,
    const struct origins *o)
{
	struct origin *list = NULL, one;
	size_t file = 0, i = 0, n = 0;

	while (next_origin(o, v->name, &file, &i, &one)) {
		list = arena_grow(&c->arena, list, n, sizeof(*list));
		list[n++] = one;
	}
	table_add(t,
	    (const char *[]){
		v->name, v->value, n > 0 ? origin_text(c, &list[n - 1]) : ""});
	while (n-- > 1)
		table_add(
		    t, (const char *[]){"", "", origin_text(c, &list[n - 1])});
}

static void
print_variables(
    struct cli *c, const struct metadata *m, const struct origins *o)
{
	static const char *const headings[] = {"VARIABLE", "VALUE", "FROM"};
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 3);
	for (i = 0; i < m->nvars; i++)
		add_variable(c, &t, &m->vars[i], o);
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
print_text(struct cli *c, const struct tree_recipe *r, const struct origins *o)
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
	print_variables(c, r->meta, o);
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

/* Every assignment of the chain: its sign, its place, and what is written. */
static json_t *
origins_json(struct cli *c, const struct origins *o, const char *name)
{
	json_t *array = json_array(), *one;
	size_t file = 0, i = 0;
	struct origin a;

	while (next_origin(o, name, &file, &i, &a)) {
		one = json_pack("{s:s, s:s}", "operator", a.append ? "+=" : "=",
		    "source", show(&c->arena, a.source, a.len));
		json_array_append_new(array, place_json(one, a.at));
	}
	return array;
}

static json_t *
variables_json(
    struct cli *c, const struct metadata *m, const struct origins *origins)
{
	json_t *array = json_array(), *o;
	size_t i;

	for (i = 0; i < m->nvars; i++) {
		o = json_pack("{s:s, s:s, s:o}", "name", m->vars[i].name,
		    "value", m->vars[i].value, "origins",
		    origins_json(c, origins, m->vars[i].name));
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

static json_t *
recipe_json(struct cli *c, const struct tree_recipe *r, const struct origins *o,
    const struct diags *d)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "atom",
	    id_format(&c->arena, &r->id), "kind",
	    r->kind == RECIPE_TEMPLATE ? "template" : "jobuild", "chain",
	    chain_json(r), "variables", variables_json(c, r->meta, o), "phases",
	    phases_json(r->meta), "sources", sources_json(r), "diagnostics",
	    diags_json(d));
}

/* One of what was asked for; with --json it is appended to documents. */
static int
show_one(struct cli *c, struct tree *t, const char *name, bool first,
    json_t *documents)
{
	const struct tree_recipe *r;
	struct error err = {0};
	struct origins origins;
	struct named what;
	struct atom root;
	struct diags d;

	diags_init(&d, &c->arena);
	if (root_parse(c, name, &root, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	if (root_find(c, t, &root, &what, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	r = tree_recipe(t, &what.id, what.kind, &d);
	if (!r && c->json)
		json_array_append_new(documents,
		    json_pack("{s:s, s:o}", "atom",
			id_format(&c->arena, &what.id), "diagnostics",
			diags_json(&d)));
	cli_diags(c, &d);
	if (!r)
		return CLI_FAILED;
	read_origins(c, t, r, &origins);
	if (c->json) {
		json_array_append_new(
		    documents, recipe_json(c, r, &origins, &d));
		return CLI_OK;
	}
	if (!first)
		putchar('\n');
	print_text(c, r, &origins);
	return CLI_OK;
}

/* One document for one recipe, a list for several. */
static void
print_documents(struct cli *c, json_t *documents, int n)
{
	if (n == 1 && json_array_size(documents) == 1)
		cli_json(c, json_incref(json_array_get(documents, 0)));
	else if (n > 1)
		cli_json(c, json_pack("{s:O}", "recipes", documents));
}

static int
show_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct show_options *o = opts;
	json_t *documents = json_array();
	int rc, one, i;
	struct tree *t;

	rc = repo_tree(c, o->revision, &t);
	if (rc != CLI_OK) {
		json_decref(documents);
		return rc;
	}
	for (i = 0; i < n; i++) {
		one = show_one(c, t, args[i], i == 0, documents);
		if (one > rc)
			rc = one;
	}
	if (c->json)
		print_documents(c, documents, n);
	json_decref(documents);
	tree_close(t);
	return rc;
}

const struct command show_command = {
    .name = "show",
    .arguments = "ATOM...",
    .summary = "show a jobuild as it is understood, and what comes from where",
    .options = options,
    .size = sizeof(struct show_options),
    .min = 1,
    .max = -1,
    .run = show_main,
};
