#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing that a tree says reaches a terminal as a control character.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
unset NO_COLOR

esc=$'\033]0;owned\a\033[2J\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f\xd8\x9c'
mkdir -p "$tree/anna"
recipe anna/lib-1.0 <<X
DESCRIPTION="A library${esc}"
HOMEPAGE=\$'\\e[31m\\x07\\x9b'
_own="${esc}"
SRC_URI="https://example.org/${esc}.tar.gz"
job_run() { echo "${esc}"; sudo "${esc}"; }
X
recipe anna/good-1.0 <<X
DESCRIPTION=\$'Reaches \\e]0;owned\\a \\xe2\\x80\\xae'
HOMEPAGE=\$'\\e[31m'
job_run() { einfo done; }
X
recipe anna/bad-1.0 <<X
DESCRIPTION="x
DEPEND="anna/${esc} || ( ${esc}"
X
recipe anna/missing-1.0 <<X
EXTENDS="${esc}/x-1.0"
DESCRIPTION="x"
X
recipe anna/cmd-1.0 <<X
DESCRIPTION="x"
${esc} --${esc}
X
printf 'x' >"$tree/stray${esc}"
mkdir -p "$tree/anna/good/files"
printf 'x' >"$tree/anna/good/files/a${esc}b"
printf 'DIST %s 1 BLAKE2B 00\nAUX %s\n' "$esc" "$esc" >"$tree/anna/good/Manifest"
printf '%s' "$esc" >"$tree/anna/anna.asc"
git -C "$tree" -c core.quotePath=false add -A
git -C "$tree" commit --quiet -m one
clean() { # NAME: is there no control character but line ends and tabs?
	# colours of our own are allowed, and nothing else
	cat "$tmp/out" "$tmp/err" | sed -E 's/\x1b\[(0|1|[0-9]*;?3[0-9])?m//g' >"$tmp/all"
	[[ -s $tmp/all ]] && ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$tmp/all" &&
		iconv -f UTF-8 -t UTF-8 "$tmp/all" >/dev/null 2>&1 &&
		! grep -qP '\xc2[\x80-\x9f]' "$tmp/all" &&
		! LC_ALL=C grep -qP '\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c' "$tmp/all"
	ok "$1"
}
for color in never always; do
	run jobuild --color "$color" lint
	clean "lint, colour $color"
	run jobuild --color "$color" ci
	clean "ci, colour $color"
	for p in lib good bad missing cmd; do
		run jobuild --color "$color" show "anna/$p"
		clean "show $p, colour $color"
		run jobuild --color "$color" graph "anna/$p"
		clean "graph $p, colour $color"
	done
	run jobuild --color "$color" verify
	clean "verify, colour $color"
	run jobuild --color "$color" manifest --check
	clean "manifest, colour $color"
done
run jobuild --json lint
clean "lint as JSON"
run jobuild lint --format github
clean "lint for a forge"
run jobuild --json show anna/good
[[ $status == 1 ]] || jq -e . "$tmp/out" >/dev/null
clean "show as JSON"
rm -r "$tree/anna/good/files" "$tree/anna/good/Manifest"
sed -i 's/Reaches/Still reaches/' "$tree/anna/good/good-1.0.jobuild"
run jobuild show anna/good
[[ $status == 0 ]] && said '\x1b]0;owned\x07 \xe2\x80\xae'
ok "a value is shown escaped"
for p in lib good; do
	run jobuild eval "anna/$p/$p-1.0.jobuild"
	clean "eval $p"
done
(eval "$(<"$tmp/out")" && [[ $DESCRIPTION == $'Still reaches \e]0;owned\a \xe2\x80\xae' && $HOMEPAGE == $'\e[31m' ]])
ok "eval: a shell reads the same value again"
run script -qec "jobuild --json eval anna/good/good-1.0.jobuild" /dev/null
tr -d '\r' <"$tmp/out" >"$tmp/pty" && cp "$tmp/pty" "$tmp/out"
clean "JSON on a terminal"
run jobuild diff HEAD
clean "diff"
run jobuild diff HEAD "$esc"
clean "diff of a root that is none"
run jobuild "$esc"
clean "an unknown command"
run jobuild lint "$esc"
clean "an unknown argument"
run jobuild lint --"$esc"
clean "an unknown option"
run jobuild lint -r "$esc"
clean "an unknown revision"
run jobuild ci --hook "$esc"
clean "an unknown hook"
run jobuild ci --hook update "refs/heads/$esc" "$esc" "$esc"
clean "ids that are none"
run jobuild lint --format "$esc"
clean "an unknown form"
run jobuild --color "$esc" lint
clean "an unknown colour"
done_testing
