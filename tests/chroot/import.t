#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Stages: import, list, has, remove; what is no tarball.
# shellcheck disable=SC2317 # some functions are called by soon
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

tar=$(stage_tar)
id=$("$CHROOT" -s "$S" import -n small "$tar")
is "$id" "$(b2sum -l 256 "$tar" | cut -d' ' -f1)" "the id is the digest"
is "$("$CHROOT" -s "$S" import "$tar")" "$id" "importing again tells the id"
ok "has" "$CHROOT" -s "$S" has stage "$id"
"$CHROOT" -s "$S" has layer "$id"
is $? 3 "has not: 3"
is "$("$CHROOT" -s "$S" list | cut -d' ' -f1,2 | tr '\n' ' ')" "stage $id " list
is "$("$CHROOT" -s "$S" list --json | jq -r '.[0] | .kind + " " + .name')" \
	"stage small" "list --json"
ok "the size is that of the files" [ \
	"$("$CHROOT" -s "$S" list --json | jq '.[0].size')" -gt 3000000 ]
is "$(stat -c %a "$S" "$S/stages" "$S/run" | tr '\n' ' ')" "700 700 700 " \
	"folders are root's alone"

# other compressions, names
for c in gz xz; do
	"$top/tests/tools/mkstage" "s.tar.$c"
	other=$("$CHROOT" -s "$S" import -n "small-$c" "s.tar.$c")
	ok "$c: same files" diff -r --no-dereference \
		"$S/stages/$id/root" "$S/stages/$other/root"
done
zstd -qdc "$tar" >s.tar
plain=$("$CHROOT" -s "$S" import -n small s.tar)
is "$("$CHROOT" -s "$S" list --json | jq -r '.[] | select(.name == "small").id')" \
	"$plain" "a name moves to the later stage"
little() { # NUMBER: its 8 bytes, the lowest first
	n=$1
	for _ in 1 2 3 4 5 6 7 8; do
		printf '%b' "\\0$(printf %o $((n % 256)))"
		n=$((n / 256))
	done
}
lzip_of() { # a member of it by hand: lzma as xz has it, a head and a tail
	xz -c --format=raw --lzma1=dict=8MiB <"$1" >raw.lzma1
	printf 'LZIP\001\027'
	cat raw.lzma1
	gzip -c <"$1" | tail -c 8 | head -c 4
	little "$(wc -c <"$1")"
	little $(($(wc -c <raw.lzma1) + 26))
}
# a word each byte, and the more words could be known the more bits they have
compress_of() {
	printf '\037\235\220'
	od -An -v -tu1 -w1 "$1" | awk 'BEGIN { width = 9 } {
		bits += $1 * 2 ^ n
		for (n += width; n >= 8; n -= 8) {
			printf "%o\n", bits % 256
			bits = int(bits / 256)
		}
		if (NR == 2 ^ width - 256)
			width++
	} END { printf "%o\n", bits }' | while read -r byte; do
		printf '%b' "\\0$byte"
	done
}
echo "in all of them" >few
tar -cf few.tar few
lz4 -q few.tar few.tar.lz4
xz -k --format=lzma few.tar
lzip_of few.tar >few.tar.lz
compress_of few.tar >few.tar.Z
for c in lz4 lzma lz Z; do
	other=$("$CHROOT" -s "$S" import "few.tar.$c")
	is "$(cat "$S/stages/$other/root/few")" "in all of them" "$c"
done

# fidelity
mkdir f
(
	cd f || exit
	mkdir -m 1777 tmp
	echo x >plain
	chown 1000:2000 plain
	echo x >setuid
	chmod 4755 setuid
	ln plain hard
	ln -s /etc/passwd link
	truncate -s 10M sparse
	echo x >'name with
newline'
	touch -d 2001-02-03T04:05:06Z plain
	setfattr -n user.note -v hello plain 2>/dev/null
	setcap cap_net_raw+ep setuid 2>/dev/null
	tar -S --xattrs --xattrs-include='*' -cf ../f.tar .
)
fid=$("$CHROOT" -s "$S" import f.tar)
show() {
	(cd "$1" && find . -printf '%p %m %U:%G %n %s %l %T@\n' | sort &&
		{ getfattr -dm- -R . 2>/dev/null || :; } | sort)
}
is "$(show "$S/stages/$fid/root" | sed 's/ [0-9]* *[0-9.]*$//')" \
	"$(show f | sed 's/ [0-9]* *[0-9.]*$//')" "owners, modes, links"
is "$(stat -c %Y "$S/stages/$fid/root/plain")" 981173106 "times"
ok "holes stay holes" [ "$(stat -c %b "$S/stages/$fid/root/sparse")" -lt 1000 ]

# data, a hole of one block, data; a hole of many; data that end within a block
mkdir -p holes full
for n in 0 2 100; do
	printf 'data of block %s' "$n" | dd of=holes/file bs=4096 seek="$n" conv=notrunc 2>dd.err
done
touch -d @981173106 holes/file
cp --sparse=never holes/file full/file
touch -d @981173106 full/file
ok "one file has holes" [ "$(stat -c %b holes/file)" -lt "$(stat -c %b full/file)" ]
for what in holes full; do
	"$CHROOT" -s "$S" import -n "$what" "$what" >/dev/null || echo "# $what"
done
digest() { "$CHROOT" -s "$S" list --json | jq -r ".[] | select(.name == \"$1\").digest"; }
is "$(digest full | wc -c) $(digest full)" "65 $(digest holes)" "their content is the same"
ok "and is as it was" "$CHROOT" -s "$S" verify holes full

