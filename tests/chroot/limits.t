#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Time, silence, size of the log; the leash; TERM.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage

limited() {
	is "$code $(field exit) $(field signal) $(field limit)" "1 -1 9 $1" "$2"
}
run --time 1 --grace 0 -- sleep 1000
limited time "total time"
run --silence 4 --grace 0 -- /bin/bash -c 'echo a; sleep 1000'
limited silence "silence"
is "$log" a "what was said before is there"
run --silence 1 --grace 0 --time 3 -- /bin/bash -c 'while :; do echo .; sleep 0.1; done'
limited time "output isn't silence"
run --time 1 --grace 60 -- /bin/bash -c 'trap "echo asked; exit 0" TERM
	while :; do sleep 0.1; done'
limited time "within the grace period"
has "$log" "asked" "the command is asked first"
run --time 1 --grace 1 -- /bin/bash -c 'trap "" TERM; while :; do sleep 0.1; done'
limited time "one that doesn't listen is killed"
# as many as other tests on this machine can bear
run --time 2 --grace 0 -- /bin/bash -c 'for ((i = 0; i < 1500; i++)); do
	sleep 1000 &
	done; setsid sleep 1000; sleep 1000'
limited time "1500 processes"
ok "is dead" soon nobody
run --time 6 --phase one --phase two -- /bin/bash -c 'sleep 3.5'
is "$code $(printf '%s\n' "$status" | grep -c ^end) $(field limit)" \
	"1 2 time" "the time is that of all phases"

# a log that is too long keeps its head and its tail
run --log-max 1000 -- /bin/bash -c 'for ((i = 0; i < 1000; i++)); do echo $i; done'
is "$code $(field limit)" "0 -" "a long log is no failure"
has "$log" "0
1
2" "its head is there"
has "$log" "998
999" "and its tail"
is "$(field log_left_out)" 2890 "what is left out is counted"
has "$log" "autotua-chroot: 2890 bytes of the log are left out here" "and told in it"
is "$(field log_end)" "$(wc -c <"$tmp/log" | tr -d ' ')" "log_end is the size"
run --log-max 1000 -- /bin/bash -c 'while :; do echo 0123456789; done'
limited log "a flood"
is "$(field limit_value)" 1000 "the limit's value is told"
ok "and little of it is kept" [ "$(wc -c <"$tmp/log")" -lt 1100 ]
run --log-max 1000 -- /bin/bash -c 'printf %01000d 0'
is "$code $(field limit) $(field log_left_out) $(wc -c <"$tmp/log" | tr -d ' ')" \
	"0 - 0 1000" "exactly the limit loses nothing"
run --log-max 1600 --phase one --phase two --phase three -- /bin/bash -c 'printf %05000d 0'
is "$(printf '%s\n' "$status" | grep -c 'log_left_out=0')" 0 "the limit is that of all phases"
is "$(printf '%s\n' "$status" | sed -n 's/^end.*log_start=\([0-9]*\).*log_end=\([0-9]*\).*/\2 \1/p' |
	awk '$1 - $2 < 100 { n++ } END { print n + 0 }')" 0 "but each has a part of it"

# memory, processes, processors: with control groups, without, and with some
# that can only be read, as in a container
real=$CHROOT
cat >read-only <<'X'
#!/bin/sh
exec unshare --mount --propagation private sh -c '
	awk "/ - cgroup/ { print \$5 }" /proc/self/mountinfo |
		xargs -n 1 mount -o remount,bind,ro && exec "$@"' sh "$CHROOT_REAL" "$@"
X
chmod +x read-only
export CHROOT_REAL="$real"
for mode in cgroup1 read-only -; do
	without='' CHROOT=$real
	[ $mode = - ] && without='--without cgroup2,cgroup1'
	[ $mode = read-only ] && CHROOT=$tmp/read-only
	# shellcheck disable=SC2086 # words
	run $without --memory 48M --time 300 -- /bin/bash -c \
		'x=$(head -c 300000000 /dev/zero | tr "\0" x); echo "${#x}"'
	is "$code $(field limit) $(field limit_value)" "1 memory 50331648" \
		"memory ($mode)"
	# shellcheck disable=SC2086
	run $without --pids 20 --time 300 -- /bin/bash -c \
		'for ((i = 0; i < 60; i++)); do sleep 1000 & done; wait'
	is "$code $(field limit) $(field limit_value)" "1 pids 20" "processes ($mode)"
	ok "are dead" soon nobody
	# shellcheck disable=SC2086
	run $without --memory 256M --pids 50 --phase one --phase two -- /bin/bash -c \
		'for ((i = 0; i < 30; i++)); do true & done; wait'
	is "$code $(field limit)" "0 -" "within the limits ($mode)"
