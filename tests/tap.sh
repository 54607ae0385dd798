# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TAP for shell tests. What a failed test leaves to look at is printed by
# tap_leftovers, which an area may define anew.
# shellcheck disable=SC2154 # tmp is the area's folder
count=0

ok() { # NAME, after a test
	local good=$?

	count=$((count + 1))
	if ((good == 0)); then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		tap_leftovers
	fi
}

tap_leftovers() {
	sed 's/^/# out: /' "$tmp/out"
	sed 's/^/# err: /' "$tmp/err"
}

done_testing() {
	echo "1..$count"
}
