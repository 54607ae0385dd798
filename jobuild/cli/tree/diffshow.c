/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs, as text. */
#include "cli/cli.h"
#include "cli/tree/differ.h"
#include "cli/steps.h"

#include <stdio.h>
#include <string.h>

#define KEY_SHOWN 12 /* digits: enough to tell keys apart */

struct mark {
	const char *change, *sign, *color, *text;
};

static const struct mark marks[] = {
    {"added", "+", "\033[32m", ""},
    {"removed", "-", "\033[31m", ""},
    {"changed", "~", "\033[33m", ""},
    {"version", "~", "\033[33m", ""},
    {"follows", "~", "\033[33m", ""},
    {"broken", "!", "\033[31m", "can't be read any more"},
    {"still-broken", "!", "\033[31m", "can't be read, nor could it before"},
    {"repaired", "~", "\033[32m", "can be read again"},
    {"unresolvable", "!", "\033[31m", "can't be resolved any more"},
    {"still-unresolvable", "!", "\033[31m",
	"can't be resolved, nor could it before"},
    {"resolvable", "~", "\033[32m", "can be resolved"},
};

static const struct mark *
mark_of(const json_t *o)
{
	const char *change = member(o, "change");
	size_t i;

	for (i = 0; i + 1 < sizeof(marks) / sizeof(marks[0]); i++) {
		if (strcmp(marks[i].change, change) == 0)
			break;
	}
	return &marks[i];
}

/* Does it need to be said for which architecture? */
static bool
shows_arch(struct cli *c, const json_t *o)
{
	return json_array_size(json_object_get(o, "arches")) > 1 ||
	    (*member(o, "arch") &&
		strcmp(member(o, "arch"), c->conf.arch) != 0);
}

/* "~ anna/app-1.1 for arm64 (was anna/app-1.0): remark", indented. */
static void
print_head(struct cli *c, int indent, const json_t *o, const char *name,
    const char *remark)
{
	const struct mark *m = mark_of(o);
	const char *was = member(o, "was");

	printf("%*s%s%s%s %s", indent, "", c->color_out ? m->color : "",
	    m->sign, c->color_out ? "\033[0m" : "",
	    cli_show(c, member(o, name)));
	if (shows_arch(c, o))
		printf(" for %s", cli_show(c, member(o, "arch")));
	if (*was)
		printf(" (was %s)", cli_show(c, was));
	printf("%s%s%s%s\n", *remark || *m->text ? ": " : "", remark,
	    *remark && *m->text ? ", " : "", m->text);
}

static void
print_inputs(struct cli *c, int indent, const json_t *list)
{
	const json_t *o;
	const char *dist;
	size_t i;

	json_array_foreach(list, i, o)
	{
		dist = member(o, "dist");
		printf("%*s%s%s %s\n", indent, "", *dist ? "DIST " : "",
		    cli_show(c, *dist ? dist : member(o, "file")),
		    member(o, "change"));
	}
}

/* A value in quotes, so that blanks at its ends are seen. */
static const char *
quoted(struct cli *c, const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? arena_printf(&c->arena, "\"%s\"", cli_show(c, s)) : "unset";
}

static void
print_values(struct cli *c, const json_t *list)
{
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		if (json_object_get(o, "old"))
			printf("    %s: %s -> %s\n",
			    cli_show(c, member(o, "name")), quoted(c, o, "old"),
			    quoted(c, o, "new"));
		else
			printf("    %s: %s\n", cli_show(c, member(o, "name")),
			    quoted(c, o, "new"));
	}
}

static void
print_recipes(struct cli *c, const json_t *list)
{
	const json_t *o;
	size_t i;

	if (json_array_size(list) > 0)
		puts("Recipes");
	json_array_foreach(list, i, o)
	{
		print_head(c, 0, o, "recipe",
		    strcmp(member(o, "kind"), "template") == 0 ? "template"
							       : "");
		print_inputs(c, 4, json_object_get(o, "inputs"));
		print_values(c, json_object_get(o, "values"));
	}
}

static void
print_step(struct cli *c, const json_t *o)
{
	const char *remark = "";

	if (strcmp(member(o, "change"), "follows") == 0)
		remark = "by what comes before it";
	print_head(c, 4, o, "step", remark);
	print_inputs(c, 8, json_object_get(o, "causes"));
	if (*member(o, "old-key") && *member(o, "new-key"))
		printf("        key %.*s -> %.*s\n", KEY_SHOWN,
		    member(o, "old-key"), KEY_SHOWN, member(o, "new-key"));
}

static void
print_unit(struct cli *c, const json_t *o)
{
	const json_t *stage = json_object_get(o, "stage"), *step;
	size_t i;

	print_head(c, 2, o, "unit", "unit");
	if (stage)
		printf("    stage %s -> %s\n",
		    cli_show(c, member(stage, "old")),
		    cli_show(c, member(stage, "new")));
	if (json_is_true(json_object_get(o, "reordered")))
		puts("    steps come in another order");
	json_array_foreach(json_object_get(o, "steps"), i, step)
	    print_step(c, step);
}

static void
print_root(struct cli *c, const json_t *o)
{
	const json_t *list = json_object_get(o, "diagnostics"), *unit;
	struct diags d;
	size_t i;

	print_head(c, 0, o, "root", "");
	json_array_foreach(json_object_get(o, "units"), i, unit)
	    print_unit(c, unit);
	if (!list)
		return;
	diags_init(&d, &c->arena);
	if (diags_from_json(&d, list) == 0)
		diags_print(&d, stdout);
}

void
differ_print(struct cli *c, const json_t *document)
{
	const json_t *recipes = json_object_get(document, "recipes");
	const json_t *roots = json_object_get(document, "roots"), *o;
	size_t i;

	print_recipes(c, recipes);
	if (json_array_size(roots) > 0)
		printf("%sRoots\n", json_array_size(recipes) > 0 ? "\n" : "");
	json_array_foreach(roots, i, o) print_root(c, o);
}
