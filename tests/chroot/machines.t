#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs of other architectures: of 32 bits, and those that an emulator
# runs.
# shellcheck disable=SC2016 # expanded inside
# shellcheck source=lib.sh source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
import_stage
case $(uname -m) in
x86_64) ;;
*) echo "1..0 # SKIP the programs are made for amd64"; exit 0 ;;
esac

"$CHROOT" -s "$S" capabilities >caps
is $? 0 "capabilities"
is "$(jq -r 'keys | join(" ")' caps)" "arches emulated fit lacks network root" "as JSON"
is "$(jq -r '.arches[0], .root, .fit' caps | tr '\n' ' ')" "amd64 overlay true " \
	"of this machine"
"$CHROOT" -s "$S" capabilities now 2>err
is $? 2 "an argument too many"

# one that tells the machine it is on, without a library
cat >tell.S <<'X'
	.globl _start
_start:	sub $400, %esp
	mov $122, %eax		# uname
	mov %esp, %ebx
	int $0x80
	lea 260(%esp), %ecx	# its fifth field
	mov $4, %eax		# write
	mov $1, %ebx
	mov $4, %edx
	int $0x80
	mov $1, %eax		# exit
	xor %ebx, %ebx
	int $0x80
X
if [ "$(jq -r '.arches | index("i386")' caps)" != null ] &&
	gcc -m32 -nostdlib -static -o tell tell.S 2>gcc.err; then
	mkdir narrow
	tar -C narrow -xf "$(stage_tar)"
	cp tell narrow/bin/tell
	stage=$("$CHROOT" -s "$S" import narrow)
	run -- tell
	is "$code $log" "0 x86_" "a program of i386"
	run --linux32 -- tell
	is "$code $log" "0 i686" "with --linux32, on a machine of its own"
else
	echo "# no programs of i386 here: $(cat gcc.err 2>/dev/null)"
fi

# an emulator, registered for as long as a process has that mounted; the
# mount is in its own namespace
qemu=/usr/bin/qemu-aarch64-static
mkdir misc
mkfifo up
register() { # FLAGS
	unshare -m sh -c 'mount -t binfmt_misc none misc && printf %s "$1" >misc/register &&
		echo up >up && exec sleep 1000; echo no >up' sh \
		":autotua-test:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:$qemu:$1" 2>err &
	holder=$!
	read -r answer <up
	[ "$answer" = up ]
}
# killed, it leaves an entry only where others have it mounted too
unregister() {
	nsenter -m -t "$holder" sh -c 'echo -1 >"$1"/autotua-test' sh "$tmp/misc"
	kill "$holder"
	wait "$holder" 2>/dev/null
}
if [ ! -x $qemu ]; then
	echo "# $qemu isn't there: no emulated programs (qemu-user-static)"
elif [ "$(jq -r '.emulated | index("arm64")' caps)" != null ]; then
	echo "# arm64 is emulated here already: not registered again"
elif ! register F; then
	echo "# no emulator can be registered: $(cat err)"
else
	trap 'unregister 2>/dev/null; rm -rf "$tmp"' EXIT
	"$CHROOT" -s "$S" capabilities >caps
	is "$(jq -r '.emulated | join(" ")' caps)" arm64 "arm64 is emulated"
	"$CHROOT" -s "$S" doctor >out
	has "$(cat out)" "arm64 (emulated)" "which doctor tells"
	# mov x8, 93; mov x0, 42; svc 0
	perl -e '
	print pack("a4 C5 x7 S2 L Q3 L S6", "\x7fELF", 2, 1, 1, 0, 0, 2, 0xb7, 1,
	    0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0),
	    pack("L2 Q6", 1, 5, 0, 0x400000, 0x400000, 0x84, 0x84, 4096),
	    pack("L3", 0xd2800ba8, 0xd2800540, 0xd4000001)' >arm
	chmod 755 arm
	mkdir -p foreign
	tar -C foreign -xf "$(stage_tar)"
	cp arm foreign/bin/arm
	stage=$("$CHROOT" -s "$S" import foreign)
	run -- arm
	is "$(field exit)" 42 "a program of arm64 runs in the jail"
	unregister
	if register C; then
		"$CHROOT" -s "$S" capabilities >caps
		is "$(jq -r '.emulated | join(" ")' caps)" "" \
			"without the flag F it is no capability"
		"$CHROOT" -s "$S" doctor >out
		has "$(cat out)" "its emulator must be in the stage" "and doctor says why"
	fi
	unregister
	trap 'rm -rf "$tmp"' EXIT
fi

finish
