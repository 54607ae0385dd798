#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The jail's filter: each call that any machine's kernel headers name has the
# answer that is here, under the number that they give it. The program is run
# by a machine of ours, since a kernel has those of one machine only; what the
# kernel makes of that one is tests/unit/chroot_filter.c.
here=$(cd "$(dirname "$0")" && pwd)
filtered=${B:-$here/../../build}/tests/chroot/filtered
[ -x "$filtered" ] || { echo "Bail out! $filtered is missing: make it"; exit 1; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/filter.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1

count=0 bad=0
same() { # WHAT: are want and got the same?
	count=$((count + 1))
	if diff want got >difference && [ -s want ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		sed 's/^/# /' difference
		bad=$((bad + 1))
	fi
}

tr ' ' '\n' >denied <<'END'
keyctl add_key request_key bpf perf_event_open userfaultfd kexec_load
kexec_file_load init_module finit_module delete_module create_module swapon
swapoff reboot acct quotactl quotactl_fd open_by_handle_at syslog iopl ioperm
settimeofday clock_settime clock_settime64 clock_adjtime clock_adjtime64
adjtimex stime lookup_dcookie nfsservctl vhangup vm86 vm86old uselib
END
printf 'io_uring_%s\n' setup enter register >missing
tr ' ' '\n' >denied.nest <<'END'
mount umount umount2 pivot_root open_tree open_tree_attr move_mount fsopen
fsconfig fsmount fspick mount_setattr setns
END
echo clone3 >missing.nest
# those that are asked with arguments
tr ' ' '\n' >looked <<'END'
ioctl clone unshare socket socketpair personality
END

# numbers HEADER OPTIONS...: "NAME NUMBER" of all calls in it
numbers() {
	header=$1
	shift
	echo "#include <$header>" >header.h
	{
		cat header.h
		"${CC:-cc}" "$@" -E -dM header.h |
			sed -n 's/^#define __NR_\([a-z_0-9]*\) .*/call \1 :__NR_\1/p' |
			grep -v 'call \(syscalls\|arch_specific_syscall\) '
	} >names.h
	"${CC:-cc}" "$@" -E -P names.h | sed -n 's/^call \([^ ]*\) *:[ (]*\([0-9]*\).*/\1 \2/p' |
		sort -u
	# newer than many headers, and the same everywhere
	grep -q "open_tree_attr" names.h || echo open_tree_attr 467
}
# As they are in the kernel's arch/arm/tools/syscall.tbl: no header of other
# machines has them. From 403 on they are everybody's.
numbers_of_arm() {
	tr ',' '\n' <<'END'
keyctl 311,add_key 309,request_key 310,bpf 386,perf_event_open 364
userfaultfd 388,kexec_load 347,kexec_file_load 401,init_module 128
finit_module 379,delete_module 129,swapon 87,swapoff 115,reboot 88,acct 51
quotactl 131,open_by_handle_at 371,syslog 103,settimeofday 79
clock_settime 262,clock_adjtime 372,adjtimex 124,lookup_dcookie 249
nfsservctl 169,vhangup 111,uselib 86,mount 21,umount2 52,pivot_root 218
setns 375,ioctl 54,clone 120,unshare 337,socket 281,socketpair 288
personality 136,read 3,write 4,open 5,execve 11,ptrace 26,chroot 61,mknod 14
prctl 172,chown 182,fcntl64 221,futex 240,openat 322,name_to_handle_at 370
process_vm_readv 376,seccomp 383,execveat 387,statx 397,io_pgetevents 399
END
	numbers asm/unistd_32.h | awk '$2 >= 403'
	echo arm_cacheflush 983042
}

# check WHAT MACHINE CALLER [MODE]: all of the file "calls"
check() {
	what=$1
	shift
	grep -vwFf looked calls | "$filtered" "$@" | sort >got
	case ${3-} in
	nest) cp denied eperm && cp missing enosys ;;
	*) cat denied denied.nest >eperm && cat missing missing.nest >enosys ;;
	esac
	[ "${3-}" = 32 ] || echo socketcall >>enosys
	# number 469 is the last that was looked at when the table was made
	grep -vwFf looked calls | awk '
		FILENAME == "eperm" { answer[$1] = "EPERM"; next }
		FILENAME == "enosys" { answer[$1] = "ENOSYS"; next }
		$1 in answer { print $1, answer[$1]; next }
		$2 > 469 && $2 < 983040 { print $1, "ENOSYS"; next }
		{ print $1, "allow" }' eperm enosys - | sort >want
	same "$what"
}
all() { # MACHINE CALLER
	check "$1: calls of $2" "$1" "$2"
	check "$1: calls of $2, nesting" "$1" "$2" nest
	check "$1: calls of $2, of a 32-bit jail" "$1" "$2" 32
}
# look MACHINE CALLER [MODE]: lines "NAME ARGUMENTS ANSWER" of the file "want"
look() {
	awk 'FILENAME == "calls" { number[$1] = $2; next }
		{ $1 = $1 " " number[$1]; $NF = ""; print }' calls want |
		"$filtered" "$@" >got
	same "$1: arguments of $2's calls${3:+, $3}"
}
looks() { # MACHINE CALLER
	cat >want <<'END'
ioctl 0 0x5412 EPERM
ioctl 0 0x541c EPERM
ioctl 0 0xffffffff00005412 EPERM
ioctl 0x5412 0x5401 allow
socket 1 allow
socket 2 allow
socket 10 allow
socket 16 allow
socket 17 EAFNOSUPPORT
socket 38 EAFNOSUPPORT
socket 40 EAFNOSUPPORT
socket 0 EAFNOSUPPORT
socket 0x100000028 EAFNOSUPPORT
socketpair 1 allow
socketpair 40 EAFNOSUPPORT
personality 0 allow
personality 8 allow
personality 0xffffffff allow
personality 0x40000 EPERM
personality 0x400000 EPERM
END
	cp want always
	for flag in 0x20000 0x2000000 0x4000000 0x8000000 0x10000000 \
		0x20000000 0x40000000; do
		printf 'clone %s EPERM\nunshare %s EPERM\n' $flag $flag
	done >>want
	cat >>want <<'END'
clone 17 allow
clone 0x10000011 EPERM
clone 0x3d0f00 allow
unshare 0x80 EPERM
unshare 0x200 allow
END
	look "$1" "$2"
	sed 's/EPERM/allow/' want | grep '^clone\|^unshare' | cat always - >nest
	mv nest want
	look "$1" "$2" nest
}

