#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The store as its owner looks after it: verify, gc, layers that go from one
# machine to another, stages of folders, odd members of tarballs.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage
probe=${B:-$top/build}/tests/chroot/probe
A=$(key a) B2=$(key b) C=$(key c)
tool() { "$CHROOT" -s "$S" "$@"; }

# a chain with all that a layer can hold
run --commit "$A" -- /bin/bash -c 'mkdir -p /opt/dir/sub /opt/gone; echo x >/opt/dir/x
	echo y >/opt/gone/y; echo one >/opt/one; chown 7:8 /opt/one; chmod 4711 /opt/one
	ln /opt/one /opt/hard; ln -s ../one /opt/dir/link; mkfifo /opt/pipe
	truncate -s 50M /opt/hole; printf tail >>/opt/hole
	n=$(printf "%0200d" 1); mkdir -p /opt/$n/$n; echo long >/opt/$n/$n/$n
	echo latin >/opt/$(printf "caf\351"); echo nl >"/opt/a
b"'
is "$code" 0 "a layer"
run --layer "$A" --commit "$B2" -- /bin/bash -c 'rm /etc/hosts; mv /opt/dir /opt/moved
	rm -r /opt/gone; mkdir /opt/gone; mv /opt/moved/sub /opt/gone/subbed; rm /opt/pipe'
run --layer "$A" --layer "$B2" --commit "$C" -- /bin/bash -c 'echo c >/opt/c'
is "$code" 0 "and two on it"

# ---- verify ----------------------------------------------------------------
ok "all is as it was made" tool verify
is "$(tool verify | cut -c1-11 | sort | uniq -c | tr -s ' ')" " 3 ok layer 
 1 ok stage " "one line for each" 
is "$(tool verify small)" "ok   stage $stage" "one by its name"
tool verify "$(key 9)" 2>err
is $? 3 "none of this id"
damage() { # WHAT, EXPECTED: after a change of layer A
	tool verify "$A" >out 2>err
	is $? 1 "$1: found"
	has "$(cat out)" "$2" "$1: named"
}
root=$S/layers/$A/root
cp -a "$S/layers/$A" saved
restore() { rm -rf "$S/layers/$A" && cp -a saved "$S/layers/$A"; }
touch -r "$root/opt/one" stamp
printf 'One\n' >"$root/opt/one"
touch -r stamp "$root/opt/one"
damage "a byte" "opt/hard: its content is "
restore
chmod 755 "$root/opt/one"
damage "a mode" "opt/hard: its mode is 0755, not 4711"
restore
chown 9 "$root/opt/pipe"
damage "an owner" "opt/pipe: its owner is 9, not 0"
restore
rm "$root/opt/pipe" && touch -r saved/root/opt "$root/opt"
damage "a missing file" "opt/pipe is missing"
restore
echo more >"$root/opt/more" && touch -r saved/root/opt "$root/opt"
damage "one file more" "opt/more was not in it"
restore
ln -sfn /etc/passwd "$root/opt/dir/link"
touch -hr saved/root/opt/dir/link "$root/opt/dir/link"
touch -r saved/root/opt/dir "$root/opt/dir"
damage "another target" "opt/dir/link: its content is /etc/passwd, not ../one"
restore
setfattr -n trusted.overlay.opaque -v y "$root/opt"
damage "a mark of overlayfs" "opt: its attributes is"
restore
echo x >>"$S/layers/$A/list"
damage "its list" "its list has the digest"
has "$(cat out)" "autotua-chroot remove $A" "the remedy is told"
restore
ok "restored" tool verify "$A"

# ---- export, import --------------------------------------------------------
for k in "$A" "$B2" "$C"; do
	ok "export $(echo "$k" | cut -c1)" sh -c '"$@" >'"$k.tar" sh "$CHROOT" -s "$S" export "$k"
done
digest=$(tool list --json | jq -r ".[] | select(.id == \"$A\").digest")
is "$(tool export "$A" 2>&1 >/dev/null | sed 's/.*digest //')" "$digest" \
	"the digest is told"
