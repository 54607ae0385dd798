#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A farm in which everything breaks in random order, and comes back: processes
# are killed and stopped, connections cut and slowed, disks full, clocks wrong.
# At the end all was done, once, and nothing is lost or left.
# SEED says which faults, MINUTES for how long (none: a short run), UNITS how
# large a tree; KEEP=1 leaves the farm of a run that failed, with the list of faults.
# shellcheck disable=SC2154 # set by farm.sh
own_mounts=1
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
seed=${SEED:-$((EPOCHSECONDS % 100000))}
minutes=${MINUTES-}
units=${UNITS-$((${minutes:-0} ? 120 : 18))}
length=$((${minutes:-0} ? minutes * 60 : 18))
# for all that is restarted and tried again after the last fault
patience=$((${minutes:-0} ? 600 : 120))
slaves=(one two three)
tools=${B:-$top/build}/tests/daemon
# shellcheck source=tests/daemon/chaos.sh
. "$(dirname "$0")/chaos.sh"
echo "# SEED=$seed MINUTES=$minutes UNITS=$units"
[[ -x $tools/chaosnet && -e $tools/chaosclock.so ]] || { echo "Bail out! make check builds chaosnet"; exit 1; }

# ---- the farm -----------------------------------------------------------------------

small_disk() { # NAME SIZE
	mkdir -p "$tmp/$1"
	mount -t tmpfs -o "size=$2,mode=755" chaos "$tmp/$1" 2>/dev/null
}
say() { printf '%6d  %s\n' $((SECONDS - began)) "$*" >>"$tmp/faults"; }
# Something broke: said when it was seen to.
fault() { say "${1^^}: ${*:2}"; } # KIND TEXT...
at_clock=(LD_PRELOAD="$tools/chaosclock.so" ASAN_OPTIONS=verify_asan_link_order=0)
set_clock() { truncate -s "$2" "$tmp/$1.clock"; } # NAME SECONDS
order() { echo "$*" >&"$net"; }                  # LINK MODE [N], to the network

# Start one again, not waiting for it: it may be killed at once.
up() { # NAME
	local env=("${at_clock[@]}" CHAOS_CLOCK="$tmp/$1.clock")

	if [[ $1 == master ]]; then
		env "${env[@]}" autotua-master -C "$tmp/master" serve >>"$tmp/master.log" 2>&1 </dev/null &
	else
		env "${env[@]}" autotua-slave -C "$tmp/$1" run >>"$tmp/$1.log" 2>&1 </dev/null &
	fi
	pid[$1]=$!
}
is_up() { [[ -n ${pid[$1]-} ]] && kill -0 "${pid[$1]}" 2>/dev/null; }

jailers() { pgrep -f "autotua-chroot.*$tmp/$1/"; } # SLAVE

# ---- what breaks ------------------------------------------------------------------------

