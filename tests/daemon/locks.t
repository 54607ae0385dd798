#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Named locks with real slaves: who holds one, who waits for whom, and that
# the next one gets it when it is free.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha beta
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
recipe beta/board/board-1.0 <<'X'
DESCRIPTION="Has the board, of whom no slave trusts"
LOCKS="master:board"
job_run() { sleep 1000; }
X
recipe alpha/greedy/greedy-1.0 <<X
DESCRIPTION="Wants far more than anybody needs"
LOCKS="$(printf 'master:l%s ' {1..300})"
job_run() { :; }
X
sign alpha beta && commit "signed"
# long, so that a slow machine loses none
lease_time=40s
run farm_master alpha beta
ok "a master is set up"
gpg --with-colons --list-keys '=alpha <alpha@test.invalid>' |
	awk -F : '$1 == "fpr" { print "alpha " $10; exit }' >"$tmp/keyring"
enroll_slave one "slots = 2" "keyring = $tmp/keyring" "label = even"
enroll_slave two "slots = 2" "keyring = $tmp/keyring" "label = odd"
for name in one two; do start_slave "$name"; done

run jobuild submit alpha/greedy
[[ $status != 0 ]] && said "alpha/greedy-1.0 (amd64): its steps want 300 locks, at most 256 are allowed"
ok "a unit of hundreds of locks is refused"
first='' second='' third='' fourth=''
start() { # VARIABLE RECIPE [ARGUMENT]...: submit; the job in VARIABLE
	submit "${@:2}" --param "N=$1" && printf -v "$1" %s "$job"
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

# ---- who can't run now holds up nobody, and keeps its place --------------------

reason() { # JOB FILTER
	local job=$1
	job_is "any(.units[0].reasons[]; $2)"
}
restart_master() {
	kill_daemon master
	start_master
}
start first beta/board
refused() {
	within 60 reason "$first" '.kind == "refused" and .name == "one"' &&
		within 60 reason "$first" '.kind == "refused" and .name == "two"'
}
refused; ok "all slaves have refused the first in the line"
start second alpha/master
within 60 runs "$second"; ok "the next has the lock"
jobuild --json why-waiting "$first" >"$tmp/out" && jq -e '.ends == null and all(.causes[]; .kind == "refused")' "$tmp/out" >/dev/null
ok "the first isn't said to wait for it"
run restart_master
[[ $status == 0 ]] && refused && job=$second job_is '.units[0].state == "leased"'; ok "so it is when the master starts anew"
cancel "$first" "$second"

master slave drain two >/dev/null
drained() { jobuild slaves | grep -q drained; }
within 20 drained
start first alpha/master --label odd
within 30 reason "$first" '.kind == "closed" and .name == "two"'; ok "the only slave of the first is drained"
start second alpha/master
within 60 runs "$second"; ok "the next isn't held up"
start third alpha/master --label even
within 30 reason "$third" ".kind == \"lock\" and .job == $second and .unit == $(unit_of "$second")"
ok "who comes later is told who has the lock"
run restart_master
leased() { job=$1 job_is '.units[0].state == "leased"'; }
within 60 reason "$first" '.kind == "closed"' && leased "$second"; ok "all of this survives the master"
master slave resume two >/dev/null
within 30 waits "$first" master:board; ok "the slave is open: the first waits in the line"
cancel "$second"
within 60 runs "$first"; ok "where it was, before the third"
waits "$third" master:board; ok "which goes on waiting"
master slave retire one >/dev/null
start fourth alpha/look --label odd
cancel "$first"
within 60 runs "$fourth"; ok "when its slave is retired, not even that holds up another"
cancel "$fourth" "$third"
done_testing
