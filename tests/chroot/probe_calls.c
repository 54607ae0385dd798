/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* ---- calls --------------------------------------------------------------- */

int
keys(void)
{
	return refused_with(syscall(SYS_keyctl, 0, -3, 0), EPERM, "keyctl") ||
	    refused_with(syscall(SYS_add_key, "user", "x", "y", 1, -3), EPERM,
		"add_key") ||
	    refused_with(syscall(SYS_request_key, "user", "x", 0, -3), EPERM,
		"request_key");
}

int
bpf(void)
{
	char attr[128] = {2, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1};

	return refused_with(
	    syscall(SYS_bpf, 0, attr, sizeof(attr)), EPERM, "bpf");
}

int
perf(void)
{
	char attr[128] = {1, 0, 0, 0, 112};

	return refused_with(syscall(SYS_perf_event_open, attr, 0, -1, -1, 0),
	    EPERM, "perf_event_open");
}

int
faults(void)
{
	return refused_with(syscall(SYS_userfaultfd, 1), EPERM, "userfaultfd");
}

int
uring(void)
{
	char params[120] = {0};

	return refused_with(
		   syscall(SYS_io_uring_setup, 4, params), ENOSYS, "setup") ||
	    refused_with(syscall(SYS_io_uring_enter, 0, 0, 0, 0, 0, 0), ENOSYS,
		"enter") ||
	    refused_with(
		syscall(SYS_io_uring_register, 0, 0, 0, 0), ENOSYS, "register");
}

int
modules(void)
{
	return refused_with(
		   syscall(SYS_init_module, "x", 1, ""), EPERM, "init") ||
	    refused_with(syscall(SYS_finit_module, 0, "", 0), EPERM, "finit") ||
	    refused_with(
		syscall(SYS_delete_module, "dummy", 0), EPERM, "delete");
}

int
kexec(void)
{
	return refused_with(
		   syscall(SYS_kexec_load, 0, 0, 0, 0), EPERM, "kexec_load") ||
	    refused_with(syscall(SYS_kexec_file_load, 0, 0, 0, 0, 0), EPERM,
		"kexec_file_load");
}

int
rebooting(void)
{
	/* with wrong magic numbers, in case it does not hold */
	return refused_with(syscall(SYS_reboot, 1, 2, 0, 0), EPERM, "reboot");
}

int
swapping(void)
{
	return refused_with(
		   syscall(SYS_swapon, "/tmp/none", 0), EPERM, "swapon") ||
	    refused_with(syscall(SYS_swapoff, "/tmp/none"), EPERM, "swapoff");
}

int
accounting(void)
{
	return refused_with(syscall(SYS_acct, "/tmp/none"), EPERM, "acct") ||
	    refused_with(syscall(SYS_quotactl, 0, 0, 0, 0), EPERM, "quotactl");
}

int
handles(void)
{
	struct {
		struct file_handle h;
		char bytes[64];
	} f = {.h = {.handle_bytes = 64}};
	int id;

	(void)name_to_handle_at(AT_FDCWD, "/", &f.h, &id, 0);
	return refused_with(
	    open_by_handle_at(AT_FDCWD, &f.h, O_RDONLY), EPERM, "handle");
}

int
kernel_log(void)
{
	char text[64];

	return refused_with(
	    syscall(SYS_syslog, 3, text, sizeof(text)), EPERM, "syslog");
}

int
clocks(void)
{
	struct timespec t = {0, 0};
	struct timex x = {.modes = ADJ_TICK, .tick = 10000};

	return refused_with(clock_settime(CLOCK_REALTIME, &t), EPERM, "set") ||
	    refused_with(settimeofday(&(struct timeval){0, 0}, NULL), EPERM,
		"settimeofday") ||
	    refused_with(adjtimex(&x), EPERM, "adjtimex");
}

int
personalities(void)
{
	return refused_with(
		   personality(READ_IMPLIES_EXEC), EPERM, "personality") ||
	    refused_with(personality(0x0040000), EPERM, "no randomisation") ||
	    (personality(0xffffffff) >= 0 ? HELD : broke("can't be asked"));
}

int
ports(void)
{
#if defined(__x86_64__)
	return refused_with(syscall(SYS_iopl, 3), EPERM, "iopl") ||
	    refused_with(syscall(SYS_ioperm, 0x80, 1, 1), EPERM, "ioperm");
#else
	return HELD;
#endif
}

int
unknown_calls(void)
{
	long nr;

	/* those of kernels to come; filter.t asks the filter itself */
	for (nr = 470; nr < 520; nr++) {
		if (refused_with(syscall(nr, -1L, -1L, -1L, -1L, -1L, -1L),
			ENOSYS, "a new call") != HELD)
			return BROKE;
	}
	return refused_with(syscall(1000), ENOSYS, "call 1000") ||
	    refused_with(syscall(0x40000000 + 165, "x", "/mnt", "tmpfs", 0, 0),
		ENOSYS, "an x32 call");
}

/* The 32-bit way into the kernel has the same filter. */
int
calls_of_32_bits(void)
{
#if defined(__x86_64__)
	static const struct {
		int nr, want;
	} calls[] = {{21, -EPERM}, {288, -EPERM}, {310, -EPERM}, {425, -ENOSYS},
	    {102, -ENOSYS}, {435, -ENOSYS}, {2000, -ENOSYS}};
	size_t i;
	long rc;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		__asm__ volatile("int $0x80"
				 : "=a"(rc)
				 : "a"((long)calls[i].nr), "b"(0x10000000L),
				 "c"(0L), "d"(0L), "S"(0L), "D"(0L)
				 : "memory", "r8", "r9", "r10", "r11");
		/* a kernel without 32-bit programs kills us, which holds */
		if ((int)rc != calls[i].want) {
			printf("BROKE: call %d of i386: %d\n", calls[i].nr,
			    (int)rc);
			return BROKE;
		}
	}
#endif
	return HELD;
}
