#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The power goes right after an answer: the master's file system is a real
# ext4, which is told to stop at once, with all that it hadn't written lost.
# shellcheck disable=SC2154 # set by farm.sh and hand.sh
own_mounts=1
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

disk=$tmp/disk
# EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
cut_power() { # MOUNT-POINT
	perl -e 'my $how = pack "L", 2; open my $f, "<", $ARGV[0] or exit 1; ioctl($f, 0x8004587d, $how) || exit 1' "$1"
}
plug_in() { mount -o loop "$disk" "$tmp/master" 2>/dev/null; }
mkdir "$tmp/master"
truncate -s 100M "$disk"
# one that commits by itself only after an hour, so that nothing is there by chance
{ mkfs.ext4 -q "$disk" && plug_in && mount -o remount,commit=3600 "$tmp/master"; } 2>/dev/null ||
	plan_skip "no file of ours can be mounted as ext4"
rmdir "$tmp/master/lost+found"

power_cut() { # and the machine comes back
	cut_power "$tmp/master" || return
	kill_daemon master
	umount "$tmp/master" && plug_in && start_master
}

farm_tree alpha
for name in one two three; do simple alpha/$name "Stands alone"; done
lease_time=40s
sign alpha && commit "signed" && farm_master alpha && join_slave bob "$(master token new)" && hello bob
ok "a master on a disk of its own"
sync -f "$tmp/master"
echo "lost" >"$tmp/master/tmp/unsynced"

anyone; submit_by_hand alpha/one; is 201; ok "a job of a tree that is new here is stored"
power_cut; ok "the power goes, and the master comes back"
[[ ! -s $tmp/master/tmp/unsynced ]]; ok "what wasn't synced is lost"
job_has '.state == "queued"'; ok "the job is there"
git -C "$tmp/master/trees/main.git" fsck --strict >/dev/null 2>&1; ok "its tree is whole"
run master check; [[ $status == 0 ]]; ok "check finds nothing"
hello bob && claim bob && api GET "lease/$lease/pack?attempt=$attempt"; is 200; ok "its recipe is given to a slave"
report 0; is 200 && finish passed && is 200; ok "which runs it"

simple alpha/four "Came later" && sign alpha && commit "another"
anyone; submit_by_hand alpha/four; is 201; ok "a job of what is new in the tree is stored"
power_cut; ok "the power goes"
job_has '.state == "queued"'; ok "the job is there, too"
hello bob && claim bob && api GET "lease/$lease/pack?attempt=$attempt"; is 200; ok "and its recipe"
finish passed
anyone; submit_by_hand alpha/one; is 201; ok "the tree takes further jobs"

mirror=$tmp/master/trees/main.git
touch "$mirror"/{refs/heads/main,HEAD,config,packed-refs}.lock
sync -f "$tmp/master"
simple alpha/half "In the middle of a write" && sign alpha && commit "one more"
power_cut; ok "the power goes while a branch is written"
run master check; [[ $status == 0 ]]; ok "check finds nothing in a lock"
anyone; submit_by_hand alpha/half; is 201; ok "a job of what is new is stored in spite of the lock"
[[ -z $(find "$mirror" -name '*.lock') ]]; ok "and no lock stays"

# ---- what something else damaged --------------------------------------------------------

refs=$tmp/master/trees/main.git/refs/heads/main
cp "$refs" "$tmp/was" && : >"$refs"
run master check; [[ $status == 1 ]] && said "trees/main.git/: refs/heads/main can't be read: move this folder away, and the tree is fetched anew"
ok "check finds a branch that is damaged"
simple alpha/five "Came last" && sign alpha && commit "a last one"
anyone; submit_by_hand alpha/five; problem 503 tree-unavailable && has '.detail | test("main can.t be read: move this folder away")'
ok "who submits is told where and what to do"
mv "$tmp/master/trees/main.git" "$tmp/aside"
run master check; [[ $status == 1 ]] && said "trees/main.git: isn't there; fetch it (autotua-master tree sync main)"; ok "check misses the tree of a job that waits"
anyone; submit_by_hand alpha/five; is 201; ok "with the folder moved away it is fetched anew"
run master check; [[ $status == 0 ]]; ok "and whole"
rm "$tmp"/master/trees/main.git/objects/pack/*.idx
run master check; [[ $status == 1 ]] && said "can't be read: move this folder away"; ok "check finds lost objects"
done_testing
