#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGKILL for autotua-chroot at any moment: nothing is left that recover
# doesn't remove, no process and no mount. ROUNDS is how often, 24 if unset.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage

rounds=${ROUNDS:-24}
i=0 left='' late=0
while [ $i -lt "$rounds" ]; do
	i=$((i + 1))
	"$CHROOT" -s "$S" run --job "killed-$i-job" --stage "$stage" \
		--commit "$(printf '%064x' $i)" --phase one --phase two -- \
		/bin/bash -c 'setsid sleep 1000 & for i in {1..50}; do
			echo $i >/opt/$i; mkdir -p /opt/d/$i; done; sleep 0.02' \
		>/dev/null 2>&1 &
	pid=$!
	# from before the first system call to after the last phase
	sleep "$(awk -v i=$i -v n="$rounds" 'BEGIN { srand(i)
		printf "%.4f", 0.15 * (i - 1 + rand()) / n }')"
	kill -KILL $pid 2>/dev/null || late=$((late + 1))
	wait $pid 2>/dev/null
	soon nobody || left="$left process:$i"
	"$CHROOT" -s "$S" recover || left="$left recover:$i"
	[ -z "$(leftovers)" ] || left="$left folder:$i"
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
