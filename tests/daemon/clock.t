#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The master's wall clock is set while it serves: forward, nothing is lost and
# nobody blamed; back, what is waited for still comes. Its slaves' are right.
# shellcheck disable=SC2154 # set by farm.sh
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
shim=${B:-$top/build}/tests/daemon/chaosclock.so
[[ -e $shim ]] || { echo "Bail out! make check builds chaosclock"; exit 1; }

set_clock() { truncate -s "$1" "$tmp/clock"; } # SECONDS ahead
at_clock() { LD_PRELOAD=$shim CHAOS_CLOCK=$tmp/clock ASAN_OPTIONS=verify_asan_link_order=0 "$@"; }
autotua-master() { at_clock env autotua-master "$@"; }
jobuild() { at_clock env jobuild "$@"; }
become() { at_clock exec env "${@:2}" >>"$1" 2>&1 </dev/null; } # LOG COMMAND...
start_slave() {
	autotua-slave -C "$tmp/$1" run >>"$tmp/$1.log" 2>&1 </dev/null &
	pid[$1]=$!
}
was_set() { [[ $(grep -c "the clock was set" "$tmp/master.log") == "$1" ]]; } # TIMES
leases() { db "SELECT count(*) FROM lease l JOIN unit u ON u.id = l.unit_id WHERE u.job_id = $job"; }
holder() { # sets $name: who has the job's unit
	name=$(db "SELECT s.name FROM lease l JOIN slave s ON s.id = l.slave_id
		JOIN unit u ON u.id = l.unit_id WHERE u.job_id = $job AND l.state = 'held'")
	[[ -n $name ]]
}
slave_is() { jobuild --json slaves | jq -e --arg n "$1" ".. | objects | select(.name? == \$n) | $2" >/dev/null; } # NAME FILTER

packs() { [[ $(find "$tmp/master/packs" -type f | wc -l) == "$1" ]]; } # N

farm_tree alpha
printf '%s\n' 'DESCRIPTION="Works a while"' 'job_run() { sleep 10; }' | recipe alpha/long/long-1.0
simple alpha/short "Is done at once"
touch "$tmp/clock"
lease_time=6s
sign alpha && commit "signed" && farm_master alpha && enroll_slave one && enroll_slave two
ok "a master and its slaves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
start_slave one
start_slave two
within 20 slave_is two '.state == "online"'; ok "are there"

# ---- a day forward -----------------------------------------------------------------

submit alpha/long && within 20 holder; ok "a unit runs"
packs 1; ok "its recipes are in a pack"
set_clock 86460
within 10 was_set 1; ok "the clock goes a day forward, as the log says"
within 10 packs 0; ok "packs of a day ago are not kept"
slave_is one '.state == "online"' && slave_is two '.state == "online"'; ok "its slaves are online"
within 60 job_ended && job_is '.state == "passed"'; ok "the unit passes"
[[ $(leases) == 1 && $(db "SELECT tries FROM unit WHERE job_id = $job") == 0 ]]; ok "in its first attempt"
[[ $(db "SELECT sum(strikes) FROM slave") == 0 ]]; ok "nobody is blamed"
! grep -q "not heard of" "$tmp/master.log"; ok "and nobody was missed"

# ---- two hours back ----------------------------------------------------------------

submit alpha/long && within 20 holder; ok "a unit runs"
set_clock 79200
within 10 was_set 2; ok "the clock goes two hours back"
slave_is "$name" '.state == "online" and .last_seen > 0'; ok "its slave is online"
kill_daemon "$name"
first=$name
at_other() { holder && [[ $name != "$first" ]]; }
within 60 at_other; ok "when that slave is dead the unit goes to the other one"
within 60 job_ended && job_is '.state == "passed"'; ok "and the unit passes there"
other=$name
submit alpha/long && within 20 holder; ok "another one runs"
set_clock 72000
within 10 was_set 3; ok "and once more back"
master job cancel "$job" >/dev/null; ok "the job is cancelled by the command"
within 10 job_ended && job_is '.state == "cancelled"'; ok "which takes effect"
set_clock 64800
within 10 was_set 4; ok "back again"
master slave drain "$other" >/dev/null; ok "a slave is drained"
within 10 slave_is "$other" '.closed != null'; ok "which takes effect"
submit alpha/short; ok "a job"
within 10 job_is '.state == "queued"'; ok "that waits"
set_clock 57600
within 10 was_set 5; ok "back again"
master slave retire "$other" >/dev/null; ok "it is retired"
within 10 slave_is "$other" '.state == "retired"'; ok "which takes effect"
[[ $(leases) == 0 ]]; ok "the job isn't its"

within 100 slave_is "$first" '.state == "offline"'; ok "who is dead is missed at last"

# ---- what was stored under a clock that was ahead ------------------------------------

kill_daemon master TERM
db "UPDATE slave SET strikes = 3, pauses = 1, paused_until = (strftime('%s', 'now') + 99999999) * 1000000
	WHERE name = '$first'"
db "INSERT INTO refusal (unit_id, slave_id, kind, until, reason, lost) SELECT u.id, s.id, 'soft',
	(strftime('%s', 'now') + 99999999) * 1000000, 'paused', 0 FROM unit u, slave s
	WHERE u.job_id = $job AND s.name = '$first'"
start_master; ok "a quarantine of years is stored, from a clock that was wrong"
now=$(($(date +%s) + 57600))
slave_is "$first" ".state == \"quarantine\" and .quarantine.until < $((now + 90))"; ok "it lasts as long as it should"
job_is ".units[0].reasons[] | select(.kind == \"refused\") | .until < $((now + 90))"; ok "so does a refusal"
master slave resume "$first" >/dev/null && start_slave "$first"
within 60 job_ended && job_is '.state == "passed"'; ok "the slave has work when that is ended"

# ---- a master that starts anew while the clock is ahead -------------------------------

submit alpha/long && within 20 holder; ok "a unit runs"
set_clock 144000
within 10 was_set 6; ok "the clock goes a day forward"
kill_daemon master TERM
start_master; ok "and the master starts anew before the unit ends"
within 60 job_ended && job_is '.state == "passed"'; ok "which passes"
[[ $(leases) == 1 ]]; ok "in its first attempt"
submit alpha/long && within 20 job_is '.state == "running"'; ok "a unit runs"
kill_daemon master TERM
set_clock 316800
start_master; ok "while the master is down the clock goes two days forward"
within 60 job_ended && job_is '.state == "passed"' && [[ $(leases) == 1 ]]; ok "the unit passes in its first attempt"
[[ $(db "SELECT max(ms) < 3600000 FROM duration") == 1 ]]; ok "and hasn't taken a day by what is learned"
[[ $(db "SELECT max(ended - granted) < 3600000000 FROM lease") == 1 ]]; ok "nor by what its user has had"

# ---- a request is good once -----------------------------------------------------------

# shellcheck source=tests/daemon/hand.sh
. "$top/tests/daemon/hand.sh"
set_clock 0
within 10 was_set 7; ok "the clock is right again"
anyone; once=$(envelope request@jobtage=submit "$(request submit "$(wish alpha/short)")")
post jobs "$once"; is 201; ok "a request is taken"
kill_daemon master TERM
set_clock 200000
start_master; ok "the master starts with a clock that is days ahead"
sleep 2
set_clock 0
within 10 was_set 8; ok "which is set right"
post jobs "$once"; problem 409 replay; ok "the request isn't taken again"
done_testing
