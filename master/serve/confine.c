/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One seccomp filter that names what is allowed. No call in it takes a path,
 * so that Landlock would have nothing left to refuse and isn't asked for.
 */
#include "master/serve/confine.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What linux/audit.h calls the machine; another one isn't compiled for. */
#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define MACHINE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define MACHINE AUDIT_ARCH_ARM
#endif

static const unsigned allowed[] = {
    /* what is open */
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_write,
    SYS_writev,
    SYS_lseek,
#ifdef SYS__llseek
    SYS__llseek,
#endif
    SYS_close,
    /* memory */
    SYS_brk,
#ifdef SYS_mmap
    SYS_mmap,
#endif
#ifdef SYS_mmap2
    SYS_mmap2,
#endif
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    /* what C libraries and checkers of memory do by the way */
    SYS_futex,
    SYS_sched_yield,
    SYS_getpid,
    SYS_gettid,
    SYS_getrandom,
    SYS_clock_gettime,
#ifdef SYS_clock_gettime64
    SYS_clock_gettime64,
#endif
    SYS_gettimeofday,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    /* the end */
    SYS_exit,
    SYS_exit_group,
};

#define N     (sizeof(allowed) / sizeof(allowed[0]))
#define HEAD  4
#define DENY  (HEAD + N)
#define ALLOW (HEAD + N + 1)

static void
build(struct sock_filter code[ALLOW + 1])
{
	size_t i;

	code[0] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[1] = (struct sock_filter)BPF_JUMP(
	    BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
	code[2] = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[3] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (i = 0; i < N; i++)
		code[HEAD + i] =
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			allowed[i], (unsigned char)(N - i), 0);
	code[DENY] = (struct sock_filter)BPF_STMT(
	    BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	code[ALLOW] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

/* A terminal can be written to and typed into. */
static int
leave_terminal(struct error *err)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), i;

	if (fd < 0)
		return fail_errno(err, "open /dev/null");
	for (i = 0; i <= 2; i++) {
		if (dup2(fd, i) < 0) {
			fail_errno(err, "dup2");
			close(fd);
			return -1;
		}
	}
	if (fd > 2)
		close(fd);
	return 0;
}

int
confine(struct error *err)
{
	struct sock_filter code[ALLOW + 1];
	struct sock_fprog program = {ALLOW + 1, code};

	build(code);
	if (leave_terminal(err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_errno(err, "no_new_privs");
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return fail_errno(err,
		    "seccomp filter: this kernel needs CONFIG_SECCOMP_FILTER");
	return 0;
}
