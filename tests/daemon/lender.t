#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lender's contract: what a slave offers, and what it keeps to whatever
# its master says.
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha
simple alpha/quick "Nothing much"
recipe alpha/endless/endless-1.0 <<'X'
DESCRIPTION="Ends only when it is ended"
job_run() { sleep 1000; }
X
simple alpha/large "Wants more than is lent" 'RESOURCES="memory=300M"'
sender alpha/online
recipe alpha/vast/vast-1.0 <<'X'
DESCRIPTION="Brings back what has no end"
job_collect() { truncate -s 400G "${ARTIFACTS}/big" && artifact "${ARTIFACTS}/big"; }
X
for size in 1300000 30000000; do
	recipe "alpha/of$size/of$size-1.0" <<-X
		DESCRIPTION="Brings back so many bytes"
		job_collect() { head -c $size /dev/urandom >it && artifact it; }
	X
done
sign alpha && commit "signed"
lease_time=40s
run farm_master alpha
ok "a master is set up"

slave() {
	mkdir -p "$tmp/$1"
	[[ -e $tmp/$1/slave.conf ]] || echo "user = $slave_user" >"$tmp/$1/slave.conf"
	autotua-slave -C "$tmp/$1" "${@:2}"
}
offers() { # NAME FILTER: what the master knows of a slave
	curl -s --cacert "$tmp/ca.pem" "$url/api/v1/slaves" |
		jq -e ".slaves[] | select(.name == \"$1\") | $2" >/dev/null
}
hello_of() { # NAME FILTER
	db "SELECT hello FROM slave WHERE name = '$1'" |
		jq -e "$2" >/dev/null
}
no_jail_of() {
	local jailer

	jailer=$(pgrep -o -f "autotua-chroot -s $tmp/$1/") || return 0
	! runs_of "$jailer"
}
in_phase() { job_is '.units[0].steps[0].state == "run"'; }
closed() { job_is "any(.units[0].reasons[]; .kind == \"closed\" and .state == \"$1\")"; }
cancel() { jobuild cancel "$job" >/dev/null 2>&1; within 30 job_is '.units[0].state == "cancelled"'; }

# ---- what is offered

enroll_slave one "network = host" "memory = 100M" "cpus = 1" "disk = 50M" "label = fast" \
	"label = alone mandatory" "slots = 2"
run slave one run --once
hello_of one '.resources == {memory: 209715200, cpus: 2, disk: 104857600} or
	(.resources.cpus == 1 and .resources.memory == 209715200)'
ok "hello has what all slots together may use"
autotua-chroot -s "$tmp/one-jails" capabilities >"$tmp/jails"
hello_of one ".arches - $(jq -c '.arches + .emulated' "$tmp/jails") == [] and (.arches | length) == $(jq '.arches + .emulated | length' "$tmp/jails")"
ok "all architectures whose programs jails run"
hello_of one '.capabilities.network == "host"'; ok "which network jobs may have"
hello_of one ".capabilities | .\"jail-root\" == $(jq .root "$tmp/jails") and (.\"jail-lacks\" // \"-\") == $(jq .lacks "$tmp/jails")"
ok "what its jails do without"
hello_of one '.labels == {fast: false, alone: true}'; ok "the labels"
hello_of one '.closed == null and .slots == 2'; ok "and that it is open"
run slave one status --json
jq -e '.pid == null and .closed == null and .contract.memory == 104857600' "$tmp/out" >/dev/null
ok "status says what is lent while it isn't running"
run slave one status
[[ $status == 0 ]] && said "not running" && said "alone mandatory"; ok "in words too"
run slave one stop
[[ $status == 1 ]] && said "no autotua-slave runs"; ok "nothing can be stopped"
run slave one stop --soon
[[ $status == 2 ]]; ok "an unknown option is usage"
for line in "hours = someday" "at-close = never" "label = a b" "on-battery = perhaps" "traffic = much"; do
	printf '%s\n' "$line" >"$tmp/bad.conf"
	run autotua-slave -C "$tmp/one" -c "$tmp/bad.conf" check
	[[ $status == 1 ]] && said "bad.conf" && said "${line%% *}"; ok "refused: $line"
done
run slave one check
[[ $status == 0 ]] && said "label         fast, alone mandatory"; ok "check shows the contract"
sed -i '/^label/d' "$tmp/one/slave.conf"

# ---- the owner's word, and the service manager

# A manager's socket: each datagram's lines go to $tmp/told.
notified=$tmp/notify
perl -MIO::Socket::UNIX -MSocket -e '
	my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => shift) or die;
	chmod(0777, $s->hostpath);
	open(my $out, ">>", shift) or die; $out->autoflush(1);
	while (defined $s->recv(my $text, 4096)) { print $out "$text\n" }
