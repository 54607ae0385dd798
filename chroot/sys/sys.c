/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SCOPE_ABSTRACT_SOCKET 1 /* LANDLOCK_SCOPE_... */
#define SCOPE_SIGNAL          2

static int
open2(int dirfd, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {
	    .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

int
sys_open_beneath(int dirfd, const char *path, int flags)
{
	return open2(dirfd, path, flags,
	    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

int
sys_create_beneath(int dirfd, const char *path, mode_t mode)
{
	struct open_how how = {.flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    .mode = mode,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

int
sys_open_in_root(int root, const char *path, int flags)
{
	return open2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int
sys_open_links_in_root(int root, const char *path, int flags)
{
	return open2(
	    root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

pid_t
sys_clone(uint64_t flags, int cgroup, int *pidfd)
{
	struct clone_args args = {
	    .flags = flags | CLONE_PIDFD,
	    .pidfd = (uint64_t)(uintptr_t)pidfd,
	    .exit_signal = SIGCHLD,
	};
	long pid;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	/* some container managers answer so to what they can't inspect */
	if (pid < 0 && cgroup < 0 && (errno == ENOSYS || errno == EPERM))
		pid = syscall(SYS_clone,
		    (unsigned long)flags | CLONE_PIDFD | SIGCHLD, NULL, pidfd,
		    NULL, NULL);
	return (pid_t)pid;
}

int
sys_pivot_root(const char *fresh, const char *old)
{
	return (int)syscall(SYS_pivot_root, fresh, old);
}

int
sys_pidfd_kill(int pidfd)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

int
sys_drop_groups(void)
{
	return setgroups(0, NULL);
}

void
sys_idle_io(void)
{
	/* IOPRIO_WHO_PROCESS, IOPRIO_CLASS_IDLE; there is no header for them */
	(void)syscall(SYS_ioprio_set, 1, 0, 3 << 13);
}

void
sys_close_from(unsigned first)
{
	long i, max;

	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
	max = sysconf(_SC_OPEN_MAX);
	for (i = (long)first; i < max; i++)
		close((int)i);
}

void
sys_fresh_keyring(void)
{
	/* a kernel without keyrings has none to leak */
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

int
sys_capset(uint64_t mask)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	int i;

	for (i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(mask >> (32 * i));
		data[i].permitted = data[i].effective;
		data[i].inheritable = 0;
	}
	return (int)syscall(SYS_capset, &head, data);
}

int
sys_capraise(void)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	int i;

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	for (i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	return (int)syscall(SYS_capset, &head, data);
}

int
sys_scope(void)
{
	/* headers older than the kernel lack the last member */
	struct {
		uint64_t fs, net, scoped;
	} attr = {0, 0, SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL};
	long fd;
	int rc;

	fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return -1;
	rc = (int)syscall(SYS_landlock_restrict_self, fd, 0);
	close((int)fd);
	return rc;
}