tool export "$A" 2>/dev/null >again.tar
ok "the same bytes each time" cmp again.tar "$A.tar"
ok "holes take no room in it" [ "$(wc -c <"$A.tar")" -lt 200000 ]
is "$(tar -tf "$B2.tar" | grep -c '^root/etc/hosts$')" 1 "tar reads it"
tool export "$(key 9)" 2>err >out
is $? 3 "exporting what isn't there"
other=$tmp/other
"$CHROOT" -s "$other" import -l "$A.tar" 2>err
is $? 3 "no layer without its stage"
has "$(cat err)" "import the stage first" "says so"
"$CHROOT" -s "$other" import "$(stage_tar)" >/dev/null
"$CHROOT" -s "$other" import -l "$B2.tar" 2>err
is $? 3 "nor without the layer below"
has "$(cat err)" "import the layer below first" "says so"
"$CHROOT" -s "$other" import -l no-such.tar 2>err
is $? 75 "nor without a tarball"
"$CHROOT" -s "$other" import -l -d "$(key 1)" "$A.tar" 2>err
is $? 75 "another digest than the one wanted"
is "$("$CHROOT" -s "$other" import -l -d "$digest" "$A.tar")" "$A" "import"
zstd -q "$B2.tar"
is "$("$CHROOT" -s "$other" import -l "$B2.tar.zst")" "$B2" "compressed, too"
is "$("$CHROOT" -s "$other" import -l "$C.tar")" "$C" "the third"
is "$("$CHROOT" -s "$other" import -l "$C.tar")" "$C" "importing again"
same() { # the list of a layer on both sides, and what a job sees
	"$CHROOT" -s "$1" list --json | jq -r '.[] | .id + " " + .digest' | sort
	"$CHROOT" -s "$1" run --job "compare-job" --stage "$stage" --layer "$A" \
		--layer "$B2" --layer "$C" -- /bin/bash -c 'cd /opt
		find . -exec stat -c "%n %F %a %u:%g %h %N %y" {} + | sort
		cat hard moved/x gone/subbed/../../one c; ls /etc
		stat -c "%s %b" hole'
}
same "$S" >here 2>&1
same "$other" >there 2>&1
ok "layers are the same on both sides" cmp here there
has "$(cat there)" "'./moved/link' -> '../one'" "a moved folder is where it was moved"
is "$(grep -c '^hosts$' there)" 0 "what was removed is gone"
ok "and as they were made" "$CHROOT" -s "$other" verify
has "$(tail -1 there)" "52428804 " "a hole has its size"
ok "and is one" [ "$(tail -1 there | cut -d' ' -f2)" -lt 1000 ]

# tarballs made to hurt
hurt() { # WHAT TAR EXPECTED
	"$CHROOT" -s "$other" import -l "$2" >out 2>err
	is $? 75 "$1: refused"
	has "$(cat err)" "$3" "$1: says why"
}
"$CHROOT" -s "$other" remove "$C"
mkdir x
tar -C x -xf "$C.tar" --xattrs --xattrs-include='*'
pack() { tar -C x --xattrs --xattrs-include='*' -cf bad.tar ok root "$@"; }
pack
"$CHROOT" -s "$other" import -l bad.tar >/dev/null 2>err
is $? 0 "one that tar has packed is as good"
"$CHROOT" -s "$other" remove "$C"
echo evil >x/evil
pack evil
hurt "a third member" bad.tar 'neither "ok" nor below root/'
rm x/evil
echo more >x/root/opt/more
pack
hurt "another content" bad.tar "it is damaged"
rm x/root/opt/more
mknod x/root/opt/null c 1 3
pack
hurt "a device" bad.tar "it is damaged"
rm x/root/opt/null
setfattr -n trusted.overlay.redirect -v '/../../etc' x/root/opt
pack
hurt "a redirect that climbs" bad.tar "means nothing"
setfattr -x trusted.overlay.redirect x/root/opt
cp x/ok ok.saved
for wrong in 's/^key=.*/key=..\/..\/evil/' 's/^stage=.*/stage=x/' '/^format/d' \
	's/^below=.*/below=\//'; do
	sed "$wrong" ok.saved >x/ok
	pack
	hurt "ok: $wrong" bad.tar "$([ "${wrong#/}" = "$wrong" ] &&
		echo 'what is no key' || echo 'is no layer')"
done
for version in 1 2 4 20; do
	sed "s/^format=.*/format=autotua-layer-$version/; /^chain/d" ok.saved >x/ok
	pack
	hurt "format $version" bad.tar "by another version of autotua-chroot: export it again"
done
cp ok.saved x/ok
ln -sfn /ok x/link
tar -C x -cf bad.tar ok root link
hurt "a link beside root" bad.tar "neither"
head -c 3000 "$C.tar" >bad.tar
hurt "a truncated one" bad.tar "bad.tar"
hurt "a stage" "$(stage_tar)" 'neither "ok" nor below root/'
ok "nothing of them stayed" [ ! -e "$other/layers/$C" ]

