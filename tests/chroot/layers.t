#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Results kept as layers, and what later steps see of them.
# shellcheck disable=SC2016 # expanded inside
# shellcheck disable=SC2012 # plain names
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage
probe=${B:-$top/build}/tests/chroot/probe
A=$(key a) B=$(key b) C=$(key c)
tool() { "$CHROOT" -s "$S" "$@"; }

run --commit "$A" -- /bin/bash -c 'echo one >/opt/one; mkdir /opt/dir; echo x >/opt/dir/x
	rm /etc/hosts; echo t >/tmp/t; echo r >/run/r; echo w >/autotua/work/w
	mkdir -p /usr/lib/deep; echo d >/usr/lib/deep/d; chmod 4755 /opt/one'
is "$code" 0 "first step"
has "$status" "commit key=$A state=new" "its layer is new"
ok "has it" "$CHROOT" -s "$S" has layer "$A"
is "$("$CHROOT" -s "$S" list --json | jq -r '.[].kind' | tr '\n' ' ')" \
	"stage layer " "the list has it"
is "$(ls -A "$S/layers/$A/root" | tr '\n' ' ')" "autotua etc opt usr " \
	"no /tmp, /run, /dev, /proc, /sys in it"
is "$(ls -A "$S/layers/$A/root/autotua")" "" "and nothing of /autotua"

run --layer "$A" --commit "$B" -- /bin/bash -c '
	cat /opt/one; ls /etc/hosts /tmp/t /run/r /autotua/work/w 2>&1 | grep -c "No such"
	mv /opt/dir /opt/moved; rm -r /usr/lib/deep; mkdir /usr/lib/deep
	echo two >/opt/one; mv /bin /usr/oldbin; /usr/oldbin/busybox mkdir /bin
	/usr/oldbin/busybox cp -a /usr/oldbin/. /bin/'
is "$code $log" "0 one
4" "second step sees the first, without what was removed"
run --layer "$A" --layer "$B" --commit "$C" -- /bin/bash -c '
	cat /opt/one /opt/moved/x; ls -A /opt /usr/lib/deep; ls /bin | wc -l
	ls /usr/oldbin | wc -l'
n=$(ls "$S/stages/$stage/root/bin" | wc -l)
is "$log" "two
x
/opt:
moved
one

/usr/lib/deep:
$n
$n" "third step: renamed folder, emptied folder, folder put anew"
run --layer "$A" -- cat /opt/one /opt/dir/x
is "$log" "one
x" "the first layer is what it was"
run --layer "$A" --commit "$B" -- true
has "$status" "commit key=$B state=there" "a layer that is there is kept"
run --layer "$A" --layer "$B" -- cat /opt/one
is "$log" two "with its content"

run --layer "$B" -- true
is "$code" 70 "a layer on another chain than its own is refused"
has "$err" "was made on" "with the reason"
run --layer "$B" --layer "$A" -- true
is "$code" 70 "so is another order"

D=$(key d)
run --commit "$D" --phase good --phase bad -- /bin/bash -c '[ $1 = good ]' sh
is "$code" 1 "a failing step"
"$CHROOT" -s "$S" has layer "$D"
is $? 3 "leaves no layer"

# folders that no later step could copy, list or take elsewhere
nest='cd /opt; for ((i = 0; i < $1; i++)); do mkdir d && cd -P d; done; echo x >f'
run --commit "$(key 6)" -- /bin/bash -c "$nest" sh 400
is "$code $(field phase) $(field exit)" "1 layer 1" "folders too deep for a layer"
has "$log" "nested deeper than 255, or has a path longer than 3838 bytes: opt/d/d" "are named"
tool has layer "$(key 6)"
is $? 3 "there is no layer"
n=$(printf %0200d 1)
run --commit "$(key 6)" -- /bin/bash -c 'cd /opt
	for ((i = 0; i < 30; i++)); do mkdir '"$n && cd -P $n"'; done'
is "$code $(field phase)" "1 layer" "nor with too long a path"
run --keep --commit "$(key 6)" -- /bin/bash -c "$nest" sh 300
ok "--keep has them" [ -d "$S/kept/test-job-$serial/upper/opt/d/d" ]
run --without overlay --commit "$(key 6)" -- /bin/bash -c "$nest" sh 254
is "$code" 0 "less is fine"
run --without overlay --layer "$(key 6)" -- find /opt -name f
has "$code $log" "0 /opt/d/d/d" "for who copies it"
ok "and for who exports it" sh -c '"$@" >deep.tar' sh "$CHROOT" -s "$S" export "$(key 6)"
tool remove "$(key 6)"