' "$notified" "$tmp/told" &
pid[manager]=$!
told() { grep -qE "$1" "$tmp/told"; }
within 10 test -S "$notified"
NOTIFY_SOCKET=$notified WATCHDOG_USEC=200000 start_slave one
within 20 told '^READY=1$'; ok "the service manager is told that it is ready"
within 20 told '^STATUS=0 of 2 slots at work$'; ok "and what it does"
: >"$tmp/told"
within 10 told '^WATCHDOG=1$'; ok "it shows that it lives"
! told '^(STATUS|READY)='; ok "what is as it was isn't told again"
submit alpha/quick --param N=1
within 60 job_ended; job_is '.state == "passed"'; ok "an open slave works"
other=$(jq -r '(.arches + .emulated)[1] // empty' "$tmp/jails")
if [[ -n $other ]]; then
	submit alpha/quick --param N=2 --arch "$other"
	within 60 job_ended; job_is '.state == "passed"'; ok "for each architecture that it offers: $other"
fi
within 60 hello_of one '.stages | length == 1'; ok "and offers its stage"
slave one drain
submit alpha/quick --param N=2
within 20 closed "drained by its owner"; ok "a drained one gets nothing, and that is the reason"
within 10 hello_of one '.closed == "drained by its owner"'; ok "its hello says so"
within 10 told '^STATUS=0 of 2 slots at work; takes nothing: drained by its owner$'; ok "and the service manager"
run slave one status
said "lent: no, drained by its owner" && said "running, process"; ok "its status too"
slave one resume
within 60 job_ended; job_is '.state == "passed"'; ok "until it is resumed"

submit alpha/endless --param N=1
within 60 in_phase
told '^STATUS=1 of 2 slots at work$'; ok "it is told of work"
slave one pause
within 10 no_jail_of one; ok "pause ends what runs"
within 20 job_is '.units[0] | .state == "ready" and any(.reasons[]; .text | test("paused by its owner"))'
ok "it is given back"
job_is '.units[0].attempt == 1 and (.units[0].reason | test("infra") | not)'; ok "without blame"
kill_daemon one TERM
within 10 told '^STOPPING=1$'; ok "and of the end"
start_slave one
within 20 hello_of one '.closed == "paused by its owner"'; ok "a restart doesn't forget the owner's word"
cancel
slave one resume

# ---- a machine whose jails can hold no job

kill_daemon one TERM
# owners can't be translated on overlayfs
mkdir "$tmp/lower" "$tmp/over" "$tmp/over/upper" "$tmp/over/work"
# shellcheck disable=SC2016 # expanded inside
start_on_overlay() {
	unshare --mount --propagation private sh -c 'mount -t overlay -o \
		"lowerdir=$1/lower,upperdir=$1/over/upper,workdir=$1/over/work" none "$1/one/chroot" &&
		chmod 700 "$1/one/chroot" && exec autotua-slave -C "$1/one" run' sh "$tmp" >>"$tmp/one.log" 2>&1 </dev/null &
	pid[one]=$!
}
start_on_overlay
within 20 hello_of one '.closed | tostring | test("no job can be run here .*allow-rootful = yes needs a restart.*ids of its own")'
ok "it closes itself, and says why"
submit alpha/quick --param N=6
within 20 job_is 'any(.units[0].reasons[]; .kind == "closed" and (.state | startswith("no job can be run here")))'
job_is '.units[0] | .state == "ready" and .attempt == 0'; ok "gets nothing that would fail there"
run slave one status
said "lent: no, no job can be run here"; ok "its status says so"
kill_daemon one TERM
echo "allow-rootful = yes" >>"$tmp/one/slave.conf"
start_on_overlay
within 60 job_ended; job_is '.state == "passed"'; ok "unless its owner allows allow-rootful"
kill_daemon one TERM
sed -i /^allow-rootful/d "$tmp/one/slave.conf"
submit alpha/quick --param N=7
start_slave one
within 60 job_ended; job_is '.state == "passed"'; ok "or that is mended"
kill_daemon one TERM
# shellcheck disable=SC2016 # expanded inside
unshare --mount --propagation private sh -c 'mount --bind "$1/one/chroot" "$1/one/chroot" &&
	mount -o remount,bind,ro "$1/one/chroot" && exec autotua-slave -C "$1/one" run' sh "$tmp" >>"$tmp/one.log" 2>&1 </dev/null &
