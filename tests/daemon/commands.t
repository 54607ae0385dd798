#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The commands about jobs against a real master and slave.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha beta
recipe alpha/good/good-1.0 <<'X'
DESCRIPTION="Passes"
job_run() { echo "a line"; }
X
recipe alpha/bad/bad-1.0 <<'X'
DESCRIPTION="Fails"
job_run() { return 7; }
X
simple alpha/top "Needs what passes and what fails" 'SIDEPEND="alpha/good alpha/bad"'
recipe alpha/slow/slow-1.0 <<'X'
DESCRIPTION="Writes now and then, then waits to be let go"
job_run() {
	local i

	for i in 1 2 3 4; do
		echo "tick ${i}"
		sleep 0.3
	done
}
X
recipe alpha/ticks/ticks-1.0 <<'X'
DESCRIPTION="Writes on and on"
job_run() { while sleep 0.3; do echo "tick"; done; }
X
recipe alpha/endless/endless-1.0 <<'X'
DESCRIPTION="Waits to be cancelled"
LOCKS="master:board"
job_run() { sleep 1000; }
X
farm_master alpha beta && sign alpha && commit "signed"
ok "a master with a signed tree"
cd "$tmp/tree" || exit 1

submit alpha/good; ok "a job nobody can run"
run jobuild why-waiting "$job"
[[ $status == 0 ]] && said "no slave for arch" && said "alpha/good-1.0"; ok "why-waiting says so in words"
! said "ends at about" && ! said "would end"; ok "and not when it would end, which nobody knows"
run jobuild --json why-waiting "$job"
jq -e '.causes[0].kind == "arch" and .waiting == 1 and .ends == null' "$tmp/out" >/dev/null; ok "and as data"
run jobuild why-waiting 99
[[ $status == 3 ]]; ok "no such job"
run jobuild slaves
[[ $status == 0 ]] && said "no slave has joined"; ok "no slaves"
run jobuild locks
[[ $status == 0 ]] && said "nobody has"; ok "no locks"
run jobuild -q priority "$job" 12
[[ $status == 0 ]] && job_is '.priority == 12'; ok "priority"
run jobuild priority "$job" many
[[ $status == 2 ]]; ok "which is a number"
echo "# more" >>alpha/good/good-1.0.jobuild
sign alpha && commit "changed"
run jobuild repin "$job"
[[ $status == 0 ]] && job_is ".revision == \"$(git rev-parse HEAD)\""; ok "repin to what is checked out"
run jobuild repin --user beta --key "=beta <beta@test.invalid>" "$job"
[[ $status == 4 ]]; ok "only by its user"
run jobuild repin "$job" nowhere
[[ $status == 1 ]] && said nowhere; ok "not to nowhere"

# how many answers the master has given, each look at that being one
answers() { curl -s --cacert "$tmp/ca.pem" "$url/metrics" | awk '/_requests_total\{code="2xx"\}/ { print $2 }'; }
more_answers() { seen=$((seen + 1)) && (($(answers) > seen)); }
seen=$(answers)
timeout 120 jobuild log -f "$(jobuild --json status "$job" | jq '.units[0].unit')" >"$tmp/waited" 2>"$tmp/waited.log" &
reader=$!
seen=$((seen + 1)) # that of status
within 20 more_answers; ok "log -f of a unit that waits"
kill_daemon master
within 20 grep -q "^jobuild:" "$tmp/waited.log"; ok "which tells that the master is gone"
start_master
enroll_slave one "slots = 2" && start_slave one
run jobuild watch "$job"
[[ $status == 0 ]] && said "alpha/good-1.0: passed" && said "job $job"; ok "watch prints what changes, and the end"
wait "$reader" && grep -q "a line" "$tmp/waited"; ok "log -f outlives a death of the master before the log has begun"
run jobuild slaves
said one && said online; ok "a slave is listed"
run jobuild repin "$job" HEAD
[[ $status == 1 ]]; ok "no repin when it is over"