# What is broken, and when it is mended: by the thing that is.
declare -A broken=() mend=()
breaks() { # THING SECONDS COMMAND...
	broken[$1]=$((SECONDS + $2))
	mend[$1]="${*:3}"
}
mend_due() { # [all]
	local thing

	for thing in "${!broken[@]}"; do
		[[ $# == 1 || $SECONDS -ge ${broken[$thing]} ]] || continue
		say "mended $thing: ${mend[$thing]}"
		eval "${mend[$thing]}"
		unset "broken[$thing]" "mend[$thing]"
	done
}

break_daemon() { # NAME SIGNAL
	local kind=slave

	[[ $1 != master ]] || kind=master
	is_up "$1" && kill -s "$2" "${pid[$1]}" || return
	fault "$kind" "$2 $1"
	if [[ $2 == STOP ]]; then
		roll 6
		breaks "$1" $((1 + r)) "kill -s CONT ${pid[$1]} 2>/dev/null"
	else
		roll 3
		breaks "$1" "$r" "wait ${pid[$1]} 2>/dev/null; up $1"
	fi
}
break_jailer() { # SLAVE: the one that starts others, or one that does a step
	local p list

	mapfile -t list < <(jailers "$1")
	((${#list[@]})) || return
	roll ${#list[@]}
	p=${list[r]}
	kill -s KILL "$p" 2>/dev/null || return
	fault jailer "KILL jailer $((r + 1)) of ${#list[@]} of $1"
}
break_link() { # NUMBER
	local -A most=([slow]=20000 [delay]=1500 [torn]=9000)
	local n

	pick cut mute slow delay torn
	roll "${most[$picked]-1}"
	n=$r
	say "link $1: $picked $((n + 100))"
	order "$1 $picked $((n + 100))"
	roll 8
	breaks "link$1" $((1 + r)) "order $1 pass"
}
# What the network did to somebody since.
hear_links() {
	local n mode

	while read -r -t 0.01 n mode <&"${NET[0]}"; do
		fault link "$n $mode"
		fault "$mode" "$n"
	done
}
break_disk() { # NAME FOLDER
	local full

	roll 5
	breaks "disk-$1" $((1 + r)) "rm -f $tmp/$2/filler"
	# not more than a small disk has
	full=$(LC_ALL=C dd if=/dev/zero of="$tmp/$2/filler" bs=1M count=$((65 + ${minutes:-0} * 64)) 2>&1)
	[[ $full != *"No space left"* ]] || fault disk "of $1 is full"
}
break_clock() { # NAME
	local at

	roll 130000
	((r < 86400)) || r=0
	set_clock "$1" "$r"
	at=$(env "${at_clock[@]}" CHAOS_CLOCK="$tmp/$1.clock" date +%s)
	((r == 0 || at - EPOCHSECONDS < r - 5)) || ! grep -qs chaosclock "/proc/${pid[$1]-}/maps" ||
		fault clock "of $1: $r seconds ahead"
}
break_all() {
	local name

	say "all of it is restarted"
	for name in master "${slaves[@]}"; do
		pick TERM KILL
		is_broken "$name" || break_daemon "$name" "$picked"
	done
}
break_client() { # cancels what it wants after all in the end; not the first job
	local n

	n=$(rows "$tmp/master" "SELECT max(id) FROM job WHERE ended IS NULL AND id > 1" 2>/dev/null)
	[[ -n $n ]] || return
	say "job $n is cancelled"
	client -q cancel "$n" >>"$tmp/client.log" 2>&1 &
}
is_broken() { [[ -n ${broken[$1]-} ]]; }

# Each kind comes, whatever the seed: the number of one that breaks like that.
declare -A kinds=([master]=0 [slave]=3 [jailer]=6 [link]=9 [disk]=13 [clock]=14)
count_of() { grep -c "  ${1^^}: " "$tmp/faults"; }
unbroken() { # KIND...
	local kind

	for kind; do
		[[ $(count_of "$kind") -gt 0 ]] || echo "$kind"
	done
}
break_something() {
	local n name what left

	roll 3
	n=$r name=${slaves[n]}
	roll 18
	what=$r
	mapfile -t left < <(unbroken "${!kinds[@]}")
	if ((${#left[@]} && what % 2)); then
		pick "${left[@]}"
		what=${kinds[$picked]}
	fi
	pick TERM STOP
	case $what in
	0 | 1) is_broken master || break_daemon master KILL ;;
	2) is_broken master || break_daemon master "$picked" ;;
	3 | 4) is_broken "$name" || break_daemon "$name" KILL ;;
	5) is_broken "$name" || break_daemon "$name" "$picked" ;;
	6 | 7 | 8) break_jailer "$name" ;;
	9 | 10 | 11) is_broken "link$n" || break_link "$n" ;;
	12) is_broken disk-master || break_disk master master/tmp ;;
	13) is_broken "disk-$name" || break_disk "$name" "$name/spool" ;;
	14 | 15)
		pick master "${slaves[@]}"
		break_clock "$picked"
		;;
	16) [[ $picked == STOP ]] || break_all ;;
	17) [[ $picked == STOP ]] || break_client ;;
	esac
}

# As systemd does.
restart_ended() {
	local name

	for name in master "${slaves[@]}"; do
		is_up "$name" || [[ -n ${broken[$name]-} ]] && continue
		wait "${pid[$name]}" 2>/dev/null
		say "$name had ended with status $?"
		up "$name"
	done
}

# What an administrator does about slaves that failed too often.
forgive() {
	local name

	for name in "${slaves[@]}"; do
		timeout 10 autotua-master -C "$tmp/master" slave resume "$name" >/dev/null 2>&1
	done
}