done
CHROOT=$tmp/read-only
run --memory 256M --pids 50 --cpus 1 -- true
has "$status" "cgroup2,cgroup1" "groups that can't be made are lacking"
"$CHROOT" -s "$S" doctor >found
has "$(cat found)" "less cgroup" "the doctor has found that out"
"$CHROOT" -s "$S" capabilities >caps
has "$(jq -r .lacks caps)" "cgroup2,cgroup1" "and capabilities say it"
CHROOT=$real
run $without --memory 256M --pids 50 -- true
is "$(printf '%s\n' "$status" | grep -c '^jail lacks=\(.*,\)\{0,1\}cgroup2,cgroup1')" 1 \
	"what there isn't is told"

# without groups, memory that several processes can share counts once each;
# what is within the limit has been looked at several times
mkdir recipe
cp "${B:-$top/build}/tests/chroot/probe" recipe/probe
held() { # WANT WHAT KIND MIB PROCESSES SECONDS
	want=$1 what=$2
	shift 2
	# shellcheck disable=SC2086 # words
	run $without --memory 64M --time 60 --recipe "$tmp/recipe" -- \
		/autotua/recipe/probe hold "$@"
	is "$code $(field limit)" "$want" "$what"
}
held "1 memory" "a memfd that is too large" memfd 100 1 100
held "1 memory" "one of a process that can't be traced" hidden 100 1 100
held "1 memory" "eight, together" memfd 12 8 100
held "1 memory" "a segment of System V" segment 100 1 100
held "1 memory" "shared mappings" mapped 100 1 100
held "1 memory" "page tables" tables 100 1 100
held "1 memory" "of eight, together" tables 12 8 100
held "1 -" "semaphores: there are no more" semaphores 70 1 1
held "1 -" "nor queues of messages" queues 70 1 1
held "0 -" "page tables within the limit" tables 10 4 1
held "0 -" "memfds within the limit" memfd 10 4 1
held "0 -" "a segment" segment 40 1 1
held "0 -" "a mapping, once for all that have it" mapped 40 8 1
# shellcheck disable=SC2086
run $without --memory 64M --time 60 -- /bin/bash -c \
	'head -c 80000000 /dev/zero >/dev/shm/f; sleep 100'
is "$code $(field limit)" "1 memory" "files in /dev/shm"
# shellcheck disable=SC2086
run $without --memory 64M --time 60 -- /bin/bash -c 'head -c 30000000 \
	/dev/zero >/dev/shm/f; for i in 1 2 3 4; do sleep 1 </dev/shm/f & done; wait'
is "$code $(field limit)" "0 -" "once for all that have them open"
# shellcheck disable=SC2086
run $without --memory 24M --time 60 -- /bin/bash -c 'cd /dev/shm
	for ((i = 0; i < 40000; i++)); do : >$i; done; sleep 100'
is "$code $(field limit)" "1 memory" "empty ones too"
marked() { # MEMORY COUNT
	# shellcheck disable=SC2086 # words
	run $without --memory "$1" --time 60 --recipe "$tmp/recipe" -- /bin/bash -c \
		'/autotua/recipe/probe attributes /dev/shm/f $1 20 65536 && sleep 100' \
		sh "$2"
}
marked 24M 600
case $log in
*"not supported"*) ok "attributes of files in /dev/shm # SKIP there are none" true ;;
*)
	is "$code $(field limit)" "1 memory" "and attributes of one"
	marked 1G 2000
	has "$code $log" "1 /dev/shm/f: No space left on device" "of which there is an end"
	;;
esac
# shellcheck disable=SC2086
run $without --memory 1G --time 300 -- /bin/bash -c 'ulimit -n 16000
	for i in 1 2 3 4 5; do (for ((n = 0; n < 14000; n++)); do
	exec {fd}</dev/null; done; sleep 100) & done; wait'
