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

/* ---- mounts -------------------------------------------------------------- */

int
mounting(void)
{
	return refused(mount("x", "/mnt", "tmpfs", 0, NULL), "tmpfs") ||
	    refused(mount("/etc", "/mnt", NULL, MS_BIND, NULL), "bind") ||
	    refused(mount("x", "/mnt", "proc", 0, NULL), "proc") ||
	    refused(mount("x", "/mnt", "cgroup2", 0, NULL), "cgroup2") ||
	    refused(mount("x", "/mnt", "sysfs", 0, NULL), "sysfs") ||
	    refused(mount("x", "/mnt", "debugfs", 0, NULL), "debugfs");
}

int
remounting(void)
{
	const unsigned long rw = MS_REMOUNT | MS_BIND;

	return refused(mount(NULL, "/proc/sys", NULL, rw, NULL), "/proc/sys") ||
	    refused(mount(NULL, "/autotua/recipe", NULL, rw, NULL), "recipe") ||
	    refused(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), "share");
}

int
unmounting(void)
{
	static const char *const points[] = {"/proc/sys", "/proc/kcore",
	    "/proc/keys", "/proc", "/sys", "/dev", "/autotua/recipe",
	    "/autotua", "/"};
	size_t i;

	for (i = 0; i < sizeof(points) / sizeof(*points); i++) {
		if (umount2(points[i], MNT_DETACH) == 0)
			return broke(points[i]);
	}
	return HELD;
}

int
new_mounts(void)
{
	return refused(syscall(SYS_fsopen, "tmpfs", 0), "fsopen") ||
	    refused(syscall(SYS_fspick, AT_FDCWD, "/", 0), "fspick") ||
	    refused(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE),
		"open_tree") ||
	    refused(
		syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/mnt", 0),
		"move_mount") ||
	    refused(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0,
			&(struct mount_attr){.attr_clr = MOUNT_ATTR_NOSUID},
			sizeof(struct mount_attr)),
		"mount_setattr");
}

int
pivoting(void)
{
	return refused(syscall(SYS_pivot_root, ".", "."), "pivot_root") ||
	    refused(syscall(SYS_pivot_root, "/", "/mnt"), "pivot_root");
}

/* Out of a chroot by the folder one has stayed in, and on from there. */
int
chroot_out(void)
{
	struct stat st;
	int i;

	(void)mkdir("/tmp/cell", 0755);
	if (chroot("/tmp/cell") < 0)
		return HELD;
	for (i = 0; i < 100; i++) {
		if (chdir("..") < 0)
			break;
	}
	if (chroot(".") < 0)
		return HELD;
	return stat("/autotua/recipe", &st) == 0 && stat("/boot", &st) < 0 &&
		stat("/srv", &st) < 0
	    ? HELD
	    : broke("out of the jail");
}

/* ---- namespaces ---------------------------------------------------------- */

int
unsharing(void)
{
	static const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET,
	    CLONE_NEWPID, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, 0x80,
	    CLONE_NEWUSER | CLONE_NEWNS};
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (unshare(flags[i]) == 0)
			return broke("a namespace of one's own");
	}
	return HELD;
}

int
cloning(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return refused_with(pid, EPERM, "clone with a namespace");
}

int
cloning_3(void)
{
	uint64_t args[11] = {CLONE_NEWUSER};
	long pid;

	args[4] = SIGCHLD;
	pid = syscall(SYS_clone3, args, sizeof(args));
	if (pid == 0)
		_exit(0);
	return refused_with(pid, ENOSYS, "clone3");
}

int
entering(void)
{
	static const char *const names[] = {"/proc/self/ns/mnt",
	    "/proc/self/ns/net", "/proc/self/ns/user", "/proc/self/ns/pid"};
	size_t i;
	int fd;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		fd = open(names[i], O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && setns(fd, 0) == 0)
			return broke(names[i]);
	}
	return HELD;
}

int
naming(void)
{
	return refused(sethostname("pwned", 5), "host name") ||
	    refused(setdomainname("pwned", 5), "domain name") ||
	    no_write("/proc/sys/kernel/hostname", "pwned");
}

/* ---- /proc, /sys, /dev --------------------------------------------------- */

int
settings(void)
{
	return no_write("/proc/sys/kernel/core_pattern", "|/tmp/x") ||
	    no_write("/proc/sys/vm/drop_caches", "1") ||
	    no_write("/proc/sys/kernel/modprobe", "/tmp/x") ||
	    no_write("/proc/sys/fs/binfmt_misc/register", ":x:M::x::/x:") ||
	    no_write("/proc/sys/kernel/sysrq", "1");
}

int
settings_as_other(void)
{
	if (setuid(65534) < 0)
		return HELD;
	return settings();
}

int
sysrq(void)
{
	return no_open("/proc/sysrq-trigger", O_WRONLY);
}

int
secrets(void)
{
	return no_bytes("/proc/kcore") || no_bytes("/proc/kallsyms") ||
	    no_bytes("/proc/kmsg") || no_bytes("/proc/keys") ||
	    no_bytes("/proc/key-users") || no_bytes("/proc/timer_list");
}

int
sysfs(void)
{
	DIR *dir = opendir("/sys");
	int n = 0;

	while (dir && readdir(dir) != NULL)
		n++;
	if (dir)
		closedir(dir);
	if (n > 2)
		return broke("/sys isn't empty");
	return refused(mkdir("/sys/x", 0755), "/sys can be written");
}

int
devices(void)
{
	static const char *const allowed = " . .. null zero full random "
					   "urandom tty fd stdin stdout stderr "
					   "ptmx pts shm ";
	DIR *dir = opendir("/dev");
	struct dirent *e;
	char name[300];
	int rc = HELD;

	while (dir && rc == HELD && (e = readdir(dir)) != NULL) {
		snprintf(name, sizeof(name), " %s ", e->d_name);
		if (!strstr(allowed, name))
			rc = broke(e->d_name);
	}
	if (dir)
		closedir(dir);
	return rc;
}

int
making_devices(void)
{
	return refused(mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)),
		   "a character device") ||
	    refused(mknod("/dev/sda", S_IFBLK | 0666, makedev(8, 0)),
		"a block device") ||
	    refused(mknod("/autotua/work/n", S_IFCHR | 0666, makedev(1, 3)),
		"a device in the work folder");
}

int
whiteout(void)
{
	return refused(mknod("/etc/passwd2", S_IFCHR, 0), "a whiteout") ||
	    refused(setxattr("/etc", "trusted.overlay.opaque", "y", 1, 0),
		"an attribute of overlayfs");
}

int
small_dev(void)
{
	static char mib[1 << 20];
	int fd = open("/dev/big", O_WRONLY | O_CREAT, 0600), i;
	ssize_t n = 0;

	for (i = 0; fd >= 0 && i < 8 && n >= 0; i++)
		n = write(fd, mib, sizeof(mib));
	unlink("/dev/big");
	return fd < 0 || i < 8 ? HELD : broke("/dev takes 8 MiB");
}

int
small_shm(void)
{
	static char mib[1 << 20];
	int fd = open("/dev/shm/big", O_WRONLY | O_CREAT, 0600), i;
	ssize_t n = 0;

	for (i = 0; fd >= 0 && i < 300 && n >= 0; i++)
		n = write(fd, mib, sizeof(mib));
	unlink("/dev/shm/big");
	return fd < 0 || i < 300 ? HELD : broke("/dev/shm takes 300 MiB");
}
