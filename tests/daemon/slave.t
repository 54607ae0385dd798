#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The slave: how it joins, what it refuses, and what it does when it, the
# master's interest or its time ends in the middle of a unit.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha beta
recipe alpha/quick/quick-1.0 <<'X'
DESCRIPTION="Has a log, a figure and an artifact"
job_run() { echo "quick, with ${COLOUR-no colour}"; }
job_collect() {
	echo "made here" >made.txt
	artifact made.txt
	result "answer=42"
}
X
recipe alpha/slow/slow-1.0 <<'X'
DESCRIPTION="Takes a while"
job_run() {
	echo "begins"
	sleep 5
	echo "ends"
}
X
recipe alpha/brief/brief-1.0 <<'X'
DESCRIPTION="Ends while nobody hears of it"
job_run() {
	echo "begins"
	sleep 1
	echo "ends"
	echo made >"${ARTIFACTS}/made.txt"
}
X
recipe alpha/endless/endless-1.0 <<'X'
DESCRIPTION="Ends only when it is ended"
job_run() { sleep 1000; }
X
simple alpha/online "Wants the network" 'PROPERTIES="network"'
recipe beta/other/other-1.0 <<'X'
DESCRIPTION="Another maintainer's"
job_run() { echo "beta ran"; }
X
sign alpha beta && commit "signed"
run farm_master alpha beta
ok "a master is set up"
# leases that a test can wait for
printf 'lease = 3s\ngrace = 3s\n' >>"$tmp/master/master.conf"
kill_daemon master TERM
start_master
ok "with short leases"

slave() {
	mkdir -p "$tmp/$1"
	[[ -e $tmp/$1/slave.conf ]] || echo "user = $slave_user" >"$tmp/$1/slave.conf"
	autotua-slave -C "$tmp/$1" "${@:2}"
}
in_spool() { compgen -G "$tmp/$1/spool/[0-9]*" >/dev/null; }
# what the jailer runs
jail_of() {
	local jailer

	jailer=$(pgrep -o -f "autotua-chroot -s $tmp/$1/") && runs_of "$jailer"
}
no_jail_of() { ! jail_of "$1"; }
in_phase() { job_is '.units[0].steps[0].state == "run"'; }

# ---- joining

token=$(master token new)
run slave joins enroll "$url" nonsense
[[ $status == 1 ]] && said "token new"; ok "what is no token is refused, with the remedy"
run slave joins enroll "$url" "${token%????}0000"
[[ $status == 1 ]] && said "fingerprint"; ok "a token with another CA's fingerprint is refused"
[[ ! -e $tmp/joins/key.pem && ! -e $tmp/joins/cert.pem ]]; ok "and nothing is left of it"
run slave joins enroll "$url" "aut1-00000000000000000000000000000000-${token##*-}"
[[ $status == 1 ]] && said "token"; ok "a token that the master never made is refused"
run slave joins enroll "$url" "$token" --name joins
[[ $status == 0 ]]; ok "a good one is taken"
[[ $(stat -c %a "$tmp/joins/key.pem") == 600 ]]; ok "the key is for its owner alone"
run slave joins enroll "$url" "$(master token new)"
[[ $status == 1 ]] && said "already"; ok "nobody joins twice in one folder"
run slave again enroll "$url" "$token"
[[ $status == 1 ]] && said "token"; ok "a used token is refused"
run slave again run --once
[[ $status == 1 ]] && said "enroll"; ok "who isn't enrolled can't run"
echo "slotz = 2" >"$tmp/joins/slave.conf"
run slave joins run -n
[[ $status == 1 ]] && said "slave.conf:1" && said "slotz"; ok "-n finds what is wrong, with its line"
printf '%s\n' "slots = 2" "user = $slave_user" "helpers = $top/jobuild/sh" >"$tmp/joins/slave.conf"
run slave joins run -n
[[ $status == 0 ]]; ok "and nothing when it is right"
cp "$tmp/joins/slave.conf" "$tmp/joins.conf"
unusable() { # LINE WORD: -n refuses it with this word
	{ cat "$tmp/joins.conf"; echo "$1"; } >"$tmp/joins/slave.conf"
	run slave joins run -n
	[[ $status == 1 ]] && said "$2"
}
bad=
for line in "memory = 1" "pressure = 300" "tree = ../x" "probe = a b c" "url = http://x" "url = https://x y:1" "url = https://" \
	"url = https://x:99999" "url = https://x:0" "url = https://x:abc" "url = https://x:" "url = https://[::1:1"; do
	unusable "$line" "${line%% *}" || bad+=" ($line)"
