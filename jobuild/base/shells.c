/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/shells.h"

#include <string.h>

/* In them ~ is the program's name. */

static const char bash_script[] =
    "# bash completion for ~: printed by \"~ completion bash\"\n"
    "_~() {\n"
    "\tlocal line cur=${COMP_WORDS[COMP_CWORD]}\n"
    "\tlocal words=(\"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
    "\n"
    "\tCOMPREPLY=()\n"
    "\tif [[ $cur == \"=\" ]]; then\n"
    "\t\t[[ ${COMP_WORDS[COMP_CWORD-1]} == --* ]] || return\n"
    "\t\tcur=\n"
    "\tfi\n"
    "\twords=(\"${words[@]#[\\\"\\']}\")\n"
    "\twords=(\"${words[@]%[\\\"\\']}\")\n"
    "\tcur=${cur#[\\\"\\']}\n"
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
    "\t\t\"${words[@]}\" \"$cur\" 2>/dev/null)\n"
    "\tif [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]]; then\n"
    "\t\tcompopt -o nospace 2>/dev/null\n"
    "\tfi\n"
    "}\n"
    "complete -F _~ ~\n";

static const char zsh_script[] =
    "#compdef ~\n"
    "# zsh completion for ~: printed by \"~ completion zsh\"\n"
    "_~() {\n"
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
    "\t\t\"${(@Q)words[2,CURRENT-1]}\" \"$PREFIX\" 2>/dev/null)\n"
    "\t(( $#names )) && compadd -l -d shown -a names\n"
    "\t(( $#folders )) && compadd -S '' -a folders\n"
    "\t[[ -n $files ]] && ${=files}\n"
    "\treturn 0\n"
    "}\n"
    "if [[ $funcstack[1] == _~ ]]; then\n"
    "\t_~ \"$~\"\n"
    "else\n"
    "\tcompdef _~ ~\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for ~: printed by \"~ completion fish\"\n"
    "function __~_words\n"
    "\tset -l words (commandline -opc)\n"
    "\tset -l current (commandline -ct | string replace -r '^[\"\\']' '')\n"
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
    "complete -c ~ -f -a '(__~_words)'\n";

static const struct {
	const char *name, *script;
} shells[] = {
    {"bash", bash_script},
    {"zsh", zsh_script},
    {"fish", fish_script},
};

bool
shells_script(FILE *f, const char *shell, const char *program)
{
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shells[i].name, shell) != 0)
			continue;
		for (p = shells[i].script; *p; p++) {
			if (*p == '~')
				fputs(program, f);
			else
				fputc(*p, f);
		}
		return true;
	}
	return false;
}