# ---- a stage of a folder ---------------------------------------------------
mkdir f
tar -C f -xf "$(stage_tar)"
echo x >"f/opt/name with
newline"
ln f/bin/busybox f/opt/second 2>/dev/null
chown 12:34 f/opt
setfacl -m u:5:r,g:7:rwx f/opt/second
setfacl -d -m g:6:rx f/opt
setfattr -n user.note -v hello f/opt/second
setfattr -n user.autotua.opaque -v y f/opt
touch f/-first
marks() { (cd "$1" && getfacl -n opt opt/second && getfattr -dm '^user' opt/second opt); }
one=$(tool import -n folder f)
is $? 0 "a folder"
is "$(tool import f)" "$one" "always the same id"
"$CHROOT" -s "$S" run --job folder-job --stage "$one" -- stat -c '%u %g' /opt >log
is "$(cat log)" "12 34" "jobs run on it"
marks "$S/stages/$one/root" >there
setfattr -x user.autotua.opaque f/opt # means something to an import
is "$(cat there)" "$(marks f)" "ACLs and attributes stay"
echo y >f/opt/y
# whose fractions count back in a tarball
touch -d 1969-06-01T00:00:00.25Z f/opt/old
touch -d 1901-12-14T01:02:03.123456789Z f/opt/older
dates() { (cd "$1/opt" && stat -c %y old older); }
id=$(tool import f)
is "$(dates "$S/stages/$id/root")" "$(dates f)" "times before 1970 stay"
K=$(key 9)
mkdir probe
cp "$probe" probe/probe
tool run --job old-times --stage "$id" --commit "$K" --recipe "$tmp/probe" -- /bin/bash -c \
	'chmod 600 /opt/old /opt/older; mkdir /opt/d; : >/opt/last
	for i in d last; do /autotua/recipe/probe dated /opt/$i -1 750000000 || exit; done'
is "$(cd "$S/layers/$K/root/opt" && stat -c %.2Y last d | tr '\n' ' ')" "-1.00 -1.00 " \
	"within the last second the fraction is dropped"
is "$(dates "$S/layers/$K/root")" "$(dates f)" "in a layer"
tool export "$K" >old.tar 2>/dev/null
"$CHROOT" -s "$other" import f >/dev/null
is "$("$CHROOT" -s "$other" import -l old.tar 2>&1)" "$K" "which goes to other machines"
tar -C f --format=pax -cf times.tar opt/old opt/older
id=$(tool import times.tar)
is "$(dates "$S/stages/$id/root")" "$(dates f)" "and in tar's own tarballs"
tool remove "$K"
ok "another folder is another stage" [ "$(tool import f)" != "$one" ]
is "$(stat -c %h "$S/stages/$one/root/opt/second")" \
	"$(stat -c %h f/opt/second)" "hard links stay"
tool import /dev/null 2>err
is $? 75 "a device is neither file nor folder"
tool import -l -n x f 2>err
is $? 2 "a layer has no name"

# ---- odd members -----------------------------------------------------------
mkdir o
echo x >o/file
tar -C o --owner=:70000 -cf o.tar file
tool import o.tar 2>err
is $? 75 "an owner above 65535"
has "$(cat err)" 'member "file": its owner' "is named"
tar -C o --group=:4294967294 -cf o.tar file
tool import o.tar 2>err
has "$(cat err)" "its group's id is above 65535" "so is a group"
long=$(printf '%0240d' 5)
mkdir -p "o/$long/$long"
echo deep >"o/$long/$long/$long"
ln "o/$long/$long/$long" "o/$long/hard"
ln -s "$long/$long" o/link
for format in gnu pax; do
	tar -C o --format=$format --owner=65535 -cf o.tar .
	id=$(tool import o.tar)
	is "$(cat "$S/stages/$id/root/$long/hard" "$S/stages/$id/root/link/$long")" \
		"deep
deep" "$format: long names, links"
	is "$(stat -c %u "$S/stages/$id/root/file")" 65535 "$format: the last id"
done

# ---- gc --------------------------------------------------------------------
tool gc 2>err
is $? 2 "gc: a limit is needed"
for args in "--max-size x" "--older-than 1y" "--max-size -1" "--max-size 1G more" "--less"; do
	# shellcheck disable=SC2086 # words
	tool gc $args 2>err
	is $? 2 "gc $args"
done
is "$(tool gc --max-size 100G | cut -d, -f1)" "removed 0" "all fits"
touch -d '2 days ago' "$S/layers/$A/ok" "$S/layers/$B2/ok" "$S/layers/$C/ok"
tool list >used
tool verify >out
is "$(tool list)" "$(cat used)" "to verify them is no use of them"
is "$(tool gc --older-than 3d | cut -d, -f1)" "removed 0" "nothing is so old"
D=$(key d)
run --layer "$A" --commit "$D" -- /bin/bash -c 'head -c 3000000 /dev/zero >/opt/d'
is "$(tool gc --older-than 1d | cut -d, -f1)" "removed 2" \
	"what wasn't used for a day, from the top down"
is "$(for k in "$A" "$B2" "$C" "$D"; do tool has layer "$k" && echo "$k"; done)" \
	"$A
