/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a check found, for people, programs and forges. */
#include "cli/tree/review.h"
#include "cli/cli.h"

#include <string.h>

static int
by_place(const void *x, const void *y)
{
	const struct diag *a = x, *b = y;
	int c =
	    strcmp(a->at.file ? a->at.file : "", b->at.file ? b->at.file : "");

	if (c != 0)
		return c;
	if (a->at.line != b->at.line)
		return a->at.line < b->at.line ? -1 : 1;
	if (a->at.col != b->at.col)
		return a->at.col < b->at.col ? -1 : 1;
	c = strcmp(a->rule, b->rule);
	return c != 0 ? c : strcmp(a->text, b->text);
}

void
review_sort(struct review *k)
{
	if (k->found.n > 0)
		qsort(k->found.list, k->found.n, sizeof(*k->found.list),
		    by_place);
}

static const char *
count(struct review *k, size_t n, const char *what)
{
	return arena_printf(
	    &k->cli->arena, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

static size_t
warnings(const struct review *k)
{
	return k->found.n + k->dropped - k->found.errors;
}

const char *
review_summary(struct review *k)
{
	return arena_printf(&k->cli->arena, "%s, %s: %s, %s%s",
	    count(k, k->jobuilds, "jobuild"),
	    count(k, k->templates, "template"),
	    count(k, k->found.errors, "error"),
	    count(k, warnings(k), "warning"),
	    k->dropped ? " (only the first are shown)" : "");
}

void
review_json(struct review *k, json_t *o)
{
	json_object_set_new(o, "diagnostics", diags_json(&k->found));
	json_object_set_new(
	    o, "jobuilds", json_integer((json_int_t)k->jobuilds));
	json_object_set_new(
	    o, "templates", json_integer((json_int_t)k->templates));
	json_object_set_new(
	    o, "errors", json_integer((json_int_t)k->found.errors));
	json_object_set_new(
	    o, "warnings", json_integer((json_int_t)warnings(k)));
}

enum review_format
review_format_of(const char *s)
{
	return s && strcmp(s, "github") == 0 ? REVIEW_GITHUB : REVIEW_GCC;
}

/* Workflow commands end at a line's end; a property also at , and :. */
static void
put_escaped(const char *s, bool property)
{
	for (; *s; s++) {
		if (strchr(property ? "%\r\n:," : "%\r\n", *s))
			printf("%%%02X", (unsigned char)*s);
		else
			putchar(*s);
	}
}

static void
print_github(struct cli *c, const struct diag *g)
{
	printf("::%s ", g->level == DIAG_ERROR ? "error" : "warning");
	if (g->at.file) {
		fputs("file=", stdout);
		put_escaped(cli_show(c, g->at.file), true);
		putchar(',');
	}
	if (g->at.line)
		printf("line=%u,", g->at.line);
	if (g->at.col)
		printf("col=%u,", g->at.col);
	fputs("title=", stdout);
	put_escaped(cli_show(c, g->rule), true);
	fputs("::", stdout);
	put_escaped(cli_show(c, g->text), false);
	if (g->hint) {
		fputs("%0A", stdout);
		put_escaped(cli_show(c, g->hint), false);
	}
	putchar('\n');
}

void
review_print(struct review *k, enum review_format format)
{
	size_t i;

	if (k->cli->json)
		return;
	if (format == REVIEW_GCC)
		cli_diags(k->cli, &k->found);
	for (i = 0; format == REVIEW_GITHUB && i < k->found.n; i++)
		print_github(k->cli, &k->found.list[i]);
}
