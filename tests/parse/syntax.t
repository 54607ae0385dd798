#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The parser against bash -O extglob -n: the cases of syntax.cases (texts
# between lines of %%) and this machine's own shell scripts must get the same
# verdict from both.
#
#	B=build tests/parse/syntax.t

prog=$(realpath "${B:-build}/tests/parse/parsetest")
jobuild=$(realpath "${B:-build}/bin/jobuild")
cases=$(realpath "$(dirname "$0")/syntax.cases")
case $(bash -c 'echo "$BASH_VERSION"') in
5.2.*) ;;
*)
	echo "1..0 # SKIP syntax is compared with bash 5.2, which isn't here"
	exit 0
	;;
esac
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
awk -v dir="$dir" 'BEGIN { n = 1 }
	$0 == "%%" { n++; next }
	{ print > sprintf("%s/%03d", dir, n) }' "$cases"
# what an awk can't split: bytes and missing newlines
printf 'echo a' >"$dir/no-newline"
printf '%s' "echo a\\" >"$dir/backslash-end"
printf 'echo "\351\377" \200\n' >"$dir/bytes"
printf 'a\r\n' >"$dir/return"
printf 'a\0b\n' >"$dir/nul-first"
printf 'a\n\0b\n' >"$dir/nul-later"
printf '#!a\nb\0\n' >"$dir/nul-second"
printf '\177ELF\n' >"$dir/elf"
printf '[[ a' >"$dir/cond-end"
printf '[[ a b' >"$dir/cond-stops"
printf 'for ((a;b;c)' >"$dir/for-end"
: >"$dir/empty"
awk 'BEGIN { for (i = 0; i < 300; i++) printf "{ "; printf ":"
	for (i = 0; i < 300; i++) printf "; }"; print "" }' >"$dir/deep"

# Verdict of bash: of a broken [[ ]] it may tell, but exits with 0.
verdict() {
	LC_ALL=C bash --norc --noprofile -O extglob -n "$1" >/dev/null 2>&1 &&
		echo 0 || echo 1
}

n=0
bad=0
check() {	# file name
	n=$((n + 1))
	got=$("$prog" syntax "$1")
	want=$(verdict "$1")
	if [ "${got%% *}" = "$want" ]; then
		echo "ok $n - $2: $want"
	else
		echo "not ok $n - $2: bash says $want"
		sed 's/^/# /' "$1"
		bad=$((bad + 1))
	fi
}

# Where bash -n stops with 0 is valid with a warning, but no recipe.
is() {	# name wanted got
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "wanted: $2" "got: $3" | sed 's/^/# /'
		bad=$((bad + 1))
	fi
}
printf 'f() {\n\t[[ a b ]] || die\n}\n)\n' >"$dir.stops"
at="<standard input>:2:7"
text="unexpected b in [[ ]]: an operator is missing [syntax]
		[[ a b ]] || die
		     ^"
is "a broken [[ ]] is valid, with a warning" "$at: warning: $text
$at: note: bash -n exits with 0 and reads nothing after this line; run, \
the file fails here" "$("$jobuild" parse - <"$dir.stops" 2>&1)"
"$jobuild" parse "$dir.stops" >/dev/null 2>&1
is "it exits with 0" 0 $?
is "and is refused when its values are asked for" "$at: error: $text" \
	"$("$jobuild" eval - <"$dir.stops" 2>&1)"
"$jobuild" eval "$dir.stops" >/dev/null 2>&1
is "with 1" 1 $?
rm "$dir.stops"
for f in "$dir"/*; do
	check "$f" "${f##*/}"
done
for f in $(grep -lE '^#! ?/(usr/)?bin/(env )?(ba)?sh' /usr/bin/* \
	/usr/sbin/* 2>/dev/null | head -n 60); do
	check "$f" "$f"
done
echo "1..$n"
[ "$bad" -eq 0 ]