is "$code $(field limit)" "1 memory" "more descriptors than can be looked at"
caps='grep ^Cap /proc/self/status'
run -- /bin/bash -c "$caps"
mine=$log
# shellcheck disable=SC2086
run $without --memory 64M -- /bin/bash -c "$caps"
is "$log" "$mine" "the job can't look into others for that"
mkfifo grouped
"$CHROOT" -s "$S" run --job grouped-job --stage "$stage" --memory 256M \
	--report-fd 6 -- /bin/bash -c 'echo up >&3; sleep 1000' 6<>grouped &
pid=$!
read -r _ <grouped
has "$(groups)" "grouped-job" "a run has a control group"
kill $pid
wait $pid
is "$(groups)" "" "no control group is left"
run --cpus 0.2 -- /bin/bash -c 'TIMEFORMAT=%R; time for ((i = 0; i < 100000; i++)); do :; done'
is "$code" 0 "processors are rationed"

# disk
run --disk 8M --time 60 -- /bin/bash -c 'for ((i = 0; ; i++)); do
	head -c 1000000 /dev/zero >/f$i; sleep 0.05; done'
limited disk "disk"
is "$(field limit_value)" 8388608 "its limit is told"
run --disk 8M -- /bin/bash -c 'trap "" XFSZ; head -c 30000000 /dev/zero >/f; :'
is "$code $(field limit)" "1 disk" "one large file"
# nothing of such a file is on the disk
run --disk 8M -- truncate -s 17M /f
is "$code $(field signal) $(field limit) $(field limit_value)" "1 25 disk 8388608" "one with a hole"
run --disk 8M -- /bin/bash -c 'truncate -s 17M /f; exit $?'
is "$code $(field exit) $(field limit)" "1 153 disk" "made by a shell's command"
run --disk 8M -- /bin/bash -c 'head -c 30000000 /dev/zero >/f; true'
is "$code $(field limit)" "1 disk" "one that a phase doesn't care about"
run --disk 8M -- /bin/bash -c '(head -c 30000000 /dev/zero >/f); exit 3'
is "$code $(field limit)" "1 disk" "nor says why it fails"
run --disk 8M -- truncate -s 9M /f
is "$code $(field limit)" "0 -" "a hole alone takes no room"
run -- /bin/bash -c 'exit 153'
is "$code $(field exit) $(field limit)" "1 153 -" "no limit is named where there is none"
run --disk 8M -- /bin/bash -c 'head -c 1000000 /dev/zero >/f'
is "$code $(field limit)" "0 -" "within the limit"

# what the owner lets a server give, whatever its client asks for
asker=${B:-$top/build}/tests/chroot/asker
ask() { # NAME=VALUE... -- CMD...
	"$asker" "$CHROOT" "$S" "$stage" asked-job "$@" >status 2>log </dev/null
	code=$? status=$(cat status) log=$(cat log)
}
whole() {
	printf '%s\n' "$code $(field limit) $(field limit_value)"
	[ -n "$(field limit)" ] || printf '%s\n' "$log"
}
# what was prepared ahead, too, has few of what the kernel counts for nobody
printf '#!/bin/sh\nexec "%s" "$@" --without cgroup2,cgroup1\n' "$CHROOT" >poor
chmod +x poor
"$asker" "$tmp/poor" "$S" "$stage" poor-job rounds=3 memory=67108864 -- /bin/bash -c \
	'echo 99 >/proc/sys/kernel/msgmni; cat /proc/sys/kernel/msgmni' >status 2>log </dev/null
is "$(grep -v 'Read-only' log | sort | uniq -c | tr -s ' ')" " 6 32" "few queues in each phase"
run -- cat /proc/sys/kernel/msgmni
ok "as many as ever where they are counted" [ "$log" -gt 32 ]
many='for ((i = 0; i < 60; i++)); do sleep 1000 & done; wait'
ask most-pids=20 pids=4096 -- /bin/bash -c "$many"
is "$(whole)" "1 pids 20" "more processes than a server may give"
ask most-pids=20 -- /bin/bash -c "$many"
is "$(whole)" "1 pids 20" "no limit isn't given either"
ask most-pids=4096 pids=20 -- /bin/bash -c "$many"
is "$(whole)" "1 pids 20" "what is asked for is, if it is less"
ask most-memory=67108864 memory=8589934592 -- /bin/bash -c \
	'x=$(head -c 300000000 /dev/zero | tr "\0" x); echo "${#x}"'
is "$(whole)" "1 memory 67108864" "the same with memory"
ask most-disk=8388608 disk=1099511627776 -- /bin/bash -c \
	'trap "" XFSZ; head -c 30000000 /dev/zero >/f; :'
