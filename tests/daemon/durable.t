#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What was answered is stored: over kills at any moment, and when the disk is
# full. ROUNDS says how many kills, SEED which moments.
# shellcheck disable=SC2154 # set by farm.sh and hand.sh
own_mounts=1
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"
RANDOM=${SEED-1}

farm_tree alpha
simple alpha/lib "A library"
mkdir "$tmp/master"
mount -t tmpfs -o size=24m,mode=700 farm "$tmp/master" 2>/dev/null || plan_skip "no tmpfs can be mounted"
lease_time=40s
sign alpha && commit "signed" && farm_master alpha
ok "a master on a small disk"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
echo "reserve = 0" >>"$tmp/master/master.conf"
kill_daemon master TERM
start_master; ok "that keeps nothing in reserve"
revision=$(git -C "$tmp/tree" rev-parse HEAD)
pinned="$(wish alpha/lib) + {revision: \"$revision\"}"
post session "$(envelope request@jobtage=session "$(request session '{}')")"
token=$(jq -r .token "$tmp/out")
unsigned() { jq -n --arg r "$1" '{request: $r}'; }
submitted() { # a job by the session
	anyone
	api POST jobs -H "Authorization: Bearer $token" --data-binary "$(unsigned "$(request submit "$pinned")")"
	job=$(jq -r '.job // empty' "$answered")
	[[ $http == 201 ]]
}
join_slave one "$(master token new)" && hello one
submitted; ok "a job is stored"

# ---- killed at any moment ---------------------------------------------------------

# Each answer "stored" is noted; calls that weren't answered are not.
client() {
	answer_in=client
	while [[ ! -e $tmp/stop ]]; do
		submitted && echo "job $job" >>"$tmp/noted"
		hello one
		claim one 1 0 || continue
		echo "lease $lease $unit $attempt" >>"$tmp/noted"
		report 0 && [[ $http == 200 ]] && echo "step $unit $attempt" >>"$tmp/noted"
		finish passed && [[ $http == 200 ]] && echo "done $unit" >>"$tmp/noted"
	done
} 2>/dev/null
touch "$tmp/noted"
client &
client=$!
for ((i = 0; i < ${ROUNDS-8}; i++)); do
	sleep "0.$((RANDOM % 8 + 1))$((RANDOM % 10))"
	kill_daemon master
	start_master || break
done
sleep 1
touch "$tmp/stop"
wait "$client" 2>/dev/null
[[ $i == "${ROUNDS-8}" ]]; ok "killed $i times, and started again"
answers=$(wc -l <"$tmp/noted")
[[ $(grep -c ^job "$tmp/noted") -gt 0 && $(grep -c ^done "$tmp/noted") -gt 0 ]]
ok "while something was done: $answers answers"
lost=0
while read -r what a b c; do
	case $what in
	job) n=$(db "SELECT count(*) FROM job WHERE id = $a") ;;
	lease) n=$(db "SELECT count(*) FROM lease WHERE id = $a AND unit_id = $b AND attempt = $c") ;;
	step) n=$(db "SELECT count(*) FROM report WHERE unit_id = $a AND attempt = $b") ;;
	done) n=$(db "SELECT count(*) FROM unit WHERE id = $a AND state = 'passed'") ;;
	esac
	[[ $n == 1 ]] || { lost=$((lost + 1)); echo "# lost: $what $a $b $c"; }
done <"$tmp/noted"
[[ $lost == 0 ]]; ok "all that was answered is there"
# a call may be done without its answer, at most one a kill
more=$(($(db "SELECT count(*) FROM job") - 1 - $(grep -c ^job "$tmp/noted")))
[[ $more -ge 0 && $more -le $i ]]; ok "and nothing else"
[[ $(db "SELECT count(*) FROM unit WHERE state = 'passed' AND id NOT IN (SELECT unit_id FROM report)") == 0 ]]
ok "nothing has passed without a report"
[[ $(db "SELECT count(*) FROM lease GROUP BY unit_id, attempt HAVING count(*) > 1") == "" ]]
ok "no attempt was given twice"
[[ $(db "PRAGMA integrity_check; PRAGMA foreign_key_check") == ok ]]; ok "the database is sound"
master audit verify >/dev/null; ok "so is the audit"

# ---- a power cut -----------------------------------------------------------------------

# As after one: the database is there, and what wasn't synced is not. Files are
# synced when the master has started, and then after a while.
log() { api PUT "lease/$lease/log?attempt=$attempt&step=0&offset=$1" --data-binary "$2"; }
logged() { # a unit that passed, by a master that has just started
	kill_daemon master TERM
	start_master && post session "$(envelope request@jobtage=session "$(request session '{}')")"
	token=$(jq -r .token "$tmp/out")
	hello one && submitted && claim one && as one && log 0 "said before the power went" &&
		report 0 ',"log_bytes":26' && is 200 && finish passed && is 200
}
survived() {
	kill_daemon master
	"$@" && master check >"$tmp/out" 2>&1 && start_master && as one || return
	api GET "units/$unit/log?step=0" && [[ $(<"$tmp/out") == "said before the power went" ]]
}
blank() { printf 'xxxx' | dd of="$1" conv=notrunc status=none; }
logged; ok "a step with a short log is reported"
survived rm -r "$tmp/master/logs/$unit"; ok "the log survives a power cut"
logged; ok "another one"
survived blank "$tmp/master/logs/$unit/$attempt/0.log"; ok "so does one whose blocks were lost"
ended() { # RESULT: as logged(), of a unit that has no report
	hello one && submitted && claim one && as one && log 0 "said before the power went" && finish "$1" && is 200
}
for result in failed limit infrastructure; do
	ended $result && survived rm -r "$tmp/master/logs/$unit"; ok "so does that of a unit that ends without a report: $result"
