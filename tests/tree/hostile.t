#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Repositories that are made to hurt: each ends as an error, soon, within an
# address space of 1 GB, and nothing of theirs reaches the terminal unescaped.
# shellcheck disable=SC2119 # id of HEAD
# shellcheck source=tests/tree/lib.sh
. "$(dirname "$0")/lib.sh"

new_up
new_master
cd "$up" || exit 1

# An address space as small as that; a sanitizer wants more for itself.
small() (
	nm -D "$(command -v "$1")" | grep -q __asan_init || ulimit -v 1000000
	ulimit -t 60
	exec "$@"
)
put() { git hash-object -w --stdin -t "${1:-blob}" --literally; }
raw() { # HEX...: bytes
	local hex=$*

	hex=${hex// /}
	# shellcheck disable=SC2059,SC2001 # made of hexadecimal digits
	printf "$(sed 's/../\\x&/g' <<<"$hex")"
}
# A tree object of "MODE NAME ID" triples, exactly as given.
tree_of() {
	while (($#)); do
		printf '%s %b\0' "$1" "$2"
		raw "$3"
		shift 3
	done | put tree
}
commit_of() { # TREE
	printf 'tree %s\nauthor a <a@x> 1 +0000\ncommitter a <a@x> 1 +0000\n\nx\n' "$1" | put commit
}
# Look at the whole of a commit, as a maintainer does.
look() { run small jobuild -C "$up" lint --all --revision "$1"; }
calm() { ! grep -q $'[\001-\010\013-\037\177]' "$tmp/out" "$tmp/err"; }
bad() { # TEXT NAME
	((status >= 1 && status <= 3)) && { told "$1" || said "$1"; } && calm
	ok "$2"
}
said() { grep -qF -- "$1" "$tmp/out"; }
blob=$(printf 'DESCRIPTION="x"\n' | put)
key=$(echo key | put)

# ---- trees ----------------------------------------------------------------------
inner=$(tree_of 100644 x-1.0.jobuild "$blob")
deep=$inner
for ((i = 0; i < 60; i++)); do deep=$(tree_of 40000 d "$deep"); done
user=$(tree_of 40000 x "$(tree_of 40000 files "$deep" 100644 x-1.0.jobuild "$blob")" 100644 u.asc "$key")
look "$(commit_of "$(tree_of 40000 u "$user")")"
bad "too many folders above it" "folders within folders"
# Ten folders in each of ten folders in each of ...: few objects, 10^8 paths.
bomb=$(tree_of 100644 file "$key")
for ((i = 0; i < 8; i++)); do
	folders=()
	for n in {0..9}; do folders+=(40000 "$n" "$bomb"); done
	bomb=$(tree_of "${folders[@]}")
done
user=$(tree_of 40000 x "$(tree_of 40000 files "$bomb" 100644 x-1.0.jobuild "$blob")" 100644 u.asc "$key")
commit=$(commit_of "$(tree_of 40000 u "$user")")
look "$commit"
bad "u/x/files: error: has more than 1000 files and folders [too-many]" "millions of folders of few objects"
[[ $(grep -c ': error: ' "$tmp/err") == 1 ]]
ok "and that is told once"
for n in show graph verify; do
	run small jobuild -C "$up" "$n" --revision "$commit" u/x
	bad "u/x/files: error: has more than 1000 files and folders" "and $n says so too"
done
# The same across maintainers and packages: a thousand of each, a thousand files
# in each package, and a recipe that is good.
copies() { # MODE NAME ID: a tree of a thousand, NAME1 and so on
	perl -e 'my ($m, $n, $id) = @ARGV; $id = pack("H*", $id); print(map {"$m $n$_\0$id"} sort(1 .. 1000))' "$@" | put tree
}
names=()
for ((n = 1000; n < 2000; n++)); do names+=(100644 "f$n" "$key"); done
packages=$(copies 40000 p "$(tree_of "${names[@]}" 100644 p1-1.0.jobuild "$blob")")
wide=$(commit_of "$(copies 40000 u "$packages")")
many="the tree has more than 1000000 files and folders"
look "$wide"
bad "error: $many [too-many]" "millions of packages of few objects"
[[ $(grep -c ': error: \|^error: ' "$tmp/err") == 1 ]]
ok "and that is told once, alone"
for n in "lint u1/p1" "show u1/p2" "verify u1/p1" "rdeps u1/p1" "graph u1/p2"; do
	# shellcheck disable=SC2086 # a command and its arguments
	run small jobuild -C "$up" ${n/ / --revision "$wide" }
	bad "$many" "and $n says so too"
	((status == 1))
	ok "with 1, for it isn't that something is missing"
done
run small jobuild -C "$up" verify --revision "$wide"
bad "$many" "and verify of all"
run small jobuild -C "$up" diff "$commit" "$wide"
bad "$many" "and diff"
((status == 1))
ok "with 1, too"
run small jobuild -C "$up" ci --base "$commit" --revision "$wide"
bad "$many" "and ci"
mib=$(head -c 1048576 /dev/zero | put)
files=()
for ((n = 1000; n < 2000; n++)); do files+=(100644 "f$n" "$mib"); done
user=$(tree_of 40000 x "$(tree_of 40000 files "$(tree_of "${files[@]}")" 100644 x-1.0.jobuild "$blob")" 100644 u.asc "$key")
look "$(commit_of "$(tree_of 40000 u "$user")")"
bad "u/x/files/f1999: error: has no AUX line in u/x/Manifest" "a gigabyte of files out of one blob"
git_tree=$(tree_of 100644 x-1.0.jobuild "$blob" 100644 'y\n-1.0.jobuild' "$blob" 100644 '\033]0;owned\007' "$blob")
look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$git_tree")")")"
bad 'u/x/y\x0a-1.0.jobuild' "a newline in a name"
bad '\x1b]0;owned\x07' "an escape sequence in a name"
for name in .. . .git .GIT 'a/b' ''; do
	look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$(tree_of 100644 "$name" "$blob" 100644 x-1.0.jobuild "$blob")")")")"
	if [[ $name == '' ]]; then
		bad "" "an empty name"
	else
		bad "u/x/$name: error: is no name for a file" "the name \"$name\""
	fi
done
look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$(tree_of 100644 x-1.0.jobuild "$blob" 120000 x-1.0.jobuild "$key")")")")"
bad "occurs twice" "a name twice"
perl -e 'my $id = pack("H*", $ARGV[0]); printf("100644 %07d\0%s", $_, $id) for 0 .. 999999' "$blob" >"$tmp/million"
million=$(git hash-object -w -t tree --literally "$tmp/million")
look "$(commit_of "$million")"
bad "folder /: is no folder, or one of 35000000 bytes" "a million entries at the top"
look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$million")")")"
bad "folder u/x: is no folder, or one of 35000000 bytes" "a million entries in a package"