done
[[ -z $bad ]]; ok "-n finds settings with which no job would ever run$bad"
unusable "memory = 1" "slave.conf:$(wc -l <"$tmp/joins/slave.conf"): memory"; ok "with their line"
bad=
for line in https://x https://x/ https://x:65535 https://x:1/ 'https://[::1]' 'https://[::1]:8443'; do
	{ cat "$tmp/joins.conf"; echo "url = $line"; } >"$tmp/joins/slave.conf"
	run slave joins run -n
	[[ $status == 0 ]] || bad+=" ($line)"
done
[[ -z $bad ]]; ok "and takes addresses of all forms$bad"
mkdir "$tmp/half"
cp "$top/jobuild/sh/jobuild.sh" "$tmp/half"
sed "s|^helpers = .*|helpers = $tmp/half|" "$tmp/joins.conf" >"$tmp/joins/slave.conf"
run slave joins run -n
[[ $status == 1 ]] && said "no helpers.sh in $tmp/half"; ok "and a folder with half of the helpers"
if [[ $(id -u) -eq 0 ]]; then
	unusable "user = nosuchuser" 'no user "nosuchuser"'
	ok "and a user that isn't there"
fi
cp "$tmp/joins.conf" "$tmp/joins/slave.conf"
run slave joins run --once
[[ $status == 0 ]]; ok "--once ends when there is nothing to do"

# ---- the way of a unit

enroll_slave one
submit alpha/quick --param COLOUR=green; ok "a job is accepted"
run slave one run --once
[[ $status == 0 ]] && job_is '.state == "passed"'; ok "--once does it, delivers and ends"
[[ -s $tmp/one/notary/verdicts && $(stat -c %u "$tmp/one/notary") == "$slave_user" ]]
ok "and remembers that the signatures are good"
job_is '.units[0].slave == "one" and .units[0].attempt == 1'; ok "on this slave, at the first attempt"
job_is '.units[0].steps[0] | .figures.answer == "42" and .artifacts[0].path == "made.txt"'
ok "figure and artifact are there"
digest=$(jobuild --json status "$job" | jq -r '.units[0].steps[0].artifacts[0].digest')
[[ $(curl -s --cacert "$tmp/ca.pem" "$url/api/v1/artifacts/$digest/made.txt") == "made here" ]]
ok "the artifact has its bytes"
unit=$(jobuild --json status "$job" | jq -r '.units[0].unit')
run jobuild log "$unit"
said "quick, with green"; ok "the log and the job's parameter too"
! in_spool one; ok "nothing is left in the spool"

# ---- what the lender says

enroll_slave strict "keyring = $tmp/keyring"
gpg --batch --with-colons --list-keys "=beta <beta@test.invalid>" |
	awk -F: '$1 == "fpr" { print "beta", $10; exit }' >"$tmp/keyring"
submit alpha/quick --param COLOUR=red
run slave strict run --once
[[ $status == 0 ]] && said "refused" && said "alpha"; ok "a signer whom the lender doesn't trust is refused"
job_is '.units[0] | .state == "ready" and (.reasons[0].text | test("strict.*alpha"))'; ok "the unit waits for another slave"
waiting=$job
start_slave strict
within 20 grep -q refused "$tmp/strict.log"; ok "which is asked again when it starts anew"
sleep 2
[[ $(grep -c accepted "$tmp/strict.log") == 1 ]]; ok "but once"
gpg --batch --with-colons --list-keys "=alpha <alpha@test.invalid>" |
	awk -F: '$1 == "fpr" { print "alpha", $10; exit }' >>"$tmp/keyring"
