#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The evaluator against bash: the cases in files, then random ones.
#
#	B=build [SEED=n] [COUNT=n] tests/value/run.t

prog=$(realpath "${B:-build}/tests/value/valuetest")
here=$(dirname "$0")
seed=${SEED:-1}
case $(bash -c 'echo "$BASH_VERSION"') in
5.2.*) ;;
*)
	echo "1..0 # SKIP values are compared with bash 5.2, which isn't here"
	exit 0
	;;
esac

n=0
bad=0
run() {
	n=$((n + 1))
	if out=$("$prog" "$@" 2>/dev/null); then
		echo "ok $n - $(echo "$out" | sed -n 's/^ok 1 - //p')"
	else
		echo "not ok $n - valuetest $*"
		echo "$out" | sed 's/^/# /'
		bad=$((bad + 1))
	fi
}

run "$here/accepted.cases"
run "$here/near.cases"
run "$seed" "${COUNT:-100000}"
echo "# seed $seed"
echo "1..$n"
[ "$bad" -eq 0 ]