# ---- commits, tags, refs -------------------------------------------------------
look "$(printf 'author a <a@x> 1 +0000\ncommitter a <a@x> 1 +0000\n\nx\n' | put commit)"
bad "" "a commit without a tree"
good=$(git rev-parse 'HEAD^{tree}')
look "$(printf 'tree %s\ntree %s\nauthor a <a@x> 1 +0000\ncommitter a <a@x> 1 +0000\n\nx\n' "$million" "$good" | put commit)"
bad "" "a commit with two trees"
look "$(commit_of "$blob")"
bad "is no folder" "a commit whose tree is a file"
look "$(commit_of 0123456789012345678901234567890123456789)"
bad "repository is damaged" "a commit whose tree isn't there"
look "$(commit_of "$(tree_of 40000 u "$blob")")"
bad "is no folder" "a folder that is a file"
look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$good" 40000 x "$inner")")")"
bad "is not a file's object" "a file that is a folder"
# Bytes of one object under the id of another.
swap() { cp -f ".git/objects/${2:0:2}/${2:2}" ".git/objects/${1:0:2}/${1:2}"; }
lie=$(printf 'DESCRIPTION="a"\n' | put)
swap "$lie" "$(printf 'DESCRIPTION="b"\n' | put)"
look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$(tree_of 100644 x-1.0.jobuild "$lie")")")")"
bad "u/x/x-1.0.jobuild: error: repository is damaged (git fsck): an object isn't what its id stands for" "a file of other bytes than its id says"
lie=$(tree_of 100644 x-1.1.jobuild "$blob")
swap "$lie" "$(tree_of 100644 x-1.2.jobuild "$blob")"
look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$lie")")")"
bad "folder u/x: repository is damaged (git fsck): an object isn't what its id stands for" "a folder of other files than its id says"
lie=$(commit_of "$(tree_of 100644 README "$blob")")
swap "$lie" "$(commit_of "$good")"
look "$lie"
bad "mismatch" "a commit of another tree than its id says"
tag=$(id)
type=commit
for ((i = 0; i < 50; i++)); do
	tag=$(printf 'object %s\ntype %s\ntag t\ntagger a <a@x> 1 +0000\n\nx\n' "$tag" "$type" | put tag)
	type=tag
