/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <string.h>
#include <unistd.h>

static json_t *
list_json(const struct conf_list *list)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < list->n; i++)
		json_array_append_new(array, json_string(list->items[i]));
	return array;
}

static const char *
text_of(const struct cli *c, size_t i)
{
	const char *value;

	memcpy(&value, (const char *)&c->conf + settings_table[i].offset,
	    sizeof(value));
	return value;
}

static void
add_row(struct cli *c, struct table *t, size_t i)
{
	const struct conf_option *o = &settings_table[i];
	const char *value, *from = c->origin[i] ? c->origin[i] : "not set";
	size_t k;

	if (o->type != CONF_LIST) {
		value = text_of(c, i);
		table_add(t,
		    (const char *[]){o->name, value ? value : "-", from,
			settings_variable(i)});
		return;
	}
	for (k = 0; k < c->conf.mirror.n; k++)
		table_add(t,
		    (const char *[]){o->name, c->conf.mirror.items[k], from,
			settings_variable(i)});
	if (k == 0)
		table_add(t,
		    (const char *[]){o->name, "-", from, settings_variable(i)});
}

/* Options that set it, and of which commands: out of their tables. */
static void
each_option(struct cli *c, const char *name, void *ctx,
    void (*one)(void *ctx, const char *command, const struct opt *o))
{
	const struct opt *o;
	size_t i;

	for (i = 0; i < c->ncommands; i++) {
		for (o = c->commands[i]->options; o && o->name; o++) {
			if (o->type == OPT_SETTING &&
			    strcmp(o->name, name) == 0)
				one(ctx, c->commands[i]->name, o);
		}
	}
}

static void
print_option(void *ctx, const char *command, const struct opt *o)
{
	(void)ctx;
	printf(
	    "  option    jobuild %s --%s %s\n", command, o->name, o->argument);
}

static void
add_option(void *ctx, const char *command, const struct opt *o)
{
	json_array_append_new(ctx,
	    json_pack("{s:s, s:s}", "command", command, "option", o->name));
}

/* One setting with all ways to set it. */
static void
describe(struct cli *c, size_t i)
{
	const struct conf_option *o = &settings_table[i];
	const char *value;
	size_t k;

	printf("%s: %s\n", o->name, settings_help(i));
	if (o->type == CONF_LIST) {
		for (k = 0; k < c->conf.mirror.n; k++)
			printf("  value     %s\n",
			    cli_show(c, c->conf.mirror.items[k]));
	} else {
		value = text_of(c, i);
		if (value)
			printf("  value     %s\n", cli_show(c, value));
	}
	printf("  from      %s\n",
	    c->origin[i] ? cli_show(c, c->origin[i]) : "not set");
	each_option(c, o->name, NULL, print_option);
	printf("  variable  %s\n", settings_variable(i));
	printf("  file      \"%s = ...\" in %s\n", o->name,
	    cli_show(c, settings_file(&c->arena)));
}

static json_t *
one_json(struct cli *c, size_t i)
{
	const struct conf_option *o = &settings_table[i];
	json_t *v, *by = json_array();
	const char *value;

	if (o->type == CONF_LIST) {
		v = list_json(&c->conf.mirror);
	} else {
		value = text_of(c, i);
		v = value ? json_string(value) : json_null();
	}
	each_option(c, o->name, by, add_option);
	return json_pack("{s:s, s:s, s:o, s:s?, s:s, s:o}", "name", o->name,
	    "meaning", settings_help(i), "value", v, "origin", c->origin[i],
	    "variable", settings_variable(i), "options", by);
}

/* The setting's number, or -1. */
static int
find(struct cli *c, const char *name)
{
	const char *names[SETTINGS], *near;
	int i;

	for (i = 0; i < SETTINGS; i++) {
		names[i] = settings_table[i].name;
		if (strcmp(names[i], name) == 0 ||
		    strcmp(settings_variable((size_t)i), name) == 0)
			return i;
	}
	near = nearest(name, names, SETTINGS);
	if (near)
		cli_errorf(c, 0, "no setting \"%s\": did you mean \"%s\"?",
		    name, near);
	else
		cli_errorf(c, 0,
		    "no setting \"%s\": \"jobuild config\" lists them", name);
	return -1;
}

/* AUTOTUA_* of the environment that means nothing: a misspelt name, likely. */
static void
warn_variables(struct cli *c)
{
	const char *names[SETTINGS + 1] = {[SETTINGS] = "AUTOTUA_CONFIG"};
	const char *name, *near;
	size_t i, k;

	for (i = 0; i < SETTINGS; i++)
		names[i] = settings_variable(i);
	for (i = 0; environ[i]; i++) {
		if (strncmp(environ[i], "AUTOTUA_", 8) != 0)
			continue;
		name = arena_strndup(
		    &c->arena, environ[i], strcspn(environ[i], "="));
		for (k = 0; k <= SETTINGS && strcmp(names[k], name) != 0; k++)
			;
		if (k <= SETTINGS)
			continue;
		near = nearest(name, names, SETTINGS + 1);
		cli_note(c, "the environment's %s is not used%s%s%s", name,
		    near ? ": did you mean " : "", near ? near : "",
		    near ? "?" : "");
	}
}

static int
show_all(struct cli *c)
{
	static const char *const headings[] = {
	    "NAME", "VALUE", "FROM", "VARIABLE"};
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 4);
	for (i = 0; i < SETTINGS; i++)
		add_row(c, &t, i);
	table_print(&t, c->color_out, stdout);
	warn_variables(c);
	cli_note(c, "set what is to stay in %s, a line each: NAME = VALUE",
	    settings_file(&c->arena));
	cli_note(c, "\"jobuild config NAME\" says more");
	return CLI_OK;
}

static int
config_main(struct cli *c, const void *options, int n, char *args[])
{
	json_t *array = json_array();
	int i, k, rc = CLI_OK;

	(void)options;
	for (i = 0; i < n; i++) {
		k = find(c, args[i]);
		if (k < 0)
			rc = CLI_NOT_FOUND;
		else if (c->json)
			json_array_append_new(array, one_json(c, (size_t)k));
		else
			describe(c, (size_t)k);
	}
	for (k = 0; n == 0 && k < SETTINGS; k++)
		json_array_append_new(array, one_json(c, (size_t)k));
	if (c->json)
		cli_json(c,
		    json_pack("{s:s, s:o}", "file", settings_file(&c->arena),
			"settings", array));
	else
		json_decref(array);
	return n == 0 && !c->json ? show_all(c) : rc;
}

const struct command config_command = {
    .name = "config",
    .arguments = "[SETTING]...",
    .summary = "show the configuration, where values come from, how to set "
	       "them",
    .max = -1,
    .run = config_main,
};