numbers asm/unistd_64.h >x86_64
numbers asm/unistd_32.h >i386
numbers asm-generic/unistd.h -D__BITS_PER_LONG=64 -D__ARCH_WANT_RENAMEAT \
	-D__ARCH_WANT_NEW_STAT -D__ARCH_WANT_SET_GET_RLIMIT \
	-D__ARCH_WANT_SYS_CLONE3 -D__ARCH_WANT_MEMFD_SECRET >arm64
numbers_of_arm | sort -u >arm
for pair in "x86_64 x86_64" "x86_64 i386" "i386 i386" "arm64 arm64" \
	"arm64 arm" "arm arm"; do
	cp "${pair#* }" calls
	# shellcheck disable=SC2086 # words
	all $pair
	# shellcheck disable=SC2086
	looks $pair
done

echo "beyond 1000
beyond 470
x32 0x400000a5
negative 0xffffffff" >calls
sed 's/ .*/ ENOSYS/' calls | sort >want
for m in x86_64 i386 arm64; do
	"$filtered" $m $m <calls | sort >got
	same "$m: numbers that nobody has looked at"
done
echo "read 0" >calls
echo "read kill" >want
for pair in "x86_64 arm64" "x86_64 arm" "i386 x86_64" "arm64 x86_64" "arm i386"; do
	# shellcheck disable=SC2086 # words
	"$filtered" $pair <calls >got
	same "calls of another kind than the machine's: $pair"
done

echo "1..$count"
[ $bad -eq 0 ]