$D" "a layer that another stands on stays"
mkfifo go
"$CHROOT" -s "$S" run --job holding-job --stage "$stage" --layer "$A" --layer "$D" \
	--report-fd 4 -- /bin/bash -c 'echo up >&3; sleep 100' 4<>go &
pid=$!
read -r _ <go
E=$(key e)
run --commit "$E" -- touch /opt/e
has "$(tool gc --max-size 0)" "removed 1, 0 MiB" "what is in use stays"
ok "its chain, too" tool has layer "$A"
kill $pid
wait $pid
is "$(tool gc --max-size 0 | cut -d, -f1)" "removed 2" "then it goes"
ok "stages stay" tool has stage "$stage"
G=$(key 1) H=$(key 2)
run --commit "$G" -- /bin/bash -c 'head -c 3000000 /dev/zero >/opt/g'
total=$(tool list --json | jq 'map(.size) | add')
run --commit "$H" --layers-max $((total + 1000000)) -- /bin/bash -c 'head -c 3000000 /dev/zero >/opt/h'
is "$code $err" "0 " "a run that makes a layer makes room for it"
tool has layer "$G"
is $? 3 "what wasn't used for longest is gone"
ok "what was made is there" tool has layer "$H"
run --commit "$G" --layers-max 1M -- touch /opt/g
has "$err" "more than --layers-max, and none can be removed" "too small a limit is told"
ok "and no reason to remove one's own" tool has layer "$G"
# how much room there is, is known from one layer to the next
tool gc --max-size 0 >out
limit=$(($(tool list --json | jq 'map(.size) | add') + 8000000))
add() { # NUMBER: a layer of 3 MB, used that long after 2000; which are there?
	run --commit "$(key "$1")" --layers-max $limit -- \
		/bin/bash -c 'head -c 3000000 /dev/zero >/opt/x'
	touch -d "2000-01-01 00:00:0$1" "$S/layers/$(key "$1")/ok"
	for k in 3 4 5 6 7; do ! [ -e "$S/layers/$(key $k)/ok" ] || printf %s $k; done
}
is "$(add 3) $(add 4) $(add 5) $(add 6)" "3 34 45 56" "the third one is too much, and each after it"
mkdir big
head -c 7000000 /dev/zero >big/file
id=$(tool import big)
is "$(add 7)" 7 "a stage that has come meanwhile counts"
tool remove "$id"
is "$(add 3) $(add 4)" "37 47" "one that has gone does, too"
F=$(key f)
run --commit "$F" -- touch /opt/f
tool gc --older-than 1d --stages >out
ok "used stages, too" tool has stage "$stage"
tool gc --max-size 0 --stages >out
has "$(cat out)" "0 MiB are left" "unless stages are to go"
is "$(tool list)" "" "all is gone"

# a state folder in what is somebody else's, however far above
mkdir -p theirs/ours/chroot open/ours sticky/ours real/chroot
ln -s ../real theirs/link
ln -s ../real open/link
ln -s ../real sticky/link
ln -s ../real sticky/ours/link
ln -s real passed
chown -h 64111 theirs theirs/link sticky/link
chmod 777 open
chmod 1777 sticky
for at in theirs/ours/chroot theirs/ours/state open/ours/state theirs/state \
	theirs/link/chroot open/link/chroot open/../theirs/link/../real/chroot; do
	"$CHROOT" -s "$tmp/$at" list >log 2>&1
	is $? 75 "$at: a state folder that others may exchange is refused"
	has "$(cat log)" "choose another folder with -s" "$at: with a remedy"
	has "$(cat log)" "the folder above it, $tmp/${at%%/*}, and" "$at: the folder is named"
done
(cd theirs/ours && "$CHROOT" -s chroot list >"$tmp/log" 2>&1)
is $? 75 "however it is named"
for at in sticky/link/chroot sticky/link; do
	"$CHROOT" -s "$at" list >log 2>&1
	is $? 75 "$at: nor over somebody else's link"
	has "$(cat log)" "somebody else's link" "$at: the link is named"
done
is "$(ls theirs/ours theirs real/chroot real)" "real:
chroot

real/chroot:

theirs:
link
ours

theirs/ours:
chroot" "nothing was made there"
for at in sticky/ours/state passed/chroot "$tmp/sticky/ours/../../passed/new/state/"; do
	"$CHROOT" -s "$at" list >log 2>&1
	is $? 0 "$at: nobody else can"
done
is "$(stat -c %a real/new real/new/state real/chroot/layers | tr '\n' ' ')" "755 700 700 " \
	"folders above are for others to pass"
ln -s round round
"$CHROOT" -s round/state list >log 2>&1
is $? 75 "links that go round"
has "$(cat log)" "Too many levels of symbolic links" "are told"
: >file
"$CHROOT" -s file/state list >log 2>&1
is $? 75 "a file above it"
has "$(cat log)" "file: Not a directory" "is told"

finish
