#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What belongs where: one diagnostic each, in the work tree as in a revision.
# shellcheck source=tests/tree/lib.sh
. "$(dirname "$0")/lib.sh"

new_up
cd "$up" || exit 1
echo 'DESCRIPTION="x"' >zlib/test/test-1.0.jobuild
git commit -q -a -m x
jobuild_at() { # USER/NAME/FILE
	mkdir -p "${1%/*}"
	echo 'DESCRIPTION="x"' >"$1"
}
lint() { run jobuild --quiet lint "$@"; }

# What both say must be exactly what is on standard input.
both() { # NAME
	local want good=0

	want=$(cat)
	lint
	grep -E ': (error|note): ' "$tmp/err" >"$tmp/work"
	git add -A 2>/dev/null
	git commit -q -m "$1"
	lint --revision HEAD
	grep -E ': (error|note): ' "$tmp/err" >"$tmp/revision"
	diff -u - "$tmp/work" <<<"$want" | sed 's/^/# work: /'
	diff -u - "$tmp/work" <<<"$want" >/dev/null || good=1
	diff -u "$tmp/work" "$tmp/revision" | sed 's/^/# revision: /'
	diff -u "$tmp/work" "$tmp/revision" >/dev/null || good=1
	git reset -q --hard HEAD~1 2>/dev/null
	git clean -q -f -f -d -x
	((good == 0))
	ok "$1"
}
# The same, but the work tree is fine.
revision() { # NAME
	local name=$1

	exec 3<&0
	lint
	[[ $status == 0 ]] && ! told "error:"
	ok "$name"
	git add -A
	git commit -q -m "$name"
	lint --revision HEAD
	grep -E ': (error|note): ' "$tmp/err" | diff -u - <(cat <&3) >"$tmp/out"
	ok "$name, in a revision"
	git reset -q --hard HEAD~1 2>/dev/null
	git clean -q -f -d -x
}
empty() { # NAME: nothing is said
	lint
	[[ $status == 0 ]] && ! grep -q ': error: ' "$tmp/err"
	ok "$1"
	git add -A -f
	git commit -q -m "$1"
	lint --revision HEAD
	[[ $status == 0 ]] && ! grep -q ': error: ' "$tmp/err"
	ok "$1, committed"
	git reset -q --hard HEAD~1 2>/dev/null
	git clean -q -f -d -x
}

mkdir -p overlays/other .forge
jobuild_at overlays/other/broken/thing.jobuild
ln -s /etc/passwd overlays/link
echo x >.forge/any
echo x >LICENSE.txt
echo x >COPYING
empty "overlays/ and what may stand at the top"

