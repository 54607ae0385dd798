#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Trouble that is nobody's fault: a line that breaks while the pack comes,
# disks of the master and of a slave that are full. No unit pays for it with
# one of its attempts, and who looks is told what is wrong and where.
# shellcheck disable=SC2154,SC2016 # set by farm.sh and hand.sh; dollars of jq
own_mounts=1
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

farm_tree alpha
recipe alpha/app/app-1.0 <<'R'
DESCRIPTION="An application"
job_run() { einfo "runs"; }
R
# so much that the line breaks in the middle of it
mkdir -p "$tmp/tree/alpha/app/files"
head -c 400000 /dev/urandom >"$tmp/tree/alpha/app/files/noise"
mkdir "$tmp/master"
mount -t tmpfs -o size=24m,mode=700 farm "$tmp/master" 2>/dev/null || plan_skip "no tmpfs can be mounted"
lease_time=40s
(cd "$tmp/tree" && jobuild -q manifest alpha/app) && sign alpha && commit "signed" && farm_master alpha
ok "a master on a small disk"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
echo "reserve = 0" >>"$tmp/master/master.conf"
kill_daemon master TERM
start_master; ok "that keeps nothing in reserve"
fill() { dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null; [[ -s $1/filler ]]; } # FOLDER
leave() { fill "$1" && truncate -s "-$2" "$1/filler"; }                          # FOLDER SIZE: free
tries() { db "SELECT max(attempt) || ' ' || max(tries) FROM unit WHERE job_id = $job"; }

# ---- a pack and a full disk ------------------------------------------------------

