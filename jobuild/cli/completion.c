/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion for shells. The scripts know nothing of commands and options:
 * they hand the words that are typed to "jobuild completion --words", which
 * answers out of the tables that also parse them.
 */
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

static const char bash_script[] =
    "# bash completion for jobuild: printed by \"jobuild completion bash\"\n"
    "_jobuild() {\n"
    "\tlocal line cur=${COMP_WORDS[COMP_CWORD]}\n"
    "\n"
    "\t[[ $cur == \"=\" ]] && cur=\n"
    "\tCOMPREPLY=()\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tcase $line in\n"
    "\t\t:files | :dirs)\n"
    "\t\t\tcompopt -o filenames 2>/dev/null\n"
    "\t\t\tmapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(\n"
    "\t\t\t\tcompgen \"-${line:1:1}\" -- \"$cur\")\n"
    "\t\t\t;;\n"
    "\t\t*)\tCOMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "\t\tesac\n"
    "\tdone < <(\"$1\" completion --words -- \\\n"
    "\t\t\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "\tif [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]]; then\n"
    "\t\tcompopt -o nospace 2>/dev/null\n"
    "\tfi\n"
    "}\n"
    "complete -F _jobuild jobuild\n";

static const char zsh_script[] =
    "#compdef jobuild\n"
    "# zsh completion for jobuild: printed by \"jobuild completion zsh\"\n"
    "_jobuild() {\n"
    "\tlocal line word files\n"
    "\tlocal -a names shown folders\n"
    "\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tword=${line%%$'\\t'*}\n"
    "\t\tcase $line in\n"
    "\t\t(:files)\tfiles=_files ;;\n"
    "\t\t(:dirs)\tfiles='_files -/' ;;\n"
    "\t\t(*/)\tfolders+=(\"$word\") ;;\n"
    "\t\t(*)\tnames+=(\"$word\")\n"
    "\t\t\tshown+=(\"${line/$'\\t'/  -- }\") ;;\n"
    "\t\tesac\n"
    "\tdone < <(\"$words[1]\" completion --words -- \\\n"
    "\t\t\"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "\t(( $#names )) && compadd -l -d shown -a names\n"
    "\t(( $#folders )) && compadd -S '' -a folders\n"
    "\t[[ -n $files ]] && ${=files}\n"
    "\treturn 0\n"
    "}\n"
    "if [[ $funcstack[1] == _jobuild ]]; then\n"
    "\t_jobuild \"$@\"\n"
    "else\n"
    "\tcompdef _jobuild jobuild\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for jobuild: printed by \"jobuild completion fish\"\n"
    "function __jobuild_words\n"
    "\tset -l words (commandline -opc)\n"
    "\tset -l current (commandline -ct)\n"
    "\ttest (count $current) -eq 0; and set current ''\n"
    "\t$words[1] completion --words -- $words[2..-1] $current 2>/dev/null |\n"
    "\twhile read -l line\n"
    "\t\tswitch $line\n"
    "\t\t\tcase :files\n"
    "\t\t\t\t__fish_complete_path $current\n"
    "\t\t\tcase :dirs\n"
    "\t\t\t\t__fish_complete_directories $current ''\n"
    "\t\t\tcase '*'\n"
    "\t\t\t\tprintf '%s\\n' $line\n"
    "\t\tend\n"
    "\tend\n"
    "end\n"
    "complete -c jobuild -f -a '(__jobuild_words)'\n";

static const struct {
	const char *name, *script;
} shells[] = {
    {"bash", bash_script},
    {"zsh", zsh_script},
    {"fish", fish_script},
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
	size_t i;

	if (o->words) {
		words_complete(c, n, args);
		return CLI_OK;
	}
	if (o->names) {
		cli_json(all_names());
		return CLI_OK;
	}
	if (n != 1)
		return cli_errorf(c, CLI_USAGE,
		    "completion: for which shell? bash, zsh or fish");
	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, args[0]) != 0)
			continue;
		fputs(shells[i].script, stdout);
		return CLI_OK;
	}
	return cli_errorf(c, CLI_USAGE,
	    "completion: \"%s\" is not bash, zsh or fish", args[0]);
}

const struct command completion_command = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "print the script that completes this command in a shell",
    .options = options,
    .size = sizeof(struct completion_options),
    .min = 0,
    .max = -1,
    .bare = true,
    .run = completion_main,
};
