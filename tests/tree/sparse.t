#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Work trees that have only some of the files: a sparse checkout's others count
# as unchanged.
# shellcheck source=tests/tree/lib.sh
. "$(dirname "$0")/lib.sh"

new_up
cd "$up" || exit 1
package() { # USER/NAME DEPEND
	mkdir -p "$1"
	printf 'DESCRIPTION="x"\nDEPEND="%s"\njob_run() { einfo "${P}"; }\n' "$2" >"$1/${1#*/}-1.0.jobuild"
}
rm -r zlib
package you/hello ""
package you/two you/hello
package ben/base ""
mkdir ben/base/files
echo patch >ben/base/files/a.patch
for u in you ben; do echo key >$u/$u.asc; done
jobuild -q manifest
grow sparse
lint_whole() { # NAME
	run jobuild lint
	[[ $status == 0 ]] && told "3 jobuilds, 0 templates: 0 errors, 0 warnings"
	ok "$1"
}

# ---- what is left out is there -----------------------------------------------------
git sparse-checkout set --no-sparse-index you/two
[[ ! -e ben && ! -e you/hello ]]
ok "a sparse checkout leaves out a user and a package"
lint_whole "lint sees the whole tree"
lint_whole "and again, by what it knows"
run jobuild graph you/two
[[ $status == 0 ]] && grep -qF "you/hello-1.0" "$tmp/out"
ok "the graph has what is needed"
run jobuild diff --exit-code HEAD
[[ $status == 0 ]] && told "nothing differs"
ok "it doesn't differ from its commit"
run jobuild --json ci -b HEAD
[[ $status == 0 ]] && jq -e ".passed and .ranges[0].packages == []" "$tmp/out" >/dev/null
ok "for ci nothing has changed"
run jobuild ci -b HEAD
told "0 files changed in 0 packages"
ok "no file was removed"
echo "# changed" >>you/two/two-1.0.jobuild
run jobuild ci -b HEAD
told "1 file changed in 1 package"
ok "what is changed counts"
git checkout -q you
git rm -q --sparse you/hello/hello-1.0.jobuild
run jobuild ci -b HEAD
[[ $status == 1 ]] && told "1 file changed in 1 package" && told "there is no jobuild you/hello"
ok "so does what is removed from the index"
git reset -q --hard
mkdir -p you/hello
echo 'DESCRIPTION="mine"' >you/hello/hello-1.0.jobuild
run jobuild --json show you/hello
jq -e '.variables[] | select(.name == "DESCRIPTION").value == "mine"' "$tmp/out" >/dev/null
ok "a file that is there counts more than the index"
git reset -q --hard
git sparse-checkout reapply

# ---- and can't be written ------------------------------------------------------------
run jobuild manifest
[[ $status == 0 && ! -e ben && -z $(git status --short) ]]
ok "manifest leaves it as it is"
run jobuild manifest ben/base
[[ $status == 1 && ! -e ben ]] && told 'leaves ben/base out: "git sparse-checkout add ben/base"'
ok "who names it is told what to do"
run jobuild new -y you/hello
[[ $status == 1 && ! -e you/hello ]] && told "you/hello/hello-1.0.jobuild is there already"
ok "new takes no place that is taken"
run jobuild new -y you/hello --version 1.1
[[ $status == 0 && -f you/hello/hello-1.1.jobuild ]]
ok "another version beside it"
rm -r you/hello

# ---- which index ------------------------------------------------------------------------
git sparse-checkout set --sparse-index you/two
run jobuild lint
[[ $status != 0 ]] && told '"git sparse-checkout reapply --no-sparse-index"'
ok "a sparse index: told how to have another"
run jobuild lint -r HEAD
[[ $status == 0 ]] && told "0 errors"
ok "a revision needs none"
git sparse-checkout reapply --no-sparse-index
lint_whole "that helps"
git sparse-checkout disable
lint_whole "a whole checkout"

done_testing
