#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the machine can do, whether it should take work, and what a run says
# that had to do without something.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

"$CHROOT" -s "$S" doctor >out 2>err
is $? 0 "doctor: jobs can be run here"
has "$(cat out)" "a jail was built and ended" "by having tried"
is "$(grep -vc '^\(ok  \|less\|    \)' out)" 0 "in plain words"
"$CHROOT" -s "$S" doctor --json >json 2>err
is $? 0 "doctor --json"
is "$(jq -r 'map(.name) | join(" ")' json)" \
	"userns jail overlay landlock pivot cgroup network disk pressure programs" "is JSON"
is "$(jq 'map(select(.ok == false and .remedy == null)) | length' json)" 0 \
	"what isn't good has a remedy"
"$CHROOT" -s "$S" doctor nonsense 2>err
is $? 2 "doctor: an argument too many"
is "$(ls "$S/stages")" "" "the trial has made no stage"

# a file system whose owners can't be translated
mkdir ram
on_ram() {
	unshare --mount --propagation private sh -c \
		'mount -t ramfs none ram && chmod 700 ram && exec "$@"' sh \
		"$CHROOT" -s "$tmp/ram" "$@"
}
on_ram doctor >out 2>err
is $? 1 "where a job can't have ids of its own no job can be run"
has "$(cat out)" "NO   userns" "and this is why"
on_ram capabilities >json 2>err
is "$? $(jq .fit json)" "1 false" "capabilities say so too"
has "$(jq -r .why json)" "a job can't have ids of its own" "and why"
has "$(jq -r .lacks json)" "userns" "and what is lacking"
on_ram doctor --allow-rootful >out 2>err
is "$? $(grep -c '^less userns' out)" "0 1" "unless its root may be the machine's"
is "$(on_ram capabilities --allow-rootful | jq .fit)" true "which is fit then"

# a state folder that can't be written
mkdir fixed
"$CHROOT" -s "$tmp/fixed" list >out 2>err
on_fixed() {
	unshare --mount --propagation private sh -c \
		'mount --bind fixed fixed && mount -o remount,bind,ro fixed && exec "$@"' sh \
		"$CHROOT" -s "$tmp/fixed" "$@"
}
on_fixed doctor >out 2>err
is $? 1 "where nothing can be written no job can be run"
has "$(cat out)" "NO   state     nothing can be made in the state folder: " "and this is why"
ok "groups can't be tried there" grep -q "^less cgroup    control groups can't be tried: " out
is "$(grep -c Delegate out)" 0 "which is no lack of them"
on_fixed doctor --json >json 2>err
is "$? $(jq 'map(select(.name == "state" and .ok == false)) | length' json)" "1 1" "as JSON"
on_fixed capabilities >json 2>err
is "$? $(jq .fit json)" "1 false" "capabilities say so too"
ok "and why" jq -e '.why | length > 0' json

# one without an inode left
mkdir few
unshare --mount --propagation private sh -c 'mount -t tmpfs -o nr_inodes=100 none few &&
	"$0" -s few/state list && while true >few/$((i += 1)); do :; done 2>err
	"$0" -s few/state doctor' "$CHROOT" >out 2>err
is $? 1 "without inodes no job can be run"
has "$(cat out)" "has room, for bytes and for inodes" "and this is what to do"
has "$(cat out)" "less disk      the disk of the state folder has 0 inodes free, and 10 are to stay free" \
	"and why"
has "$(cat out)" "unless --reserve is 0" "and what it takes to run some all the same"
has "$(cat out)" "for want of inodes only 0 helps" "the remedy says so too"
is "$(grep -c Delegate out)" 0 "groups are not what is lacking"

# several at once, and what cleans up after the dead beside them
"$CHROOT" -s "$S" capabilities >alone 2>err
is "$? $(jq .fit alone)" "0 true" "capabilities: jobs can be run here"
pids=''
for i in 1 2 3 4 5 6; do
	"$CHROOT" -s "$S" capabilities >"beside.$i" 2>"err.$i" &
	pids="$pids $!"