mkdir -p Anna 1x 'a b'
for d in Anna 1x 'a b'; do echo x >"$d/x"; done
both "names of maintainers" <<'E'
1x: error: is not a name for a maintainer's folder [user-name]
1x: note: lower-case letters, digits, - _, a letter first, at most 32
Anna: error: is not a name for a maintainer's folder [user-name]
Anna: note: lower-case letters, digits, - _, a letter first, at most 32
a b: error: is not a name for a maintainer's folder [user-name]
a b: note: lower-case letters, digits, - _, a letter first, at most 32
E
echo x >stray
echo x >zlib/stray
echo x >zlib/test/stray.patch
mkdir zlib/test/patches
echo x >zlib/test/patches/x
both "stray files" <<'E'
stray: error: belongs nowhere here [stray-file]
stray: note: the top has maintainers' folders, README, LICENSE, COPYING and dot files
zlib/stray: error: belongs nowhere here [stray-file]
zlib/test/patches: error: is a folder; the only one here is files/ [stray-file]
zlib/test/stray.patch: error: belongs nowhere here [stray-file]
zlib/test/stray.patch: note: support files belong into files/, with an AUX line
E
for v in 1 1.0.0 01.0 1.00 1.0-r1 a.b 1.9999999999; do jobuild_at "zlib/test/test-$v.jobuild"; done
jobuild_at zlib/test/other-1.0.jobuild
jobuild_at zlib/test/test-.template
both "versions and names of recipes" <<'E'
zlib/test/other-1.0.jobuild: error: is not named as a recipe is [recipe-name]
zlib/test/other-1.0.jobuild: note: test-VERSION.jobuild, where VERSION is two numbers such as 1.10
zlib/test/test-.template: error: is not named as a recipe is [recipe-name]
zlib/test/test-.template: note: test-VERSION.template, where VERSION is two numbers such as 1.10
zlib/test/test-01.0.jobuild: error: is not named as a recipe is [recipe-name]
zlib/test/test-01.0.jobuild: note: test-VERSION.jobuild, where VERSION is two numbers such as 1.10
zlib/test/test-1.0-r1.jobuild: error: is not named as a recipe is [recipe-name]
zlib/test/test-1.0-r1.jobuild: note: test-VERSION.jobuild, where VERSION is two numbers such as 1.10
zlib/test/test-1.0.0.jobuild: error: is not named as a recipe is [recipe-name]
zlib/test/test-1.0.0.jobuild: note: test-VERSION.jobuild, where VERSION is two numbers such as 1.10
zlib/test/test-1.00.jobuild: error: is not named as a recipe is [recipe-name]
zlib/test/test-1.00.jobuild: note: test-VERSION.jobuild, where VERSION is two numbers such as 1.10
zlib/test/test-1.9999999999.jobuild: error: is not named as a recipe is [recipe-name]
zlib/test/test-1.9999999999.jobuild: note: test-VERSION.jobuild, where VERSION is two numbers such as 1.10
zlib/test/test-1.jobuild: error: is not named as a recipe is [recipe-name]
zlib/test/test-1.jobuild: note: test-VERSION.jobuild, where VERSION is two numbers such as 1.10
zlib/test/test-a.b.jobuild: error: is not named as a recipe is [recipe-name]
zlib/test/test-a.b.jobuild: note: test-VERSION.jobuild, where VERSION is two numbers such as 1.10
E
jobuild_at zlib/looks-1.0/looks-1.0-1.0.jobuild
jobuild_at zlib/.hidden/x-1.0.jobuild
both "names of packages" <<'E'
zlib/.hidden: error: is not a name for a folder of recipes [package-name]
zlib/.hidden: note: letters, digits, + - _, at most 64, not ending as in -1.0
zlib/looks-1.0: error: is not a name for a folder of recipes [package-name]
zlib/looks-1.0: note: letters, digits, + - _, at most 64, not ending as in -1.0
E
jobuild_at zlib/Test/Test-1.0.jobuild
both "names that differ only in case" <<'E'
zlib/test: error: differs from another name only in case [case]
zlib/test: note: the other one is Test
E
printf x >.ÄRGER
printf x >.ärger
printf x >.Straſse
printf x >.STRASSE
printf x >.masse
printf x >.maße
both "the same in other alphabets" <<'X'
.Straſse: error: differs from another name only in case [case]
.Straſse: note: the other one is .STRASSE
.ärger: error: differs from another name only in case [case]
.ärger: note: the other one is .ÄRGER
X
ln -s test zlib/link
ln -s test-1.0.jobuild zlib/test/test-2.0.jobuild
ln -s ../../.. zlib/test/files
ln -s nowhere .dangling
both "symbolic links" <<'E'
.dangling: error: is a symbolic link [symlink]
.dangling: note: put the file itself there
zlib/link: error: is a symbolic link [symlink]
zlib/link: note: put the file itself there
zlib/test/files: error: is a symbolic link [symlink]
zlib/test/files: note: put the file itself there
zlib/test/test-2.0.jobuild: error: is a symbolic link [symlink]
zlib/test/test-2.0.jobuild: note: put the file itself there
E
git init -q -b main zlib/module
git -C zlib/module commit -q --allow-empty -m x
both "a repository in the repository" <<'E'
zlib/module: error: is another git repository [submodule]
zlib/module: note: trees have no submodules; overlays/ is a place for other trees
E
jobuild_at nokey/thing/thing-1.0.jobuild
revision "a maintainer without a key, who may come later" <<'E'
nokey/nokey.asc: error: is missing: the maintainer's public key [no-key]
nokey/nokey.asc: note: gpg --armor --export FINGERPRINT > nokey/nokey.asc
E
mkdir zlib/empty
echo x >zlib/empty/Manifest
both "a package without a recipe" <<'E'
zlib/empty: error: has no jobuild and no template [no-recipe]
E
echo x >zlib/test/test-7.0.jobuild.asc
echo x >zlib/test/any.asc
both "signatures of nothing" <<'E'
zlib/test/any.asc: error: belongs nowhere here [stray-file]
zlib/test/any.asc: note: support files belong into files/, with an AUX line
zlib/test/test-7.0.jobuild.asc: error: is a signature of a file that doesn't exist [stray-file]
zlib/test/test-7.0.jobuild.asc: note: the file would be test-7.0.jobuild
E
printf '%s\n' mine '-----BEGIN PGP PRIVATE KEY BLOCK-----' '' x '-----END PGP PRIVATE KEY BLOCK-----' >zlib/zlib.asc
both "a secret key" <<'E'
zlib/zlib.asc: error: holds a PRIVATE key, which is no secret any more [private-key]
zlib/zlib.asc: note: revoke it and publish another one's public part (gpg --armor --export)
E
head -c 1048577 /dev/zero >zlib/zlib.asc
both "oversized files" <<'E'
zlib/zlib.asc: error: has 1048577 bytes; at most 1048576 are allowed [too-large]
E
printf x >$'zlib/test/a\nb'
printf x >$'zlib/test/\033[31mred'
printf x >$'zlib/test/caf\351'
both "names that no terminal should see" <<'E'
zlib/test/\x1b[31mred: error: is no name for a file, or occurs twice [bad-name]
zlib/test/\x1b[31mred: note: names are UTF-8 without control characters, at most 255 bytes
zlib/test/a\x0ab: error: is no name for a file, or occurs twice [bad-name]
zlib/test/a\x0ab: note: names are UTF-8 without control characters, at most 255 bytes
zlib/test/caf\xe9: error: is no name for a file, or occurs twice [bad-name]
zlib/test/caf\xe9: note: names are UTF-8 without control characters, at most 255 bytes
E

git reset -q --hard
git clean -q -f -d
lint
cp "$tmp/err" "$tmp/before"
touch zlib/test/.test-1.0.jobuild.swp 'zlib/test/test-1.0.jobuild~'
ln -s someone@there.1 zlib/test/.#test-1.0.jobuild
lint
cmp -s "$tmp/before" "$tmp/err"
ok "an editor's files that aren't tracked are passed over"
git add -f zlib/test/.test-1.0.jobuild.swp
lint
told "zlib/test/.test-1.0.jobuild.swp: error: belongs nowhere here"
ok "those that are tracked aren't"

done_testing
