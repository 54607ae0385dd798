/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/tree/source.h"
#include "recipe/globals.h"

/* One file; its part of the JSON document is added to list. */
static int
parse_one(struct cli *c, const char *file, json_t *list)
{
	struct arena a = {0};
	struct error err = {0};
	const char *text;
	struct diags d;
	size_t len;
	bool valid;

	diags_init(&d, &a);
	file = source_name(file);
	text = source_read(&a, file, SOURCE_MAX, &len, &err);
	if (!text) {
		arena_release(&a);
		return cli_error(c, CLI_NOT_FOUND, &err);
	}
	valid = globals_valid(&a, file, text, len, &d);
	cli_diags(c, &d);
	if (valid)
		cli_detail(c, "%s: valid", file);
	if (c->json)
		json_array_append_new(list,
		    json_pack("{s:s, s:b, s:o}", "file", cli_show(c, file),
			"valid", valid, "diagnostics", diags_json(&d)));
	arena_release(&a);
	return valid ? CLI_OK : CLI_FAILED;
}

static int
parse_main(struct cli *c, const void *options, int n, char *args[])
{
	json_t *list = c->json ? json_array() : NULL;
	int i, rc = CLI_OK, one;

	(void)options;
	for (i = 0; i < n; i++) {
		one = parse_one(c, args[i], list);
		if (one > rc)
			rc = one;
	}
	if (c->json)
		cli_json(c, json_pack("{s:o}", "files", list));
	return rc;
}

const struct command parse_command = {
    .name = "parse",
    .arguments = "FILE...",
    .summary = "check the syntax of bash files, \"-\" is standard input",
    .min = 1,
    .max = -1,
    .bare = true,
    .run = parse_main,
};