pid[one]=$!
within 20 hello_of one '.closed | tostring | test("no job can be run here .*Read-only")'
ok "nor is it lent where what jails can do can't be tried"
kill_daemon one TERM
start_slave one

# ---- an administrator's word

submit alpha/endless --param N=3
within 60 in_phase
run master slave pause one
[[ $status == 0 ]] && within 10 no_jail_of one; ok "an administrator's pause ends what runs"
within 20 job_is '.units[0] | .state == "ready" and .attempt == 1'; ok "the unit is given back"
run master slave list
said "one paused"; ok "the list says so"
run master slave show one
jq -e '.state == "paused" and .hello.slots == 2' "$tmp/out" >/dev/null; ok "so does show"
master slave resume one
within 30 in_phase; ok "resumed, it has what it gave back, for that was no refusal"
cancel
master slave drain one
drained() { [[ $(jobuild --json slaves | jq -r '.slaves[0].closed') == drained* ]]; }
within 20 drained
submit alpha/quick --param N=5
within 20 closed "drained by an administrator"; ok "a drained slave gets nothing"
kill_daemon master TERM
start_master
within 20 closed "drained by an administrator"; ok "nor after a restart of the master"
master slave resume one
within 60 job_ended; job_is '.state == "passed"'; ok "until it is resumed"
run master slave drain nobody
[[ $status == 1 ]] && said 'no slave "nobody"'; ok "a slave that there is not"

submit alpha/endless --param N=2
within 60 in_phase
run slave one stop --now
[[ $status == 0 ]]; ok "stop --now has ended it when it returns"
no_jail_of one && ! kill -0 "${pid[one]}" 2>/dev/null; ok "with all that ran"
job_is '.units[0].state == "ready"'; ok "and the unit is given back"
wait "${pid[one]}"; unset "pid[one]"
cancel

# ---- what takes for ever to collect

enroll_slave wide
start_slave wide
at_artifact() { find "$tmp/wide" -path "$tmp/wide/chroot" -prune -o -name big -print | grep -q .; }
idle() { [[ -z $(find "$tmp/wide/chroot/run" -mindepth 1 -maxdepth 1 ! -name "spare.*") ]]; }
submit alpha/vast --param N=1
within 60 at_artifact; ok "a job comes to an artifact that nobody can wait for"
cancel; within 10 idle; ok "a cancel ends that"
submit alpha/vast --param N=2
within 60 at_artifact
run slave wide stop --now
[[ $status == 0 ]]; ok "so does stop --now"
no_jailer() { ! pgrep -f "autotua-chroot -s $tmp/wide/" >/dev/null; }
within 5 no_jailer; ok "with its jailer"
wait "${pid[wide]}"; unset "pid[wide]"
cancel
echo "time = 3s" >>"$tmp/wide/slave.conf"
start_slave wide
submit alpha/vast --param N=3
within 60 job_ended
job_is '.units[0] | .result == "limit" and (.reason | test("time"))'; ok "and the limit of time, which is named"
kill_daemon wide TERM
master slave retire wide >/dev/null
run master slave drain wide
[[ $status == 1 ]] && said "wide is retired"; ok "a retired slave is told to be"
rm -r "$tmp/wide"

# ---- what the slave itself can't change

enroll_slave bound "memory = 100M" "cpus = 2" "disk = 50M" "pids = 77"
start_slave bound
within 20 pgrep -f "autotua-chroot -s $tmp/bound/chroot serve"
jailer=$(pgrep -o -f "autotua-chroot -s $tmp/bound/chroot serve")
tr '\0' ' ' <"/proc/$jailer/cmdline" >"$tmp/out"
said "--memory 104857600 --disk 52428800 --pids 77 --cpus 2.000"; ok "the jailer knows what is lent"
kill_daemon bound TERM
echo "cpus = 10001" >>"$tmp/bound/slave.conf"
sed -i '/^cpus = 2$/d' "$tmp/bound/slave.conf"
run slave bound check
[[ $status == 1 ]] && said "cpus must be at most"; ok "more processors than there can be"
rm -r "$tmp/bound"

# ---- what phases transfer

if [[ $(autotua-chroot -s "$tmp/trial" capabilities | jq -r .network) == private ]]; then
	enroll_slave online "network = private" "traffic = 1G" "memory = 100M"
	submit alpha/online
	run slave online run --once
	job_is '.state == "passed"'; ok "a job passes with a private network"
	run slave online status --json
	jq -e '.contract.traffic_today > 90000' "$tmp/out" >/dev/null; ok "what that carries is counted for the day"
