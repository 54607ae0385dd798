#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Slaves drained, paused, resumed and retired by people with the right to.
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
slaves pause nobody; [[ $status == 1 ]] && said "no slave"; ok "one that nobody knows"
slaves destroy one; [[ $status == 2 ]]; ok "a word that is none"
slaves retire one; [[ $status == 0 ]]; ok "it is retired"
refused() { grep -q "refuses this slave" "$tmp/one.log"; }
within 20 refused; ok "and refused from then on"
rule resume beta; problem 409 retired; ok "for ever"
run master audit list; said "beta from 127.0.0.1: slave drain one" && said ": slave retire one"; ok "the audit has who said what"
done_testing
