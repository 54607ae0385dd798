#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Sources, recipe, portconf and artifacts.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage
mkdir -p "$S/distfiles"

store() { # the name in the store of this file
	name=blake2b-$(b2sum "$1" | cut -d' ' -f1)
	cp "$1" "$S/distfiles/$name"
	echo "$name"
}
echo 'source text' >src.txt
src=$(store src.txt)

run --source "a b-1.0.tar=$src" --source "other=$src" -- /bin/bash -c '
	cat "/autotua/distfiles/a b-1.0.tar"; ls /autotua/distfiles
	echo x >>/autotua/distfiles/other; rm /autotua/distfiles/other
	touch /autotua/distfiles/new; mount -o remount,rw /autotua/distfiles; :'
has "$log" "source text
a b-1.0.tar
other" "sources are there under their names"
is "$(printf '%s\n' "$log" | grep -c 'Read-only')" 3 "and read-only"
is "$(cat "$S/distfiles/$src")" "source text" "the stored file is untouched"
run --source "gone=blake2b-$(printf '%0128d' 0)" -- true
is "$code" 3 "a source that isn't stored: 3"
has "$err" "gone" "is named"

# the store on another file system: no hard links
mkdir elsewhere
if mount -t tmpfs tmpfs elsewhere 2>/dev/null; then
	umount elsewhere
	unshare -m sh -c '
		mount -t tmpfs tmpfs "$1/distfiles"
		echo bytes of elsewhere >"$1/distfiles/$2"
		"$3" -s "$1" run --job bound-sources --stage "$4" --source "n=$2" \
			-- /bin/bash -c "cat /autotua/distfiles/n; echo x >/autotua/distfiles/n"
		' sh "$S" "$src" "$CHROOT" "$stage" >log 2>&1
	has "$(cat log)" "bytes of elsewhere" "without hard links: copied"
	has "$(cat log)" "Read-only" "read-only too"
fi

mkdir recipe
echo 'echo from recipe' >recipe/jobuild.sh
run --recipe recipe -- /bin/bash -c 'bash /autotua/recipe/jobuild.sh
	touch /autotua/recipe/x; rm /autotua/recipe/jobuild.sh'
has "$log" "from recipe" "the recipe is there"
is "$(printf '%s\n' "$log" | grep -c 'Read-only')" 2 "and read-only"
is "$(ls recipe)" jobuild.sh "and untouched"

# portconf
conf() { # make conf.tar of what is in c/
	rm -f conf.tar
	(cd c && tar --numeric-owner -cf ../conf.tar "$@")
	conf=$(store conf.tar)
}
mkdir -p c/etc/portage c/usr
echo 'CFLAGS="-O2"' >c/etc/portage/make.conf
chmod 4777 c/etc/portage/make.conf
chown 1234:1234 c/etc/portage/make.conf
ln -s ../../var/db/profile c/etc/portage/make.profile
ln -s /usr/share/zoneinfo/UTC c/etc/localtime
echo 'new' >c/etc/hosts
conf etc
run --portconf "$conf" --commit "$(key 1)" --phase a --phase b -- \
	/bin/bash -c 'stat -c "%a %u" /etc/portage/make.conf
	readlink /etc/portage/make.profile; readlink /etc/localtime; cat /etc/hosts'
is "$code" 0 "portconf is unpacked"
is "$(printf '%s\n' "$log" | head -4)" "777 0
../../var/db/profile
/usr/share/zoneinfo/UTC
new" "without setuid, as root's"
conf etc/portage/make.conf
run --portconf "$conf" -- stat -c %a /etc/portage
is "$log" 755 "a folder that no member names is not open to all"
plain=$conf
gzip -9n conf.tar
for c in "$plain" "$(store conf.tar.gz)"; do
	run --pids 1 --portconf "$c" -- cat /etc/portage/make.conf
	is "$code $log" '0 CFLAGS="-O2"' "it needs none of the job's processes"
done
run --layer "$(key 1)" -- cat /etc/hosts
is "$log" new "it is part of the layer"

