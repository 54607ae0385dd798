#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Roots that overlayfs doesn't put together: a chain so long that it is copied
# into one, and jobs without overlayfs, which get copies.
# shellcheck disable=SC2016 # expanded inside
# shellcheck disable=SC2086 # lists of words
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage
key_of() { printf '%064x' "$(($1 + 4096))"; }

# ---- 60 steps --------------------------------------------------------------
chain='' i=0
while [ $i -lt 60 ]; do
	i=$((i + 1))
	run $chain --commit "$(key_of $i)" -- /bin/bash -c "echo $i >>/opt/n
		mkdir /opt/d$i; echo $i >/opt/d$i/f; chown $i:$i /opt/d$i/f
		rm -rf /opt/d$((i - 3))/f; mv /opt/d$((i - 2)) /opt/moved$((i - 2))
		rm -f /etc/hosts; chmod 4755 /opt/n" 2>/dev/null
	[ $i -ne 1 ] || ln "$S/layers/$(key_of 1)/root"/opt/n linked 2>/dev/null
	chain="$chain --layer $(key_of $i)"
done
rm -f linked
is "$code" 0 "60 steps"
is "$(find "$S/layers" -name flat | wc -l | tr -d ' ')" 1 "one copy of many"
flat=$(find "$S/layers" -name flat)
is "$flat" "$S/layers/$(key_of 49)/flat" "made by the first run that needs it"
is "$(find "$flat/root" -name n -path '*/opt/n' -exec wc -l {} \; | cut -d' ' -f1)" \
	49 "of the whole chain"
ok "no whiteouts, no marks in it" [ -z "$(find "$flat/root" -type c
	getfattr -dRm 'overlay' "$flat/root" 2>/dev/null)" ]
see='cd /opt; tail -1 n; wc -l <n; ls -d d* moved* | wc -l; cat moved*/f | wc -l
	stat -c "%a %u" n; stat -c %u d60/f; ls /etc/hosts 2>&1; ls moved45 moved46'
run $chain -- /bin/bash -c "$see"
with=$log
has "$with" "60
60
60
" "what they made"
mv "$flat" aside
# two at once: both copy, one of them is too late
"$CHROOT" -s "$S" run --job second-copy --stage "$stage" $chain -- true &
run $chain -- /bin/bash -c "$see"
wait $!
is "$log" "$with" "another copy is the same"
ok "made of the top" [ -d "$S/layers/$(key_of 60)/flat/root" ]
is "$(ls "$S/layers/$(key_of 60)")" "flat
list
ok
root" "and nothing else is there"
mv "$S/layers/$(key_of 60)/flat" aside2
mv aside "$flat"
echo x >>"$flat/root/opt/n"
"$CHROOT" -s "$S" verify "$(key_of 49)" >out
has "$? $(cat out)" "1 BAD  layer $(key_of 49): its flat copy: opt/n: its " \
	"a copy that has changed is found"
mv "$flat" aside
ok "layers are as they were" "$CHROOT" -s "$S" verify "$(key_of 49)" "$(key_of 60)"
rm -rf aside
mv aside2 "$S/layers/$(key_of 60)/flat"
ok "its size counts" [ "$("$CHROOT" -s "$S" list --json |
	jq ".[] | select(.id == \"$(key_of 60)\").size")" -gt 3000000 ]
ok "a layer" "$CHROOT" -s "$S" remove "$(key_of 60)"
ok "takes its copy along" [ ! -e "$S/layers/$(key_of 60)" ]

# ---- without overlayfs -----------------------------------------------------
A=$(key a) B2=$(key b) C=$(key c)
copies() { run --without overlay "$@"; }
copies -- /bin/bash -c 'echo x >/etc/new; mkdir /opt/d; cat /etc/new; stat -c %U /bin
	: >/bin/busybox; echo w >/autotua/work/w; ls -A /sys'