client() { # ARGUMENT...
	timeout 20 env "${at_clock[@]}" CHAOS_CLOCK="$tmp/master.clock" jobuild "$@"
}
# Not waited for: a master may be dead. The number is noted if it was answered.
try_submit() { # ATOM [OPTION]
	client -q -C "$tmp/tree" --json submit --tree main --stage small ${2:+"$2"} "$1" 2>>"$tmp/client.log" |
		jq -r '.job // empty' >>"$tmp/answered"
}
open_jobs() { rows "$tmp/master" "SELECT count(*) FROM job WHERE ended IS NULL" 2>/dev/null || echo 0; }

# ---- the run ----------------------------------------------------------------------------

began=$SECONDS
farm_tree chaos
chaos_tree "$units"
touch "$tmp/answered" "$tmp/faults" "$tmp/"{master,one,two,three}.clock
small_disk master $((64 + ${minutes:-0} * 64))m || plan_skip "no tmpfs can be mounted"
sign chaos && commit "signed" && farm_master chaos
ok "a master on a small disk"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
printf 'reserve = 0\n' >>"$tmp/master/master.conf"
kill_daemon master TERM
up master
coproc NET { exec "$tools/chaosnet" "${url##*:}" "${#slaves[@]}"; }
net=${NET[1]}
pid[net]=$NET_PID
for i in "${!slaves[@]}"; do
	read -r port <&"${NET[0]}"
	mkdir -p "$tmp/${slaves[i]}"
	within 20 enroll_slave "${slaves[i]}" "slots = 2" "disk-reserve = 0" "url = https://127.0.0.1:$port"
	small_disk "${slaves[i]}/spool" 4m && chown "$slave_user" "$tmp/${slaves[i]}/spool"
	up "${slaves[i]}"
done
ok "three slaves behind a bad network"
try_submit chaos/all --no-reuse
[[ -s $tmp/answered ]]; ok "a job of $units units"

# bash says of each daemon that it was killed
exec 4>&2 2>"$tmp/bash.log"
end=$((SECONDS + length))
submitting=
while [[ $SECONDS -lt $end ]] || [[ $SECONDS -lt $((end + 60)) && -n $(unbroken "${!kinds[@]}") ]]; do
	roll 9
	sleep "0.$((r + 1))"
	mend_due
	hear_links
	restart_ended
	break_something
	roll 40
	((r)) || forgive &
	pick all "$(unit_name $((1 + r * units / 41)))"
	what=$picked
	pick --no-reuse ''
	if [[ $(open_jobs) -lt 2 ]] && ! kill -0 "${submitting:-none}" 2>/dev/null; then
		try_submit "chaos/$what" "$picked" &
		submitting=$!
	fi
done
say "no more faults"
mend_due all
for name in master "${slaves[@]}"; do
	set_clock "$name" 0
done
hear_links
for kind in "${!kinds[@]}"; do
	echo "# $(count_of "$kind") of $kind"
done
unbroken "${!kinds[@]}" >"$tmp/found"
answered=$(wc -l <"$tmp/answered")
[[ ! -s $tmp/found ]]; ok "each kind of thing has broken, $answered jobs"
sed 's/^/# never: /' "$tmp/found"
restart_ended

