#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Case files: x.jobuild with x.err, the diagnostics it must get, or x.vars, the
# values it must have, or both.
#
#	B=build [UPDATE=1] tests/parse/run.t

prog=$(realpath "${B:-build}/tests/parse/parsetest")
cd "$(dirname "$0")" || exit 1
n=0
bad=0

result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		bad=$((bad + 1))
	fi
}

compare() {	# mode golden file
	[ -n "$UPDATE" ] && "$prog" "$1" "$3" >"$2"
	out=$("$prog" "$1" "$3" | diff -u "$2" - 2>&1)
	rc=$?
	result "$rc" "$3 $1"
	[ "$rc" -eq 0 ] || echo "$out" | sed 's/^/# /'
}

for f in *.jobuild *.template; do
	stem=${f%.*}
	[ -e "$stem.err" ] && compare diags "$stem.err" "$f"
	[ -e "$stem.vars" ] && compare vars "$stem.vars" "$f"
	[ -e "$stem.err" ] || [ -e "$stem.vars" ] || case $f in
	*.template) ;;
	*) result 1 "$f has no expected result" ;;
	esac
done

echo "1..$n"
[ "$bad" -eq 0 ]