# what was to be told is lost
for command in list "list --json" "verify small" capabilities doctor; do
	# shellcheck disable=SC2086 # words
	"$CHROOT" -s "$S" $command >/dev/full 2>err
	is $? 75 "$command: a full disk is noticed"
	has "$(cat err)" "standard output" "and told"
done

# twice, and the second time under another name
made=$(stat -c %i "$S/stages/$id/root")
again=$("$CHROOT" -s "$S" import -n again "$tar")
is "$again $(stat -c %i "$S/stages/$id/root")" "$id $made" \
	"a stage that is there is not made again"
is "$("$CHROOT" -s "$S" list --json | jq -r '.[] | select(.name == "again").id')" \
	"$id" "and has the new name"
ok "nothing is left of the second import" soon swept

# what is no stage
for kind in empty text truncated; do
	case $kind in
	empty) : >bad ;;
	text) echo "this is text" >bad ;;
	truncated) head -c 100000 "$tar" >bad ;;
	esac
	"$CHROOT" -s "$S" import bad >out 2>err
	is "$?" 75 "$kind: refused"
	has "$(cat err)" "bad" "$kind: the message names the file"
	[ $kind != text ] ||
		has "$(cat err)" "lz4, lzma, lzip or compress" "and what is taken"
done
has "$(cat err)" "Truncated" "and says what is wrong"

# all members are whole, but the end of what compressed them is missing: the
# archive has no end of its own, so only who decompresses can know
head -c 51200 /dev/urandom >member
tar -cf ending.tar member
head -c $((512 + 51200)) ending.tar >open.tar
for kind in gzip xz zstd bzip2 lz4 lzma; do
	"$kind" -c <open.tar >whole.bin
	head -c -6 whole.bin >cut.bin
	"$CHROOT" -s "$S" import -n "cut-$kind" whole.bin >out 2>err
	is "$?" 0 "$kind: without the archive's end"
	"$CHROOT" -s "$S" import cut.bin >out 2>err
	is "$?" 75 "$kind: without its own"
	"$CHROOT" -s "$S" remove "cut-$kind"
done

# 131,072 times the same empty file: far more than a pipe holds, and whatever
# part of it is read ends at a member's end
: >member
tar --format=ustar -cf header.tar member
head -c 512 header.tar >many.tar
for _ in $(seq 17); do
	cat many.tar many.tar >twice.tar
	mv twice.tar many.tar
done
zstd -qf --rm many.tar
# Of the import $pid; both are there for as long as the unpacker is stopped.
has_both() {
	unpacker=$(pgrep -P "$pid" -x autotua-unpack) || return
	inflater=$(pgrep -P "$unpacker") || return
	[ "$(pgrep -c -P "$unpacker")" -eq 1 ]
}
begin_import() {
	"$CHROOT" -s "$S" import many.tar.zst >out 2>err &
	pid=$!
	ok "$1: one process decompresses" soon has_both
	kill -STOP "${unpacker:-$pid}"
}
# A dead process that nobody has waited for has no command line either.
is_gone() { [ -z "$(tr -d '\0' <"/proc/$1/cmdline")" ]; } 2>/dev/null
if [ "$(getconf _NPROCESSORS_ONLN)" -gt 1 ]; then
	begin_import "who decompresses is killed"
	kill -KILL "${inflater:-$pid}"
	kill -CONT "${unpacker:-$pid}"
	wait "$pid"
	is "$?" 75 "what came of it is no stage"
	has "$(cat err)" "the decompressing process died: signal 9" "the message says why"
	"$CHROOT" -s "$S" has stage "$(b2sum -l 256 many.tar.zst | cut -d' ' -f1)"
	is $? 3 "it isn't there"

	unpacker='' inflater=''
	begin_import "the import is killed"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	ok "who unpacks dies with it" soon is_gone "${unpacker:-$$}"
	ok "and who decompresses" soon is_gone "${inflater:-$$}"
	kill -KILL "${unpacker:-$pid}" 2>/dev/null
	ok "what is left of it is removed" "$CHROOT" -s "$S" recover
else
	ok "processes that die # SKIP one processor decompresses on its own" :
fi
"$CHROOT" -s "$S" import /no/such/file 2>err
is "$?" 75 "missing file"
"$CHROOT" -s "$S" import -n ../x "$tar" 2>err
is "$?" 2 "a name with a slash"

ok "remove by name" "$CHROOT" -s "$S" remove small-gz
ok "remove by id" "$CHROOT" -s "$S" remove "$id"
"$CHROOT" -s "$S" has stage "$id"
is $? 3 "it is gone"
"$CHROOT" -s "$S" remove "$id" 2>err
is $? 3 "removing what isn't there"
has "$(cat err)" "no stage or layer" "says so"
"$CHROOT" -s "$S" remove nobody-has-it 2>err
is $? 3 "nor a name"

# a stage in use
import_stage
mkfifo go
"$CHROOT" -s "$S" run --job in-use-job --stage "$stage" --report-fd 4 -- \
	/bin/bash -c 'echo up >&3; sleep 100' 4<>go &
pid=$!
read -r _ <go
"$CHROOT" -s "$S" remove small 2>err
is $? 75 "a stage in use isn't removed"
has "$(cat err)" "in use" "and the message says why"
kill "$pid"
wait "$pid"
is $? 143 "TERM: 143"
ok "then it is" "$CHROOT" -s "$S" remove small

finish
