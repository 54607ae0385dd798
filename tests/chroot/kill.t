#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL at any moment, for autotua-chroot, for process 1 of its jail, for its
# caller: nothing is left that recover doesn't remove, no process, no mount, no
# control group. ROUNDS is how often, 36 if unset.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage

rounds=${ROUNDS:-36}
network='--network no'
case $("$CHROOT" -s "$S" capabilities | jq -r .network) in
private) network='--network private' ;;
esac
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
half=0
for l in "$S"/layers/*; do
	[ -e "$l" ] || continue
	[ -f "$l/ok" ] && [ -d "$l/root/opt/d/50" ] || half=$((half + 1))
done
is $half 0 "every layer is whole"

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
for n in 0 1 2 3 4 5 6 7 8 9; do
	for m in 0 1 2 3 4 5 6 7 8 9; do
		mkdir -p "$S/run/stale-$n$m-job/upper/a/b/c" \
			"$S/run/stale-$n$m-job/work.0/work"
		chmod 0 "$S/run/stale-$n$m-job/work.0/work"
		echo x >"$S/run/stale-$n$m-job/upper/a/b/c/file"
		echo "/sys/fs/cgroup/autotua-none-$n$m" >"$S/run/stale-$n$m-job/groups"
	done
done
mkdir -p "$S/layers/$(key f)/root" "$S/layers/nonsense"
ok "recover after a crash" "$CHROOT" -s "$S" recover
is "$(ls "$S/run")" "" "100 dead runs are out of the way at once"
ok "and deleted" soon swept
is "$(find "$S/layers" -name nonsense -o -name "$(key f)")" "" "halves of layers too"

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