# a file with more attributes than can be listed or exported; not all file
# systems have room for them
home=$S S=$tmp/small/state
mkdir small recipe
mount -t tmpfs -o size=256m none small
cp "$probe" recipe/probe
marked() { # OPTIONS... -- COUNT NAME VALUE
	words=
	while [ "$1" != -- ]; do words="$words $1"; shift; done
	shift
	# shellcheck disable=SC2086 # words
	run $words --commit "$(key 6)" --recipe "$tmp/recipe" -- \
		/autotua/recipe/probe attributes /opt/many "$@"
}
many_attributes() {
	if touch small/f && setfattr -n user.a -v a small/f; then
		marked -- 400 250 1
		is "$code $(field phase) $(field exit)" "1 layer 1" "too many attributes for a layer"
		has "$log" "opt/many: its extended attributes are too many or too large" \
			"the file is named"
		marked --keep -- 400 250 1
		ok "--keep has what was to be the layer" \
			[ -f "$S/kept/test-job-$serial/upper/opt/many" ]
		marked --without overlay -- 400 250 1
		is "$code $(field phase)" "1 layer" "nor can a copy have them"
		marked -- 20 20 60000
		is "$code $(field phase)" "1 layer" "nor too large ones"
		tool has layer "$(key 6)"
		is $? 3 "there is no layer"
		marked -- 15 20 60000
		is "$code" 0 "less is fine"
		ok "for who exports it" sh -c '"$@" >many.tar' sh "$CHROOT" -s "$S" export "$(key 6)"
		tool remove "$(key 6)"
		is "$(tool import -l many.tar)" "$(key 6)" "and for who imports it"
	else
		ok "too many attributes # SKIP no attributes on tmpfs" true
	fi
}
# times at both ends of what there is
end_times() {
	run --commit "$(key 6)" --recipe "$tmp/recipe" -- /bin/bash -c 'cd /opt
		for t in -9223372036854775808 -9223372036854775807 9223372036854775807; do
		: >./$t; /autotua/recipe/probe dated ./$t $t 0 || exit; done'
	is "$code" 0 "a layer with times at their ends"
	tool export "$(key 6)" >ends.tar
	K=$(key 6)
	ends() { (cd "$S/layers/$K/root/opt" && stat -c '%n %Y' ./*); }
	was=$(ends)
	tool remove "$(key 6)"
	is "$(tool import -l ends.tar)" "$(key 6)" "goes elsewhere"
	is "$(ends)" "$was" "with the same times"
}
if tool import "$(stage_tar)" >import.out 2>&1; then
	many_attributes
	end_times
elif grep -q "id-mapped mount" import.out; then
	ok "attributes, times # SKIP this kernel's tmpfs can't translate owners" true
else
	ok "a stage on tmpfs" sh -c 'cat import.out; false'
fi
ok "the run is swept" soon swept
umount small
S=$home

# one whose layer below was made anew, with another content: what it has
# renamed or removed there isn't what is there
E=$(key 7) F=$(key 8)
keep_two() {
	run --commit "$E" -- /bin/bash -c 'echo a >/opt/a'
	run --layer "$E" --commit "$F" -- /bin/bash -c 'mv /opt/a /opt/a2; echo b >/opt/b'
}
keep_two
"$CHROOT" -s "$S" export "$E" >e.tar 2>/dev/null
"$CHROOT" -s "$S" export "$F" >f.tar 2>/dev/null
refused() { # HOW
	run --layer "$E" --layer "$F" -- ls /opt
	is "$code" 70 "$1: a layer on another content of the one below is refused"
	has "$err" "remove it, it is made again" "$1: with the remedy"
	tool has layer "$F"
	is $? 3 "$1: it counts as missing"
}
tool remove "$E"
tool has layer "$F"
is $? 3 "a layer without the one below counts as missing"
run --commit "$E" -- /bin/bash -c 'echo a >/opt/a; echo extra >/opt/extra'
refused "made anew"
tool import -l f.tar 2>import.err
is $? 3 "nor can it be imported"
has "$(cat import.err)" "another content here" "with the reason"
run --layer "$E" --commit "$F" -- /bin/bash -c 'rm /opt/a'
has "$status" "commit key=$F state=new" "a run makes it again"
run --layer "$E" --layer "$F" -- ls /opt
is "$log" "extra" "on what is there"
tool remove "$F"
keep_two
run --without overlay --commit "$E" -- /bin/bash -c 'echo a >/opt/a; echo extra >/opt/extra'
refused "made as a whole"
tool remove "$E"
is "$(tool import -l e.tar)" "$E" "what it was made on comes back"
is "$(tool import -l f.tar)" "$F" "it does, too, instead of the one that was made since"
run --layer "$E" --layer "$F" -- cat /opt/a2 /opt/b
is "$code $log" "0 a
b" "and both fit"
tool remove "$E"
run --commit "$E" -- true
"$CHROOT" -s "$S" remove "$E"
tool import -l e.tar >/dev/null
ok "the same content fits, however it came" tool has layer "$F"
# as it was recorded before its layer below was
sed -i '/^chain=/d' "$S/layers/$F/ok"
tool has layer "$F"
is $? 3 "a layer that doesn't say on what content it was made counts as missing"
tool export "$F" >f.tar 2>export.err
is $? 3 "nor is it exported"
has "$(cat export.err)" "doesn't say what it was made on: remove the layer" "with the remedy"
run --layer "$E" --layer "$F" -- true
is "$code" 70 "one that doesn't say on what content is refused"
has "$err" "remove the layer" "with the remedy"
run --layer "$E" --commit "$F" -- true
has "$status" "state=new" "and made again"

# three of them, of which the middle one comes out the same on another content
# of the lowest
X=$(key 4) Y=$(key 5) Z=$(key 6)
made() { # CONTENT: X and Y
	run --commit "$X" -- /bin/bash -c "mkdir /opt/a; echo $1 >/opt/a/f"
	run --layer "$X" --commit "$Y" -- /bin/bash -c 'echo b >/opt/b; touch -d @1000 /opt/b /opt'
}
digest() { sed -n 's/^digest=//p' "$S/layers/$1/ok"; }
made one
run --layer "$X" --layer "$Y" --commit "$Z" -- /bin/bash -c 'mv /opt/a /opt/a2'
run --layer "$X" --layer "$Y" --layer "$Z" -- cat /opt/a2/f
is "$code $log" "0 one" "three layers"
for k in x:"$X" y:"$Y" z:"$Z"; do
	tool export "${k#*:}" >"${k%%:*}.tar" 2>/dev/null
done
middle=$(digest "$Y")
tool remove "$X"
for k in "$X" "$Y" "$Z"; do
	tool has layer "$k"
	is $? 3 "without the lowest none is there"
done
tool export "$Z" >gone.tar 2>export.err
is $? 3 "nor is any exported"
has "$(cat export.err)" "isn't here any more" "with the reason"
is "$(wc -c <gone.tar)" 0 "nothing is written"
made two
is "$(digest "$Y")" "$middle" "the middle one comes out the same"
tool has layer "$Y"
is $? 0 "and is there"
tool has layer "$Z"
is $? 3 "what stands on it isn't"
run --layer "$X" --layer "$Y" --layer "$Z" -- ls -R /opt
is "$code" 70 "a run refuses it"
has "$err" "remove it, it is made again" "with the remedy"
tool remove "$Z"
tool import -l z.tar 2>import.err
is $? 3 "nor can it be imported"
has "$(cat import.err)" "another content here" "with the reason"
run --layer "$X" --layer "$Y" --commit "$Z" -- /bin/bash -c 'mv /opt/a /opt/a2'
has "$status" "commit key=$Z state=new" "a run makes it again"
tool remove "$X"
tool import -l x.tar >/dev/null
is "$(tool import -l y.tar)$(tool import -l z.tar)" "$Y$Z" "all that it was made on comes back"
run --layer "$X" --layer "$Y" --layer "$Z" -- cat /opt/a2/f
is "$code $log" "0 one" "and fits"
for k in "$X" "$Y" "$Z"; do tool remove "$k"; done

# a file of a lower layer can be written, the layer stays
run --layer "$A" -- /bin/bash -c 'echo changed >/opt/one; echo x >>/bin/busybox'
is "$(cat "$S/layers/$A/root/opt/one")" one "layers aren't written to"

# many at once
chain='' last=''
for i in 0 1 2 3 4 5 6 7 8 9; do
	k=$(printf '%064x' "$((i + 4096))")
	# shellcheck disable=SC2086 # words
	run $chain --commit "$k" -- /bin/bash -c "echo $i >>/opt/n"
	chain="$chain --layer $k" last=$k
done
# shellcheck disable=SC2086
run $chain -- cat /opt/n
is "$(printf %s "$log" | tr -d '\n')" 0123456789 "ten layers"
ok "are looked at one after the other" sh -c 'ulimit -n 14; exec "$@"' sh \
	"$CHROOT" -s "$S" has layer "$last"
sh -c 'ulimit -n 9; exec "$@"' sh "$CHROOT" -s "$S" has layer "$last" 2>err
is $? 75 "one that can't be looked at isn't missing"
has "$(cat err)" "Too many open files" "and it is said why"

# a half: as after a crash before the marker was written
mkdir -p "$S/layers/$(key e)/root"
"$CHROOT" -s "$S" has layer "$(key e)"
is $? 3 "a layer without its marker is none"
ok recover "$CHROOT" -s "$S" recover
ok "and is removed" [ ! -e "$S/layers/$(key e)" ]
mkdir -p "$S/layers/$(key e)/root"
run --commit "$(key e)" -- true
has "$status" "state=new" "a half gives way to a new layer"
ok "which is whole" "$CHROOT" -s "$S" has layer "$(key e)"
ok "whole ones stay" "$CHROOT" -s "$S" has layer "$last"
ok "a layer can be removed" "$CHROOT" -s "$S" remove "$last"

finish