done
"$CHROOT" -s "$S" recover
is $? 0 "recovery meanwhile"
for pid in $pids; do
	wait "$pid" || echo "exit $?" >>beside.1
done
is "$(cat beside.?)" "$(for i in 1 2 3 4 5 6; do cat alone; done)" \
	"six trials at once have the same answer"
is "$(cat err.?)" "" "and no complaint"

import_stage
on_ram import "$(stage_tar)" >out 2>err
is $? 75 "an archive isn't read as this machine's root"
has "$(cat err)" "--allow-rootful" "unless its administrator wants it"
is "$(on_ram import --allow-rootful "$(stage_tar)" 2>err)" "$stage" "then it is"
has "$(cat err)" "as this machine's root" "with a warning"
"$CHROOT" -s "$S" ready
is $? 0 "ready"
"$CHROOT" -s "$S" ready --reserve 1000T >out
is $? 75 "not ready: the disk"
has "$(cat out)" "are to stay free" "why"
"$CHROOT" -s "$S" ready --pressure x 2>err
is $? 2 "pressure is a number"
"$CHROOT" -s "$S" ready more 2>err
is $? 2 "ready: an argument too many"
# under PERCENT KIND COMMAND...: all work stands still so much of the time
under() {
	printf '%s avg10=%s avg60=0.00 avg300=0.00 total=1\n' some 99.00 \
		full "$1" >pressure
	kind=$2
	shift 2
	unshare -m sh -c 'mount --bind pressure "/proc/pressure/$1" || exit
		shift
		exec "$@"' sh "$kind" "$CHROOT" -s "$S" "$@" >out 2>err
}
for kind in memory io; do
	[ -e /proc/pressure/$kind ] || continue
	under 60.00 "$kind" ready --pressure 50
	is $? 75 "no room while work waits for $kind"
	has "$(cat out)" "stood still for 60 % of the last seconds for want of $kind" \
		"and why"
	under 40.00 "$kind" ready --pressure 50
	is "$? $(cat out)" "0 " "room while it waits less"
	under 60.00 "$kind" ready
	is $? 0 "room if nobody asks about that"
	under 60.00 "$kind" run --job pressed-job --stage "$stage" --pressure 50 -- true
	is $? 75 "no run is started"
	has "$(cat err)" "more than 50 % (--pressure)" "and that is told"
done
run --pressure 100 -- true
is "$code" 0 "more than all can't be pressed"

# pretend to lack one thing after the other
for feature in detached fsconfig,detached landlock pivot; do
	run --without $feature -- /bin/bash -c 'echo x >/etc/new; mkdir /opt/d; cat /etc/new'
	is "$code $log" "0 x" "without $feature"
	has "$status" "jail lacks=" "is told"
	is "$(printf '%s\n' "$status" | grep -c '^jail')" 1 "once"
done
is "$(printf '%s\n' "$status" | grep -c '^jail lacks=\(.*,\)\{0,1\}pivot$')" 1 \
	"by name, beside what the kernel lacks"