is "$(whole)" "1 disk 8388608" "with disk"
# shellcheck disable=SC2317 # called by soon
quota() { # the processors of what runs, where groups ration them
	groups | while read -r g; do
		cat "$g/cpu.max" "$g/cpu.cfs_quota_us" 2>/dev/null
	done
}
# shellcheck disable=SC2317
rationed() { quota | cut -d ' ' -f 1 | grep -qx 25000; } # beside what waits
"$asker" "$CHROOT" "$S" "$stage" asked-job most-cpus=250 cpus=8000 -- \
	/bin/bash -c 'sleep 1000' >status 2>log &
pid=$!
ok "with processors" soon rationed
kill $pid
wait $pid 2>/dev/null
ok "it ends with its client" soon nobody
ask most-memory=536870912 most-pids=100 most-disk=536870912 most-cpus=2000 -- true
is "$code" 0 "within them all is good"
for o in "--memory x" "--pids many" "--cpus .5" "--disk -1"; do
	# shellcheck disable=SC2086 # words
	"$CHROOT" -s "$S" serve --fd 0 $o </dev/null 2>err
	is $? 2 "serve $o: refused"
	has "$(cat err)" "${o%% *}" "by name"
done

run --reserve 1000T -- true
is "$code" 75 "a disk that is too full takes no job"
has "$err" "to stay free" "and says why"

# a small disk that a job without a limit fills
mkdir small
translates() { ! grep -q "id-mapped mount" "$tmp/err"; }
fills() { # WANT WHAT JOB OTHERS...: on it, with others doing something there
	want=$1 what=$2 job=$3
	shift 3
	unshare -m sh -c 'mount -t tmpfs -o "size=96m,nr_inodes=$4" none small &&
			"$1" -s small/state import "$2" >id || exit
		export CHROOT="$1" job="$3"
		shift 4
		"$@" &
		"$CHROOT" -s small/state run --job fills-disk \
			--stage "$(cat id)" --reserve 30M --time 60 \
			--status-fd 5 -- /bin/bash -c "$job"
		code=$?
		wait
		"$CHROOT" -s small/state ready --reserve 1M >room
		exit $code' \
		sh "$CHROOT" "$(stage_tar)" "$job" "$inodes" "$@" \
		>"$tmp/log" 5>"$tmp/status" 2>"$tmp/err"
	code=$? status=$(cat "$tmp/status")
	if translates; then
		is "$code $(field limit)" "$want" "$what"
	else
		echo "# this kernel's tmpfs can't translate owners"
	fi
}
if unshare -m true 2>/dev/null; then
	inodes=1000000
	fills "1 disk" "a full disk ends the job that filled it, and is named" \
		'for ((i = 0; ; i++)); do head -c 1000000 /dev/zero >/f$i || break
		sleep 0.02; done; sleep 100' true
	fills "1 disk" "the same with files that it has deleted" \
		'for ((i = 0; ; i++)); do exec {fd}>/f; rm /f
		head -c 1000000 /dev/zero >&$fd || break
		sleep 0.02; done; sleep 100' true
	fills "75 " "what others fill is not the job's" \
		'echo x >/f; sleep 100' sh -c 'until [ -n "$(find small/state/run -name f)" ]
		do sleep 0.1; done; head -c 100000000 /dev/zero >small/other'
	! translates ||
		has "$(cat err)" "and not by this job" "and that is told"
	inodes=1500
	fills "1 disk" "a job that takes all inodes" \
		'for ((i = 0; i < 3000; i++)); do : >/opt/$i; done; sleep 100' true
	! translates || is "$(field limit_value)" 0 "which are no bytes"
	fills "1 disk" "one that does and says that all is good" \
		'for ((i = 0; i < 3000; i++)); do : >/opt/$i; done; :' true
	fills "1 disk" "the same with files that it has deleted" \
		'ulimit -n 4000; for ((i = 0; i < 3000; i++)); do
		exec {fd}>/opt/$i; done; rm -r /opt; sleep 100' true
	fills "0 -" "one that has some and leaves enough" \
		'for ((i = 0; i < 100; i++)); do : >/opt/$i; done' true
	! translates || is "$(cat room)" "" "work can be taken then"
	fills "75 " "inodes that others take are not the job's" \
		'echo x >/f; sleep 100' sh -c 'until [ -n "$(find small/state/run -name f)" ]
		do sleep 0.1; done; mkdir small/more; cd small/more
		for i in $(seq 2000); do : >$i; done 2>/dev/null'
	if translates; then
		has "$(cat err)" "inodes free (--reserve), and not by this job" "and that is told"
		has "$(cat room)" "150 are to stay free" "no work is taken then"
	fi
