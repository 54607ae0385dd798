#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Named locks with real slaves: who holds one, who waits for whom, and that
# the next one gets it when it is free.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha
for kind in master slave; do
	recipe "alpha/$kind/$kind-1.0" <<-X
		DESCRIPTION="Has the board of the $kind"
		LOCKS="$kind:board"
		job_run() { sleep 1000; }
	X
done
recipe alpha/look/look-1.0 <<'X'
DESCRIPTION="Looks at the board"
LOCKS="master:board=shared"
job_run() { sleep 1000; }
X
sign alpha && commit "signed"
# long, so that a slow machine loses none
lease_time=40s
run farm_master alpha
ok "a master is set up"
for name in one two; do
	enroll_slave "$name" "slots = 2"
	start_slave "$name"
done

first='' second='' third='' fourth=''
start() { # VARIABLE RECIPE: submit; the job in VARIABLE
	submit "$2" --param "N=$1" && printf -v "$1" %s "$job"
}
runs() { # JOB
	local job=$1
	job_is '.units[0] | .state == "leased" and .steps[0].state == "run"'
}
slave_of() { # JOB
	jobuild --json status "$1" | jq -r '.units[0].slave'
}
waits() { # JOB LOCK
	local job=$1
	job_is ".units[0] | .state == \"ready\" and ([.reasons[] | select(.kind == \"lock\") | .name] | index(\"$2\") != null)"
}
unit_of() { # JOB
	jobuild --json status "$1" | jq -r '.units[0].unit'
}
cancel() { # JOB...
	local job
	for job; do
		jobuild cancel "$job" >/dev/null 2>&1
		within 30 job_is '.units[0].state == "cancelled"'
	done
}

start first alpha/master
within 60 runs "$first"; ok "a unit with a master's lock runs"
start second alpha/master
start third alpha/look
within 30 waits "$second" master:board; ok "the second waits for the lock, though slots are free"
job=$second job_is ".units[0].reasons[] | select(.kind == \"lock\") | .unit == $(unit_of "$first")"
ok "and is told who has it"
within 30 waits "$third" master:board; ok "who wants it shared waits too"
cancel "$first"
within 60 runs "$second"; ok "when the first ends, the second has it"
waits "$third" master:board; ok "and the third still waits"
start fourth alpha/look
cancel "$second"
within 60 runs "$third" && within 60 runs "$fourth"; ok "those who share it run together"
cancel "$third" "$fourth"

start first alpha/slave
start second alpha/slave
within 60 runs "$first" && within 60 runs "$second"; ok "a slave's lock is free on another slave"
[[ $(slave_of "$first") != "$(slave_of "$second")" ]]; ok "so the two run on two slaves"
start third alpha/slave
within 30 waits "$third" slave:board; ok "a third waits, with a slot free on both"
there=$(slave_of "$second")
cancel "$second"
within 60 runs "$third"; ok "until one of them is through"
[[ $(slave_of "$third") == "$there" ]]; ok "and runs where that was"
cancel "$first" "$third"
done_testing
