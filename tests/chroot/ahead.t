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
server() { pgrep -P "$pid" -f " serve --fd " | head -1; }
spare() { find "$S/run" -mindepth 1 -maxdepth 1 -name 'spare.*' | head -1; }
has_spare() { [ -n "$(spare)" ] && [ -d "$(spare)/home/recipe" ]; }
no_spare() { [ -z "$(spare)" ]; }
there() { [ -d "$S/run/$1" ]; }
inode() { stat -c %i "$1"; }

ask used-job /bin/bash -c 'echo "net $(readlink /proc/self/ns/net)"
	ifconfig lo | grep -wo UP; cat /proc/sys/net/ipv4/ip_unprivileged_port_start
	ls -A /autotua /autotua/*; id -u; ifconfig -a | grep -c Link; sleep 1'
ok "an idle server has a folder ready" soon has_spare
is "$(stat -c %a "$(spare)")" 700 "that is nobody else's"
made=$(inode "$(spare)")
echo >&7
ok "a run begins" soon there used-job-1
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
killed=$(spare)
kill -KILL "${killed##*.}"
ok "what a dead one had is cleared away" soon no_spare
echo >&7
wait "$pid"
is $? 0 "the run does without"

# the server dies
ask dead-job /bin/true
soon has_spare
waiting=$(spare)
kill -KILL "$(server)"
gone() { ! kill -0 "$1" 2>/dev/null; }
ok "it ends with the server" soon gone "${waiting##*.}"
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

exec 7>&-
finish
