#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# One step: what a phase sees, what comes back, what persists.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage

run -- true
is "$code" 0 "true: exit 0"
is "$(printf '%s\n' "$status" | head -1)" "start phase=-" "start line"
is "$(field exit) $(field signal) $(field limit)" "0 0 -" "end line"
run -- /bin/bash -c 'exit 7'
is "$code $(field exit)" "1 7" "exit 7 is reported, the run's exit is 1"
run -- /bin/bash -c 'kill -SEGV $$'
is "$code $(field exit) $(field signal)" "1 -1 11" "death by signal"
run -- /no/such/program
is "$code $(field exit)" "1 127" "a missing program is the job's matter"
has "$log" "/no/such/program" "and named in the log"

run -- /bin/bash -c 'echo out; echo err >&2; cat; pwd; umask; env | sort'
is "$log" "out
err
/autotua/work
0022
HOME=/autotua/home
LC_ALL=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
PWD=/autotua/work
SHELL=/bin/bash
SHLVL=1
TERM=dumb
_=/usr/bin/env" "output, empty input, folder, umask, environment"
is "$(field log_end)" "$(wc -c <"$tmp/log" | tr -d ' ')" "log_end is the size"

run --phase one --phase two --phase three -- /bin/bash -c '
	echo "$1" >>/autotua/work/seen; echo "$1" >>/etc/seen
	echo t >>/autotua/temp/t; echo h >>~/h
	cat /autotua/work/seen /etc/seen; [ "$1" != two ]' sh
is "$code" 1 "the failing phase ends the run"
is "$log" "one
one
one
two
one
two" "files persist from phase to phase; the third phase didn't run"
is "$(printf '%s\n' "$status" | grep -c ^end)" 2 "two end lines"
run -- test ! -e /etc/seen
is "$code" 0 "the next run starts afresh"

# what is there and what isn't
run -- /bin/bash -c 'ls -A /sys; for d in null zero full random urandom tty; do
	[ -c /dev/$d ] || echo "no $d"; done
	ls /proc/self/fd | wc -l; echo x >/dev/null; hostname
	echo >/dev/shm/x; [ -e /dev/pts/ptmx ] || echo no pts'
is "$log" "4
autotua" "/dev, /proc, /sys, descriptors 0 1 2 (and ls's own), host name"
run -- /bin/bash -c 'ls /sys/class/net 2>/dev/null; tail -n +3 /proc/net/dev |
	cut -d: -f1 | tr -d " "'
is "$log" "lo" "only lo without net"
run --phase a,net -- /bin/bash -c 'tail -n +3 /proc/net/dev | wc -l'
is "$log" "$(tail -n +3 /proc/net/dev | wc -l)" "net: the host's interfaces"
if [ -s /etc/resolv.conf ]; then
	run --phase a,net -- cat /etc/resolv.conf
	has "$log" "$(cat /etc/resolv.conf)" "net: the host's resolv.conf"
	run --phase a,net -- /bin/bash -c 'echo x >/etc/resolv.conf'
	has "$log" "Read-only file system" "which can't be written"
fi
run -- /bin/bash -c 'for i in sys/kernel/hostname sysrq-trigger; do
	echo x 2>/dev/null >/proc/$i && echo "wrote $i"; done; mount -t tmpfs x /mnt &&
	echo mounted; mknod /tmp/n c 1 3 && echo node; chroot / true && echo chroot
	unshare -m true && echo unshared; hostname x && echo named; :' 2>&1
is "$(printf '%s\n' "$log" | grep -v ': ')" "chroot" "what root can't do"
run -- /bin/bash -c '(: >/proc/1/exe) 2>&1; readlink /proc/1/exe; ls /proc/1/fd
	kill -9 1; sleep 0.1; echo alive'
has "$log" "alive" "process 1 can't be killed from inside"
is "$(printf '%s\n' "$log" | grep -c autotua-chroot)" 0 \
	"nor its executable be reached"

# descriptors of the caller's
"$CHROOT" -s "$S" run --job report-job --stage "$stage" --report-fd 7 \
	--log-fd 6 -- /bin/bash -c 'printf "a\0b\0c\0" >&3; echo log' \
	7>"$tmp/report" 6>"$tmp/log6" 8</etc/passwd 9</
is "$(tr '\0' . <"$tmp/report") $(cat "$tmp/log6")" "a.b.c. log" \
	"report and log descriptors"
"$CHROOT" -s "$S" run --job leak-job --stage "$stage" -- /bin/bash -c \
	'ls /proc/self/fd | tr "\n" " "' 8</etc/passwd 9</ >"$tmp/log"
is "$(cat "$tmp/log")" "0 1 2 3 " "no descriptor of the caller's leaks"

# accounts
run -- /bin/bash -c 'awk "BEGIN { for (i = 0; i < 2000000; i++) x += i }" & wait
	awk "BEGIN { s = sprintf(\"%30000000s\", \"\"); print length(s) }"'
ok "user time of descendants is counted" [ "$(field user_ms)" -gt 20 ]
ok "and their memory" [ "$(field memory_kb)" -gt 25000 ]
ok "wall time" [ "$(field wall_ms)" -ge "$(($(field user_ms) / 4))" ]

# daemons
run -- /bin/bash -c 'setsid sleep 1000 & (setsid sleep 1000 &) ; echo started'
is "$code $log" "0 started" "a daemon doesn't keep the run from ending"
ok "and is dead" soon nobody

finish
