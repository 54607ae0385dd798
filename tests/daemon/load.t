#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The slaves without machines that measure a master speak as real ones do: a
# figure of what a master refuses would be none.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/bench/load.sh
. "$top/tests/bench/load.sh"

units() { db "SELECT count(*) FROM unit WHERE state = '$1'"; } # STATE

load_tree
lease_time=60s
farm_master load && kill_daemon master TERM
"$bin/../tests/bench/loadcerts" "$tmp/master" 5 "$tmp/certs" >"$tmp/slaves.sql"
db <"$tmp/slaves.sql" && [[ $(db "SELECT count(*) FROM slave") == 5 ]]
ok "five slaves are known"
start_master || { echo "Bail out! no master"; exit 1; }

run load_as idle 5 1 && said 'idle for 1 s'; ok "they wait for work"
submit load/all && job=${job:?}; ok "a job of a hundred"
run load_as units 3 40 && said 'units/s'; ok "three of them do forty of its units"
n=$(units passed)
# the three may end one each at that moment, and have claimed another each
((n >= 40 && n <= 45)); ok "which have passed: $n"
run load_as log 2 6 && said 'MB/s'; ok "two of them send a log"
[[ $(find "$tmp/master/logs" -type f -exec cat {} + | wc -c) == $((6 << 20)) ]]
ok "all of it is stored"
done_testing
