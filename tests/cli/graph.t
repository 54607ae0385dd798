#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a job consists of and why: graph, why, rdeps.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

put() { # ATOM [VARIABLE="value"...]
	local id=$1

	shift
	{
		printf '%s\n' "$@" | grep '^EXTENDS' # comes first
		echo 'DESCRIPTION="For the test"'
		printf '%s\n' "$@" | grep -v '^EXTENDS'
		[[ $id == *.template ]] || echo 'job_run() { :; }'
	} | recipe "$id"
}

put base/frame-1.0.template
put base/cmake-1.0.template 'EXTENDS="base/frame-1.0"' 'DEPEND="anna/make"'
put anna/make-1.0
put anna/zlib-1.0
put anna/zlib-1.1
put anna/png-1.0 'DEPEND="anna/zlib"'
put anna/jpeg-1.0 'DEPEND=">=anna/zlib-1.0"'
put anna/fonts-1.0 'DEPEND="anna/zlib"'
put anna/view-0.9 'DEPEND="<anna/zlib-1.1"'
put anna/view-1.0 'EXTENDS="base/cmake-1.0"' 'DEPEND+=" anna/png anna/jpeg"' 'SIDEPEND="anna/fonts anna/docs"'
put anna/docs-1.0 'SIDEPEND="anna/fonts"'

# ---- graph --------------------------------------------------------------------
export AUTOTUA_STAGE='a&<"b">'
run jobuild graph anna/view
[[ $status == 0 ]] && said_exactly <<'X2'
unit 3  anna/view-1.0  (amd64, stage a&<"b">)
|  1. anna/make-1.0
|  2. anna/zlib-1.1
|  3. anna/png-1.0
|  4. anna/jpeg-1.0
|  5. anna/view-1.0
|-- unit 1  anna/fonts-1.0  (amd64, stage a&<"b">)
|      1. anna/zlib-1.1
|      2. anna/fonts-1.0
`-- unit 2  anna/docs-1.0  (amd64, stage a&<"b">)
    |  1. anna/docs-1.0
    `-- unit 1  anna/fonts-1.0  (above)
X2
ok "units as a tree, what is shared once"
run jobuild graph --dot anna/view
[[ $status == 0 ]] && said 'label="unit 1 (amd64, stage a&<\"b\">)"' &&
	said 'u2_4 -> u2_0;' && said 'u2_4 -> u0_1 [style=dashed];' &&
	! said 'u2_1 -> u2_0'
ok "DOT has the needs themselves, quoted"
if command -v dot >/dev/null; then
	dot -Tplain <"$tmp/out" >"$tmp/plain" 2>"$tmp/err"
	[[ $(grep -c ^node "$tmp/plain") == 8 && $(grep -c ^edge "$tmp/plain") == 9 ]]
	ok "and dot reads it"
fi
run jobuild graph --svg anna/view
[[ $status == 0 ]] && said 'stage a&amp;&lt;"b"&gt;)</text>' &&
	[[ $(grep -c '<rect' "$tmp/out") == 3 && $(grep -c '<path' "$tmp/out") == 3 ]] &&
	perl -0ne 'exit 1 unless m{^<svg [^<>]*>\n(<style>[^<]*</style>\n)(<(rect|path) [^<>]*/>\n|<text[^<>]*>[^<>]*</text>\n)*</svg>\n$}' "$tmp/out"
ok "SVG has a box for each unit and a line for each SIDEPEND, escaped"
unset AUTOTUA_STAGE
run jobuild --json graph anna/view
[[ $status == 0 ]] && jq -e '(.units[2].links | map(select(.kind == "DEPEND")) | length) == 5 and
	(.units[2].links[] | select(.to == "anna/jpeg-1.0") | .file == "anna/view/view-1.0.jobuild" and .line == 3)' "$tmp/out" >/dev/null
ok "JSON has every link and where it is written"
run jobuild graph --dot --svg anna/view
[[ $status == 2 ]] && told "exclude each other"
ok "one picture at a time"
for ((i = 0; i < 40; i++)); do
	put "deep/x$i-1.0" "SIDEPEND=\"deep/x$((i + 1))\""
done
put deep/x40-1.0
run jobuild graph deep/x0
[[ $status == 0 && $(grep -c '(below)' "$tmp/out") == 2 && $(grep -c '(amd64' "$tmp/out") == 41 &&
	$(awk '{ if (length > n) n = length } END { print n }' "$tmp/out") -lt 120 ]]
ok "a long chain of units stays as narrow as a screen"
rm -r "$tree/deep"

# ---- why ----------------------------------------------------------------------
run jobuild why anna/view anna/zlib
[[ $status == 0 ]] && said_exactly <<'X2'
anna/view-1.0
  -> anna/png-1.0  (DEPEND, anna/view/view-1.0.jobuild:3)
  -> anna/zlib-1.1  (DEPEND, anna/png/png-1.0.jobuild:2)
anna/view-1.0
  -> anna/jpeg-1.0  (DEPEND, anna/view/view-1.0.jobuild:3)
  -> anna/zlib-1.1  (DEPEND, anna/jpeg/jpeg-1.0.jobuild:2)
anna/view-1.0
  => anna/fonts-1.0  (SIDEPEND, anna/view/view-1.0.jobuild:4)
  -> anna/zlib-1.1  (DEPEND, anna/fonts/fonts-1.0.jobuild:2)
