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

/* ---- sockets ------------------------------------------------------------- */

int
families(void)
{
	static const int no[] = {40 /* VSOCK */, 38 /* ALG */, 17 /* PACKET */,
	    31 /* BLUETOOTH */, 44 /* XDP */, 9 /* X25 */, 29 /* CAN */,
	    21 /* RDS */, 30 /* TIPC */, 15 /* KEY */};
	size_t i;
	int fd;

	for (i = 0; i < sizeof(no) / sizeof(*no); i++) {
		if (refused_with(socket(no[i], SOCK_DGRAM, 0), EAFNOSUPPORT,
			"a family of sockets") != HELD)
			return BROKE;
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return broke("no unix sockets");
	close(fd);
	return HELD;
}

int
raw_sockets(void)
{
	return refused(socket(AF_INET, SOCK_RAW, 1), "raw") ||
	    refused(socket(AF_INET6, SOCK_RAW, 58), "raw 6");
}

/* Ask the kernel to take lo down; what it answers. */
int
configure_network(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} m = {{sizeof(m), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
	    {.ifi_family = AF_UNSPEC, .ifi_index = 1, .ifi_change = 1}};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[256];
	} answer = {.e = {.error = -EPERM}};
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &m, sizeof(m), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return HELD;
	return answer.e.error < 0 ? HELD : broke("lo was taken down");
}

int
loopback(void)
{
	struct ifconf c = {.ifc_len = 0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	/* the size of all addresses: one interface */
	if (fd < 0 || ioctl(fd, 0x8912 /* SIOCGIFCONF */, &c) < 0)
		return HELD;
	close(fd);
	return c.ifc_len > 40 ? broke("more than lo is there") : HELD;
}

int
connect_abstract(void)
{
	struct sockaddr_un a = {AF_UNIX, "\0autotua-probe"};
	socklen_t n = offsetof(struct sockaddr_un, sun_path) + 14;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return refused(connect(fd, (struct sockaddr *)&a, n),
	    "the host's abstract socket");
}

/* ---- powers -------------------------------------------------------------- */

int
capabilities(void)
{
	struct __user_cap_header_struct h = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2];
	const unsigned bad = 1u << CAP_SYS_MODULE | 1u << CAP_SYS_RAWIO |
	    1u << CAP_MKNOD | 1u << CAP_SYS_BOOT | 1u << CAP_SYS_TIME |
	    1u << CAP_LINUX_IMMUTABLE | 1u << CAP_IPC_LOCK |
	    1u << CAP_SYS_RESOURCE | 1u << CAP_AUDIT_WRITE;

	if (syscall(SYS_capget, &h, d) < 0 || (d[0].permitted & bad) != 0)
		return broke("a capability too many");
	d[0].effective = d[0].permitted |= bad;
	return refused(syscall(SYS_capset, &h, d), "raised a capability");
}

int
bounding_set(void)
{
	return prctl(PR_CAPBSET_READ, CAP_SYS_MODULE, 0, 0, 0) == 1 ||
		prctl(PR_CAPBSET_READ, CAP_MKNOD, 0, 0, 0) == 1
	    ? broke("the bounding set")
	    : HELD;
}

int
privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
		prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) < 0
	    ? HELD
	    : broke("no_new_privs");
}

/* What a process of no rights becomes by a program of root's with s bits. */
int
set_user_id(void)
{
	static const char own[] = "/autotua/recipe/probe";
	char program[] = "/tmp/setuid", word[] = "am-root";
	char *argv[] = {program, word, NULL};
	char data[65536];
	int from = open(own, O_RDONLY), to, status = 0;
	ssize_t n;
	pid_t pid;

	to = open(argv[0], O_WRONLY | O_CREAT | O_TRUNC, 0700);
	while ((n = read(from, data, sizeof(data))) > 0) {
		if (write(to, data, (size_t)n) != n)
			return HELD;
	}
	fchmod(to, 06755);
	close(to);
	pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setgid(1234) < 0 ||
		    setuid(1234) < 0)
			_exit(1);
		execv(argv[0], argv);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	unlink(argv[0]);
	return WIFEXITED(status) && WEXITSTATUS(status) == 42
	    ? broke("a setuid program works")
	    : HELD;
}

int
am_root(void)
{
	return geteuid() == 0 ? 42 : 0;
}

int
foreign_ids(void)
{
	return refused_with(setresuid(70000, 70000, 70000), EINVAL, "user") ||
	    refused_with(setresgid(70000, 70000, 70000), EINVAL, "group") ||
	    refused_with(chown("/tmp", 70000, 0), EINVAL, "owner");
}

int
own_ids(void)
{
	char text[64] = "";
	int fd = open("/proc/self/uid_map", O_RDONLY);
	unsigned inside = 1, outside = 0, count = 0;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
	    sscanf(text, "%u %u %u", &inside, &outside, &count) != 3)
		return broke("no map of ids");
	close(fd);
	return inside == 0 && outside >= 65536 && count == 65536 &&
		no_write("/proc/self/uid_map", "0 0 1") == HELD
	    ? HELD
	    : broke("the map of ids");
}

int
resources(void)
{
	static const struct {
		int which;
		rlim_t soft, hard; /* at most */
	} limits[] = {{RLIMIT_CORE, 0, 0}, {RLIMIT_NOFILE, 16384, 524288},
	    {RLIMIT_MEMLOCK, 8 << 20, 8 << 20},
	    {RLIMIT_STACK, 8 << 20, RLIM_INFINITY}};
	__rlimit_resource_t which;
	struct rlimit r;
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		which = (__rlimit_resource_t)limits[i].which;
		getrlimit(which, &r);
		if (r.rlim_cur > limits[i].soft || r.rlim_max > limits[i].hard)
			return broke("a limit is the caller's");
		if (r.rlim_max == RLIM_INFINITY)
			continue;
		r.rlim_cur = ++r.rlim_max;
		if (setrlimit(which, &r) == 0)
			return broke("a hard limit was raised");
	}
	return HELD;
}

int
priorities(void)
{
	struct sched_param p = {.sched_priority = 1};

	return refused(setpriority(PRIO_PROCESS, 0, -5), "priority") ||
	    refused(sched_setscheduler(0, SCHED_FIFO, &p), "real time") ||
	    refused(
		syscall(SYS_ioprio_set, 1, 0, 1 << 13), "real time for disks");
}

int
locked_memory(void)
{
	size_t n = 64 << 20;
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    /* cppcheck-suppress invalidFunctionArg ; there is no file */
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return refused(mlock(p, n), "64 MiB were locked");
}

int
immutable(void)
{
	int fd = open("/tmp/fixed", O_RDWR | O_CREAT, 0600);
	int flags = FS_IMMUTABLE_FL;

	if (fd < 0)
		return HELD;
	return refused(
	    ioctl(fd, FS_IOC_SETFLAGS, &flags), "a file that can't be deleted");
}
