#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A slave that root starts is an ordinary user; its jailer stays root, and what
# is the jailer's is out of the slave's reach.
# shellcheck disable=SC2154 # farm.sh's
# shellcheck source=farm.sh
. "$(dirname "$0")/farm.sh"

farm_tree alpha
recipe alpha/quick/quick-1.0 <<'X'
DESCRIPTION="done in a moment"
job_run() {
	echo made >"${ARTIFACTS}/made.txt"
	id -u
}
X
recipe alpha/slow/slow-1.0 <<'X'
DESCRIPTION="takes its time"
job_run() { sleep 613; }
X
sign alpha && commit tree
farm_master alpha; ok "a master is set up"

slave() { autotua-slave -C "$tmp/$1" "${@:2}"; }
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '; }
as_slave() { setpriv --reuid "$slave_user" --regid "$slave_user" --clear-groups "$@"; }
jailer_of() { pgrep -o -f "autotua-chroot -s $tmp/$1/chroot serve"; }

# ---- who it is

enroll_slave one; ok "enrolled by root"
[[ $(stat -c '%u %g %a' "$tmp/one") == "0 $slave_user 1770" ]]; ok "the folder is root's, sticky, and open to the slave"
[[ $(stat -c '%u %a' "$tmp/one/key.pem") == "$slave_user 600" ]]; ok "the key is the slave's"
start_slave one
submit alpha/slow
within 30 pgrep -f "sleep 613"; ok "a unit runs"
p=${pid[one]}
[[ $(status_of "$p" Uid) == "$slave_user $slave_user $slave_user $slave_user" ]]; ok "the slave is that user"
[[ $(status_of "$p" Gid) == "$slave_user $slave_user $slave_user $slave_user" && -z $(status_of "$p" Groups) ]]
ok "with no other group"
none=1
for c in CapInh CapPrm CapEff CapBnd CapAmb; do
	[[ $(status_of "$p" $c) == 0000000000000000 ]] || none=0
done
((none)); ok "it has no capability and can't get any"
[[ $(status_of "$p" NoNewPrivs) == 1 ]]; ok "nor by a program that it executes"
for w in $(pgrep -P "$p"); do
	[[ $(status_of "$w" Uid) == "0 "* || $(status_of "$w" Uid) == "$slave_user "* ]] || none=0
done
j=$(jailer_of one)
[[ $(status_of "$j" Uid) == "0 0 0 0" ]]; ok "the jailer is root"
! as_slave ls "$tmp/one/chroot" 2>/dev/null; ok "the jailer's folder can't be read"
! as_slave mv "$tmp/one/chroot" "$tmp/one/other" 2>/dev/null; ok "nor exchanged"
! as_slave kill -9 "$j" 2>/dev/null; ok "nor can the jailer be killed"

# ---- one dies

kill -s KILL "$(runs_of "$j" | head -1)"
within 20 job_is '.units[0].attempt > 1'; ok "a killed run is an end, told to the master"
kill -0 "$j" && kill -0 "$p"; ok "that harms neither jailer nor slave"
job_ended || jobuild -q cancel "$job" >/dev/null
kill_daemon one
within 20 bash -c "! kill -0 $j 2>/dev/null"; ok "the jailer ends with a killed slave"
! pgrep -f "sleep 613" >/dev/null; ok "and so does what ran"
[[ -z $(ls "$tmp/one/chroot/run") ]]; ok "nothing is left of it"
start_slave one
within 20 jailer_of one
j=$(jailer_of one)
kill -s KILL "$j"
p=${pid[one]}
within 20 bash -c "! kill -0 $p 2>/dev/null"; ok "a slave without its jailer ends"
wait "$p" 2>/dev/null
[[ $? == 1 ]] && grep -q "autotua-chroot ended" "$tmp/one.log"; ok "and says why"
unset "pid[one]"

# ---- a folder from before

enroll_slave old
chown -R 0:0 "$tmp/old" && chmod 700 "$tmp/old"
mkdir -p "$tmp/old/chroot/distfiles" && chmod 700 "$tmp/old/chroot"
echo x >"$tmp/old/chroot/distfiles/blake2b-x"
submit alpha/quick
run slave old run --once
[[ $status == 0 ]] && job_is '.state == "passed"'; ok "a folder that was root's is handed over"
[[ $(stat -c %u "$tmp/old/key.pem" "$tmp/old/distfiles/blake2b-x" | sort -u) == "$slave_user" ]]
ok "keys and sources"
[[ $(stat -c '%u %a' "$tmp/old/chroot") == "0 700" ]]; ok "but not the jailer's"
run slave old status
[[ $status == 0 ]]; ok "root sees its status"
run slave old drain && [[ $(stat -c %u "$tmp/old/owner") == "$slave_user" ]]; ok "what root writes is the slave's"
run as_slave autotua-slave -C "$tmp/old" status
said "drained"; ok "and the user's too"

# ---- refusals

[[ $(stat -c %u "$tmp/old/slave.conf") == 0 ]]; ok "the configuration stays root's"
chown "$slave_user" "$tmp/old/slave.conf"
run slave old run --once
[[ $status == 1 ]] && said "belongs to user $slave_user"; ok "one that the slave could write is refused"
chown 0 "$tmp/old/slave.conf"

mkdir "$tmp/odd" && chown "$slave_user" "$tmp/odd"
cp "$tmp"/old/{*.pem,url,slave.conf} "$tmp/odd/"
run slave odd run --once
[[ $status == 1 ]] && said "chown -R 0:0"; ok "a folder that is somebody's isn't taken over"
sed -i 's/^user = .*/user = root/' "$tmp/old/slave.conf"
run slave old run --once
[[ $status == 1 ]] && said "allow-root"; ok "a slave that stays root must be wanted"
sed -i 's/^user = .*/user = no-such-user/' "$tmp/old/slave.conf"
run slave old run --once
[[ $status == 1 ]] && said "no-such-user"; ok "a user that isn't there is named"

done_testing
