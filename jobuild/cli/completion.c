/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion for shells, and names for editors. */
#include "base/shells.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/words.h"
#include "recipe/names.h"
#include "recipe/recipe.h"

#include <string.h>

struct completion_options {
	bool words, names;
};

static const struct opt options[] = {
    {"words", 0, OPT_FLAG, offsetof(struct completion_options, words), NULL,
	"what may the last of these words become? for the scripts"},
    {"names", 0, OPT_FLAG, offsetof(struct completion_options, names), NULL,
	"names that mean something in recipes, as JSON; for editors"},
    {0},
};

static json_t *
list(const char *const names[], size_t n)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(array, json_string(names[i]));
	return array;
}

static json_t *
all_names(void)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "phases",
	    list(phase_names, PHASES), "helpers",
	    list(helper_names, helper_count), "variables",
	    list(known_names, known_count), "predefined",
	    list(predefined_names, predefined_count), "phase_only",
	    list(phase_only_names, phase_only_count));
}

static int
completion_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct completion_options *o = opts;

	if (o->words) {
		words_complete(c, n, args);
		return CLI_OK;
	}
	if (o->names) {
		cli_json(c, all_names());
		return CLI_OK;
	}
	if (n != 1)
		return cli_errorf(c, CLI_USAGE,
		    "completion: for which shell? bash, zsh or fish");
	if (shells_script(stdout, args[0], "jobuild"))
		return CLI_OK;
	return cli_errorf(c, CLI_USAGE,
	    "completion: \"%s\" is not bash, zsh or fish", args[0]);
}

const struct command completion_command = {
    .name = "completion",
    .arguments = SHELLS_NAMES,
    .summary = "print the script that completes this command in a shell",
    .options = options,
    .size = sizeof(struct completion_options),
    .min = 0,
    .max = -1,
    .bare = true,
    .run = completion_main,
};