done
git update-ref refs/tags/deep "$tag"
run small jobuild -C "$up" lint --all --revision deep
[[ $status == 0 ]]
ok "a tag of a tag of ... a commit"
look "$(printf 'object %s\ntype blob\ntag t\ntagger a <a@x> 1 +0000\n\nx\n' "$blob" | put tag)"
bad "" "a tag of a file"

# ---- deltas ------------------------------------------------------------------------
# A pack of one blob of 512 MiB and a delta on it that takes ten bytes of that.
perl -MCompress::Zlib -MDigest::SHA=sha1 -e '
	sub head { my ($t, $n) = @_; my $o = ""; my $c = $t << 4 | ($n & 15); $n >>= 4;
		while ($n) { $o .= chr($c | 128); $c = $n & 127; $n >>= 7 } $o . chr($c) }
	sub num { my $n = shift; my $o = ""; while ($n > 127) { $o .= chr($n & 127 | 128); $n >>= 7 } $o . chr($n) }
	my $size = 2 ** 29; my $zero = "\0" x 2 ** 20;
	my $d = Digest::SHA->new(1); $d->add("blob $size\0");
	my ($z) = deflateInit(-Level => 1); my $body = "";
	for (1 .. 512) { $d->add($zero); my ($o) = $z->deflate($zero); $body .= $o }
	my ($o) = $z->flush; $body .= $o;
	my $id = $d->digest;
	my $delta = num($size) . num(10) . "\x90\x0a";
	my $p = "PACK" . pack("NN", 2, 2) . head(3, $size) . $body . head(7, length $delta) . $id . compress($delta);
	print $p . sha1($p);
	my $ten = sha1("blob 10\0" . "\0" x 10);
	printf STDERR "%s %s\n", unpack("H*", $id), unpack("H*", $ten);
' >"$tmp/huge.pack" 2>"$tmp/ids"
read -r _ ten <"$tmp/ids"
git index-pack --stdin <"$tmp/huge.pack" >/dev/null
[[ $(git cat-file -s "$ten") == 10 ]]
ok "(git itself reads the delta)"
look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$(tree_of 100644 x-1.0.jobuild "$ten")")")")"
bad "too large, or claims to be" "a file of ten bytes whose delta is based on 512 MiB"
huge=$(cut -d' ' -f1 "$tmp/ids")
look "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$(tree_of 100644 x-1.0.jobuild "$huge")")")")"
bad "" "a file of 512 MiB"

# ---- as a mirror -------------------------------------------------------------------
tree_at "$up"
git update-ref refs/heads/evil "$(commit_of "$(tree_of 40000 u "$(tree_of 100644 u.asc "$key" 40000 x "$(tree_of 100644 x-1.0.jobuild "$ten")")")")"
run small autotua-master -C "$tmp/master" tree sync t
bad "too large, or claims to be" "mirroring a delta that is based on 512 MiB"
git update-ref -d refs/heads/evil
printf '%s refs/heads/a\033]0;owned\007b\n' "$(id)" >>.git/packed-refs
printf '%s refs/heads/../../x\n' "$(id)" >>.git/packed-refs
run small autotua-master -C "$tmp/master" tree sync t
((status <= 1)) && ! told "no master here" && calm
ok "odd names of branches don't reach the terminal"
[[ ! -e $mirror/x && ! -e $mirror/../x ]]
ok "or a place outside of the mirror"

done_testing