join_slave hand "$(master token new)" && hello hand && submit_by_hand alpha/app && claim hand
ok "a unit is leased"
rm -f "$tmp/master/packs"/*
fill "$tmp/master/tmp"; ok "the master's disk is full"
as hand
api GET "lease/$lease/pack?attempt=$attempt"
problem 507 disk-full && has '.detail | contains("disk is full")' &&
	grep -qi '^retry-after: [0-9]' "$tmp/headers"
ok "a pack that can't be made is 507, with the reason and when to come again"
grep -q "pack: .*No space left on device" "$tmp/master.log"; ok "the log says what failed"
[[ -z $(ls "$tmp/master/packs") ]]; ok "no half of a pack is left"
rm "$tmp/master/tmp/filler"
api GET "lease/$lease/pack?attempt=$attempt"; is 200; ok "with room it comes, in the same lease"
head -c 300000 /dev/urandom >"$tmp/blob"
blob=$(b2sum -l 256 "$tmp/blob" | cut -d' ' -f1)
# room for the bytes, and none for the folder that they belong into
inodes() { mount -o "remount,nr_inodes=$1" "$tmp/master"; }
inodes $(($(df --output=iused "$tmp/master" | tail -n 1) + 1))
as hand
api PUT "blob/$blob?lease=$lease&attempt=$attempt" -T "$tmp/blob"
problem 507 disk-full && grep -qi '^retry-after: [0-9]' "$tmp/headers"
ok "so is an artifact that has no place, which a child finds out"
grep -q "artifact: .*No space left on device" "$tmp/master.log"; ok "as the log says"
inodes 0
api PUT "blob/$blob?lease=$lease&attempt=$attempt" -T "$tmp/blob"; is 201; ok "with room it is taken"
within 10 finish passed; ok "and the unit ends"

# ---- a pack, and a line that breaks ----------------------------------------------

coproc NET { exec "$bin/../tests/daemon/chaosnet" "${url##*:}" 1; }
net=${NET[1]} pid[net]=$NET_PID
read -r port <&"${NET[0]}"
small_disk() { # FOLDER SIZE: one of its own, which is filled later
	mkdir -p "$1"
	mount -t tmpfs -o "size=$2,mode=700,uid=$slave_user" farm "$1" 2>/dev/null && mountpoint -q "$1" && return
	echo "Bail out! no tmpfs on $1: the disk below it would be filled"
	exit 1
}
small_disk "$tmp/one/spool" 4m
small_disk "$tmp/one/trees" 8m
enroll_slave one "disk-reserve = 0" "url = https://127.0.0.1:$port"; ok "a slave behind a bad line"
rm -f "$tmp/master/packs"/*
echo "0 torn 200000" >&"$net"
start_slave one
submit alpha/app; ok "a job comes"
within 30 grep -q "pack: .*trying again" "$tmp/one.log"; ok "the line breaks while its pack comes"
echo "0 pass" >&"$net"
within 60 job_ended && job_is '.state == "passed"'; ok "it passes when the line holds"
[[ $(tries) == "1 0" ]]; ok "in its first attempt"
kill_daemon one TERM

# ---- a slave's spool without room ------------------------------------------------

fill "$tmp/one/spool"; ok "the spool's disk is full"
: >"$tmp/one.log"
start_slave one
within 20 grep -q "no new work: the spool has no room" "$tmp/one.log"; ok "the slave says so"
leases=$(db "SELECT count(*) FROM lease")
submit alpha/app; ok "a job comes"
sleep 3
kill -0 "${pid[one]}" && [[ $(db "SELECT count(*) FROM lease") == "$leases" ]]; ok "it takes nothing"
[[ $(db "SELECT count(*) FROM refusal") == 0 ]]; ok "so it has nothing to refuse"
rm "$tmp/one/spool/filler"
within 60 job_ended && job_is '.state == "passed"'; ok "with room it runs the job"
grep -q "new work is welcome again" "$tmp/one.log"; ok "and says that it may"
[[ $(tries) == "1 0" ]]; ok "in its first attempt"
kill_daemon one TERM

# ---- disks of a slave on which what a unit needs has no room -----------------------

ran=$job
given_back() { # WHY: the unit of $job, softly
	[[ $(db "SELECT kind || ' ' || (reason LIKE '%$1%') FROM refusal WHERE unit_id IN (
		SELECT id FROM unit WHERE job_id = $job)") == "soft 1" ]]
}
cancel() { jobuild -q cancel "$job" && within 20 job_ended; }
recipe alpha/fat/fat-1.0 <<'R'
DESCRIPTION="Makes much"
job_collect() {
	echo thin >bone && truncate -s 3M fat && ln -s fat grease
	artifact bone fat grease
}
R
recipe alpha/full/full-1.0 <<'R'
DESCRIPTION="Has all that a report can have"
job_run() {
	local i quotes text

	printf -v quotes '%120s' '' && quotes=${quotes// /\"}
	printf -v text '%110d' 0
	for ((i = 0; i < 1100; i++)); do ewarn "${quotes}"; done >/dev/null 2>&1
	for ((i = 0; i < 1000; i++)); do result "figure$i=$text"; done >/dev/null
	mkdir d && (cd d && for ((i = 0; i < 1000; i++)); do : >"${quotes}$i"; done)
	for ((i = 0; i < 250; i++)); do ln -s x "d/${quotes}-$i"; done
	artifact d
	printf '\001%.0s' {1..30000}
}
R
recipe alpha/over/over-1.0 <<'R'
DESCRIPTION="Has one artifact more than a report can have"
job_run() { mkdir d && (cd d && seq 1001 | xargs touch) && artifact d; }
R
simple alpha/onfat "Comes after it" 'DEPEND="alpha/fat"'
recipe alpha/wordy/wordy-1.0 <<'R'
DESCRIPTION="Says much"
job_run() { for ((i = 0; i < 40; i++)); do printf '%0100000d\n' "$i"; sleep 0.05; done; }
R
recipe alpha/curt/curt-1.0 <<'R'
DESCRIPTION="Says somewhat more than little"
job_run() { printf '%020000d\n' 1; }
R
recipe alpha/long/long-1.0 <<'R'
DESCRIPTION="Makes what nobody has"
job_collect() { head -c 2500000 /dev/urandom >long && artifact long; }
R
recipe alpha/big/big-1.0 <<'R'
DESCRIPTION="Comes with much"
job_run() { einfo "runs"; }
R
recipe alpha/far/far-1.0 <<'R'
DESCRIPTION="Comes from where nobody answers"
SRC_URI="mirror://away/far-1.tar.gz"
job_run() { einfo "runs"; }
R
mkdir "$tmp/far-1" && tar -C "$tmp" -czf "$tmp/mirror/far-1.tar.gz" far-1
echo "mirror = away file://$tmp/mirror" >>"$XDG_CONFIG_HOME/autotua/config"
mkdir -p "$tmp/tree/alpha/big/files"
for part in 1 2 3; do head -c 800000 /dev/urandom >"$tmp/tree/alpha/big/files/noise$part"; done
(cd "$tmp/tree" && jobuild -q manifest alpha/big alpha/far >/dev/null) && sign alpha && commit "big"
: >"$tmp/one.log"
start_slave one
leave "$tmp/one/trees" 1500K; ok "the disk of recipes has room for small packs"
submit alpha/big && within 60 job_ended && job_is '.state == "passed"'; ok "a job with a large one passes all the same"
[[ $(tries) == "1 0" ]] && grep -q "trees/.*: No space left" "$tmp/one.log"; ok "and the slave says that it isn't kept"
rm "$tmp/one/trees/filler"
kill_daemon one TERM
start_slave one
submit alpha/big && within 60 job_ended && job_is '.state == "passed"'; ok "it passes with room for it, too"
kill_daemon one TERM
find "$tmp/one/trees" -name '*.pack' -size +1M -exec truncate -s -100000 {} +; ok "a power cut takes a part of what was kept"
start_slave one
submit alpha/big && within 60 job_ended && job_is '.state == "passed"'; ok "it passes again"
grep -q "trees/.*: fetched again" "$tmp/one.log"; ok "out of a pack that came anew"
[[ $(tries) == "1 0" ]]; ok "in one try"
# nothing listens there
echo "mirror = away http://127.0.0.1:9" >>"$tmp/one/slave.conf"
kill -s HUP "${pid[one]}"
submit alpha/far; ok "a job has a source whose mirror is down"
within 60 given_back "far-1.tar.gz: http://127.0.0.1:9/far-1.tar.gz:"; ok "it is given back softly, with the place"
[[ $(tries) == "1 0" && $(db "SELECT strikes FROM slave WHERE name = 'one'") == 0 ]]; ok "which is no try of it, nor the slave's failure"
sed -i "s|^mirror = away .*|mirror = away file://$tmp/mirror|" "$tmp/one/slave.conf"
kill -s HUP "${pid[one]}"
within 60 job_ended; job_is '.state == "passed"'; ok "when it comes, the unit passes"
echo "0 torn 800000" >&"$net"
submit alpha/long; ok "a job makes more than any connection carries"
within 90 job_ended && job_is '.state == "passed"'; ok "it comes in pieces"
echo "0 pass" >&"$net"
[[ $(tries) == "1 0" && -z $(ls "$tmp/master/tmp") ]]; ok "in one try, and nothing of them is left"
# in one try, and no failure of the slave's
blameless() { [[ $(tries) == "1 0" && $(db "SELECT strikes FROM slave WHERE name = 'one'") == 0 ]]; }
submit alpha/full && within 60 job_ended; ok "a job has as much to report as there may be"
job_is '.state == "passed" and (.units[0].steps[0] | [(.artifacts, .figures | length), (.messages | length) > 500] == [1000, 1000, true])'
ok "all of its results are there"
[[ $(tries) == "1 0" ]]; ok "in one try"
submit alpha/over && within 60 job_ended; ok "another has more"
job_is '.state == "failed" and (.units[0] | .result == "limit" and .reason == "alpha/over-1.0: limit: artifacts: 1000 files")'
ok "which is a limit, with its number"
blameless; ok "and nobody else's failure"
sed -i '$a upload-max = 1M' "$tmp/master/master.conf"
kill -s HUP "${pid[master]}"
submit alpha/fat && within 30 job_ended; ok "a job makes more than the master takes"
job_is '.state == "failed" and (.units[0] | .result == "limit" and .reason == "alpha/fat-1.0: artifact fat: an artifact may have 1048576 bytes here")'
ok "which is a limit, with the jobuild, the artifact and the master's words"
blameless; ok "and no try of it, nor the slave's failure"
job_is '.units[0].steps[0] | .result == "limit" and (.phases | length) == 1 and .ended > 0 and [.artifacts[].path] == ["bone"]'
ok "the step has its times, and the artifact that came before"
run jobuild status "$job"
said "alpha/fat-1.0: warn: artifact grease left out: it is a symbolic link; copy the file instead"
ok "what the slave left out is a warning"
submit alpha/onfat && within 30 job_ended; ok "another job comes after the same step"
is_fat() { job_is '.state == "failed" and (.units[0] | .result == "limit" and (.steps[0] | .result == "limit" and [.artifacts[].path] == ["bone"]) and .steps[1].state == "skipped")'; }
is_fat; ok "which is a limit there too"
run jobuild retry "$job"; [[ $status == 0 ]] && within 30 eval 'job_is ".units[0].attempt == 2" && job_ended'; ok "that job has another try"
is_fat; ok "the limit is met again: no layer stands for what the master hasn't got"
sed -i '$a log-max = 1M' "$tmp/master/master.conf"
kill -s HUP "${pid[master]}"
log_is() { # SIZE
	[[ $(stat -c %s "$tmp/master/logs/$(db "SELECT id FROM unit WHERE job_id = $job")"/1/0.log) == "$1" ]]
}
submit alpha/wordy && within 30 job_ended; ok "a job says more than the master takes"
job_is '.state == "failed" and (.units[0] | .result == "limit" and .reason == "alpha/wordy-1.0: a step'"'"'s log may have 1048576 bytes here")'
ok "which is a limit as well"
job_is '.units[0] | .started as $s | .ended as $e | .steps[0] | .result == "limit" and (.reason | startswith("a step")) and
	.started >= $s and .ended > .started and .ended <= $e + 1'
ok "its step, cut off while it ran, has its times and the reason"
blameless; ok "and nobody else's failure"
log_is 1048576; ok "the log is there up to the limit"
sed -i 's/^log-max = .*/log-max = 10K/' "$tmp/master/master.conf"
kill -s HUP "${pid[master]}"
submit alpha/curt && within 30 job_ended; ok "a job's whole log goes with its report"
job_is '.state == "failed" and (.units[0] | .result == "limit" and .reason == "alpha/curt-1.0: a step'"'"'s log may have 10240 bytes here") and
	(.units[0].steps[0] | .result == "limit" and (.phases | length) == 1)'
ok "which is the same limit, in its report too"
blameless && log_is 10240; ok "and nobody else's failure either"
autotua-master -C "$tmp/master" check >"$tmp/out" 2>&1; ok "the master finds all that the reports tell of"
kill_daemon one TERM
job=$ran

# ---- a master that starts on a full disk -----------------------------------------

kill_daemon master TERM
fill "$tmp/master/logs"; ok "the master's disk is full while it is down"
run timeout 20 autotua-master -C "$tmp/master" serve
[[ $status == 75 ]] && said "$tmp/master: its disk is full (" && said "make room"
ok "it doesn't start, and names the disk and the remedy"
rm "$tmp/master/logs/filler"
start_master; ok "with room it starts"
job_is '.state == "passed"'; ok "and has what it had"
[[ $(db "PRAGMA integrity_check; PRAGMA foreign_key_check") == ok ]]; ok "the database is sound"
kill_daemon master TERM
done_testing
