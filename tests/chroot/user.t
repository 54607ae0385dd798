#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# autotua-chroot of an ordinary user with subordinate ids.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage

user=autotua-test-$$
trap 'userdel "$user" 2>/dev/null; rm -rf "$tmp"' EXIT
if ! useradd -M -d "$tmp" "$user" 2>/dev/null; then
	echo "1..0 # SKIP no user can be made here"
	exit 0
fi
uid=$(id -u "$user")
first=$(sed -n "s/^$user:\([0-9]*\):.*/\1/p" /etc/subuid)
mkdir own
cp "$CHROOT" "$(dirname "$CHROOT")/autotua-unpack" "$(stage_tar)" own/
mkdir own/store
chown -R "$user" own
chmod 711 "$tmp"
U=$tmp/own/store/state
as_user() {
	setpriv --reuid "$uid" --regid "$(id -g "$user")" --clear-groups \
		"$tmp/own/autotua-chroot" -s "$@"
}
step() { # JOB OPTIONS... -- CMD
	job=$1
	shift
	log=$(as_user "$U" run --job "$job" --stage "$stage" "$@" 2>&1)
	code=$?
}

is "$(as_user "$U" import -n small own/small-stage.tar.zst)" "$stage" "a stage is imported"
is "$(stat -c %u "$U/stages/$stage/root")" "$first" "as the first of the subordinate ids"
step user-job-1 --commit "$(key 1)" -- /bin/bash -c 'id -u; cat /proc/self/uid_map
	rm /etc/passwd; mkdir /opt/d; echo x >/opt/d/f; chown 5:5 /opt/d/f'
is "$code" 0 "a step runs"
has "$log" "0" "as root of its own"
has "$log" "0          1      65536" "of all ids of the range"
step user-job-2 --layer "$(key 1)" -- /bin/bash -c 'stat -c %u /opt/d/f; ls /etc/passwd
	mv /opt/d /opt/e; cat /opt/e/f; mount -t tmpfs none /mnt; hostname x; kill -9 1; :'
has "$log" "5
" "owners are in the layer"
has "$log" "passwd: No such file" "what was removed too"
has "$log" "x" "a folder below can be renamed"
has "$log" "mount: permission denied" "root of the job can't mount"
# distfiles on a file system of their own: a mount that the user can't take off
mkdir -p "$U/distfiles"
mount -t tmpfs -o "uid=$uid,mode=700" none "$U/distfiles"
for without in cgroup1 detached detached,fsconfig; do
	step user-job-7 --without "$without" --layer "$(key 1)" -- \
		/bin/bash -c 'echo x >/opt/e; cat /opt/d/f'
	is "$code $log" "0 x" "a mount below the state folder, without $without"
done
umount "$U/distfiles"
step user-job-4 --memory 256M --pids 50 --cpus 1 -- true
is "$code" 0 "limits need no group of the user's"
step user-job-5 --pids 20 --status-fd 2 -- /bin/bash -c \
	'for ((i = 0; i < 60; i++)); do sleep 1000 & done; wait'
has "$log" "limit=pids" "and hold without"
mkdir own/recipe
cp "${B:-$top/build}/tests/chroot/probe" own/recipe/
chown -R "$user" own/recipe
step user-job-6 --memory 64M --status-fd 2 --recipe "$tmp/own/recipe" -- \
	/autotua/recipe/probe hold hidden 100 1 60
has "$log" "limit=memory" "for memory that nobody maps too"
step user-job-3 -- /bin/bash -c "ls $tmp /root /home; :"
has "$log" "No such file" "nothing of the host is seen"
as_user "$S" list >log 2>&1
is "$?" 75 "the store of root is not for users"
"$CHROOT" -s "$U" list >log 2>&1
is "$?" 75 "nor the user's for root"
has "$(cat log)" "others than root" "and it is said why"
sed -i "/^$user:/d" /etc/subuid
as_user "$U" list >log 2>&1
is "$?" 75 "without subordinate ids nothing goes"
has "$(cat log)" "--add-subuids" "and the remedy is told"

finish
