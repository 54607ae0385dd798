#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The parser against bash -O extglob -n: the cases of syntax.cases (texts
# between lines of %%) and this machine's own shell scripts must get the same
# verdict from both.
#
#	B=build tests/parse/syntax.t

prog=$(realpath "${B:-build}/tests/parse/parsetest")
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
: >"$dir/empty"
awk 'BEGIN { for (i = 0; i < 300; i++) printf "{ "; printf ":"
	for (i = 0; i < 300; i++) printf "; }"; print "" }' >"$dir/deep"

# Verdict of bash: it reports a broken [[ ]], then exits with 0 all the same.
verdict() {
	err=$(LC_ALL=C bash --norc --noprofile -O extglob -n "$1" 2>&1)
	rc=$?
	case $err in
	*"conditional"* | *"expected \`)'"*) rc=1 ;;
	esac
	[ "$rc" -eq 0 ] && echo 0 || echo 1
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

# bash stops reading at these, but says nothing and exits with 0; a file that
# is sourced fails there.
for text in '[[ ]]' 'for ((a;b;c) ; do :; done' 'f() { [[ ( ) ]]; }'; do
	n=$((n + 1))
	echo "$text" >"$dir.silent"
	if [ "$("$prog" syntax "$dir.silent")" = "1 $dir.silent" ]; then
		echo "ok $n - refused though bash is silent: $text"
	else
		echo "not ok $n - refused though bash is silent: $text"
		bad=$((bad + 1))
	fi
	rm "$dir.silent"
done
for f in "$dir"/*; do
	check "$f" "${f##*/}"
done
for f in $(grep -lE '^#! ?/(usr/)?bin/(env )?(ba)?sh' /usr/bin/* \
	/usr/sbin/* 2>/dev/null | head -n 60); do
	check "$f" "$f"
done
echo "1..$n"
[ "$bad" -eq 0 ]
