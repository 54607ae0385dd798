#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The runner can fail: make check gets tests that are wrong in every way.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0

# verdict yes|no NAME COMMAND...: does the command end well? What it printed
# is in $dir/last for the next one.
verdict() {
	want=$1 name=$2
	shift 2
	if "$@" >"$dir/log" 2>&1; then got=yes; else got=no; fi
	n=$((n + 1))
	if [ $got = "$want" ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$dir/log"
	fi
	mv "$dir/log" "$dir/last"
}

# check NAME: make check with just the test that is on stdin.
check() {
	{ echo '#!/bin/sh'; cat; } >"$dir/$1.t"
	chmod +x "$dir/$1.t"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
		make -s check-these B="${B:?}" TESTS="$dir/$1.t"
}

verdict yes 'a test that passes' check good <<'E1'
echo ok 1; echo 1..1
E1
verdict yes 'and the last line says so' grep -qx 'Result: PASS' "$dir/last"
verdict no 'a test that fails' check bad <<'E1'
echo not ok 1; echo 1..1
E1
verdict no 'a test that passes and exits with 1' check status <<'E1'
echo ok 1; echo 1..1; exit 1
E1
verdict no 'a test that stops early' check early <<'E1'
echo 1..2; echo ok 1
E1
verdict no 'a test that is killed before its plan' check killed <<'E1'
echo ok 1; kill -9 $$
E1
verdict no 'a test that says nothing' check silent <<'E1'
:
E1
verdict no 'a test that gives up' check bail <<'E1'
echo ok 1; echo 'Bail out! no more'; exit 0
E1
verdict no 'a test that is not there' env -u MAKEFLAGS -u MAKELEVEL \
	make -s check-these B="$B" TESTS="$dir/nowhere.t"

cat >"$dir/unit.c" <<'E1'
#include "tests/unit/tap.h"
int
main(int argc, char *argv[])
{
	(void)argv;
	is("x", argc > 1 ? "x" : "y", "equal");
	is_int(1, 1, "one");
	return tap_done();
}
E1
verdict yes 'a C test compiles' "${CC:-cc}" -I. -o "$dir/unit" "$dir/unit.c"
verdict no 'a C test that fails' "$dir/unit"
verdict yes 'and shows what it got' grep -q '^# *got: x' "$dir/last"
verdict yes 'the same one when it passes' "$dir/unit" good

cases=$B/tests/resolve/cases
sed 's/^unit 0:.*/unit 0: something else/' tests/resolve/closure-order.case \
	>"$dir/wrong.case"
verdict no 'a case whose expectation is wrong' "$cases" "$dir/wrong.case"
verdict yes 'the same with the right one' "$cases" \
	tests/resolve/closure-order.case
sed '/@EXPECT/,$d' tests/resolve/closure-order.case >"$dir/half.case"
verdict no 'a case without an expectation' "$cases" "$dir/half.case"
echo "1..$n"
