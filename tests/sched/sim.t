#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The scheduler on simulated farms, one in each file of cases/: how near it
# comes to what is possible, with what takes known or to be learned; whether
# users get their share, and whether everything comes through.
# shellcheck disable=SC2154 # tmp is the tests'
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
cd "$(dirname "$0")/../.." || exit 1
sim=${B:-build}/tests/sched/sim

for case in tests/sched/cases/*.case; do
	title=$(sed -n '1s/^# //p' "$case")
	"$sim" "$case" >"$tmp/out" 2>"$tmp/err"
	ok "$title"
done
# a case that asks for too much fails
sed 's/<= .*/<= 0.9/' tests/sched/cases/debian.case >"$tmp/debian.case"
! "$sim" "$tmp/debian.case" >"$tmp/out" 2>"$tmp/err" && grep -q missed "$tmp/out"
ok "seen: what isn't as expected"
done_testing