else
	ok "no private network can be had here # SKIP"
fi
rm -rf "$tmp/online" "$tmp/trial"

# ---- what may come and go in a day

lends() { # TRAFFIC: from now on
	sed -i "s/^traffic = .*/traffic = $1/" "$tmp/frugal/slave.conf"
	slave frugal reload
}
enroll_slave frugal "traffic = 1M"
start_slave frugal
submit alpha/quick --param N=20
within 30 job_is 'any(.units[0].reasons[]; .text | test("stage small: more than the slave.s owner lets it fetch in a day"))'
ok "a stage that no day has room for isn't fetched"
run slave frugal status --json
jq -e '.contract.traffic_today < 1e6' "$tmp/out" >/dev/null; ok "nor a part of it"
lends 3M
within 60 job_ended; job_is '.state == "passed"'; ok "it is when there is more"
submit alpha/of1300000
within 30 hello_of frugal '.closed == "its traffic of today is used up"'; ok "who has too much to send takes nothing"
run slave frugal status
said "lent: no, its traffic of today is used up"; ok "as its status says"
job_is '.state == "running" and .units[0].attempt == 1'; ok "what it made waits"
lends 4M
within 60 job_ended; job_is '.state == "passed" and .units[0].attempt == 1'; ok "until it may go out"
run slave frugal status --json
jq -e '.contract.traffic_today < 4 * 1048576' "$tmp/out" >/dev/null; ok "which is all that went out"
submit alpha/of1300000
within 30 hello_of frugal '.closed == "its traffic of today is used up"'
jobuild -q cancel "$job"
within 30 job_ended; job_is '.state == "cancelled"'; ok "what waits so can be cancelled"
lends 20M
submit alpha/of30000000
within 60 job_is 'any(.units[0].reasons[]; .text | test("frugal: its results are more than"))'
ok "what no day has room for is refused"
cancel

# ---- the machine is its owner's again

run slave frugal retire
[[ $status == 1 ]] && said "end it first"; ok "a slave that runs isn't retired"
kill_daemon frugal TERM
rm "$tmp/frugal/lock" && mkdir "$tmp/frugal/lock"
run slave frugal retire
[[ $status == 1 ]] && said "lock: Is a directory" && ! said "end it first"; ok "what hinders else is told as it is"
rmdir "$tmp/frugal/lock"
run slave frugal retire
[[ $status == 0 ]] && said "it is retired"; ok "by its owner it is"
run master slave list
grep -q "^frugal *retired" "$tmp/out"; ok "as the master knows"
run master audit list
grep -q "frugal .*slave retire.* frugal" "$tmp/out"; ok "and by whom"
run slave frugal run --once
[[ $status == 1 ]] && said "slave frugal was retired"; ok "it gets nothing any more"
run slave frugal retire
[[ $status == 1 ]] && said "slave frugal was retired"; ok "once is for ever"
rm -r "$tmp/frugal"

# ---- settings that change while it runs

logged() { grep -q -- "$1" "$tmp/live.log"; }
writes() { printf '%s\n' "${live[@]}" "$@" >"$tmp/live/slave.conf"; }
live=("slots = 1" "user = $slave_user" "helpers = $top/jobuild/sh" "memory = 100M" "mirror = local file://$tmp/mirror")
enroll_slave live
writes
run slave live reload
[[ $status == 1 ]] && said "no autotua-slave runs"; ok "nothing reads its settings again"
start_slave live
within 20 hello_of live '.slots == 1 and .labels == {}'
submit alpha/quick --param N=10 --label lately
writes "label = lately"
run slave live reload
[[ $status == 0 ]] && within 60 job_ended; job_is '.state == "passed"'; ok "a label is offered when the settings are read again"
submit alpha/endless --param N=10 --label lately
within 60 in_phase
writes "slots = 3" "label = lately" "memory = 50M"
run slave live status
said "slave.conf has changed"; ok "status points out settings that weren't read yet"
kill -s HUP "${pid[live]}"
within 20 hello_of live '.slots == 3 and .resources.memory == 3 * 52428800'; ok "slots and memory too"
run slave live status --json
jq -e '.changed == false' "$tmp/out" >/dev/null; ok "and no longer when they were"
within 20 hello_of live '.renewed'; ok "and the slave has looked at itself anew"
job_is ".units[0].attempt == 1" && in_phase; ok "what runs goes on"
endless=$job
submit alpha/quick --param N=11 --label lately
within 60 job_ended; job_is '.state == "passed"'; ok "another unit runs beside it"
job=$endless
writes "label = lately" "memory = 200M" "layers-max = 1G"
run slave live reload
within 20 logged "reload: layers-max, memory: only a restart changes that"; ok "what the start has fixed is named"
within 20 hello_of live '.slots == 1 and .resources.memory == 104857600'; ok "the rest is taken up"
writes "label = lately" "hours = someday"
line=$(wc -l <"$tmp/live/slave.conf")
run slave live reload
[[ $status == 1 ]] && said "slave.conf:$line: hours"; ok "reload refuses what is wrong, with its line"
kill -s HUP "${pid[live]}"
within 20 logged "reload: .*slave.conf:$line: hours.*the former settings stay"; ok "so does the signal"
writes
chmod 600 "$tmp/live/slave.conf"
kill -s HUP "${pid[live]}"
within 20 logged "reload: .*slave.conf: Permission denied; the former settings stay"; ok "a file that its user can't read is no empty one"
rm "$tmp/live/slave.conf"
writes
chown "$slave_user" "$tmp/live/slave.conf"
kill -s HUP "${pid[live]}"
within 20 logged "reload: .*belongs to user $slave_user"; ok "nor may it be that user's"
chown 0:0 "$tmp/live/slave.conf"
run slave live status
said "slave.conf has changed" && hello_of live '.labels == {lately: false}' && in_phase; ok "nothing of that has changed anything"