is "$code $log" "0 x
root" "a job runs on a copy"
has "$(printf '%s\n' "$status" | sed -n 's/^jail lacks=/,/p')," ",overlay," "which is told"
is "$(printf '%s\n' "$status" | grep -c '^jail')" 1 "once"
ok "the stage is as it was" "$CHROOT" -s "$S" verify "$stage"
copies --phase one --phase two -- /bin/bash -c 'cat /etc/new 2>/dev/null; echo $1 >>/etc/new' sh
is "$code $log" "0 one" "what a phase leaves is there for the next"
copies -- test ! -e /etc/new
is "$code" 0 "and for nobody else"
copies --commit "$A" -- /bin/bash -c 'echo one >/opt/one; chown 7:8 /opt/one; rm /etc/hosts
	ln /opt/one /opt/two; echo t >/tmp/t; echo r >/run/r
	mknod /opt/none c 0 0 && ls /opt'
has "$status" "commit key=$A state=new" "a step's result is kept"
has "$log" "none" "what means a missing file to overlayfs can be made"
is "$(find "$S/layers/$A/root" -type c)" "" "but isn't kept"
copies --layer "$A" --commit "$B2" -- /bin/bash -c 'stat -c "%u %g %h" /opt/two
	ls /etc/hosts /tmp /run 2>&1; stat -c %a /tmp; echo two >>/opt/one; mv /opt/one /opt/three'
is "$code $log" "0 7 8 2
ls: /etc/hosts: No such file or directory
/run:

/tmp:
1777" "the next starts from it"
copies --layer "$A" --layer "$B2" -- cat /opt/two /opt/three
is "$log" "one
two
one
two" "and so on"
run --layer "$A" --layer "$B2" --commit "$C" -- /bin/bash -c 'ls /opt; ls /etc/hosts; echo c >/opt/c'
is "$log" "three
two
ls: /etc/hosts: No such file or directory" "overlayfs takes it as well"
copies --layer "$A" --layer "$B2" --layer "$C" -- true
is "$code" 75 "but what it made is no use without it"
has "$err" "was made with overlayfs" "which is told"
ok "verify" "$CHROOT" -s "$S" verify "$A" "$B2"
"$CHROOT" -s "$S" export "$B2" >b.tar 2>/dev/null
"$CHROOT" -s "$S" remove "$B2"
is "$("$CHROOT" -s "$S" import -l b.tar)" "$B2" "goes to other machines"
run --layer "$A" --layer "$B2" -- /bin/bash -c 'ls /etc/hosts; cat /opt/two'
has "$log" "No such file or directory
one
two" "as a whole"
copies --disk 8M -- /bin/bash -c 'trap "" XFSZ; head -c 30000000 /dev/zero >/f; :'
is "$code $(field limit)" "1 disk" "the disk limit is for what the job adds"
copies --disk 3M -- /bin/bash -c 'head -c 500000 /dev/zero >/f'
is "$code $(field limit)" "0 -" "not for the copy"
copies --nest -- /bin/bash -c 'unshare -Urm /bin/sh -c "mount -t tmpfs x /mnt && echo mounted"'
is "$log" mounted "nest works on it"
copies --allow-rootful --without userns,overlay -- /bin/bash -c 'echo x >/etc/new; cat /etc/new'
is "$code $log" "0 x" "and a root that is the machine's"

# a file system that can't be an upper layer: found by trying
mkdir low up work odd
if unshare -m sh -c 'mount -t overlay o -o lowerdir=low,upperdir=up,workdir=work odd' 2>err; then
	unshare -m sh -c 'mount -t overlay o -o lowerdir=low,upperdir=up,workdir=work odd &&
		exec "$@"' sh sh -c '
		"$1" -s odd/state import --allow-rootful "$2" >id || exit 90
		"$1" -s odd/state run --job on-overlay --stage "$(cat id)" --allow-rootful \
			--status-fd 5 -- /bin/bash -c "echo x >/etc/new; cat /etc/new"' sh \
		"$CHROOT" "$(stage_tar)" >log 5>status 2>err
	is "$? $(cat log)" "0 x" "the state folder on overlayfs"
	has "$(cat status)" "overlay" "is told of"
else
	echo "# overlayfs on this folder's file system: $(cat err)"
fi

finish
