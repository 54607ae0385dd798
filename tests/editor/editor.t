#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The files for editors: their names are the program's, and the editors
# themselves highlight recipes and read what jobuild lint says.
# shellcheck disable=SC2016 # vim's and the recipes' dollars
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

e=$top/jobuild/editor
export HOME=$tmp/home
mkdir -p "$HOME"
recipe anna/app-1.0 <<'X'
# DEPEND is no variable here, einfo no helper
DESCRIPTION="An einfo application of ${PN}"
SRC_URI='${P}'
plain="x"

job_run() {
	einfo "hello from ${P}"
	if true; then
		die "no ${WORKDIR}"
	fi
	echo skip
}
X
recipe base/frame-2.0.template <<<'DESCRIPTION="A template"'
file=$tree/anna/app/app-1.0.jobuild

# ---- the lists of names ----------------------------------------------------------
jobuild completion --names >"$tmp/names"
names() { jq -r ".$1[]" "$tmp/names" | sort; }
same() { # EDITOR'S FILE, LIST: the words on standard input are the program's
	tr -s ' \n' '\n' | grep . | sort >"$tmp/words"
	names "$2" | diff - "$tmp/words" >"$tmp/err"
	ok "$1 has the program's $2"
}
vim_words() { # GROUP
	sed -n "/^syn keyword $1 /,/^[^\t]/{/^syn keyword $1 /{s///;p};/^\t\\\\/{s///;p}}" "$e/vim/syntax/jobuild.vim" |
		tr ' ' '\n' | grep -v '^contained'
}
emacs_words() { # CONSTANT
	sed -n "/^(defconst $1\$/,/))/p" "$e/emacs/jobuild-mode.el" | grep -o '"[^"]*"' | tr -d '"'
}
code=$e/vscode/syntaxes/jobuild.tmLanguage.json
code_words() { # SCOPE
	jq -r --arg s "$1" '.injections[].patterns[] | select(.name == $s) | .match |
		capture("\\((?<w>[A-Za-z_][A-Za-z_|]+)\\)").w | gsub("\\|"; "\n")' "$code"
}
while read -r list vim emacs scope; do
	same vim "$list" < <(vim_words "$vim")
	same emacs "$list" < <(emacs_words "$emacs")
	same "VS Code" "$list" < <(code_words "$scope")
done <<'X'
phases jobuildPhase jobuild-phases entity.name.function.phase.jobuild
helpers jobuildHelper jobuild-helpers support.function.helper.jobuild
variables jobuildVariable jobuild-variables support.type.variable.jobuild
predefined jobuildPredefined jobuild-predefined variable.language.predefined.jobuild
phase_only jobuildPhaseOnly jobuild-phase-only variable.language.phase.jobuild
X

# ---- vim -------------------------------------------------------------------------
# NAME@LINE:COL ...: the syntax groups there.
cat >"$tmp/vimrc" <<X
set nocompatible nomore runtimepath^=$e/vim
filetype plugin on
syntax on
X
in_vim() { # COMMAND...: what they append to the list l is in \$tmp/out
	local c args=()

	for c in "$@"; do args+=(-c "$c"); done
	(cd / && timeout 60 vim -N -u "$tmp/vimrc" -i NONE -n -es "$file" -c 'let l = []' "${args[@]}" \
		-c "call writefile(l, '$tmp/out')" -c 'qa!') >"$tmp/vim" 2>"$tmp/err" </dev/null
}
group="call add(l, join(map(synstack(line('.'), col('.')), 'synIDattr(v:val, \"name\")')))"
at() { # LINE, COLUMN, GROUP or - for none of ours
	in_vim "call cursor($1, $2)" "$group"
	if [[ $3 == - ]]; then ! said jobuild; else said "$3"; fi
	ok "vim: $1:$2 is $3"
}
in_vim 'call add(l, &filetype)' "edit $tree/base/frame/frame-2.0.template" 'call add(l, &filetype)' \
	"edit $tmp/letter.template" 'call add(l, &filetype)'
printf 'jobuild\njobuild\n\n' | said_exactly
ok "vim: jobuilds and templates are recognized, other templates not"
at 1 3 -
at 2 1 jobuildVariable
at 2 18 -
at 3 1 jobuildVariable
at 4 1 -
at 6 1 jobuildPhase
at 7 2 jobuildHelper
at 7 22 jobuildPredefined
at 9 3 jobuildHelper
at 9 13 jobuildPhaseOnly
echo 'job_run() { einfo $(date; }' >>"$file"
in_vim 'silent make!' 'call extend(l, map(getqflist(), "v:val.type . v:val.lnum . \" \" . fnamemodify(bufname(v:val.bufnr), \":p\")"))'
grep -qx "e1[34] $file" "$tmp/out"
ok "vim: :make finds the place, from any folder"

