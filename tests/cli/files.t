#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# jobuild parse and jobuild eval: any bash file, by itself.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

rm -rf "$tree/.git" # no repository, no configuration is looked at
AUTOTUA_CONFIG=$tmp/nothing
export AUTOTUA_CONFIG
printf 'a=(1 2)\nif true; then f() ( :; ); fi\n' >"$tree/good"
printf 'a=1\nif true; do\n' >"$tree/bad"
printf 'echo "\351"\n' >"$tree/bytes"

run jobuild parse good bytes
[[ $status == 0 && ! -s $tmp/out && ! -s $tmp/err ]]
ok "parse: valid files, nothing is said"
run jobuild parse good bad bytes
[[ $status == 1 ]] && told_exactly <<'X'
bad:2:10: error: unexpected do: "if" has no "then" yet [syntax]
	if true; do
	         ^
X
ok "parse: a diagnostic with its place"
run jobuild parse bad none good
[[ $status == 3 ]] && told "bad:2:10:" && told "none: No such file"
ok "parse: goes on after a file that isn't there"
run jobuild --json parse good bad
[[ $status == 1 ]] && jq -e '.files | length == 2 and .[0] == {file: "good", valid: true, diagnostics: []} and
	(.[1] | .valid == false and .file == "bad" and (.diagnostics[0] | .line == 2 and .rule == "syntax"))' "$tmp/out" >/dev/null
ok "parse: JSON, one entry a file"
echo 'for' | (cd "$tree" && jobuild parse -) >"$tmp/out" 2>"$tmp/err"
[[ $? == 1 ]] && told "<standard input>:1:"
ok "parse: standard input"
run jobuild parse
[[ $status == 2 ]] && told "usage: jobuild parse FILE..."
ok "parse: a file is needed"

cat >"$tree/values" <<'X'
# comment
a=1 b="$a-${PN}"; c=it\'s
_list+="x
y"
f() { rm -rf /; }
a+=$c
empty=
PN=changed
X
run jobuild eval --set PN=zlib values
[[ $status == 0 && ! -s $tmp/err ]] && said_exactly <<'X'
PN='changed'
a='1it'\''s'
b='1-zlib'
c='it'\''s'
_list='x
y'
empty=''
X
ok "eval: values that a shell reads again"
run jobuild eval --nul -s PN=zlib values
printf '%s\0' PN changed a "1it's" b 1-zlib c "it's" _list $'x\ny' empty '' | cmp -s - "$tmp/out"
ok "eval: names and values, each ended by NUL"
run jobuild --json eval --set PN=zlib values
[[ $status == 0 ]] && jq -e '.values == {PN: "changed", a: "1it'\''s", b: "1-zlib", c: "it'\''s", _list: "x\ny", empty: ""} and
	.diagnostics == []' "$tmp/out" >/dev/null
ok "eval: JSON"
PN=environment run jobuild eval values
[[ $status == 1 && ! -s $tmp/out ]] && told "values:2:13: error: PN is not assigned before this place [unset-variable]"
ok "eval: the environment is not seen"
cat >"$tree/refused" <<'X'
inherit toolchain
a=$(date)
b=$a
c=(1 2)
[[ $b ]] && d=1
PATH=/x
! e=1
g=1 >/dev/null
h=1 true
i=1 &
X
run jobuild eval refused
[[ $status == 1 && ! -s $tmp/out ]] && sed -n 's/: error:.*\[/ /p' "$tmp/err" | tr -d ']' >"$tmp/rules" &&
	diff - "$tmp/rules" >"$tmp/out" <<'X'
refused:1:1 command
refused:2:3 command-substitution
refused:4:1 array
refused:5:1 command
refused:6:1 special-variable
refused:7:3 command
refused:8:1 command
refused:9:1 command
refused:10:1 command
X
ok "eval: what is refused, once a cause, and no value"
run jobuild --json eval refused
[[ $status == 1 ]] && jq -e 'has("values") == false and (.diagnostics | length) == 9' "$tmp/out" >/dev/null
ok "eval: the same as JSON"
printf 'Q=1\n' >"$tree/one"
# shellcheck disable=SC2016 # it is the file's text
printf 'B=${Q-none}\n' >"$tree/two"
run jobuild eval one two refused
[[ $status == 1 && $(grep -v refused "$tmp/out" | grep -E "^(#|[QB]=)" | tr '\n' ' ') == "# one Q='1' # two B='none' " ]]
ok "eval: several files, each on its own"
run jobuild --json eval one two
[[ $status == 0 ]] && jq -e '.files[1].file == "two" and .files[1].values.B == "none"' "$tmp/out" >/dev/null
ok "eval: several files as JSON"
run jobuild eval bad
[[ $status == 1 ]] && told "bad:2:10: error"
ok "eval: no bash"
printf 'a=1\0\n' >"$tree/nul"
run jobuild eval nul
[[ $status == 1 ]] && told "nul-byte"
ok "eval: a NUL byte"
head -c 200000 /dev/zero | tr '\0' '\n' >"$tree/large"
run jobuild eval large
[[ $status == 1 ]] && told "file-size"
ok "eval: a file that is too large"
for set in 1x=2 x PATH=/; do
	run jobuild eval --set "$set" values
	[[ $status == 2 ]] && told "option --set" && told "${set%%=*}"
	ok "eval: --set $set"
done
run jobuild eval --nul --json values
[[ $status == 2 ]] && told "either --nul or --json"
ok "eval: one form only"
run jobuild eval none
[[ $status == 3 ]] && told "none: No such file"
ok "eval: a file that isn't there"
awk 'BEGIN { for (i = 0; i < 3000; i++) print "x=$u" i }' >"$tree/many"
run jobuild --json eval many
[[ $status == 1 ]] && jq -e '.diagnostics | length == 1000 and .[999].rule == "too-many" and .[998].line == 999' "$tmp/out" >/dev/null
ok "eval: not more than a thousand diagnostics"
done_testing
