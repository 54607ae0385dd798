/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/text.h"

#include <string.h>

static json_t *
list_json(const struct conf_list *list)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < list->n; i++)
		json_array_append_new(array, json_string(list->items[i]));
	return array;
}

static void
add_row(struct cli *c, struct table *t, size_t i)
{
	const struct conf_option *o = &settings_table[i];
	const char *value, *unset;
	size_t k;

	unset = arena_printf(&c->arena, "not set: %s (%s)", settings_help(i),
	    settings_variable(i));
	if (o->type == CONF_LIST) {
		for (k = 0; k < c->conf.mirror.n; k++)
			table_add(t,
			    (const char *[]){o->name, c->conf.mirror.items[k],
				c->origin[i]});
		if (k == 0)
			table_add(t, (const char *[]){o->name, "-", unset});
		return;
	}
	memcpy(&value, (const char *)&c->conf + o->offset, sizeof(value));
	table_add(t,
	    (const char *[]){
		o->name, value ? value : "-", value ? c->origin[i] : unset});
}

static json_t *
one_json(struct cli *c, size_t i)
{
	const struct conf_option *o = &settings_table[i];
	const char *value;
	json_t *v;

	if (o->type == CONF_LIST) {
		v = list_json(&c->conf.mirror);
	} else {
		memcpy(
		    &value, (const char *)&c->conf + o->offset, sizeof(value));
		v = value ? json_string(value) : json_null();
	}
	return json_pack("{s:s, s:o, s:s?, s:s}", "name", o->name, "value", v,
	    "origin", c->origin[i], "variable", settings_variable(i));
}

static int
config_main(struct cli *c, const void *options, int n, char *args[])
{
	static const char *const headings[] = {"NAME", "VALUE", "FROM"};
	struct table t;
	json_t *array;
	size_t i;

	(void)options;
	(void)n;
	(void)args;
	if (c->json) {
		array = json_array();
		for (i = 0; i < SETTINGS; i++)
			json_array_append_new(array, one_json(c, i));
		cli_json(json_pack("{s:s, s:o}", "file",
		    settings_file(&c->arena), "settings", array));
		return CLI_OK;
	}
	table_init(&t, &c->arena, headings, 3);
	for (i = 0; i < SETTINGS; i++)
		add_row(c, &t, i);
	table_print(&t, c->color_out, stdout);
	cli_note(c, "your file: %s", settings_file(&c->arena));
	return CLI_OK;
}

const struct command config_command = {
    .name = "config",
    .arguments = "",
    .summary = "show the configuration and where each value comes from",
    .run = config_main,
};
