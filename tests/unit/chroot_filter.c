/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter in a kernel, alone: a process that has kept its capabilities
 * calls what is refused, in a way that the kernel itself would refuse for
 * another reason, so that nothing happens if a row is missing and it shows.
 * tests/chroot/filter.t looks at the numbers, and at other machines'.
 */
#include "tap.h"
#include "base/error.h"
#include "chroot/jail/filter.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD 8L /* no address */

#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

static const struct call {
	const char *name;
	int want;
	bool nest; /* a job that nests may do it */
	long nr, a[5];
} calls[] = {
    {"keyctl", EPERM, false, SYS_keyctl, {9999}},
    {"add_key", EPERM, false, SYS_add_key, {BAD, BAD, BAD, 1, -3}},
    {"request_key", EPERM, false, SYS_request_key, {BAD, BAD, 0, -3}},
    {"bpf", EPERM, false, SYS_bpf, {9999, BAD, 8}},
    {"perf_event_open", EPERM, false, SYS_perf_event_open, {BAD, 0, -1, -1}},
    {"userfaultfd", EPERM, false, SYS_userfaultfd, {-1}},
    {"kexec_load", EPERM, false, SYS_kexec_load, {0, 0, 0, 0xff}},
    {"kexec_file_load", EPERM, false, SYS_kexec_file_load,
	{-1, -1, 0, 0, 0xff}},
    {"init_module", EPERM, false, SYS_init_module, {BAD, 1, BAD}},
    {"finit_module", EPERM, false, SYS_finit_module, {-1, BAD, 0xff}},
    {"delete_module", EPERM, false, SYS_delete_module, {BAD}},
    {"swapon", EPERM, false, SYS_swapon, {BAD, 0}},
    {"swapoff", EPERM, false, SYS_swapoff, {BAD}},
    {"reboot", EPERM, false, SYS_reboot, {1, 2}},
    {"acct", EPERM, false, SYS_acct, {BAD}},
    {"quotactl", EPERM, false, SYS_quotactl, {0xff}},
    {"quotactl_fd", EPERM, false, SYS_quotactl_fd, {-1}},
    {"open_by_handle_at", EPERM, false, SYS_open_by_handle_at, {-1, BAD}},
    {"syslog", EPERM, false, SYS_syslog, {99}},
    {"settimeofday", EPERM, false, SYS_settimeofday, {BAD}},
    {"clock_settime", EPERM, false, SYS_clock_settime, {99, BAD}},
    {"clock_adjtime", EPERM, false, SYS_clock_adjtime, {99, BAD}},
    {"adjtimex", EPERM, false, SYS_adjtimex, {BAD}},
    {"lookup_dcookie", EPERM, false, SYS_lookup_dcookie, {0, BAD}},
    {"nfsservctl", EPERM, false, SYS_nfsservctl, {99, BAD, BAD}},
    /* that of a session without a terminal */
    {"vhangup", EPERM, false, SYS_vhangup, {0}},
#ifdef SYS_iopl
    {"iopl", EPERM, false, SYS_iopl, {99}},
    {"ioperm", EPERM, false, SYS_ioperm, {70000, 1, 1}},
    {"uselib", EPERM, false, SYS_uselib, {BAD}},
    {"create_module", EPERM, false, SYS_create_module, {BAD, 1}},
#endif
    {"ioctl TIOCSTI", EPERM, false, SYS_ioctl, {-1, TIOCSTI, BAD}},
    {"ioctl TIOCLINUX", EPERM, false, SYS_ioctl, {-1, TIOCLINUX, BAD}},
    {"personality", EPERM, false, SYS_personality, {0x40000}},
    {"socket", EAFNOSUPPORT, false, SYS_socket, {40, 9999}},
    {"socketpair", EAFNOSUPPORT, false, SYS_socketpair, {17, 9999, 0, BAD}},
    {"io_uring_setup", ENOSYS, false, SYS_io_uring_setup, {0, BAD}},
    {"io_uring_enter", ENOSYS, false, SYS_io_uring_enter, {-1, 0, 0, 0xffff}},
    {"io_uring_register", ENOSYS, false, SYS_io_uring_register, {-1, 9999}},
    {"mount", EPERM, true, SYS_mount, {BAD, BAD, BAD}},
    {"umount2", EPERM, true, SYS_umount2, {BAD, 0x1000}},
    {"pivot_root", EPERM, true, SYS_pivot_root, {BAD, BAD}},
    {"open_tree", EPERM, true, SYS_open_tree, {-1, BAD, 2}},
    {"open_tree_attr", EPERM, true, SYS_open_tree_attr, {-1, BAD, 2, BAD}},
    {"move_mount", EPERM, true, SYS_move_mount, {-1, BAD, -1, BAD, 0xffff}},
    {"fsopen", EPERM, true, SYS_fsopen, {BAD, 0xff}},
    {"fsconfig", EPERM, true, SYS_fsconfig, {-1, 99}},
    {"fsmount", EPERM, true, SYS_fsmount, {-1, 0xff}},
    {"fspick", EPERM, true, SYS_fspick, {-1, BAD, 0xffff}},
    {"mount_setattr", EPERM, true, SYS_mount_setattr, {-1, BAD, 2, BAD}},
    {"setns", EPERM, true, SYS_setns, {-1}},
    {"clone3", ENOSYS, true, SYS_clone3, {BAD, 8}},
    /* flags that don't go together */
    {"clone", EPERM, true, SYS_clone, {CLONE_NEWUSER | CLONE_FS}},
    {"unshare", EPERM, true, SYS_unshare, {CLONE_NEWUTS | 1}},
};
#define CALLS (sizeof(calls) / sizeof(*calls))

static _Noreturn void
child(int flags, int codes[CALLS])
{
	struct error err;
	size_t i;

	setsid();
	if (flags >= 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		filter_install((unsigned)flags, &err) < 0))
		_exit(1);
	for (i = 0; i < CALLS; i++) {
		const long *a = calls[i].a;

		errno = 0;
		(void)syscall(calls[i].nr, a[0], a[1], a[2], a[3], a[4], 0L);
		codes[i] = errno;
	}
	_exit(0);
}

/* What each call comes to, in a process of its own; flags -1: no filter. */
static int *
call_all(int flags, const char *name)
{
	int status = -1, *codes;
	pid_t pid;

	codes = mmap(NULL, CALLS * sizeof(*codes), PROT_READ | PROT_WRITE,
	    /* cppcheck-suppress invalidFunctionArg ; there is no file */
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (codes == MAP_FAILED)
		exit(1);
	pid = fork();
	if (pid == 0)
		child(flags, codes);
	waitpid(pid, &status, 0);
	is_int(status, 0, name);
	return codes;
}

int
main(void)
{
	const int *kernel = call_all(-1, "all is called without a filter");
	const int *job = call_all(0, "with it");
	const int *nest = call_all(FILTER_NEST, "and with that which nests");
	const struct call *c;
	size_t i;

	for (i = 0; i < CALLS; i++) {
		c = &calls[i];
		is_int(job[i], c->want, c->name);
		if (kernel[i] == c->want)
			printf("# the kernel itself says so\n");
		ok(nest[i] == (c->nest ? kernel[i] : c->want), "%s, nesting",
		    c->name);
	}
	return tap_done();
}
