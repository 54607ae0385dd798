#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a server prepares ahead of the next run: it is used, it is as good as
# what is made for a run, and it is gone whoever dies.
# shellcheck disable=SC2016,SC2317 # expanded inside, called by soon
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage

asker=${B:-$top/build}/tests/chroot/asker
mkfifo go
exec 7<>go
# ask JOB CMD...: a server with nothing to do until a line comes
ask() {
	job=$1
	shift
	"$asker" "$CHROOT" "$S" "$stage" "$job" line=1 -- "$@" <go >out 2>log 7>&- &
	pid=$!
}
# the process that waits for the job, as process 1 of its jail
waiting() { [ -z "$1" ] || pgrep -P "${1##*.}" | head -1; }
own_pids() { [ "$(readlink "/proc/$1/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]; }
is_waiting() {
	one=$(waiting "$(spare)")
	[ -n "$one" ] && own_pids "$one"
}
# it has left the host's mounts: nothing but what it has made itself
is_away() { [ "$(wc -l <"/proc/$1/mountinfo")" -gt 3 ] && ! grep -q ' host-thing ' "/proc/$1/mountinfo"; }
server() { pgrep -P "$pid" -f " serve --fd " | head -1; }
spare() { find "$S/run" -mindepth 1 -maxdepth 1 -name 'spare.*' | head -1; }
has_spare() { [ -n "$(spare)" ] && [ -d "$(spare)/home/recipe" ]; }
no_spare() { [ -z "$(spare)" ]; }
there() { [ -d "$S/run/$1" ]; }
inode() { stat -c %i "$1"; }

mkdir mnt
mount -t tmpfs host-thing mnt
before=$(mounts)
ask used-job /bin/bash -c 'echo "net $(readlink /proc/self/ns/net)"
	ifconfig lo | grep -wo UP; cat /proc/sys/net/ipv4/ip_unprivileged_port_start
	ls -A /autotua /autotua/*; id -u; ifconfig -a | grep -c Link; sleep 1'
ok "an idle server has a folder ready" soon has_spare
is "$(stat -c %a "$(spare)")" 700 "that is nobody else's"
made=$(inode "$(spare)")
ok "and process 1" soon is_waiting
first=$(waiting "$(spare)")
ok "which holds no mount of the host" soon is_away "$first"
echo >&7
ok "a run begins" soon there used-job-1
has_child() { [ -n "$(pgrep -P "$1")" ]; }
ok "the command is a child of this process" soon has_child "$first"
is "$(inode "$S/run/used-job-1")" "$made" "in this folder"
ok "and the next one is made" soon has_spare
wait "$pid"
is $? 0 "the run is good"
is "$(grep -c '^net net:' log)" 2 "each phase has a network"
is "$(grep '^net ' log | grep -cF "$(readlink /proc/self/ns/net)")" 0 \
	"which is not the host's"
once='UP 0 /autotua: artifacts distfiles home temp work  /autotua/artifacts:  /autotua/distfiles:  /autotua/home:  /autotua/temp:  /autotua/work: 0 1 '
is "$(grep -v '^net ' log | tr '\n' ' ')" "$once$once" \
	"its two phases see the same, and no recipe's folder"
ok "with the server goes what it has ready" soon swept

# the one that waits dies: the server clears away after it and serves
ask lost-job /bin/true
soon has_spare
soon is_waiting
killed=$(spare)
first=$(waiting "$killed")
gone() { ! kill -0 "$1" 2>/dev/null; }
kill -KILL "${killed##*.}"
ok "process 1 dies with it" soon gone "$first"
ok "what a dead one had is cleared away" soon no_spare
echo >&7
wait "$pid"
is $? 0 "the run does without"

# the server dies
ask dead-job /bin/true
soon has_spare
soon is_waiting
left=$(spare)
first=$(waiting "$left")
kill -KILL "$(server)"
ok "it ends with the server" soon gone "${left##*.}"
ok "and process 1 too" soon gone "$first"
ok "and takes along what it had made" soon swept
echo >&7
wait "$pid"
is $? 3 "the client is told"

# the job of the same name as one that runs
ask same-job /bin/bash -c 'sleep 2'
soon has_spare
echo >&7
soon there same-job-1
run --job same-job-1 -- /bin/true
is $code 75 "the name of a run is taken"
wait "$pid"
is $? 0 "and that run isn't harmed"

# process 1 dies while it waits
ask orphan-job /bin/true
soon is_waiting
first=$(waiting "$(spare)")
kill -KILL "$first"
soon gone "$first"
echo >&7
wait "$pid"
is $? 0 "a run does without the process 1 that was ready"

# limits: groups are made for those of the last run's kinds
has_groups() { has_spare && [ -s "$(spare)/groups" ]; }
has_none() { has_spare && soon is_waiting && [ ! -e "$(spare)/groups" ]; }
limited() { # memory.max or its like of a group of job $1
	head -1 "$S/run/$1/groups" | while IFS= read -r group; do
		cat "$group/memory.max" "$group/memory.limit_in_bytes" 2>/dev/null
	done
}
"$asker" "$CHROOT" "$S" "$stage" limit-job line=1 rounds=2 memory=268435456 grow=1048576 \
	most-memory=536870912 -- /bin/bash -c 'cat /proc/self/cgroup; sleep 1' \
	<go >out 2>log 7>&- &
pid=$!
ok "there are no groups before the first run" soon has_none
echo >&7
ok "a run with limits begins" soon there limit-job-1
if [ -s "$S/run/limit-job-1/groups" ]; then
	ok "then there are groups for the next one" soon has_groups
	soon is_waiting
	first=$(waiting "$(spare)")
	made=$(head -1 "$(spare)/groups")
	gone_run() { ! there limit-job-1; }
	soon gone_run
	echo >&7
	ok "which begins" soon there limit-job-2
	ok "with process 1 that waited" soon has_child "$first"
	is "$(head -1 "$S/run/limit-job-2/groups")" "$made" "in these groups"
	is "$(limited limit-job-2)" 269484032 "with its own limits"
	command_is_in() {
		command=$(pgrep -P "$first" | head -1)
		[ -n "$command" ] && grep -qx "$command" "$made/cgroup.procs"
	}
	ok "the command is in them" soon command_is_in
else
	echo "# no control groups here"
	echo >&7
fi
wait "$pid"
is $? 0 "both are good"
is "$(grep -c autotua log)" 0 "they see no group above their own"

# what waits goes the ways of older kernels too
for without in detached detached,fsconfig pivot landlock; do
	printf '#!/bin/sh\nexec "%s" "$@" --without %s\n' "$CHROOT" \
		"$without" >without
	chmod +x without
	"$asker" "$tmp/without" "$S" "$stage" without-job line=1 -- /bin/bash \
		-c 'cat /proc/self/mountinfo; echo "root $UID"' <go >out 2>log 7>&- &
	pid=$!
	ok "without $without: process 1 waits" soon is_waiting
	echo >&7
	wait "$pid"
	is $? 0 "without $without: a run is good"
	is "$(grep -c '^root 0$' log)$(grep -c host-thing log)" 20 \
		"without $without: it sees nothing of the host"
done

umount mnt
before=$(mounts)
exec 7>&-
finish
