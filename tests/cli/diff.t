#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# jobuild diff: what changes for each root between revisions.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

recipe base/frame-1.0.template <<'X'
DESCRIPTION="A frame"
BLOCKS="build"
job_run() { build; }
X
recipe anna/lib-1.0 <<'X'
DESCRIPTION="A library"
job_run() { :; }
X
recipe anna/app-1.0 <<'X'
EXTENDS="base/frame-1.0"
DESCRIPTION="A program"
DEPEND="anna/lib"
build() { :; }
X
recipe anna/other-1.0 <<'X'
DESCRIPTION="Has nothing to do with it"
job_run() { :; }
X
recipe anna/top-1.0 <<'X'
DESCRIPTION="Tests it elsewhere"
SIDEPEND="anna/app"
job_run() { :; }
X
commit one
run jobuild diff HEAD
[[ $status == 0 ]] && [[ ! -s $tmp/out ]] && told "nothing differs"
ok "the work tree is what was committed"

recipe anna/lib-1.1 <<'X'
DESCRIPTION="A library"
job_run() { make; }
X
recipe anna/tool-1.0 <<'X'
DESCRIPTION="A tool"
job_run() { :; }
X
sed -i 's|^DEPEND=.*|DEPEND="anna/tool anna/lib"|' "$tree/anna/app/app-1.0.jobuild"
commit two
run jobuild diff HEAD~1 HEAD
[[ $status == 0 ]] && sed -E 's/[0-9a-f]{12}/K/g' "$tmp/out" >"$tmp/keys" && mv "$tmp/keys" "$tmp/out" && said_exactly <<'X'
Recipes
~ anna/app-1.0
    anna/app/app-1.0.jobuild changed
    DEPEND: "anna/lib" -> "anna/tool anna/lib"
+ anna/lib-1.1
    DESCRIPTION: "A library"
+ anna/tool-1.0
    DESCRIPTION: "A tool"

Roots
~ anna/app-1.0
  ~ anna/app-1.0: unit
    + anna/tool-1.0
    ~ anna/lib-1.1 (was anna/lib-1.0)
        anna/lib/lib-1.1.jobuild added
        anna/lib/lib-1.0.jobuild removed
        key K -> K
    ~ anna/app-1.0
        anna/app/app-1.0.jobuild changed
        key K -> K
+ anna/lib-1.1
+ anna/tool-1.0
~ anna/top-1.0
  ~ anna/app-1.0: unit
    + anna/tool-1.0
    ~ anna/lib-1.1 (was anna/lib-1.0)
        anna/lib/lib-1.1.jobuild added
        anna/lib/lib-1.0.jobuild removed
        key K -> K
    ~ anna/app-1.0
        anna/app/app-1.0.jobuild changed
        key K -> K
X
ok "recipes, values, steps, versions and keys; what is the same isn't shown"
run jobuild diff HEAD~1..HEAD anna/top
[[ $status == 0 ]] && said "~ anna/top-1.0" && said 'DEPEND: "anna/lib" -> "anna/tool anna/lib"' && ! said "~ anna/other"
ok "one root, as a range; and the recipes that have to do with it"
run jobuild diff HEAD~1 HEAD anna/lib
[[ $status == 0 ]] && said "~ anna/lib-1.1 (was anna/lib-1.0)"
ok "a root's newest version"
run jobuild diff HEAD~1 HEAD anna/other
[[ $status == 0 ]] && [[ ! -s $tmp/out ]]
ok "a root that is the same"
run jobuild diff HEAD~1...HEAD
[[ $status == 2 ]] && told "two dots say from where to where"
ok "three dots, which git has"
run jobuild diff --exit-code HEAD~1 HEAD
[[ $status == 1 ]]
ok "--exit-code"
run jobuild --json diff HEAD~1 HEAD
[[ $status == 0 ]] && jq -e '(.from | length) == 40 and (.to | length) == 40 and
	([.roots[] | "\(.change) \(.root)"] == ["changed anna/app-1.0", "added anna/lib-1.1",
	"added anna/tool-1.0", "changed anna/top-1.0"]) and
	(.roots[0].units[0].steps[1] | .change == "version" and .was == "anna/lib-1.0" and
		(."old-key" | length) == 64 and ."old-key" != ."new-key") and
	(.recipes[0].values[0] == {"name": "DEPEND", "old": "anna/lib", "new": "anna/tool anna/lib"})' "$tmp/out" >/dev/null
ok "as JSON"
cp "$tmp/out" "$tmp/two"
run jobuild --json diff -j1 HEAD~1 HEAD
cmp "$tmp/out" "$tmp/two"
ok "the same from one process as from several"

sed -i 's/build; }/build; einfo done; }/' "$tree/base/frame/frame-1.0.template"
run jobuild diff HEAD anna/app
[[ $status == 0 ]] && said "~ base/frame-1.0: template" && said "base/frame/frame-1.0.template changed" &&
	said "~ anna/app-1.0"
ok "a template's change in the work tree"
git -C "$tree" branch anna/app
run jobuild diff -w HEAD anna/app
[[ $status == 0 ]] && said "~ base/frame-1.0: template"
ok "-w: the second argument is no revision, whatever branches there are"
git -C "$tree" checkout --quiet .