fi

# artifacts
mkdir art
run --keep --artifacts "$tmp/art" --artifacts-max 5K -- /bin/bash -c \
	'for i in 1 2 3 4 5 6 7 8 9; do head -c 1000 /dev/zero >/autotua/artifacts/$i; done'
is "$code $(field limit) $(field limit_value)" "1 artifacts 5120" "size of artifacts"
ok "--keep has all of them" [ -s "$S/kept/test-job-$serial/home/artifacts/9" ]
is "$(find art -type f | wc -l | tr -d ' ')" 5 "no more are copied"
rm -rf art; mkdir art
run --artifacts "$tmp/art" --artifacts-files 3 -- /bin/bash -c \
	'for i in 1 2 3 4 5 6 7 8 9; do : >/autotua/artifacts/$i; done'
is "$code $(field limit) $(field limit_value) $(find art -type f | wc -l | tr -d ' ')" \
	"1 artifacts-files 3 3" \
	"number of artifacts"
rm -rf art; mkdir art
run --artifacts "$tmp/art" --artifacts-max 1M -- /bin/bash -c \
	'truncate -s 100G /autotua/artifacts/hole'
is "$code $(field limit) $(ls art)" "1 artifacts " "a hole counts as what it is read as"

# Nothing waits for an artifact that has no end: a run comes to it, and is to
# end by itself or by what is done then.
mkfifo hold
collecting() {
	rm -rf art
	mkdir art
	"$CHROOT" -s "$S" run --job vast-job --stage "$stage" --status-fd 5 \
		--leash-fd 4 --artifacts "$tmp/art" "$@" \
		4<hold 5>status >log 7>&- &
	pid=$!
	exec 7>hold
	soon test -e art/big
}
ended() { ! grep -q '^State:.[^Z]' "/proc/$pid/status" 2>err; }
comes_to() { # CODE WHAT
	soon ended || kill -KILL "$pid"
	exec 7>&-
	wait "$pid"
	is $? "$1" "$2"
	status=$(cat status)
}
vast='truncate -s 400G /autotua/artifacts/big'
# seconds in which a command in a jail ends, on an emulated machine, too
begin=$(date +%s%N)
run -- true
short=$((1 + ($(date +%s%N) - begin) / 200000000))
collecting --time "$short" -- /bin/bash -c "$vast"
comes_to 1 "collecting takes longer than the time"
is "$(field phase) $(field limit) $(field limit_value)" "artifacts time $short" "and says so"
has "$(cat log)" "the time is over" "in the log too"
is "$(ls art)$(grep ^artifact status)" "" "what isn't whole doesn't stay"
collecting --time "$short" --grace 0 -- /bin/bash -c "echo small >/autotua/artifacts/a; sleep 1000"
comes_to 1 "a phase takes longer than the time"
is "$(field phase) $(field limit) $(cat art/a)" "- time small" "what it has left is collected"
collecting --time "$short" --grace 0 -- /bin/bash -c "$vast; sleep 1000"
comes_to 1 "and then more than can be collected"
is "$(printf '%s\n' "$status" | grep -c ' limit=time ')" 2 "which is said too"
collecting -- /bin/bash -c "$vast"
kill "$pid"
comes_to 143 "TERM ends collecting"
collecting -- /bin/bash -c "$vast"
exec 7>&-
comes_to 143 "the leash's end too"
ok "everything is gone" soon nobody

# Nor for a layer that takes long: a job makes its list long by hard links at
# a path of escapes, which take no room on the disk.
links='n=$(printf "\\001%.0s" {1..250}); cd /opt
	for i in {1..15}; do mkdir "$n"; cd "$n"; done
	mkdir t; : >t/f
	for ((i = 0; i < $1; i++)); do cp -al t u; mkdir n; mv t u n; mv n t; done'