# ---- emacs -----------------------------------------------------------------------
cat >"$tmp/faces.el" <<'X'
(require 'jobuild-mode)
(find-file (getenv "FILE"))
(font-lock-ensure)
(princ (format "%s\n" major-mode))
(dolist (at '((1 3) (2 0) (2 17) (3 0) (4 0) (6 0) (7 1) (7 21) (9 2) (9 12)))
  (goto-char (point-min))
  (forward-line (1- (car at)))
  (forward-char (cadr at))
  (princ (format "%s:%s %s\n" (car at) (cadr at) (get-text-property (point) 'face))))
(defvar told nil)
(jobuild-flymake (lambda (found) (setq told (list found))))
(let ((n 0))
  (while (and (not told) (< n 600))
    (accept-process-output nil 0.1)
    (setq n (1+ n))))
(dolist (d (car told))
  (princ (format "%s line %d\n" (flymake-diagnostic-type d)
                 (line-number-at-pos (flymake-diagnostic-beg d)))))
(find-file (getenv "TEMPLATE"))
(princ (format "%s\n" major-mode))
X
FILE=$file TEMPLATE=$tree/base/frame/frame-2.0.template HOME=$tmp/home \
	timeout 120 emacs -Q --batch -L "$e/emacs" -l "$tmp/faces.el" >"$tmp/out" 2>"$tmp/err" </dev/null
said jobuild-mode && said "2:0 font-lock-type-face" && said "3:0 font-lock-type-face" && said "6:0 font-lock-function-name-face" &&
	said "7:1 font-lock-builtin-face" && said "7:21 font-lock-constant-face" && said "9:2 font-lock-builtin-face" &&
	said "9:12 font-lock-constant-face"
ok "emacs: faces of phases, helpers and variables"
said "1:3 font-lock-comment-face" && said "2:17 font-lock-string-face" && said "4:0 font-lock-variable-name-face"
ok "emacs: what is none of them"
grep -qx ':error line 1[34]' "$tmp/out"
ok "emacs: Flymake shows what lint finds"
[[ $(tail -n 1 "$tmp/out") == jobuild-mode ]]
ok "emacs: templates"
cp "$e/emacs/jobuild-mode.el" "$tmp/"
emacs -Q --batch --eval '(setq byte-compile-error-on-warn t)' -f batch-byte-compile "$tmp/jobuild-mode.el" >"$tmp/out" 2>"$tmp/err"
ok "emacs: compiles without a warning"

# ---- VS Code: jq has the grammar's own engine for regular expressions --------------
for f in package.json language-configuration.json tasks.json syntaxes/jobuild.tmLanguage.json; do
	jq -e . "$e/vscode/$f" >/dev/null 2>"$tmp/err"
	ok "VS Code: $f is JSON"
done
jq -e --arg dir "$e/vscode/" '.contributes | .languages[0].id == .grammars[0].language and
	.grammars[0].scopeName == "source.jobuild"' "$e/vscode/package.json" >/dev/null 2>"$tmp/err" &&
	[[ -f $e/vscode/$(jq -r '.contributes.grammars[0].path' "$e/vscode/package.json") &&
		-f $e/vscode/$(jq -r '.contributes.languages[0].configuration' "$e/vscode/package.json") &&
		$(jq -r '.tasks[0].problemMatcher' "$e/vscode/tasks.json") == "\$$(jq -r '.contributes.problemMatchers[0].name' "$e/vscode/package.json")" ]]
ok "VS Code: what package.json names is there"
matches() { # SCOPE, TEXT, WANTED
	[[ $(jq -rn --slurpfile g "$code" --arg s "$1" --arg t "$2" '$g[0].injections[].patterns[] |
		select(.name == $s) | .match as $m | [$t | match($m; "g").string] | join(" ")' 2>"$tmp/err") == "$3" ]]
	ok "VS Code: ${1%.jobuild} in: $2"
}
matches entity.name.function.phase.jobuild 'job_run() {' job_run
matches entity.name.function.phase.jobuild 'job_runs() {' ''
matches support.function.helper.jobuild 'nonfatal edo make die.c ./has x-die die=1' 'nonfatal edo'
matches support.type.variable.jobuild 'DEPEND+="x"' DEPEND
matches support.type.variable.jobuild 'MYDEPEND="x"' ''
matches variable.language.predefined.jobuild '$P ${PN} $PVX P' 'P PN'
matches variable.language.phase.jobuild '"${S}/$WORKDIR"' 'S WORKDIR'
run jobuild -q lint
jq -Rrn --arg m "$(jq -r '.contributes.problemMatchers[0].pattern.regexp' "$e/vscode/package.json")" \
	'inputs | match($m) | .captures | map(.string) | "\(.[0]) \(.[1]) \(.[3]) \(.[5])"' <"$tmp/err" >"$tmp/out" 2>&1
grep -qx 'anna/app/app-1.0.jobuild 1[34] error [a-z-]*' "$tmp/out"
ok "VS Code: the problem matcher reads what lint says"
done_testing
