#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The recipes that a slave fetches as a pack: made when it is asked for, many
# at once, and made again when they are gone.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"
# shellcheck source=tests/bench/load.sh
. "$top/tests/bench/load.sh"

get() { # LEASE: into $tmp/pack.LEASE, its status into $tmp/status.LEASE
	answer_in=pack.$1
	api GET "lease/$1/pack?attempt=1"
	echo "$http" >"$tmp/status.$1"
}
get_all() { # LEASE...: at the same time
	local lease asked=()

	for lease; do
		get "$lease" &
		asked+=($!)
	done
	wait "${asked[@]}"
}
all_are() { # STATUS LEASE...
	local lease

	for lease in "${@:2}"; do
		[[ $(<"$tmp/status.$lease") == "$1" ]] || return
	done
}
digests() { (cd "$tmp" && sha256sum pack.*); }
made() { find "$tmp/master/packs" -type f | wc -l; }
forget() { rm -f "$tmp/master/packs"/*; }

load_tree
lease_time=600s
farm_master load && join_slave one "$(master token new)"
hello one amd64 8
is 200; ok "a slave of eight slots"
anyone; submit_by_hand load/all load; ok "a job of a hundred"
as one; claim one 8
mapfile -t leases < <(jq -r '.capsules[].lease' "$tmp/out")
[[ ${#leases[@]} == 8 ]]; ok "eight of it are leased"

get_all "${leases[@]}"; all_are 200 "${leases[@]}"; ok "their packs"
first=$(digests)
[[ $(cut -c 1-64 <<<"$first" | sort -u | wc -l) == 8 ]]; ok "which all differ"
forget; get_all "${leases[@]}"; all_are 200 "${leases[@]}" && [[ $(digests) == "$first" ]]
ok "are the same when they must be made again, all at once"
forget; get "${leases[0]}"; all_are 200 "${leases[0]}"; ok "asked for one"
(($(made) > 1)); ok "the master makes others as well: $(made)"

mv "$tmp/master/trees/main.git" "$tmp/master/trees/gone.git"
forget; get_all "${leases[@]}"; all_are 500 "${leases[@]}" && grep -q 'pack: .*main.git' "$tmp/master.log"
ok "without their tree there are none, and the log says so"
[[ $(made) == 0 ]]; ok "nor halves of them"
mv "$tmp/master/trees/gone.git" "$tmp/master/trees/main.git"
get_all "${leases[@]}"; all_are 200 "${leases[@]}" && [[ $(digests) == "$first" ]]; ok "with it they are as before"

unit=$(db "SELECT unit_id FROM lease WHERE id = ${leases[3]}")
capsule=$(db "SELECT quote(capsule) FROM unit WHERE id = $unit")
db "UPDATE unit SET capsule = '{}' WHERE id = $unit"
forget; get_all "${leases[@]}"
all_are 500 "${leases[3]}" && all_are 200 "${leases[@]:0:3}" "${leases[@]:4}"
ok "one that can't be made is no harm to those that are asked for with it"
grep -q "pack: unit $unit: the capsule is not usable" "$tmp/master.log"; ok "the log names it, and why"
db "UPDATE unit SET capsule = $capsule WHERE id = $unit"

kill_daemon master; forget; start_master
get_all "${leases[@]}"; all_are 200 "${leases[@]}" && [[ $(digests) == "$first" ]]
ok "a master that was killed makes the same"
done_testing