keeping() { # OPTIONS...: the run's child that lists the layer stands still
	"$CHROOT" -s "$S" run --job long-list --stage "$stage" --status-fd 5 \
		--leash-fd 4 --commit "$(key 2)" "$@" \
		-- /bin/bash -c "$links" sh 10 4<hold 5>status >log 7>&- &
	pid=$!
	exec 7>hold
	until [ -e "$S/run/long-list/new" ] || ended; do :; done
	kill -STOP "$(pgrep -P "$pid" | head -1)" 2>err
}
no_layer() {
	"$CHROOT" -s "$S" has layer "$(key 2)"
	is $? 3 "and no layer is made"
	ok "everything is gone" soon nobody
}
keeping
kill "$pid"
comes_to 143 "TERM ends the making of a layer"
no_layer
keeping
exec 7>&-
comes_to 143 "the leash's end too"
no_layer
keeping --time $((short + 7))
comes_to 1 "so does the time"
is "$(field phase) $(field limit) $(field limit_value)" "layer time $((short + 7))" "which is said"
has "$(cat log)" "the time is over" "in the log too"
no_layer
run --commit "$(key 2)" -- /bin/bash -c "$links" sh 13
is "$code $(field phase) $(field exit)" "1 layer 1" "too long a list is the job's failure"
has "$log" "larger than 256 MiB" "with the reason"
no_layer
run --commit "$(key 2)" -- /bin/bash -c "$links" sh 7
is "$code" 0 "a shorter one is kept"
ok "and counts" [ "$("$CHROOT" -s "$S" list --json |
	jq '.[] | select(.kind == "layer").size')" -gt 4000000 ]

for args in "--memory x" "--pids 1K" "--cpus 1.2345" "--cpus x" "--disk -1" \
	"--reserve x" "--artifacts-files 1M" "--without sun" "--without ,"; do
	# shellcheck disable=SC2086 # words
	run $args -- true
	is "$code" 2 "$args"
done

# one line of 1 GiB through a pipe, in constant memory
"$CHROOT" -s "$S" run --job flood-job --stage "$stage" --log-max 2G \
	-- /bin/bash -c 'head -c 1073741824 /dev/zero' 2>err | {
	sleep 1
	pid=$(pgrep -of "run --job flood-job")
	cut -d' ' -f2 "/proc/$pid/statm" >pages
	wc -c >bytes
}
is "$(tr -d ' ' <bytes)" 1073741824 "1 GiB of log without a newline"
ok "in less than 32 MB" [ "$(cat pages)" -lt 8192 ]

# the reader of the log goes away
"$CHROOT" -s "$S" run --job gone-reader --stage "$stage" \
	--status-fd 5 -- yes 2>err 5>status | head -c 10 >/dev/null
ok "ends with its reader" soon nobody
has "$(cat err)" "write the log" "and says why"

# leash
mkfifo leash started
"$CHROOT" -s "$S" run --job leash-job --stage "$stage" --leash-fd 4 \
	--report-fd 6 --commit "$(key 1)" -- /bin/bash -c \
	'trap "" TERM; setsid sleep 1000 & echo up >&3; sleep 1000' \
	4<leash 6<>started >/dev/null &
pid=$!
exec 7>leash
read -r _ <started
exec 7>&-
wait "$pid"
is $? 143 "the leash's end: 143"
ok "everything is gone" soon nobody
"$CHROOT" -s "$S" has layer "$(key 1)"
is $? 3 "and no layer is made"
# TERM and INT. Read by an end of our own: what cleans up after the run before
# may have one for a moment, and by its end the line would seem to be there
exec 8<>started
for sig in TERM INT HUP; do
	"$CHROOT" -s "$S" run --job "signal-job" --stage "$stage" \
		--report-fd 6 -- /bin/bash -c 'echo up >&3; sleep 1000' \
		6<>started >/dev/null 8>&- &
	pid=$!
	read -r _ <&8
	kill -$sig "$pid"
	wait "$pid"
	is $? 143 "$sig: 143"
done
exec 8>&-

# the same id twice
"$CHROOT" -s "$S" run --job twice-job --stage "$stage" --report-fd 6 -- \
	/bin/bash -c 'echo up >&3; sleep 1000' 6<>started >/dev/null &
pid=$!
read -r _ <started
"$CHROOT" -s "$S" run --job twice-job --stage "$stage" -- true 2>err
is $? 75 "an id in use"
has "$(cat err)" "running already" "is told"
ok "others can run beside it" "$CHROOT" -s "$S" run --job other-job \
	--stage "$stage" -- true
ok "recover leaves it alone" "$CHROOT" -s "$S" recover
ok "it still runs" kill -0 "$pid"
kill "$pid"
wait "$pid"

finish