mkdir -p "$tree/anna/lib/files"
echo one >"$tree/anna/lib/files/fix.patch"
run jobuild manifest anna/lib
commit files
echo two >"$tree/anna/lib/files/fix.patch"
run jobuild manifest anna/lib
run jobuild diff HEAD
[[ $status == 0 ]] && said "anna/lib/files/fix.patch changed" && grep -q '^    ~ anna/app-1.0: by what comes before it$' "$tmp/out"
ok "a support file changes the keys of its recipe and of all that follow"
git -C "$tree" checkout --quiet .

rm -r "${tree:?}/anna/tool"
run jobuild diff HEAD
[[ $status == 0 ]] && said "! anna/app-1.0: can't be resolved any more" && said "anna/app/app-1.0.jobuild:3:" && said "anna/tool-1.0"
ok "a root that can't be resolved any more, and why"
commit removed
run jobuild diff HEAD HEAD~1
[[ $status == 0 ]] && said "~ anna/app-1.0: can be resolved"
ok "and again can"
# shellcheck disable=SC2016
echo 'x=$(pwd)' >>"$tree/anna/other/other-1.0.jobuild"
run jobuild diff HEAD
[[ $status == 0 ]] && said "! anna/other-1.0: can't be read any more"
ok "a recipe that is broken"
commit broken
run jobuild diff --exit-code HEAD
[[ $status == 0 ]] && told "nothing differs"
ok "broken as it was: nothing differs"
echo 'y="' >>"$tree/anna/other/other-1.0.jobuild"
recipe ben/needs-1.0 <<<'DEPEND="anna/other"'
run jobuild diff --exit-code HEAD
[[ $status == 1 ]] && said "! anna/other-1.0: can't be read, nor could it before" && said "    anna/other/other-1.0.jobuild changed" &&
	said "! anna/other-1.0: can't be resolved, nor could it before" && said "anna/other/other-1.0.jobuild:"
ok "broken in another way differs"
run jobuild diff --exit-code HEAD anna/other
[[ $status == 1 ]] && said "    anna/other/other-1.0.jobuild changed"
ok "for a root that is named, too"
run jobuild --json diff HEAD
jq -e '.recipes[] | select(.recipe == "anna/other-1.0") | .change == "still-broken" and .values == [] and
	.inputs == [{file: "anna/other/other-1.0.jobuild", change: "changed"}]' "$tmp/out" >/dev/null &&
	jq -e '.roots[] | select(.root == "anna/other-1.0") | .change == "still-unresolvable" and .diagnostics != []' "$tmp/out" >/dev/null
ok "as JSON, too"
rm -r "${tree:?}/ben/needs"
commit "broken in another way"
echo 'DIST nothing' >"$tree/anna/other/Manifest"
run jobuild diff --exit-code HEAD
[[ $status == 1 ]] && said "    anna/other/Manifest added"
ok "so does a Manifest of what can't be read"
commit Manifest
rm "$tree/anna/other/Manifest"
run jobuild diff HEAD
said "    anna/other/Manifest removed"
ok "and one that goes"
git -C "$tree" checkout --quiet .
recipe carl/bad-1.0 <<<'y="'
recipe carl/frame-1.0.template <<<'y="'
recipe carl/needs-1.0 <<<$'DESCRIPTION="x"\nDEPEND="carl/bad"\njob_run() { :; }'
recipe carl/top-1.0 <<<$'DESCRIPTION="x"\nDEPEND="carl/needs"\njob_run() { :; }'
recipe carl/framed-1.0 <<<'EXTENDS="carl/frame-1.0"'
recipe carl/well-1.0 <<<$'DESCRIPTION="Needs nothing"\njob_run() { :; }'
commit "one that is well among broken ones"
echo >>"$tree/carl/bad/bad-1.0.jobuild"
echo >>"$tree/carl/frame/frame-1.0.template"
run jobuild diff --exit-code HEAD carl/well
[[ $status == 0 ]] && [[ ! -s $tmp/out ]] && told "nothing differs"
ok "what is broken elsewhere is nothing to a root that is well"
run jobuild diff --exit-code HEAD carl/top
[[ $status == 1 ]] && said_exactly <<'X'
Recipes
! carl/bad-1.0: can't be read, nor could it before
    carl/bad/bad-1.0.jobuild changed
X
ok "but to one that needs it, though it can't be resolved for the same reason"
run jobuild diff --exit-code HEAD carl/framed
[[ $status == 1 ]] && said_exactly <<'X'
Recipes
! carl/frame-1.0: template, can't be read, nor could it before
    carl/frame/frame-1.0.template changed
X
ok "a template that is broken, to what extends it"
git -C "$tree" checkout --quiet .
run jobuild diff HEAD nothing/like-this
[[ $status == 3 ]] && told "nothing/like"
ok "no such root"
run jobuild diff nowhere
[[ $status == 3 ]] && told nowhere
ok "no such revision"
run jobuild diff HEAD 'a b'
[[ $status == 3 ]] && told "neither a revision nor a jobuild"
ok "neither revision nor root"
run jobuild diff
[[ $status == 2 ]]
ok "nothing named"
done_testing
