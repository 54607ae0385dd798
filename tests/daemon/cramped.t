#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Backups and restores on a disk that gets full: each says so in the same way,
# leaves nothing behind that passes for whole, and can be done again.
own_mounts=1
# shellcheck source=tests/daemon/farm.sh
. "$(dirname "$0")/farm.sh"
# shellcheck source=tests/daemon/hand.sh
. "$(dirname "$0")/hand.sh"

disk() { # KILOBYTES: an empty one of that size at $tmp/disk
	umount -l "$tmp/disk" 2>/dev/null
	mount -t tmpfs -o "size=${1}k,mode=700" disk "$tmp/disk" 2>/dev/null
}
mkdir "$tmp/disk"
disk 64 || plan_skip "no tmpfs can be mounted"

farm_tree alpha
simple alpha/app "Something to run"
sign alpha >/dev/null && commit "signed" && farm_master alpha
ok "a master serves"
[[ -n ${pid[master]-} ]] || { echo "Bail out! no master"; exit 1; }
master token new >/dev/null
master backup "$tmp/saved" >/dev/null && master backup "$tmp/saved.tar" >/dev/null; ok "with two backups"

# ---- a backup ------------------------------------------------------------------

full() { [[ $status == 75 ]] && said "$1"; }
size=$(du -sk --apparent-size "$tmp/saved" | cut -f1)
database=$(du -k "$tmp/saved"/at-*/master.db | cut -f1)
for room in $((database / 2)) $((database + 40)); do
	disk "$room"; run master backup "$tmp/disk/b.tar"
	full "full" || full "No space left on device"; ok "a file on a disk of $room of $size KB ends with 75"
	[[ -z $(ls "$tmp/disk") ]]; ok "and leaves nothing behind"
	disk "$room"; run master backup "$tmp/disk/b"
	full "full" || full "No space left on device"; ok "a folder there ends with 75, too"
	[[ ! -e $tmp/disk/b/list ]]; ok "and is no backup"
done
mount -o remount,size=100m "$tmp/disk"
run master backup "$tmp/disk/b"; [[ $status == 0 ]]; ok "with room, the same folder is filled"
run master restore --verify "$tmp/disk/b"; [[ $status == 0 ]]; ok "and right"

# ---- a restore -----------------------------------------------------------------

# each size of disk up to the first that is enough
restore_on() { # BACKUP
	local room

	failed=0 late=0 served=0 unlike=0
	for ((room = size / 2; room < 4 * size + 1000; room += 8)); do
		disk "$room"; run autotua-master -C "$tmp/disk/m" restore "$1"
		((status)) || return 0
		failed=$((failed + 1))
		[[ $status == 75 ]] || { unlike=$((unlike + 1)); sed "s,^,# $status ," "$tmp/out"; }
		! said "database" || late=$((late + 1))
		run autotua-master -C "$tmp/disk/m" status; ((status)) || served=$((served + 1))
	done
	return 1
}
for backup in saved saved.tar; do
	restore_on "$tmp/$backup"; ok "$backup is restored where there is room"
	((failed)); ok "and not where there isn't"
	((late)); ok "not even where just the last change has none"
	((served == 0)); ok "nothing can be served from what is left"
	((unlike == 0)); ok "each time it says so with 75"
	run autotua-master -C "$tmp/disk/m" check; [[ $status == 0 ]]; ok "the one that had room is whole"
done
disk $((size / 2)); run autotua-master -C "$tmp/disk/m" restore "$tmp/saved"
mount -o remount,size=100m "$tmp/disk"
run autotua-master -C "$tmp/disk/m" restore "$tmp/saved"
[[ $status == 1 ]] && said "empty"; ok "what is left must be removed first"
touch "$tmp/disk/m/master.conf.new" # how far it gets depends on the disk
left=$(ls -R "$tmp/disk/m")
run autotua-master -C "$tmp/disk/m" serve
[[ $status == 1 ]] && said "a restore that didn't come to its end"; ok "says who would serve it"
run autotua-master -C "$tmp/disk/m" init --name farm
[[ $status == 1 ]] && said "a restore that didn't come to its end" && [[ $(ls -R "$tmp/disk/m") == "$left" ]]
ok "and a new master takes nothing of it away"
rm -r "$tmp/disk/m"; run autotua-master -C "$tmp/disk/m" restore "$tmp/saved"
[[ $status == 0 ]]; ok "then it is restored"
done_testing
