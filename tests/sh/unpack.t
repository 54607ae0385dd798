#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# unpack and eapply with real archives, hostile ones too.
# shellcheck disable=SC2154,SC2119
# shellcheck source=tests/sh/lib.sh
. "$(dirname "$0")/lib.sh"

src=$tmp/src
mkdir -p "$src/t-1/sub"
echo hello >"$src/t-1/file"
chmod 600 "$src/t-1/file"
echo deep >"$src/t-1/sub/odd name"
ln -s file "$src/t-1/link"

# FILE COMMAND...: make the archive, unpack it in a phase, compare.
good() {
	local name=$1

	shift
	A=$name recipe <<<'=== u/t/t-1.0.jobuild'
	(cd "$src" && "$@") >/dev/null || exit 1
	mv "$src/$name" "$tmp/root/distfiles/"
	phase job_unpack
	[[ $status == 0 && $(cat "$tmp/root/work/t-1/sub/odd name") == deep &&
		$(stat -c %a "$tmp/root/work/t-1/file") == 644 ]]
	ok "unpack $name"
}

single() { # NAME COMMAND...
	local name=$1

	shift
	A=$name recipe <<<'=== u/t/t-1.0.jobuild'
	"$@" <"$src/t-1/file" >"$tmp/root/distfiles/$name" 2>/dev/null
	phase job_unpack
	[[ $status == 0 && $(cat "$tmp/root/work/${name%.*}") == hello ]]
	ok "unpack single $name"
}

good a.tar tar -cf a.tar t-1
good a.tar.gz tar -czf a.tar.gz t-1
good a.tgz tar -czf a.tgz t-1
good A.TAR.GZ tar -czf A.TAR.GZ t-1
good a.tar.bz2 tar -cjf a.tar.bz2 t-1
good a.tar.xz tar -cJf a.tar.xz t-1
good a.txz tar -cJf a.txz t-1
good a.tar.lzma sh -c 'tar -c t-1 | xz --format=lzma >a.tar.lzma'
good a.tar.zst tar --zstd -cf a.tar.zst t-1
good 'a%b@c=d.tar.gz' tar -czf 'a%b@c=d.tar.gz' t-1
good a.tar.lz4 tar -I lz4 -cf a.tar.lz4 t-1
good a.zip zip -qr a.zip t-1
good a.jar zip -qr a.jar t-1
good a.7z 7z a a.7z t-1
good a.cpio sh -c 'find t-1 | cpio --quiet -oH newc >a.cpio'
good a.cpio.gz sh -c 'find t-1 | cpio --quiet -oH newc | gzip >a.cpio.gz'
single x.txt.gz gzip -c
single x.txt.bz2 bzip2 -c
single x.txt.xz xz -c
single x.txt.zst zstd -c
single x.txt.lz4 lz4 -c
single x.txt.lzma xz --format=lzma -c

# members of an ar archive are files: the tarball in a .deb stays one
for name in b.deb b.a; do
	A=$name recipe <<<'=== u/t/t-1.0.jobuild'
	tar -C "$src" -czf "$tmp/data.tar.gz" t-1
	(cd "$tmp" && ar rc "$tmp/root/distfiles/$name" data.tar.gz)
	phase job_unpack
	[[ $status == 0 ]] && cmp -s "$tmp/data.tar.gz" "$tmp/root/work/data.tar.gz"
	ok "unpack $name"
done

# NAME TEXT: the archive is refused with the text, nothing is outside.
bad() {
	A=$1 recipe <<<'=== u/t/t-1.0.jobuild'
	mv "$src/$1" "$tmp/root/distfiles/"
	phase job_unpack
	[[ $status == 1 ]] && said "$2" && [[ ! -e $tmp/root/evil && ! -e $tmp/evil ]]
	ok "refused: $1 ($2)"
}
(cd "$src" && echo x >../evil0 && tar -cPf up.tar ../evil0 && rm ../evil0)
bad up.tar 'leaves the folder'
tar -cPf "$src/abs.tar" "$src/t-1/file"
bad abs.tar 'absolute path'
(cd "$src" && echo x >evil && tar -cPf in.tar --transform 's,^,t-1/../../,' evil && rm evil)
bad in.tar 'leaves the folder'
head -c 300 /dev/urandom >"$src/junk.tar.gz"
bad junk.tar.gz 'broken archive'
: >"$src/empty.tar"
bad empty.tar 'broken archive'
echo x >"$src/a.rar"
bad a.rar 'unknown kind'
(cd "$src/t-1" && echo x >../evil && zip -q ../up.zip ../evil && rm ../evil)
bad up.zip 'leaves the folder'
(cd "$src/t-1" && echo x >../evil && echo ../evil | cpio --quiet -oH newc >../up.cpio && rm ../evil)
bad up.cpio 'leaves the folder'

A='' recipe <<'X'
=== u/t/t-1.0.jobuild
job_run() { unpack nothing.tar; echo "still here"; }
job_setup() { echo one >file; eapply "${FILESDIR}/p"; cat file; eapply "${FILESDIR}/p/1.patch"; echo "still here"; }
X
mkdir "$tmp/root/recipe/files/p"
printf -- '--- a/file\n+++ b/file\n@@ -1 +1 @@\n-one\n+two\n' >"$tmp/root/recipe/files/p/1.patch"
printf -- '--- a/file\n+++ b/file\n@@ -1 +1 @@\n-two\n+three\n' >"$tmp/root/recipe/files/p/2.diff"
phase job_run
[[ $status == 1 ]] && said 'no such file' && ! said 'still here'; ok "unpack of nothing dies"
phase job_setup
[[ $status == 1 ]] && said three && said 'does not apply' && ! said 'still here'; ok "eapply: a folder in order; one that does not apply dies"
done_testing
