#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Tarballs made to hurt, images made to mislead, names that are none.
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage
mkdir host
echo secret >host/file
outside=$tmp/host

# mktar OUT ENTRY...: "file NAME", "link NAME TARGET", "hard NAME TARGET",
# "dir NAME", "char NAME", "fifo NAME", "xattr NAME KEY"
mktar() {
	perl -e '
	use strict; use warnings;
	sub head { my ($n, $type, $link, $size, $x) = @_;
		my $h = pack("a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 a32 a32 a8 a8 a155 x12",
		    $n, "0000755", "0000000", "0000000", sprintf("%011o", $size),
		    "14000000000", "", $type, $link, "ustar", "00", "root", "root",
		    "0000001", "0000003", "");
		substr($h, 148, 8) = sprintf("%06o\0 ", unpack("%32C*", $h));
		return $h; }
	sub body { my $d = shift; return $d . "\0" x (-length($d) % 512); }
	open(my $o, ">", shift) or die; binmode $o;
	while (@ARGV) {
		my ($t, $n, $l) = split / /, shift, 3;
		$l //= "";
		if ($t eq "file") { print $o head($n, 0, "", 5), body("evil\n"); }
		elsif ($t eq "xattr") {
			my $v = "SCHILY.xattr.$l=y"; my $len = length($v) + 4;
			$len = length("$len $v\n") for 1, 2;
			my $r = "$len $v\n";
			print $o head("pax", "x", "", length $r), body($r),
			    head($n, 0, "", 5), body("evil\n"); }
		else { my %k = (link => 2, hard => 1, dir => 5, char => 3,
			block => 4, fifo => 6);
			print $o head($n, $k{$t}, $l, 0); }
	}
	print $o "\0" x 1024;' "$@"
}
import() { # tries; leaves code, err, id, root
	id=$("$CHROOT" -s "$S" import bad.tar 2>err)
	code=$?
	err=$(cat err)
	root=$S/stages/$id/root
}
untouched() {
	is "$(ls -A host; cat host/file)" "file
secret" "$1: nothing outside was touched"
}

mktar bad.tar "file ../evil"
import
is "$code" 75 "..: refused"
has "$err" '"../evil"' "..: the member is named"
mktar bad.tar "dir a" "file a/../../../../../../../../evil"
import
is "$code" 75 ".. in the middle: refused"
mktar bad.tar "file $outside/file"
import
is "$code $(cat "$root$outside/file")" "0 evil" "an absolute name stays inside"
untouched absolute
mktar bad.tar "link out $outside" "file out/file"
import
untouched "write through a link"
mktar bad.tar "link out ../../../../../../../../../..$outside" "file out/file"
import
untouched "write through a link with .."
mktar bad.tar "dir etc" "hard etc/stolen $outside/file"
import
ok "a hard link to the host fails" [ ! -e "$root/etc/stolen" ]
untouched "hard link"
mktar bad.tar "hard x ../../../../../../../../../..$outside/file"
import
is "$code" 75 "a hard link with ..: refused"
mktar bad.tar "file ok" "char dev-null" "block dev-sda" "fifo pipe"
import
is "$code $(cd "$root" && echo *)" "0 ok pipe" "devices are left out"
has "$err" "left out 2" "and told of"
mktar bad.tar "xattr f trusted.overlay.opaque" "xattr g user.overlay.redirect" \
	"xattr h user.fine"
import
is "$code $(getfattr -dm- -R "$root" 2>/dev/null | grep -c overlay)" "0 0" \
	"overlayfs's attributes are left out"
mktar bad.tar "file f"
chmod 0 bad.tar
import
is "$code" 0 "an unreadable mode is no matter for root"

# an image whose mount points are links
for point in dev proc sys autotua; do
	rm -rf img
	mkdir img
	(cd img && tar -xf "$(stage_tar)" && rm -rf "./$point" &&
		ln -s "$outside" "$point" && tar -cf ../img.tar .)
	id=$("$CHROOT" -s "$S" import img.tar)
	"$CHROOT" -s "$S" run --job hostile-image --stage "$id" -- true \
		>out 2>err
	is $? 75 "/$point is a link: refused"
	has "$(cat err)" "/$point" "and named"
	untouched "/$point"
	"$CHROOT" -s "$S" remove "$id"
done

# names that are none
long=$(printf '%010240d' 1)
for job in short a/b-c-d-e-f ../../../x UPPERCASE "with blank" "" "$long" \
	"new
line-x"; do
	"$CHROOT" -s "$S" run --job "$job" --stage "$stage" -- true \
		>out 2>err
	is $? 2 "job id: $(printf %.20s "$job" | tr '\n' '~')"
done
for key in x "$(key 1)/" "../$(key 1)" "$(key G)" "$long" \
	"$(key 1 | cut -c2-)"; do
	for option in --stage --layer --commit; do
		"$CHROOT" -s "$S" run --job hostile-keys $option "$key" \
			-- true >out 2>err
		is $? 2 "$option $(printf %.20s "$key")"
	done
	"$CHROOT" -s "$S" has stage "$key" >out 2>err
	is $? 2 "has $(printf %.20s "$key")"
done
hex=$(printf '%0128d' 0)
for source in x a/b=blake2b-$hex "..=blake2b-$hex" "a=../blake2b-$hex" \
	"a=md5-$hex" "a=blake2b-${hex}0" "=blake2b-$hex" \
	"$(printf 'a\033=blake2b-%s' "$hex")"; do
	"$CHROOT" -s "$S" run --job hostile-names --stage "$stage" \
		--source "$source" -- true >out 2>err
	is $? 2 "source $(printf %.20s "$source" | tr -d '\033')"
done
for phase in a/b "a b" a,x "$(printf 'a\nb')" a,net,x; do
	"$CHROOT" -s "$S" run --job hostile-names --stage "$stage" \
		--phase "$phase" -- true >out 2>err
	is $? 2 "phase $(printf %s "$phase" | tr '\n' '~')"
done
for args in "--log-fd 99" "--time x" "--time -1" "--log-max 1X" "--nonsense" \
	"--phase"; do
	# shellcheck disable=SC2086 # words
	"$CHROOT" -s "$S" run --job hostile-words --stage "$stage" $args >out \
		2>err
	is $? 2 "$args"
done
"$CHROOT" -s "$S" run --job missing-stage --stage "$(key 5)" -- true 2>err
is $? 3 "a stage that isn't there"
"$CHROOT" -s "$S" run --job missing-layer --stage "$stage" --layer "$(key 5)" \
	-- true 2>err
is $? 3 "a layer that isn't there"
has "$(cat err)" "layer $(key 5) is not in" "the message names it"
mkdir open
chmod 777 open
"$CHROOT" -s "$tmp/open" list 2>err
is $? 75 "a state folder that anybody can write to"
has "$(cat err)" "chmod 700" "the message has the remedy"

finish
