#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The scheduler on simulated farms: how near it comes to what is possible,
# whether users get the same, whether everything comes through.
sim=$B/tests/sched/sim
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0

ok() {
	local bad=$?

	n=$((n + 1))
	if ((bad == 0)); then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		echo "# $result"
	fi
}

# CONDITION over the numbers that sim printed.
holds() {
	echo "$result" | awk -v RS='[ \n]' -F = '{ v[$1] = $2 } END {
		exit !(v["units"] > 0 && '"$1"') }'
}

simulate() { result=$("$sim" "$@" 2>&1); }

for ((i = 1; i <= 300; i++)); do
	printf 'u%d\t\t%d\n' $i $((i % 17 + 1))
done >"$tmp/independent"
for m in 1 2 4 8; do
	simulate -s $m -t 1 "$tmp/independent"
	holds 'v["ratio"] <= 1.02'
	ok "independent units take 1/$m of the time on $m slaves"
done

# Short chains and a long one that comes last in the file.
{
	for ((i = 1; i <= 200; i++)); do printf 's%d\t\t10\n' $i; done
	for ((i = 1; i <= 50; i++)); do
		printf 'l%d\t%s\t20\n' $i "$( ((i > 1)) && echo l$((i - 1)))"
	done
} >"$tmp/chain"
simulate -s 3 -t 1 "$tmp/chain"
holds 'v["ratio"] <= 1.02'
ok "the long chain is begun at once"
simulate -l -s 3 -t 1 "$tmp/chain"
holds 'v["ratio"] <= 1.1'
ok "and when nobody knows what units take"

tests/sched/debian-graph >"$tmp/debian"
for m in 1 2 8; do
	simulate -s $m "$tmp/debian"
	holds 'v["ratio"] <= 1.02'
	ok "this machine's packages on $m slaves"
	simulate -l -s $m "$tmp/debian"
	holds 'v["ratio"] <= 1.1'
	ok "the same, learning"
done
simulate -u 5 -s 4 "$tmp/debian"
holds 'v["share_min"] >= 0.95 * v["share_max"]'
ok "five users with the same work get the same"
simulate -e 30 -s 4 "$tmp/debian"
holds 'v["ratio"] < 1.3'
ok "exclusive units come through, others are not held up long"
echo "1..$n"