done
lease_is() { [[ $(db "SELECT state FROM lease WHERE id = $lease") == "$1" ]]; }
gave_back() {
	hello one && submitted && claim one && as one && log 0 "said before the power went" &&
		post "lease/$lease/refuse" '{"attempt":'"$attempt"',"kind":"soft","reason":"paused"}' && is 200
}
gave_back && lease_is refused && survived rm -r "$tmp/master/logs/$unit"; ok "and that of one that is given back"
fell_silent() {
	hello one && submitted && claim one && as one && log 0 "said before the power went" && within 30 lease_is expired
}
leases_of() { kill_daemon master TERM && sed -i "s/^lease = .*/lease = $1/" "$tmp/master/master.conf" && start_master; }
leases_of 4s && fell_silent && survived rm -r "$tmp/master/logs/$unit"; ok "or lost with its slave"
leases_of 40s
logged; kill_daemon master
rm -r "$tmp/master/logs/$unit" && db "UPDATE kept_log SET text = 'said' WHERE unit_id = $unit"
run master check; [[ $status == 1 ]] && said "logs/$unit/$attempt/0.log: has 0 of 26 bytes"; ok "check misses what wasn't kept of a third"
start_master

# ---- a full disk ------------------------------------------------------------------------

post slave/hello '{}'
hello one; submitted; claim one; ok "a unit is leased"
as one
log 0 "begin "; is 200; ok "its log begins"
jobs=$(db "SELECT count(*) FROM job")
fill() { dd if=/dev/zero of="$tmp/master/tmp/filler" bs=4k 2>/dev/null; [[ -s $tmp/master/tmp/filler ]]; }
fill; ok "the disk is full"
head -c 300000 /dev/zero | tr '\0' x >"$tmp/much"
as one
log 6 "@$tmp/much"; problem 507 disk-full && grep -qi '^retry-after: [0-9]' "$tmp/headers"
ok "a log is refused with 507"
kept="$job $lease $unit $attempt"
# the write-ahead log may have some pages left
for ((i = 0; i < 50; i++)); do submitted || break; done
is 503 '.code == "disk-full" or .code == "unavailable"' && grep -qi '^retry-after: [0-9]' "$tmp/headers"
ok "a job with 503, and when to come again"
as one
report 0; problem 503 unavailable; ok "its report is not taken"
! claim one 1 0 && [[ $http == 200 || $http == 409 ]]; ok "nothing is leased"
read -r job lease unit attempt <<<"$kept"
anyone; api GET health; is 200; ok "what only reads goes on"
is_halted() { # STATUS-CODE STATUS GAUGE
	[[ $(curl -sS --cacert "$tmp/ca.pem" -o "$tmp/out" -w '%{http_code}' "$url/healthz") == "$1" ]] &&
		api GET health && is 200 ".status == \"$2\"" && api GET metrics && grep -qx "autotua_halted $3" "$tmp/out"
}
within 10 is_halted 503 degraded 1; ok "health, /healthz and the metrics say that nothing can be stored"
job_now; is 200; ok "with jobs as they are stored"
grep -q "nothing is written until" "$tmp/master.log"; ok "the log says so"
run master backup "$tmp/saved"; [[ $status == 0 ]] && said "is whole, but isn't in the audit: "; ok "a backup to elsewhere succeeds, and says what it couldn't note"
run master check "$tmp/saved"; [[ $status == 0 ]]; ok "and is whole"
jobs=$(db "SELECT count(*) FROM job")
rm "$tmp/master/tmp/filler"
within 10 grep -q "takes what is written again" "$tmp/master.log"; ok "with room again it is noticed"
within 10 is_halted 200 ok 0; ok "health says so"
kill -0 "${pid[master]}"; ok "by the same process"
[[ $(db "SELECT count(*) FROM job") == "$jobs" ]]; ok "nothing of what was refused is there"
as one
report 0; is 200; ok "the lease is still held, the report taken"
api GET "units/$unit/log?step=0"; [[ $(head -c 6 "$tmp/out") == "begin " ]]; ok "its log is there"
finish passed; is 200; ok "and the unit ends"
within 15 submitted; ok "jobs are taken"
hello one; claim one; ok "and leased"
[[ $(db "PRAGMA integrity_check; PRAGMA foreign_key_check") == ok ]]; ok "the database is sound"
master audit verify >/dev/null; ok "so is the audit"
kill_daemon master TERM
done_testing