echo evil >c/usr/evil
conf usr/evil
run --portconf "$conf" -- true
is "$code" 1 "a member outside etc/ is an error"
has "$log" '"usr/evil"' "that names it"
has "$status" "end phase=portconf exit=1" "and has its line of status"
refused() { # WHAT MEMBER: conf.tar was made by the caller
	conf=$(store conf.tar)
	run --portconf "$conf" --commit "$(key 2)" -- true
	is "$code" 1 "$1: refused"
	has "$log" "$2" "$1: named"
}
echo x >p
tar -Pcf conf.tar --transform 's,^p$,/etc/abs,' p
refused "absolute member" '"/etc/abs"'
tar -Pcf conf.tar --transform 's,^p$,etc/../../up,' p
refused "member with .." '"etc/../../up"'
rm -rf c/etc && mkdir -p c/etc
ln -s ../../../out c/etc/out
(cd c && tar -cf ../conf.tar etc)
refused "link that leaves" '"etc/out"'
rm c/etc/out
mkfifo c/etc/fifo
(cd c && tar -cf ../conf.tar etc)
refused "fifo" '"etc/fifo"'
rm c/etc/fifo
ln -s ../usr c/etc/d
(cd c && tar -cf ../conf.tar etc/d && rm etc/d && mkdir etc/d && echo x >etc/d/x &&
	tar -rf ../conf.tar etc/d/x)
refused "write through a link" '"etc/d/x"'
echo "no archive" >conf.tar
refused "text" "portconf"
ln -s / c/etc2
(cd c && tar -cf ../conf.tar --transform 's,^etc2$,etc,' etc2)
refused "/etc as a link" '"etc"'

# artifacts
mkdir out
run --artifacts out --phase one --phase two -- /bin/bash -c '
	cd /autotua/artifacts
	[ "$1" = one ] || { echo 2 >second; exit 3; }
	mkdir -p sub/dir; echo a >sub/dir/file; echo s >setuid; chmod 6755 setuid
	ln -s /etc/passwd link; ln -s sub dirlink; mkfifo pipe
	echo n >"odd %name"; echo c >$(printf "c\001"); chmod 0 sub/dir/file
	truncate -s 1G sparse; ln setuid hard; chown 55:66 sub' sh
is "$code" 1 "artifacts of a failed step are collected too"
is "$(cd out && find . -type f -printf '%P %m %U\n' | sort)" "hard 755 0
odd %name 644 0
second 644 0
setuid 755 0
sparse 644 0
sub/dir/file 644 0" "files, plain, as ours"
ok "holes stay" [ "$(stat -c %b out/sparse)" -lt 100 ]
is "$(find out ! -type f ! -type d)" "" "no links, no pipes"
has "$log" "artifact link is left out: it is a symbolic link" "links are told of"
has "$log" 'artifact c\x01 is left out' "and odd names, made visible"
is "$(printf '%s\n' "$status" | sed -n 's/^left-out path=\([^ ]*\) why=.*/\1/p' | sort)" "c%01
dirlink
link
pipe" "a line of status each as well"
is "$(printf '%s\n' "$status" | grep -c ^artifact)" 6 "a line of status each"
has "$status" "artifact path=odd%20%25name size=2" "with an encoded path"
is "$(printf '%s\n' "$status" | sed -n 's/^artifact path=\([^ ]*\).*digest=/\1 /p' |
	sed 's/%20/ /; s/%25/%/' | sort)" \
	"$(cd out && find . -type f -exec b2sum -l 256 {} + |
	sed 's/^\([^ ]*\) *\.\/\(.*\)/\2 \1/' | sort)" "and its digest"
run --artifacts out -- true
is "$code" 2 "the folder must be empty"
mkdir out2
run --artifacts out2 -- /bin/bash -c 'rmdir /autotua/artifacts
	ln -s /etc /autotua/artifacts'
is "$code $(ls -A out2)" "0 " "a link instead of the folder isn't followed"
has "$log" "removed or replaced" "but told of"
has "$status" "left-out path=. why=the%20folder%20was%20removed" "in the status too"
mkdir out3
run --artifacts out3 -- /bin/bash -c 'cd /autotua/artifacts
	for i in {1..400}; do mkdir d; cd d; done; echo deep >f; echo ok'
is "$code" 0 "a very deep tree"
has "$log" "nested too deep" "is left out where it is too deep"

