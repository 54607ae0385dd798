#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Slaves drained, paused, resumed and retired by people with the right to; jobs
# that the administrator ends, retries and prefers.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

farm_tree alpha beta
simple alpha/app "Something to run"
recipe alpha/endless/endless-1.0 <<'X'
DESCRIPTION="Ends only when it is ended"
job_run() { sleep 1000; }
X
sign alpha >/dev/null && commit "signed" && farm_master alpha beta &&
	master user rights beta operate >/dev/null && enroll_slave one && start_slave one
ok "a master and a slave"
[[ -n ${pid[one]-} ]] || { echo "Bail out! no slave"; exit 1; }

slaves() { # ARGUMENT...: as beta
	run jobuild slaves --user beta --key "=beta <beta@test.invalid>" "$@"
}
rule() { # KIND USER [NUMBER]
	post "slaves/${3-1}/$1" "$(envelope "request@jobtage=$1" \
		"$(request "$1" "{slave: ${3-1}}" "$2")" "$2")"
}
is_online() { [[ $(jobuild --json slaves 2>/dev/null | jq -r '.slaves[0].state') == online ]]; }
in_phase() { job_is '.units[0].steps[0].state == "run"'; }

within 20 is_online; ok "it is online"
rule drain alpha; problem 403 not-authorised && has '.detail | test("operate")'; ok "who may only maintain can't"
rule drain beta 77; problem 404 not-found; ok "a slave that there is not"
post slaves/1/drain "$(envelope request@jobtage=pause "$(request pause '{slave: 1}' beta)" beta)"
problem 400 bad-request; ok "a request for something else"
post slaves/1/drain "$(envelope request@jobtage=drain "$(request drain '{slave: 2}' beta)" beta)"
problem 400 bad-request; ok "a request for another slave"
drain=$(envelope request@jobtage=drain "$(request drain '{slave: 1}' beta)" beta)
post slaves/1/drain "$drain"; is 200 '.name == "one"'; ok "who may operate drains it"
api GET slaves; is 200 '.slaves[0] | .state == "online" and (.closed | test("drained by"))'; ok "as is shown"
run jobuild slaves; said "drained by"; ok "to people too"
submit alpha/app; ok "a job is taken"
waits() { run jobuild why-waiting "$job"; said "drained"; }
within 10 waits; ok "and waits, for a reason"
post slaves/1/drain "$drain"; problem 409 replay; ok "a request is good once"
slaves resume one; [[ $status == 0 ]]; ok "it is resumed by the command"
within 20 job_is '.state == "passed"'; ok "and works at once"
submit alpha/endless && within 20 in_phase; ok "something runs"
slaves pause one; [[ $status == 0 ]]; ok "it is paused"
given_back() { job_is '.units[0].state == "ready"'; }
within 10 given_back; ok "and gives back what runs"
run jobuild cancel "$job"
submit alpha/app && slaves resume one && within 20 job_is '.state == "passed"'; ok "until it is resumed"

# ---- jobs, by the administrator ------------------------------------------------------

submit alpha/endless && within 20 in_phase; ok "something runs"
run master job list; [[ $status == 0 ]] && said "$job alpha/endless-1.0 running alpha 0/1"; ok "the administrator sees it"
run master job list --json; jq -e '.[0] | .job == '"$job"' and .state == "running"' "$tmp/out" >"$tmp/jq"; ok "as JSON too"
run master job show "$job"; [[ $status == 0 ]] && said "alpha/endless-1.0 amd64 leased one"; ok "and its units"
run master job show "$job" --json; jq -e '.units[0] | .slave == "one" and .attempt == 1' "$tmp/out" >"$tmp/jq"; ok "as JSON too"
for n in 1001 -1001 abc 1e2 "" +5 " 7"; do
	run master job priority "$job" "$n"; [[ $status == 2 ]] && said "-1000..1000"; ok "no priority is \"$n\", and which are"
done
run master job priority "$job" -7; [[ $status == 0 ]] && within 10 job_is '.priority == -7'; ok "gives it a priority"
run master job cancel "$job"; [[ $status == 0 ]] && within 10 job_is '.state == "cancelled" and .units[0].state == "cancelled"'
ok "ends it"
kill_daemon master TERM
run master job retry "$job"; [[ $status == 0 ]]; ok "asks for another try while nothing serves"
start_master && within 20 in_phase; ok "which a master that starts does"
run master job cancel "$job"; within 10 job_is '.state == "cancelled"'; ok "it is ended again"
run master job cancel "$job"; within 10 grep -q "job=$job cancel by an administrator: it is over" "$tmp/master.log"
ok "what can't be done is in the log"
[[ $(db "SELECT count(*) FROM job_order") == 0 ]]; ok "and forgotten"
run master job cancel 99; [[ $status == 1 ]] && said "no job 99"; ok "a job that there is not"
for words in "cancel x" "cancel" "priority 1 2000" "nonsense 1" "list 1" "cancel 1 --json"; do
	# shellcheck disable=SC2086 # words
	run master job $words; [[ $status == 2 ]] && said "usage: "; ok "usage: job $words"
done
run master nonsense; [[ $status == 2 ]] && said 'unknown command "nonsense"'; ok "a command that is none"
run master audit list; said ": job cancel job $job"; ok "the audit has the administrator's orders"
slaves pause nobody; [[ $status == 3 ]] && said 'no slave "nobody"'; ok "one that nobody knows"
slaves destroy one; [[ $status == 2 ]]; ok "a word that is none"
submit alpha/endless && within 20 in_phase; ok "something runs"
slaves retire one; [[ $status == 0 ]]; ok "it is retired"
refused() { grep -q "refuses this slave" "$tmp/one.log"; }
within 20 refused; ok "and refused from then on"
taken_back() {
	[[ $(db "SELECT u.state, u.tries, u.reason FROM unit u
		WHERE u.job_id = $job") == "ready|0|slave one was retired" ]]
}
within 60 taken_back; ok "which is no try of the unit that it had"
run jobuild cancel "$job"
rule resume beta; problem 409 retired; ok "for ever"
run master audit list; said "beta from 127.0.0.1: slave drain one" && said ": slave retire one"; ok "the audit has who said what"
done_testing