enroll_slave early
changed() { setpriv --reuid "$slave_user" --regid "$slave_user" --clear-groups \
	autotua-slave -C "$tmp/early" status --json | jq -e ".pid and .changed == $1"; }
start_slave early
within 20 hello_of early '.slots == 1'
changed false >/dev/null; ok "a file that is as it was isn't pointed out"
mv "$tmp/early/slave.conf" "$tmp/early.conf"
changed true >/dev/null; ok "one that is gone is"
kill_daemon early TERM
mv "$tmp/early.conf" "$tmp/early/slave.conf"
rm -r "$tmp/early"

# ---- the end of the hours

slave live drain
within 20 hello_of live '.closed == "drained by its owner"'
in_phase; ok "what a drained slave runs goes on"
writes "label = lately" "hours = $(LC_ALL=C date -d '2 days' +%a | tr '[:upper:]' '[:lower:]') 00:00-00:01"
slave live reload
within 20 no_jail_of live; ok "until its hours are over"
within 20 job_is '.units[0] | .state == "ready" and .attempt == 1'; ok "and is given back"
logged 'killing .*reason="outside its hours until'; ok "for that reason"
hello_of live '.closed == "drained by its owner"'; ok "while nothing is taken for the other"
cancel
kill_daemon live TERM
rm -r "$tmp/live"

# ---- what the master can't change

enroll_slave small "memory = 100M" "tree = other"
start_slave small
submit alpha/quick --param N=3
within 30 job_is 'any(.units[0].reasons[]; .text | test("small: tree .main. is none of those"))'
ok "a tree that the owner doesn't take is refused"
cancel
sed -i 's/^tree.*//' "$tmp/small/slave.conf"
kill_daemon small TERM
# a master that lies: the unit wants nothing, and the slave has much
start_slave small
within 20 hello_of small '.closed == null'
submit alpha/large
within 20 job_is 'any(.units[0].reasons[]; .kind == "resource")'; ok "what no slave has is the reason of waiting"
kill_daemon master TERM
db "UPDATE unit SET wants = '{}' WHERE state = 'ready'"
start_master
within 30 job_is 'any(.units[0].reasons[]; .text | test("small: .*wants RESOURCES memory"))'
ok "a master that gives it all the same is refused"
cancel
kill_daemon small TERM
day=$(date -d '2 days' +%F)
echo "hours = $(LC_ALL=C date -d "$day" +%a | tr '[:upper:]' '[:lower:]') 00:00-00:01" >>"$tmp/small/slave.conf"
start_slave small
submit alpha/quick --param N=4
within 20 job_is 'any(.units[0].reasons[]; .kind == "closed" and (.state | test("^outside its hours until ")))'
ok "outside its hours a slave gets nothing"
job_is "any(.units[0].reasons[]; .kind == \"closed\" and .until == $(date -d "$day" +%s))"; ok "and until when is known"
run jobuild why-waiting "$job"
! said "; until"; ok "which is told once"
kill_daemon master TERM
db "UPDATE slave SET hello = json_remove(hello, '$.closed') WHERE name = 'small'"
start_master
sleep 1
! grep -q accepted "$tmp/small.log" || ! tail -n 5 "$tmp/small.log" | grep -q "root=alpha/quick"
ok "whatever the master thinks"
cancel
done_testing