reuse='' submit alpha/top
within 60 job_ended
job_is '.units[] | select(.root == "alpha/good-1.0") | .reused.job == 1'; ok "what has passed before is not run again"
run jobuild status "$job"
[[ $status == 1 ]] && said reused && said "which failed"; ok "status says so, and why the rest didn't run"
run jobuild retry "$job"
[[ $status == 0 ]] && within 60 job_is '.state == "failed" and ([.units[] | select(.root == "alpha/bad-1.0")][0].attempt == 2)'
ok "retry runs what failed again"
run jobuild retry 1
[[ $status == 1 ]] && said "has failed"; ok "nothing to retry"

submit alpha/slow
unit=$(jobuild --json status "$job" | jq '.units[0].unit')
within 30 job_is '.units[0].steps[0].state == "run"'
timeout 60 jobuild -q log -f --step 0 "$unit" >"$tmp/followed"
jobuild -q log --step 0 "$unit" >"$tmp/whole"
cmp -s "$tmp/followed" "$tmp/whole" && [[ $(grep -c ^tick "$tmp/whole") == 4 ]]; ok "log -f: byte for byte"
complains() { # COMMAND...: ends with 1 and says once that it can't write
	timeout 20 "$@" >/dev/full 2>"$tmp/err"
	[[ $? == 1 && $(grep -c "^jobuild:" "$tmp/err") == 1 ]] &&
		grep -qx "jobuild: standard output: No space left on device" "$tmp/err"
}
complains jobuild -q log "$unit"; ok "log that can't be written"
submit alpha/slow
unit=$(jobuild --json status "$job" | jq '.units[0].unit')
within 30 job_is '.units[0].steps[0].state == "run"'
rm "$tmp/followed"
timeout 60 jobuild -q log -f --step 0 "$unit" >"$tmp/followed" 2>>"$tmp/log.log" &
reader=$!
within 10 grep -q "tick 1" "$tmp/followed"
kill_daemon master && start_master
wait "$reader"
within 60 job_ended
jobuild -q log --step 0 "$unit" >"$tmp/whole"
cmp -s "$tmp/followed" "$tmp/whole" && grep -q "tick 4" "$tmp/whole"; ok "also over a death of the master"

submit alpha/ticks; ticks=$job
within 30 job_is '.units[0].steps[0].state == "run"'
unit=$(jobuild --json status "$job" | jq '.units[0].unit')
timeout 120 jobuild --json watch "$job" >"$tmp/seen" 2>"$tmp/seen.log" &
watcher=$!
jobuild --json log -f --step 0 "$unit" >"$tmp/read" 2>"$tmp/read.log" &
reader=$!
more_read() { (($(wc -l <"$tmp/read") > seen)); }
seen=2
within 20 more_read
kill_daemon master
within 20 grep -q "^jobuild:" "$tmp/seen.log" && within 20 grep -q "^jobuild:" "$tmp/read.log"
ok "watch and log as JSON tell that the master is gone"
seen=$(wc -l <"$tmp/read")
start_master
within 20 more_read
kill -INT "$reader"; wait "$reader"
[[ $? == 130 ]] && jq -es 'last.error == {"message": "interrupted", "status": 130}' "$tmp/read" >/dev/null
ok "it came back: the log that is then interrupted has no other error"
jobuild -q cancel "$ticks"
wait "$watcher"
jq -e '.state == "cancelled" and (has("error") | not)' "$tmp/seen" >/dev/null; ok "and the job that was watched none"
jobuild --json submit --tree main --stage small --no-reuse --watch alpha/ticks >"$tmp/sent" 2>"$tmp/sent.log" &
viewer=$!
within 10 grep -q "^job [0-9]" "$tmp/sent.log"
kill -INT "$viewer"; wait "$viewer"
[[ $? == 130 ]] && jq -e '.job > 0 and .error == {"message": "interrupted", "status": 130}' "$tmp/sent" >/dev/null
ok "submit --watch that is interrupted gives the job all the same"
jobuild -q cancel "$(jq .job "$tmp/sent")"

