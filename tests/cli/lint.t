#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# jobuild lint: advice, what silences it, and whom it is given to.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

recipe anna/lib-1.0 <<'X'
DESCRIPTION="A library"
tune="-O3"
job_run() {
	make
}
X
recipe anna/frame-1.0.template <<'X'
DESCRIPTION="A frame"
BLOCKS="build"
url="https://example.org" # lint: unknown-variable: children read it
job_run() {
	build || die # no rule knows what a child does
	sudo ls
}
X
recipe anna/app-1.0 <<'X'
EXTENDS="anna/frame-1.0"
DESCRIPTION="A program that needs the library"
DEPEND="anna/lib"
build() {
	# lint: plain-make: its Makefile is not ready for more
	make
	einfo "${url}"
}
X
run jobuild lint anna/app
[[ $status == 0 ]] && told_exactly <<<"1 jobuild, 0 templates: 0 errors, 0 warnings"
ok "advice about what it needs or extends is not told"
run jobuild lint anna/frame
[[ $status == 0 ]] && told_exactly <<'X'
anna/frame/frame-1.0.template:6:2: warning: phases are run as root [sudo]
		sudo ls
		^
anna/frame/frame-1.0.template:6:2: note: leave it out
0 jobuilds, 1 template: 0 errors, 1 warning
X
ok "a template is advised about itself; warnings are no failure"
run jobuild --json lint
[[ $status == 0 ]] && jq -e '[.diagnostics[] | "\(.file):\(.line) \(.rule)"] == [
	"anna/frame/frame-1.0.template:6 sudo",
	"anna/lib/lib-1.0.jobuild:2 unknown-variable",
	"anna/lib/lib-1.0.jobuild:4 plain-make"] and .warnings == 3' "$tmp/out" >/dev/null
ok "the whole tree, each once, as JSON"

recipe anna/broken-1.0 <<'X'
DESCRIPTION="Sure to fail"
job_run() {
	result tests 12
}
X
run jobuild lint anna/broken
[[ $status == 1 ]] && told "broken-1.0.jobuild:3:9: error: " && told "[helper-usage]"
ok "what is sure to fail is an error"

run jobuild lint --rules
[[ $status == 0 ]] && grep -q '^plain-make  *make instead of emake$' "$tmp/out"
ok "--rules lists them"
run jobuild --json lint --rules
[[ $status == 0 ]] && jq -e '.rules | length > 20 and all(.name and .summary)' "$tmp/out" >/dev/null
ok "--rules as JSON"

rm -rf "$tree"/anna
mkdir "$tmp/mirror"
echo data >"$tmp/mirror/used.txt"
cp "$tmp/mirror/used.txt" "$tmp/mirror/frame.txt"
recipe anna/app-1.0 <<'X'
DESCRIPTION="Uses one file"
SRC_URI="mirror://local/used.txt"
job_run() { einfo done; }
X
recipe base/frame-1.0.template <<'X'
DESCRIPTION="Brings one along"
SRC_URI="mirror://local/frame.txt"
X
recipe base/frame-2.0.template <<'X'
DESCRIPTION="Brings none"
X
recipe ben/child-1.0 <<'X'
EXTENDS="base/frame-2.0"
DESCRIPTION="Uses what its parent's Manifest has"
SRC_URI="mirror://local/child.txt"
job_run() { einfo done; }
X
AUTOTUA_MIRROR="local file://$tmp/mirror" run jobuild manifest anna base
for f in gone child; do
	grep used.txt "$tree/anna/app/Manifest" | sed "s/used.txt/$f.txt/"
done >>"$tree/base/frame/Manifest"
run jobuild lint
[[ $status == 0 ]] && told 'base/frame/Manifest:2:1: warning: no recipe needs "gone.txt" [superfluous-dist]' &&
	[[ $(grep -c superfluous-dist "$tmp/err") == 1 ]] && told '"jobuild manifest base/frame" removes the line'
ok "a line of a Manifest that nobody needs, and only that"
run jobuild lint ben/child anna/app
[[ $status == 0 ]] && ! told superfluous
ok "only in packages that were asked for"
run jobuild lint --strict base
[[ $status == 1 ]]
ok "with --strict that is a failure"
rm -rf "$tree"/anna "$tree"/base "$tree"/ben
cp -r "$top/jobtage-example/." "$tree"
run jobuild lint
[[ $status == 0 ]] && told_exactly <<<"6 jobuilds, 1 template: 0 errors, 0 warnings"
ok "the example tree follows all advice"

# ---- several causes on a line ----------------------------------------------------
recipe anna/lib-1.0 <<'X'
DESCRIPTION="A library"
X
recipe anna/asks-1.0 <<'X'
DESCRIPTION="Asks for what there is not"
DEPEND="anna/lib >=anna/lib-9.0 anna/gone anna/away"
X
recipe anna/frame-1.0.template <<'X'
DESCRIPTION="Files of all its children"
SRC_URI="https://example.org/one.tar https://example.org/two.tar"
X
for n in first second; do
	recipe "anna/$n-1.0" <<-'X'
		EXTENDS="anna/frame-1.0"
		DESCRIPTION="A child"
		DEPEND="anna/asks"
	X
