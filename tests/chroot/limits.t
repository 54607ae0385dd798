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
run --silence 1 --grace 0 -- /bin/bash -c 'echo a; sleep 1000'
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
run --time 2 --phase one --phase two -- /bin/bash -c 'sleep 1.2'
is "$code $(printf '%s\n' "$status" | grep -c ^end) $(field limit)" \
	"1 2 time" "the time is that of all phases"

run --log-max 1000 -- /bin/bash -c 'while :; do echo 0123456789; done'
limited log "too much output"
is "$(wc -c <"$tmp/log" | tr -d ' ')" 1000 "is cut at the limit"
is "$(field log_end)" 1000 "and told so"
run --log-max 1000 -- /bin/bash -c 'printf %01000d 0'
is "$code $(field limit)" "0 -" "exactly the limit is no excess"
run --log-max 1000 --phase one --phase two -- /bin/bash -c 'printf %0600d 0'
is "$code $(field log_start) $(field log_end) $(field limit)" \
	"1 600 1000 log" "the limit is that of all phases"

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
# TERM and INT
for sig in TERM INT HUP; do
	"$CHROOT" -s "$S" run --job "signal-job" --stage "$stage" \
		--report-fd 6 -- /bin/bash -c 'echo up >&3; sleep 1000' \
		6<>started >/dev/null &
	pid=$!
	read -r _ <started
	kill -$sig "$pid"
	wait "$pid"
	is $? 143 "$sig: 143"
done

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