kill -s HUP "${pid[strict]}"
job=$waiting
within 20 job_is '.state == "passed"'; ok "and when it reads its settings, which trust that signer"
sed -i '/^alpha/d' "$tmp/keyring"
kill_daemon strict TERM
submit beta/other
run slave strict run --once
job_is '.state == "passed"'; ok "a signer whom the lender trusts isn't"
submit alpha/online
run slave one run --once
said "refused" && said "network"; ok "the network is refused where the lender doesn't allow it"

# ---- the middle of a unit

enroll_slave two
start_slave two
submit alpha/slow --param RUN=killed
within 30 in_phase; ok "a unit runs"
run slave two run --once
[[ $status == 1 ]] && said "another autotua-slave"; ok "two can't share a state folder"
kill_daemon two
within 20 no_jail_of two; ok "its jail dies with a killed slave"
in_spool two; ok "the lease is in the spool"
start_slave two
within 60 job_ended; job_is '.state == "passed" and .units[0].attempt == 2'
ok "after a restart it runs again and passes"
unit=$(jobuild --json status "$job" | jq -r '.units[0].unit')
[[ $(jobuild log "$unit") == *begins*ends* ]]; ok "with a whole log"
within 10 eval '! in_spool two'; ok "the spool is empty again"

submit alpha/endless
within 30 in_phase
jobuild cancel "$job" >/dev/null
within 5 no_jail_of two; ok "a cancelled job's work is killed"
within 5 job_is '.state == "cancelled"'; ok "and is cancelled"

submit alpha/slow --param RUN=stale
within 30 in_phase
kill -s STOP "${pid[two]}"
enroll_slave three
start_slave three
within 60 job_ended; job_is '.state == "passed" and .units[0].attempt == 2 and .units[0].slave == "three"'
ok "the unit of a slave that hangs runs elsewhere"
in_spool two; ok "while the first has a result of its own"
kill -s CONT "${pid[two]}"
within 20 eval '! in_spool two'; ok "which it drops"
grep -q "dropped.*took it away" "$tmp/two.log"; ok "because the master has no use for it"
job_is '.state == "passed" and .units[0].attempt == 2 and .units[0].slave == "three"'
ok "and the job stays as it is"
kill_daemon three TERM

# ---- a master that can't be reached

submit alpha/endless --param RUN=alone
within 30 in_phase
kill_daemon master
within 20 no_jail_of two; ok "work that can't be renewed is killed"
answered() { slave two status | grep -q "^answer: $1"; }
within 20 answered "none, since 20[-0-9]* [0-9:]*: ."; ok "status says that the master isn't reached, and since when"
kill -0 "${pid[two]}" && grep -q "dropped lease=.*could not be renewed in time" "$tmp/two.log"
ok "by its slave, which says why and goes on"
! in_spool two; ok "the unit isn't its own any more"
start_master
within 20 job_is '.units[0].attempt == 2 and .units[0].state == "leased"'; ok "the unit runs anew when the master is back"
answered "good, since 20"; ok "which status says as well"
jobuild cancel "$job" >/dev/null
within 20 job_is '.state == "cancelled"' && within 10 eval '! in_spool two'; ok "and can be cancelled"

submit alpha/brief
within 30 in_phase
kill_daemon master
# shellcheck disable=SC2016 # eval expands it
within 5 eval 'tail -n 3 "$tmp/two.log" | grep -q "ended lease=.*result=passed"'; ok "a unit ends while there is no master"
kill_daemon two
in_spool two; ok "its result outlives the slave"
start_slave two
within 10 grep -q "recovered lease=" "$tmp/two.log"; ok "a slave that is started takes the spool up"
start_master
within 30 job_ended; job_is '.state == "passed" and .units[0].attempt == 1'; ok "the result is delivered"
unit=$(jobuild --json status "$job" | jq -r '.units[0].unit')
[[ $(jobuild log "$unit" | grep -cE '^(begins|ends)$') == 2 ]]; ok "with the log, once"
job_is '[.units[0].steps[0].artifacts[] | .path] == ["made.txt"]'; ok "and the artifact"
within 10 eval '! in_spool two'; ok "and is gone from the spool"
[[ $(db "SELECT count(*) FROM report WHERE unit_id = $unit") == 1 ]]
ok "the master has one report of it"