done
run jobuild lint anna
grep -F ': error: ' "$tmp/err" >"$tmp/errors"
[[ $status == 1 ]] && diff -u - "$tmp/errors" >"$tmp/diff" <<'X'
anna/asks/asks-1.0.jobuild:2:1: error: no version of anna/lib is >=anna/lib-9.0 [missing]
anna/asks/asks-1.0.jobuild:2:1: error: there is no jobuild anna/away [missing]
anna/asks/asks-1.0.jobuild:2:1: error: there is no jobuild anna/gone [missing]
anna/frame/frame-1.0.template:2:1: error: "one.tar" has no DIST line in anna/first/Manifest nor its parents' [no-dist]
anna/frame/frame-1.0.template:2:1: error: "two.tar" has no DIST line in anna/first/Manifest nor its parents' [no-dist]
X
ok "each of a line's causes is told, once"
rm -r "$tree/anna"
for n in lib tool; do
	recipe "anna/$n-1.0" <<<'DESCRIPTION="In one version"'
	recipe "anna/$n-2.0" <<<'DESCRIPTION="And another"'
done
recipe anna/asks-1.0 <<'X'
DESCRIPTION="Asks for what can't be had together"
DEPEND="=anna/lib-1.0 =anna/lib-2.0 =anna/tool-1.0 =anna/tool-2.0 || ( anna/n1 anna/n2 ) || ( anna/n3 anna/n4 )"
X
for n in first second; do
	recipe "anna/$n-1.0" <<-'X'
		DESCRIPTION="Meets the same contradictions"
		DEPEND="anna/asks"
	X
done
run jobuild lint anna/asks anna/first anna/second
[[ $(grep -c '^anna/asks/.* anna/lib fits all .*conflict' "$tmp/err") == 1 &&
	$(grep -c '^anna/asks/.* anna/tool fits all .*conflict' "$tmp/err") == 1 &&
	$(grep -c '^anna/asks/.*nothing fulfils all.*conflict' "$tmp/err") == 2 ]] && told anna/n2 && told anna/n4
ok "so is each of a line's conflicts"
rm -r "$tree/anna"
mkdir -p "$tree/anna/loud"
for n in {1000..2100}; do
	printf 'DESCRIPTION="x"\njob_run() { :; }\n' >"$tree/anna/loud/loud-1.$n.jobuild"
done
recipe anna/silent-1.0 <<'X'
DESCRIPTION="Asks for what there is not"
DEPEND="anna/gone"
X
run jobuild lint anna
[[ $status == 1 ]] && told "there is no jobuild anna/gone" &&
	told "1102 jobuilds, 0 templates: 1 error, 1101 warnings (only the first are shown)"
ok "many warnings don't hide an error"
rm -r "$tree/anna"

# ---- what is too large ----------------------------------------------------------
recipe anna/long-1.0 <<X
DESCRIPTION="Longer than 128 KiB"
#$(printf '%0131072d' 0)
X
recipe anna/heavy-1.0 <<'X'
DESCRIPTION="Has a file of more than 1 MiB"
X
mkdir "$tree/anna/heavy/files"
printf '%01048577d' 0 >"$tree/anna/heavy/files/heavy.patch"
git -C "$tree" add anna
git -C "$tree" commit --quiet -m large
for n in "" "-r HEAD"; do
	# shellcheck disable=SC2086 # two words
	run jobuild lint $n anna
	grep -F ': error: ' "$tmp/err" | grep -v no-key >"$tmp/errors"
	[[ $status == 1 ]] && diff -u - "$tmp/errors" >"$tmp/diff" <<'X'
anna/heavy/files/heavy.patch: error: has 1048577 bytes; at most 1048576 are allowed [too-large]
anna/long/long-1.0.jobuild: error: has 131108 bytes; at most 131072 are allowed [too-large]
X
	ok "what is too large is told once ${n:-in the work tree}"
done
git -C "$tree" rm --quiet -r anna
git -C "$tree" commit --quiet -m small

# ---- an architecture that there is not ------------------------------------------

mkdir -p "$tree/odd/arch"
printf 'DESCRIPTION="x"\nARCH="amd64 bogus"\njob_run() { true; }\n' >"$tree/odd/arch/arch-1.0.jobuild"
for time in "first" "again, from the index"; do
	run jobuild lint odd
	[[ $(grep -c 'warning: .*\[unknown-arch\]' "$tmp/err") == 1 ]]; ok "is one warning: $time"
	run jobuild show odd/arch; [[ $status == 0 ]] && said "arch-1.0"; ok "and can be shown: $time"
	run jobuild graph -a amd64 odd/arch; [[ $status == 0 ]]; ok "and planned: $time"
done
rm -r "$tree/odd"

# ---- a large knot --------------------------------------------------------------
git -C "$tree" clean -q -f -d
(
	cd "$tree" && mkdir -p knot/n{1000..2199}
	for n in {1000..2199}; do
		printf 'DESCRIPTION="x"\nDEPEND="knot/n%d"\n' $((n < 2199 ? n + 1 : 1000)) >"knot/n$n/n$n-1.0.jobuild"
	done
)
run jobuild lint -j3
grep -F ': error: ' "$tmp/err" >"$tmp/errors"
[[ $status == 1 && $(wc -l <"$tmp/errors") == 1 && $(grep -c 'note: .* (DEPEND)' "$tmp/err") == 1200 ]] &&
	told "knot/n1000/n1000-1.0.jobuild:2:1: error: dependency cycle: "
ok "a ring of 1,200 is one error"
rm -r "$tree/knot"

done_testing