submit alpha/endless; first=$job
within 30 job_is '.units[0].steps[0].state == "run"'
complains jobuild watch "$job"; ok "watch that can't be written ends, whatever the job does"
submit alpha/endless
run jobuild locks
said "master:board" && said held && said waits; ok "locks: who has it and who waits"
run jobuild why-waiting "$job"
said "waits for the lock master:board" && said "ends at about"; ok "a lock is a reason, with an estimate"
TERM=xterm script -qc "stty cols 40 rows 6; timeout 60 jobuild watch $first" /dev/null >"$tmp/screen" 2>&1 </dev/null &
viewer=$!
within 20 grep -q "alpha/endless" "$tmp/screen"; ok "watch draws on a terminal"
now=${EPOCHREALTIME/./}
jobuild -q cancel "$first"
job=$first
gone() { job_is '.units[0].state == "cancelled"'; }
within 10 gone; took=$((${EPOCHREALTIME/./} - now))
echo "# cancelled after $((took / 1000)) ms"
gone; ok "cancel reaches the slave"
wait "$viewer"
! sed 's/\x1b\[H/\n/g; s/\x1b\[?*[0-9]*[A-Za-z]//g' "$tmp/screen" | grep "running" | tr -d '\r' | LC_ALL=C.UTF-8 grep -qE '.{41}'
ok "no line is wider than the screen while it is drawn"
run jobuild jobs --state cancelled
[[ $status == 0 ]] && said "alpha/endless-1.0" && ! said "alpha/good-1.0"; ok "jobs of a state"
run jobuild --json jobs --by alpha --root alpha/slow --limit 1
jq -e '(.jobs | length) == 1 and .jobs[0].root == "alpha/slow-1.0"' "$tmp/out" >/dev/null; ok "of a user and root"
run jobuild jobs --by 'a&b'
[[ $status == 2 ]]; ok "a filter is a plain word"
run jobuild jobs --state nonsense
[[ $status == 2 ]] && said "expected queued|running|passed|failed|cancelled"; ok "a state is one that there is"
refuses() { # NUMBER...
	local n

	for n; do
		run jobuild jobs -n "$n"
		{ [[ $status == 2 ]] && said "--limit $n: expected a number"; } || return
		run jobuild jobs --before "$n"
		[[ $status == 2 ]] || return
	done
}
refuses 0 -1 x 1x ""; ok "so many jobs are a number, not 0"
run jobuild --json jobs -n 1
jq -e '.jobs | length == 1' "$tmp/out" >/dev/null; ok "one is one"
run jobuild slaves drain nobody
[[ $status == 3 ]] && said "this master has no slave \"nobody\""; ok "a slave that there is not: 3"
run jobuild slaves drain one --master https://127.0.0.1:1
[[ $status == 69 ]]; ok "one of a master that there is not: 69"
run jobuild -q --json slaves drain --user beta --key "=beta <beta@test.invalid>" one
[[ $status == 4 ]] && jq -e '.error.status == 4' <(sed -n '/^{/,/^}/p' "$tmp/out") >/dev/null; ok "without the right: 4"
submit --label nowhere alpha/good
unit=$(jobuild --json status "$job" | jq '.units[0].unit')
timeout 120 jobuild log -f "$unit" >"$tmp/none" 2>&1 &
reader=$!
within 20 grep -q "step 0" "$tmp/none"; ok "log -f of a unit that no slave can have"
jobuild -q cancel "$job"
ended() { ! kill -0 "$reader"; }
within 10 ended; ok "it ends when the job is cancelled"
explained() { # COMMAND...
	local command

	for command; do
		run jobuild "$command" -h
		{ [[ $status == 0 ]] && said "jobuild $command"; } || return
	done
}
explained jobs watch why-waiting retry repin priority slaves locks; ok "each has its -h"
done_testing