# a client that is another user, and wants by us what it can't have by itself
asker=${B:-$top/build}/tests/chroot/asker
ask() { # JOB OPTIONS... -- CMD...
	"$asker" "$PROGRAM" "$S" "$stage" "$@" >asked 2>log </dev/null
	code=$? log=$(cat log)
}
PROGRAM=$CHROOT
mkdir -p theirs/sub theirs/deep/er store
echo theirs >theirs/own
echo open >theirs/sub/open
echo topsecret >theirs/secret
echo topsecret >theirs/deep/er/secret
echo topsecret >theirs/group
chown -R 64111:64111 theirs store
chown -R 0:0 theirs/sub theirs/secret theirs/deep/er
chown 0:64111 theirs/group
chmod 600 theirs/secret
chmod 060 theirs/group
chmod 700 theirs/deep/er
see='cd /autotua/recipe; cat own sub/open; stat -c "%U %a" own; cat secret group
	ls deep/er; cat deep/er/secret; chmod 644 secret; touch new; :'
ask foreign-recipe owner=64111 recipe=theirs -- /bin/bash -c "$see"
is "$code" 0 "another user's recipe"
is "$(grep -cx 'theirs\|open' log)" 4 "is read by the job, in each phase"
is "$(grep -c topsecret log)" 0 "what others have in there isn't"
is "$(grep -c 'denied' log)" 8 "it is refused"
is "$(grep -c 'Read-only' log)" 4 "and nothing can be changed"
"$CHROOT" -s "$S" run --job own-recipe --stage "$stage" --recipe theirs -- \
	cat /autotua/recipe/secret >log 2>&1
is "$(cat log)" topsecret "for who runs it itself the files are its own"

# where a job's root is this machine's
printf '#!/bin/sh\nexec "%s" "$@" --allow-rootful --without userns\n' "$CHROOT" >rootful
chmod +x rootful
PROGRAM=$tmp/rootful
ask rootful-recipe owner=64111 recipe=theirs -- cat /autotua/recipe/secret
is "$code $(grep -c topsecret log)" "1 0" "rootful: a recipe with what isn't its user's is refused"
has "$log" "recipe folder: " "rootful: with the reason"
rm -r theirs/secret theirs/group theirs/deep/er theirs/sub
ask plain-recipe owner=64111 recipe=theirs -- /bin/bash -c 'cd /autotua/recipe; cat own; touch x; :'
is "$code $(grep -c theirs log)$(grep -c 'Read-only' log)" "0 22" "rootful: one that is all its own is read"
# which needs no right of root's: folders and files that it can't write, a
# group that it isn't in, attributes
mkdir -p theirs/fixed/sub
echo fixed >theirs/fixed/sub/file
echo marked >theirs/marked
echo group >theirs/group
setfattr -n user.note -v x theirs/marked 2>/dev/null
chown -R 64111:64111 theirs
chown 64111:64112 theirs/group
chmod 444 theirs/marked theirs/fixed/sub/file
chmod 555 theirs/fixed/sub theirs/fixed
see='cd /autotua/recipe; cat fixed/sub/file marked group; stat -c "%u %a" fixed fixed/sub marked'
PROGRAM=$tmp/rootful
ask fixed-recipe owner=64111 recipe=theirs -- /bin/bash -c "$see"
is "$code" 0 "rootful: what its user can't write is read"
is "$(sort -u log)" "64111 444
64111 555
fixed
group
marked" "with its modes"
PROGRAM=$CHROOT

# its store
name=blake2b-$(printf '%0128d' 7)
echo topsecret >"store/$name"
chmod 600 "store/$name"
ask foreign-source owner=64111 store=store source="$name" -- cat /autotua/distfiles/source
is "$code $(grep -c topsecret log)" "1 0" "a source in its store that isn't its own is refused"
has "$log" "belongs to user 0, not to 64111" "with the reason"
(cd c && tar -cf "$tmp/store/$name" etc)
ask foreign-conf owner=64111 store=store conf="$name" -- true
is "$code" 1 "so is a portconf"
has "$log" "belongs to user 0, not to 64111" "with the reason"
chown 64111 "store/$name"
ask own-conf owner=64111 store=store conf="$name" -- true
is "$code" 0 "its own is taken"
rm "store/$name"
mkfifo "store/$name"
chown 64111 "store/$name"
ask fifo-conf owner=64111 store=store conf="$name" -- true
has "$log" "is no file" "a pipe isn't waited for"

finish