run --without seccomp -- true
is "$code" 75 "without seccomp: refused"
run --without userns -- true
is "$code" 75 "without userns: refused"
has "$err" "--allow-rootful" "unless its administrator wants it"
run --without userns --allow-rootful -- /bin/bash -c 'read -r a b c </proc/self/uid_map; echo $a $b'
is "$code $log" "0 0 0" "which is real root"
R=$(key d)
run --without userns --allow-rootful --commit "$R" -- /bin/bash -c 'echo 1 >/opt/r; chown 70000 /opt/r'
is "$code" 0 "what it makes is a layer"
run --without userns --allow-rootful --layer "$R" -- stat -c %u /opt/r
is "$code $log" "0 70000" "for others like it"
run --layer "$R" -- true
is "$code" 75 "and for no others"
has "$err" "was made by a job whose root was this machine's" "which is told"
"$CHROOT" -s "$S" export "$R" 2>err >out
is "$?" 75 "nor for other machines"
has "$(cat err)" "it stays here" "which is told, too"
run --commit "$R" -- touch /opt/r
has "$status" "commit key=$R state=new" "one that all can use takes its place"
run --layer "$R" -- stat -c %u /opt/r
is "$code $log" "0 0" "and is used"
run --without userns --allow-rootful --commit "$R" -- true
has "$status" "commit key=$R state=there" "and stays"
run --without userns --allow-rootful --nest -- true
is "$code" 75 "but never one that nests"
run --without pivot --nest -- true
is "$code" 75 "nor on a root that can't be exchanged"
run --nest -- /bin/bash -c 'unshare -Urm /bin/sh -c "mount -t tmpfs x /mnt && echo mounted"; mount 2>/dev/null -t tmpfs x /mnt || echo not here'
has "$log" "mounted" "nest: mounts in namespaces of one's own"
run --linux32 -- uname -m
is "$log" "$(setarch linux32 uname -m)" "linux32: a personality"

# many layers, and a layer that is used under other ids than it was made with
layers='' i=0
while [ $i -lt 9 ]; do
	i=$((i + 1))
	# shellcheck disable=SC2086 # words
	run $layers --commit "$(printf '%064x' $i)" -- /bin/bash -c \
		"echo $i >/opt/$i; chown $i:$i /opt/$i; echo $i >/etc/same"
	layers="$layers --layer $(printf '%064x' $i)"
done
mkfifo up
# shellcheck disable=SC2086
"$CHROOT" -s "$S" run --job other-range --stage "$stage" $layers --report-fd 6 \
	-- /bin/bash -c 'cat /proc/self/uid_map >&3; sleep 1000' 6<>up &
pid=$!
read -r _ first _ <up
for without in '' '--without detached' '--without detached,fsconfig' \
	'--without userns --allow-rootful'; do
	# shellcheck disable=SC2086
	run $layers $without -- /bin/bash -c \
		'cd /opt; stat -c %u * | tr "\n" " "; cat /etc/same; read -r _ b _ </proc/self/uid_map; echo $b'
	has "$log" "1 2 3 4 5 6 7 8 9 9" "nine layers, their owners ($without)"
	second=$(printf '%s\n' "$log" | tail -1)
	ok "under other ids" [ "$first" != "$second" ]
done
kill $pid
wait $pid

# another state folder that would begin with the same range
place() { # FOLDER: see take_slot() in chroot/sys/ids.c
	echo $(((($(stat -c %d "$1") * 31 + $(stat -c %i "$1")) * 64 & 0xffffffff) % 4032))
}
wanted=$(place "$S") i=0
while mkdir "twin.$i" && [ "$(place "twin.$i")" -ne "$wanted" ] && [ $i -lt 2000 ]; do
	i=$((i + 1))
done
if [ $i -lt 2000 ]; then
	mkfifo beside
	"$CHROOT" -s "twin.$i" import "$(stage_tar)" >id
	"$CHROOT" -s "$S" run --job first-range --stage "$stage" --report-fd 6 \
		-- /bin/bash -c 'cat /proc/self/uid_map >&3; sleep 1000' 6<>beside &
	one=$!
	read -r _ first _ <beside
	"$CHROOT" -s "twin.$i" run --job twin-range --stage "$(cat id)" --report-fd 6 \
		-- /bin/bash -c 'cat /proc/self/uid_map >&3; sleep 1000' 6<>beside &
	two=$!
	read -r _ second _ <beside
	ok "$first and $second: no other folder's job has the same ids" \
		[ "$first" -ne "$second" ]
	kill $one $two
	wait $one $two
else
	ok "# SKIP no folder begins with the same ids" :
fi
log=$(unshare -m sh -c 'mount -t tmpfs -o ro none /run && exec "$@"' sh \
	"$CHROOT" -s "$S" run --job no-run-folder --stage "$stage" -- echo there)
is "$log" "there" "where /run can't be written the folder has its own"

finish