X2
ok "every shortest chain, each link with its kind and place"
run jobuild why --max 1 anna/view anna/zlib
[[ $status == 0 && $(grep -c '^anna' "$tmp/out") == 1 ]] && said "and 2 more of the same length"
ok "no more chains than asked for, the others counted"
run jobuild why anna/view base/frame
[[ $status == 0 ]] && said_exactly <<'X2'
anna/view-1.0
  -> base/cmake-1.0  (EXTENDS, anna/view/view-1.0.jobuild:1)
  -> base/frame-1.0  (EXTENDS, base/cmake/cmake-1.0.template:1)
X2
ok "templates are in the chain"
run jobuild why anna/png anna/fonts
[[ $status == 1 ]] && said_exactly <<<"anna/png-1.0 does not need anna/fonts"
ok "no chain: told, and the status says it"
run jobuild why anna/view '<anna/zlib-1.1'
[[ $status == 1 ]] && said "does not need <anna/zlib-1.1"
ok "only versions that the job takes count"
run jobuild why anna/view anna/view
[[ $status == 1 ]]
ok "nothing needs itself"
run jobuild --json why anna/view anna/zlib
[[ $status == 0 ]] && jq -e '.count == 3 and .length == 2 and (.chains | length) == 3 and
	.chains[2][0].kind == "SIDEPEND" and .chains[2][0].line == 4' "$tmp/out" >/dev/null
ok "why --json"
run jobuild --json why anna/png anna/fonts
[[ $status == 1 ]] && jq -e '.count == 0 and .chains == []' "$tmp/out" >/dev/null
ok "why --json of no chain"
run jobuild why anna/view anna/zlbi
[[ $status == 3 ]] && told 'did you mean "anna/zlib"?'
ok "why of a name that isn't there"
# 3 to the power of 60 ways
for ((i = 0; i < 60; i++)); do
	put "many/x$i-1.0" "DEPEND=\"many/a$i many/b$i many/c$i\""
	for k in a b c; do put "many/$k$i-1.0" "DEPEND=\"many/x$((i + 1))\""; done
done
put many/x60-1.0
run jobuild why many/x0 many/x60
[[ $status == 0 && $(grep -c '^many' "$tmp/out") == 20 ]] && said "18446744073709551595 or more of the same length"
ok "more chains than can be counted"
rm -r "$tree/many"

# ---- rdeps --------------------------------------------------------------------
run jobuild rdeps anna/png
[[ $status == 0 ]] && said_exactly <<<"anna/view-1.0 needs anna/png-1.0  (DEPEND, anna/view/view-1.0.jobuild:3)"
ok "who needs a package"
run jobuild rdeps anna/zlib-1.0
[[ $status == 0 && $(wc -l <"$tmp/out") == 4 ]] && said "anna/view-0.9 needs anna/zlib-1.0  (DEPEND, anna/view/view-0.9.jobuild:2)"
ok "all versions count, and only who would take this one"
run jobuild rdeps --all anna/make
[[ $status == 0 ]] && said_exactly <<'X2'
anna/view-1.0 needs anna/make-1.0  (DEPEND, anna/view/view-1.0.jobuild:3)
base/cmake-1.0 needs anna/make-1.0  (DEPEND, base/cmake/cmake-1.0.template:3)
anna/view-1.0 needs base/cmake-1.0  (EXTENDS, anna/view/view-1.0.jobuild:1)
X2
ok "--all goes on, over templates too"
run jobuild rdeps base/frame
[[ $status == 0 ]] && said "base/cmake-1.0 needs base/frame-1.0  (EXTENDS, base/cmake/cmake-1.0.template:1)"
ok "who extends a template"
run jobuild rdeps anna/view
[[ $status == 0 && ! -s $tmp/out ]] && told "nothing needs anna/view"
ok "nobody"
run jobuild --json rdeps --all anna/fonts
[[ $status == 0 ]] && jq -e '.of == "anna/fonts" and (.users | map(.from) | sort) ==
	["anna/docs-1.0", "anna/view-1.0", "anna/view-1.0"]' "$tmp/out" >/dev/null
ok "rdeps --json"
run jobuild rdeps anna/jpg
[[ $status == 3 ]] && told 'anna/jpeg'
ok "rdeps of a name that isn't there"
put anna/sick-1.0 'DEPEND="anna/png ( "'
run jobuild rdeps anna/png
[[ $status == 0 && $(wc -l <"$tmp/out") == 1 ]] && told "1 of the tree's recipes can't be read"
ok "a broken recipe is counted, not passed over in silence"
for command in graph why rdeps; do
	run jobuild "$command" -h
	[[ $status == 0 ]] && said "jobuild $command"
	ok "$command -h"
done
# ---- what recipes are warned of ------------------------------------------------
put anna/zed-1.0
put anna/zed-2.0
put anna/why-1.0 'DEPEND="=anna/zed-2.0"'
put anna/ex-1.0 'DEPEND="=anna/zed-1.0"'
put anna/ex-2.0 'DEPEND="=anna/zed-1.0"' 'job_frob() { :; }'
put anna/both-1.0 'DEPEND="anna/ex anna/why"'
run jobuild graph anna/both
[[ $status == 1 ]] && told '[conflict]' && told 'ex-2.0.jobuild:3:1: warning: job_frob'
ok "a version that a conflict is about, whichever else there is"

done_testing