submit alpha/endless
within 30 in_phase
kill -s TERM "${pid[two]}"
# shellcheck disable=SC2016 # eval expands it
within 10 eval '! kill -0 ${pid[two]}'; ok "SIGTERM ends a slave with work"
within 5 no_jail_of two; ok "its jail too"
! in_spool two; ok "the lease was given back"
job_is '.units[0] | .state == "ready" and (.reason | test("infra") | not)'; ok "without blame"
unset "pid[two]"
jobuild cancel "$job" >/dev/null
within 5 job_is '.state == "cancelled"'; ok "nobody has it, so it can be cancelled at once"

# ---- keys of other formats

known_as() { # KEY JQ-FILTER: the capsule's key and steps' keys, while nobody has it
	submit alpha/quick && db "UPDATE unit SET capsule = replace(capsule, key, '$1') WHERE job_id = $job" &&
		db "SELECT capsule FROM unit WHERE job_id = $job" | jq -c "$2" >"$tmp/capsule" &&
		db "UPDATE unit SET capsule = CAST(readfile('$tmp/capsule') AS TEXT), key = '$1' WHERE job_id = $job" &&
		db "UPDATE step SET key = '$1' WHERE unit_id IN (SELECT id FROM unit WHERE job_id = $job)"
}
other=$(printf 1%.0s {1..64})
known_as "$other" .; ok "a unit with another key, of the slave's own format"
run slave two run --once
said "refused" && said "the content key is"; ok "is refused"
jobuild cancel "$job" >/dev/null
for how in '.keys += 1' '.keys -= 1' 'del(.keys)'; do
	known_as "$other" "$how"; ok "a unit with a key of another format ($how)"
	run slave two run --once
	job_is '.state == "passed" and .units[0].attempt == 1'; ok "runs, as all else is as it was signed"
done
known_as "$other" '.keys += 1 | .steps[0].key = "none"'; run slave two run --once
said "refused" && said "has no key"; ok "what is no key at all is refused"
jobuild cancel "$job" >/dev/null

# ---- a slave that is not known

run slave one run --once
[[ $status == 0 ]]
db "UPDATE slave SET state = 'retired' WHERE name = 'one'"
kill_daemon master TERM
start_master
run slave one run --once
[[ $status == 1 ]] && said "refuses this slave"; ok "a retired slave is told so"

start_slave two
submit alpha/slow --param RUN=retired
within 30 in_phase
master slave retire two >/dev/null
wait "${pid[two]}"; [[ $? == 1 ]]; ok "one that works is ended when it is retired"
unset "pid[two]"
tail -n 1 "$tmp/two.log" | grep -q "refuses this slave.*delete cert.pem and enroll with a token of .autotua-master token new --slave NAME"; ok "and says what to do"
within 5 no_jail_of two; ok "its jail ends with it"
in_spool two; ok "what it has stays in its spool"
run slave two status
[[ $status == 0 ]] && said "not running" && said "lent: no, the master refuses it" &&
	said "answer: this slave is refused: slave two was retired (status 403), since 20"
ok "status tells of it"
run slave two status --json
jq -e '.heard | .status == 403 and .since > 1e9 and .text == "slave two was retired"' "$tmp/out" >/dev/null
ok "also as data"
rm "$tmp/two/cert.pem"
run slave two enroll "$url" "$(master token new --slave two)" --name two
[[ $status == 0 ]]; ok "it is enrolled anew under its name"
run slave two run --once
[[ $status == 0 ]] && slave two status | grep -q "^lent: yes" && ! in_spool two; ok "works, and drops what isn't its own"
job_is '.state == "passed"'; ok "the job passes on it"
done_testing
