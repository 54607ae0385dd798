#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL at any moment, for autotua-chroot, for process 1 of its jail, for its
# caller, for a server and its client: nothing is left that recover doesn't
# remove, no process, no mount, no control group. ROUNDS is how often, 36 if
# unset; half as often for servers.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage

rounds=${ROUNDS:-36}
network='--network no'
case $("$CHROOT" -s "$S" capabilities | jq -r .network) in
private) network='--network private' ;;
esac
halves() {
	for l in "$S"/layers/*; do
		[ ! -e "$l" ] || { [ -f "$l/ok" ] && [ -d "$l/root/opt/d/50" ]; } || echo "$l"
	done
}
mkfifo leash
# step: one run of this round; every other one has control groups, and as many
# a private network
step() {
	limits=''
	[ $((i % 2)) -eq 0 ] || limits='--memory 512M --pids 200'
	case $((i % 4)) in
	0 | 1) limits="$limits $network" ;;
	*) limits="$limits --network no" ;;
	esac
	# shellcheck disable=SC2086 # words
	exec "$CHROOT" -s "$S" run --job "killed-$i-job" --stage "$stage" \
		--commit "$(printf '%064x' $i)" --phase one,net --phase two \
		$limits "$@" -- /bin/bash -c 'setsid sleep 1000 &
		for i in {1..50}; do echo $i >/opt/$i; mkdir -p /opt/d/$i; done
		sleep 0.02' >/dev/null 2>&1
}
i=0 left='' late=0
while [ $i -lt "$rounds" ]; do
	i=$((i + 1))
	case $((i % 3)) in
	0 | 1) step & ;;
	# the caller: all it does is to hold the leash
	2) (
		step --leash-fd 4 4<leash &
		exec sleep 1000 >leash
	) & ;;
	esac
	pid=$!
	# from before the first system call to after the last phase
	sleep "$(awk -v i=$i -v n="$rounds" 'BEGIN { srand(i)
		printf "%.4f", 0.2 * (i - 1 + rand()) / n }')"
	case $((i % 3)) in
	1) # process 1 of the jail
		init=$(pgrep -P $pid | head -1)
		kill -KILL "${init:-$pid}" 2>/dev/null || late=$((late + 1))
		;;
	*) kill -KILL $pid 2>/dev/null || late=$((late + 1)) ;;
	esac
	wait $pid 2>/dev/null
	soon nobody || left="$left process:$i"
	"$CHROOT" -s "$S" recover || left="$left recover:$i"
	soon swept || left="$left folder:$i"
	[ -z "$(groups)" ] || left="$left group:$i"
	[ "$(mounts)" = "$before" ] || left="$left mount:$i"
done
is "$left" "" "$rounds kills leave nothing ($late came too late)"
is "$(halves)" "" "every layer is whole"

# A server and its client, with two runs at once: the one, the other, both.
asker=${B:-$top/build}/tests/chroot/asker
server() { pgrep -P "$1" -f " serve --fd " | head -1; }
i=0 left='' late=0 servers=$(((rounds + 1) / 2))
while [ $i -lt "$servers" ]; do
	i=$((i + 1))
	limits=''
	[ $((i % 2)) -eq 0 ] || limits='memory=536870912 pids=200'
	# shellcheck disable=SC2086 # words
	"$asker" "$CHROOT" "$S" "$stage" "asked-$i-job" jobs=2 \
		"commit=$(printf 'a%063x' $i)" $limits -- /bin/bash -c 'setsid sleep 1000 &
		for i in {1..50}; do echo $i >/opt/$i; mkdir -p /opt/d/$i; done
		sleep 0.02' >/dev/null 2>log &
	pid=$!
	sleep "$(awk -v i=$i -v n="$servers" 'BEGIN { srand(i)
		printf "%.4f", 0.25 * (i - 1 + rand()) / n }')"
	victims=$pid
	case $((i % 3)) in
	1) victims=$(server $pid) ;;
	2) victims="$(server $pid) $pid" ;;
	esac
	# shellcheck disable=SC2086 # process ids
	kill -KILL ${victims:-$pid} 2>/dev/null || late=$((late + 1))
	wait $pid 2>/dev/null
	soon nobody || left="$left process:$i"
	# what a killed client leaves its server clears away; what a killed
	# server does, the next one
	[ $((i % 3)) -eq 0 ] || "$CHROOT" -s "$S" recover || left="$left recover:$i"
	soon swept || left="$left folder:$i"
	[ -z "$(groups)" ] || left="$left group:$i"
	[ "$(mounts)" = "$before" ] || left="$left mount:$i"
done
is "$left" "" "$servers kills of servers and clients leave nothing ($late came too late)"
ok "most of them came in time" [ $late -lt $((servers / 2)) ]
is "$(halves)" "" "every layer is whole"

# process 1 of the jail
mkfifo started
"$CHROOT" -s "$S" run --job killed-init --stage "$stage" --report-fd 6 -- \
	/bin/bash -c 'echo up >&3; sleep 1000' 6<>started >/dev/null 2>err &
pid=$!
read -r _ <started
kill -KILL "$(pgrep -P $pid)"
wait $pid
is $? 75 "death of process 1 is trouble of ours"
has "$(cat err)" "process 1" "and told"

# many runs that died with their machine
stale() {
	for n in 0 1 2 3 4 5 6 7 8 9; do
		for m in 0 1 2 3 4 5 6 7 8 9; do
			mkdir -p "$S/run/stale-$n$m-job/upper/a/b/c" \
				"$S/run/stale-$n$m-job/work.0/work"
			chmod 0 "$S/run/stale-$n$m-job/work.0/work"
			echo x >"$S/run/stale-$n$m-job/upper/a/b/c/file"
			echo "/sys/fs/cgroup/autotua-none-$n$m" >"$S/run/stale-$n$m-job/groups"
		done
	done
}
stale
mkdir -p "$S/layers/$(key f)/root" "$S/layers/nonsense"
begin=$(date +%s%N)
ok "recover after a crash" "$CHROOT" -s "$S" recover
echo "# in $((($(date +%s%N) - begin) / 1000000)) ms"
is "$(ls "$S/run")" "" "100 dead runs are out of the way at once"
ok "and deleted" soon swept
is "$(find "$S/layers" -name nonsense -o -name "$(key f)")" "" "halves of layers too"
stale
begin=$(date +%s%N)
"$asker" "$CHROOT" "$S" "$stage" first-job -- /bin/bash -c 'echo "${EPOCHREALTIME/./}"' \
	>/dev/null 2>up
is $? 0 "a server that starts among 100 of them serves"
echo "# after $((($(head -1 up) - begin / 1000) / 1000)) ms it runs a step"
is "$(ls "$S/run")" "" "and has cleared them away"
ok "for good" soon swept

# an import
"$CHROOT" -s "$S" remove small
(
	cd "$tmp" && zstd -qdc "$(stage_tar)" >big.tar &&
		head -c 200000000 /dev/zero >big && tar -rf big.tar big
)
"$CHROOT" -s "$S" import big.tar >/dev/null 2>&1 &
pid=$!
sleep 0.3
kill -KILL $pid
wait $pid 2>/dev/null
ok "the unpacking child dies too" soon nobody
ok recover "$CHROOT" -s "$S" recover
is "$(ls "$S/stages")" "" "no half of a stage"

finish
