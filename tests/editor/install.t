#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make install puts completion and editor files where they are looked for, and
# make uninstall takes them away again.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

build=${B:-$top/build}
# what is built is installed: nothing is built anew under the feet of others
make -s -o all -C "$top" B="$build" DESTDIR="$tmp/root" PREFIX=/usr install >"$tmp/out" 2>"$tmp/err" </dev/null
ok "make install"
share=$tmp/root/usr/share
for shell in bash:bash-completion/completions/jobuild zsh:zsh/site-functions/_jobuild \
	fish:fish/vendor_completions.d/jobuild.fish; do
	[[ $(stat -c %a "$share/${shell#*:}") == 644 ]] &&
		"$build/bin/jobuild" completion "${shell%%:*}" | cmp -s - "$share/${shell#*:}"
	ok "completion: ${shell#*:}"
done
for f in vim/vimfiles/{ftdetect,ftplugin,syntax}/jobuild.vim emacs/site-lisp/jobuild-mode.el \
	autotua/vscode/{package.json,syntaxes/jobuild.tmLanguage.json}; do
	[[ -s $share/$f ]]
	ok "editor: $f"
done
[[ $(cd "$top/jobuild/editor" && git ls-files -co --exclude-standard . | grep -vc README) == \
	$(find "$share" -path '*vim*' -type f -o -path '*emacs*' -type f -o -path '*vscode*' -type f | wc -l) ]]
ok "no file for editors is forgotten"
make -s -C "$top" B="$build" DESTDIR="$tmp/root" PREFIX=/usr uninstall >"$tmp/out" 2>"$tmp/err" </dev/null
[[ -z $(find "$tmp/root" ! -type d) && ! -e $share/autotua/vscode ]]
ok "make uninstall leaves no file"
done_testing
