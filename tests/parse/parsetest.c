/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parser and the evaluator on files, for the case files here.
 *
 *	parsetest syntax FILE...   "0 FILE" if bash -n exits with 0, else "1
 *FILE" parsetest diags FILE       the diagnostics of a jobuild or template
 *	parsetest vars FILE        its values, lists and functions
 *	parsetest lint FILE        as diags, and what lint advises
 *
 * A file that extends user/name-1.0 finds it as user_name-1.0.template in the
 * same folder. The file itself is test/STEM-1.0.
 */
#include "recipe/lint.h"
#include "recipe/parse.h"
#include "recipe/recipe.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <string.h>

static const char *
read_text(struct arena *a, const char *path, size_t *len)
{
	const char *text = NULL;
	struct error err;
	struct buf b;

	buf_init(&b, PARSE_FILE_MAX);
	if (file_read(path, &b, &err) < 0)
		fprintf(stderr, "%s: %s\n", path, err.msg);
	else
		text = arena_strndup(a, b.data ? b.data : "", b.len);
	*len = b.len;
	buf_release(&b);
	return text;
}

static int
syntax(int n, char **files)
{
	struct arena a = {0};
	struct diags d;
	const char *text;
	size_t len;
	int i, bad;

	for (i = 0; i < n; i++) {
		diags_init(&d, &a);
		text = read_text(&a, files[i], &len);
		if (!text)
			return 2;
		bad =
		    !syntax_valid(&a, files[i], text, len, PARSE_DEPTH_MAX, &d);
		printf("%d %s\n", bad, files[i]);
		arena_release(&a);
	}
	return 0;
}

/* The file and all that it extends, root first; how many, or 0. */
static size_t
read_chain(struct arena *a, const char *path,
    struct recipe *chain[RECIPE_CHAIN_MAX + 1], struct diags *d)
{
	struct recipe *from_leaf[RECIPE_CHAIN_MAX + 1];
	struct recipe_id parent;
	struct place at;
	char ver[VERSION_MAX];
	const char *text;
	size_t n = 0, i, len;

	while (path && n <= RECIPE_CHAIN_MAX) {
		text = read_text(a, path, &len);
		if (!text)
			return 0;
		from_leaf[n] = recipe_parse(a, path, text, len, d);
		if (!from_leaf[n])
			return 0;
		path = NULL;
		if (recipe_extends(from_leaf[n], &parent, &at)) {
			version_format(parent.ver, ver);
			path = arena_printf(a, "%s_%s-%s.template", parent.user,
			    parent.name, ver);
		}
		n++;
	}
	for (i = 0; i < n; i++)
		chain[i] = from_leaf[n - 1 - i];
	return n;
}

static struct metadata *
evaluate(struct arena *a, const char *path, bool lint, struct diags *d)
{
	struct recipe *chain[RECIPE_CHAIN_MAX + 1];
	struct recipe_id id = {"test", NULL, {1, 0}};
	const char *dot = strrchr(path, '.');
	size_t n = read_chain(a, path, chain, d);
	struct metadata *m;

	if (n == 0 || !dot)
		return NULL;
	id.name = arena_strndup(a, path, (size_t)(dot - path));
	m = recipe_eval(a, chain, n, &id,
	    strcmp(dot, ".template") == 0 ? RECIPE_TEMPLATE : RECIPE_JOBUILD,
	    d);
	if (m && lint)
		recipe_lint(a, chain, n, m, d);
	return m;
}

static void
print_dep(struct arena *a, const struct dep *dep)
{
	size_t i;

	if (dep->kind == DEP_ATOM) {
		printf(" %s", atom_format(a, &dep->atom));
		return;
	}
	printf(dep->kind == DEP_ANYOF ? " || (" : " (");
	for (i = 0; i < dep->n; i++)
		print_dep(a, &dep->items[i]);
	printf(" )");
}

static void
print_deps(struct arena *a, const char *name, const struct dep_list *list)
{
	size_t i;

	if (list->n == 0)
		return;
	printf("%s:", name);
	for (i = 0; i < list->n; i++)
		print_dep(a, &list->items[i]);
	printf("\n");
}

static void
print_words(const char *name, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		printf("%s: %s\n", name, list[i]);
}

static void
print_number(const char *name, int64_t v)
{
	if (v)
		printf("%s: %jd\n", name, (intmax_t)v);
}

static void
print_sources(const char *name, const struct source *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		printf("%s: %s -> %s\n", name, list[i].uri, list[i].name);
}

static void
print_metadata(struct arena *a, const struct metadata *m)
{
	const struct resources *r = &m->resources;
	size_t i;

	for (i = 0; i < m->nvars; i++)
		printf("%s=<%s>\n", m->vars[i].name,
		    show(a, m->vars[i].value, strlen(m->vars[i].value)));
	print_deps(a, "depend", &m->depend);
	print_deps(a, "sidepend", &m->sidepend);
	print_sources("source", m->sources, m->nsources);
	print_sources("portconf", m->portconf, m->nportconf);
	print_words("arch", m->arch, m->narch);
	print_words("requires", m->requires, m->nrequires);
	print_words("lock", m->locks, m->nlocks);
	print_number("properties", m->properties);
	print_number("memory", r->memory);
	print_number("disk", r->disk);
	print_number("log", r->log);
	print_number("cpus", r->cpus);
	print_number("pids", r->pids);
	print_number("time", r->time);
	print_number("silence", r->silence);
	for (i = 0; i < PHASES; i++)
		if (m->phases & 1u << i)
			printf("phase: %s\n", phase_names[i]);
	for (i = 0; i < m->nfunctions; i++)
		printf("function: %s of file %zu\n", m->functions[i].name,
		    m->functions[i].link);
}

int
main(int argc, char **argv)
{
	struct arena a = {0};
	struct metadata *m;
	struct diags d;

	if (argc > 2 && strcmp(argv[1], "syntax") == 0)
		return syntax(argc - 2, argv + 2);
	if (argc != 3)
		return 2;
	diags_init(&d, &a);
	m = evaluate(&a, argv[2], strcmp(argv[1], "lint") == 0, &d);
	if (strcmp(argv[1], "vars") != 0)
		diags_print(&d, stdout);
	else if (m)
		print_metadata(&a, m);
	else
		printf("refused\n");
	arena_release(&a);
	return 0;
}