# What failed because a machine did is tried again, as a user would.
retry_failed() {
	local n

	restart_ended
	for n in $(rows "$tmp/master" "SELECT id FROM job WHERE state IN ('failed', 'cancelled')"); do
		client -q retry "$n" >>"$tmp/client.log" 2>&1
	done
}
all_over() {
	retry_failed
	[[ $(rows "$tmp/master" "SELECT count(*) FROM job WHERE state <> 'passed'") == 0 ]]
}
blamed=$(rows "$tmp/master" "SELECT DISTINCT l.result || ': ' || l.reason FROM lease l
	WHERE l.result NOT IN ('', 'passed', 'infrastructure', 'cancelled')")
[[ -z $blamed ]]; ok "no recipe was blamed"
[[ -z $blamed ]] || echo "# ${blamed//$'\n'/$'\n'# }"
forgive
within $((patience)) all_over; ok "all jobs pass in the end"
say "all jobs are over"
# the last answers to slaves
# shellcheck disable=SC2016 # eval expands it
within 20 eval '! compgen -G "$tmp/*/spool/[0-9]*" >/dev/null'
for name in "${slaves[@]}" master; do
	kill_daemon "$name" TERM
done
exec 2>&4 4>&-
lost=$(rows "$tmp/master" "SELECT count(*) FROM lease WHERE state = 'expired'")
again=$(rows "$tmp/master" "SELECT count(*) FROM lease WHERE attempt > 1")
echo "# $lost leases were lost, $again units were given again"
if ((${minutes:-0})); then
	[[ $lost -gt 0 && $again -gt 0 ]]; ok "leases were lost"
	unbroken cut mute slow delay torn >"$tmp/found"
	[[ ! -s $tmp/found ]]; ok "links were bad in each way"
	sed 's/^/# never: /' "$tmp/found"
fi
note_starts
for what in results attempts starts logs artifacts whole left; do
	"check_$what" "$tmp/master" >"$tmp/found"; ok "$what"
	sed 's/^/# /' "$tmp/found"
done

# ---- would it be seen? ------------------------------------------------------------------

# What is spoilt in a copy must be found by this check.
spoilt() { # NAME CHECK COMMAND...
	rm -rf "$tmp/copy" && cp -a "$tmp/master" "$tmp/copy" && "${@:3}" && ! "check_$2" "$tmp/copy" >/dev/null
	ok "seen: $1"
}
sql() { sqlite3 "$tmp/copy/master.db" "$1"; }
unit=$(rows "$tmp/master" "SELECT max(u.id) FROM unit u
	JOIN artifact a ON a.unit_id = u.id AND a.attempt = u.attempt WHERE u.job_id = 1")
at="unit_id = $unit AND attempt = (SELECT attempt FROM unit WHERE id = $unit)"
attempt=$(rows "$tmp/master" "SELECT attempt FROM unit WHERE id = $unit")
blob=$(rows "$tmp/master" "SELECT digest FROM artifact WHERE $at")
change_log() { printf X | dd of="$tmp/copy/logs/$unit/$attempt/0.log" bs=1 seek="$1" conv=notrunc status=none; }
spoilt "a byte of a log" logs change_log 7
spoilt "a log that goes on" logs change_log 9999999
change_reason() { printf "other bytes, then a line\n" >"$tmp/copy/logs/$unit/$attempt/0.log" && sql "DELETE FROM report WHERE $at"; }
spoilt "a beginning of another log" logs change_reason
spoilt "a log that is gone" logs rm "$tmp/copy/logs/$unit/$attempt/0.log"
spoilt "a result that is gone" results sql "DELETE FROM report WHERE $at"
spoilt "a result that is another" results sql "UPDATE report SET body = replace(body, '\"passed\"', '\"failed\"') WHERE $at"
spoilt "a job that is gone" results sql "DELETE FROM job WHERE id = $(head -n 1 "$tmp/answered")"
spoilt "a unit that didn't pass" results sql "UPDATE unit SET state = 'failed' WHERE id = $unit"
again="INSERT INTO lease (unit_id, attempt, slave_id, state, granted, ended, result, slots)
	SELECT unit_id, attempt + 1, slave_id, state, granted, ended, result, slots FROM lease WHERE $at"
spoilt "a unit that passed twice" attempts sql "$again"
spoilt "an attempt that was not begun" starts sql "$again"
spoilt "an attempt that is left out" attempts sql "UPDATE lease SET attempt = attempt + 1 WHERE $at"
spoilt "an attempt of another slave" starts sql "UPDATE lease SET slave_id = slave_id % 3 + 1 WHERE $at"
spoilt "an attempt never given" starts sql "DELETE FROM lease WHERE $at"
spoilt "an artifact that is gone" artifacts sql "DELETE FROM artifact WHERE $at"
spoilt "an artifact with another digest" artifacts sql "UPDATE artifact SET digest = substr(digest, 2) || substr(digest, 1, 1) WHERE $at"
spoilt "an artifact's bytes" artifacts sh -c "echo more >>$tmp/copy/blobs/${blob:0:2}/$blob"
spoilt "the same by the master" whole sh -c "echo more >>$tmp/copy/blobs/${blob:0:2}/$blob"
mkdir "$tmp/one/spool/77"
! check_left >/dev/null; ok "seen: a lease left in a spool"
rmdir "$tmp/one/spool/77"
unshare --mount sleep 60 &
escaped=$!
# shellcheck disable=SC2016 # eval expands it
within 5 eval '[[ $(readlink "/proc/$escaped/ns/mnt") != "$(readlink /proc/self/ns/mnt)" ]]'
! check_left >/dev/null; ok "seen: a process left in a jail"
kill "$escaped"
rm -rf "$tmp/copy"
done_testing
