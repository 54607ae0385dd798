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

/* ---- process 1, which is the jailer's ------------------------------------ */

int
exe_of_1(void)
{
	char path[256];

	if (readlink("/proc/1/exe", path, sizeof(path)) > 0)
		return broke("the jailer's program is known");
	return no_open("/proc/1/exe", O_RDONLY) ||
	    no_open("/proc/1/exe", O_WRONLY);
}

int
memory_of_1(void)
{
	return no_open("/proc/1/mem", O_RDONLY) ||
	    no_open("/proc/1/mem", O_RDWR) || no_bytes("/proc/1/maps") ||
	    no_bytes("/proc/1/environ");
}

int
files_of_1(void)
{
	char path[256];

	return no_open("/proc/1/fd/0", O_RDONLY) ||
	    no_open("/proc/1/fd/4", O_WRONLY) ||
	    refused(readlink("/proc/1/fd/0", path, sizeof(path)), "a file") ||
	    no_open("/proc/1/root/etc", O_RDONLY) ||
	    no_open("/proc/1/cwd", O_RDONLY) ||
	    no_open("/proc/1/ns/mnt", O_RDONLY);
}

int
trace_1(void)
{
	return refused(
		   ptrace(PTRACE_ATTACH, 1, 0, 0), "attached to process 1") ||
	    refused(ptrace(PTRACE_SEIZE, 1, 0, 0), "seized process 1");
}

int
read_1(void)
{
	char c;
	struct iovec here = {&c, 1}, there = {(void *)(uintptr_t)0x400000, 1};

	return refused(process_vm_readv(1, &here, 1, &there, 1, 0),
		   "memory of process 1") ||
	    refused(process_vm_writev(1, &here, 1, &there, 1, 0),
		"memory of process 1");
}

int
kill_1(void)
{
	kill(1, SIGKILL);
	kill(1, SIGSTOP);
	kill(1, SIGTERM);
	usleep(50000);
	return kill(1, 0) == 0 || errno == EPERM ? HELD : broke("it is gone");
}

int
take_fd_of_1(void)
{
	long fd = syscall(SYS_pidfd_open, 1, 0), i;

	for (i = 0; fd >= 0 && i < 16; i++) {
		if (syscall(SYS_pidfd_getfd, fd, i, 0) >= 0)
			return broke("took a descriptor of process 1");
	}
	return HELD;
}

int
oom_of_1(void)
{
	return no_write("/proc/1/oom_score_adj", "1000") ||
	    no_write("/proc/self/oom_score_adj", "-1000");
}

/* ---- what came along ----------------------------------------------------- */

int
descriptors(void)
{
	int fd;

	for (fd = 3; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			return broke("a descriptor above 2 is open");
	}
	return HELD;
}

int
working_directory(void)
{
	char path[256];

	if (!getcwd(path, sizeof(path)) || strncmp(path, "/autotua/", 9) != 0)
		return broke("the working directory is outside");
	return HELD;
}

int
standard_input(void)
{
	struct stat st;

	if (fstat(0, &st) < 0 || st.st_rdev != makedev(1, 3))
		return broke("standard input isn't /dev/null");
	return HELD;
}

int
terminal(void)
{
	/* another's has no number in here, and its terminal's keys reach us */
	if (getsid(0) != getpid())
		return broke("the caller's session");
	return no_open("/dev/tty", O_RDWR) || no_open("/dev/console", O_RDWR) ||
	    refused(ioctl(1, TIOCSCTTY, 1), "took a terminal");
}

int
typing(void)
{
	char c = 'x';

	return refused_with(ioctl(0, TIOCSTI, &c), EPERM, "TIOCSTI") ||
	    refused_with(ioctl(0, TIOCLINUX, &c), EPERM, "TIOCLINUX") ||
	    refused_with(
		syscall(SYS_ioctl, 0, 0xffffffff00000000ul | TIOCSTI, &c),
		EPERM, "TIOCSTI with high bits");
}

int
environment(void)
{
	return getenv("PROBE_SECRET") || getenv("SUDO_USER") || getenv("TMPDIR")
	    ? broke("the caller's environment")
	    : HELD;
}

int
other_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (dir && (e = readdir(dir)) != NULL)
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9';
	if (dir)
		closedir(dir);
	return n > 3 ? broke("processes of others are seen") : HELD;
}

int
kill_others(void)
{
	pid_t pid;

	signal(SIGTERM, SIG_IGN);
	for (pid = 100; pid < 5000; pid++) {
		if (kill(pid, 0) == 0)
			return broke(
			    "a process of the host's can be signalled");
	}
	return HELD;
}

/* ---- what is the caller's ------------------------------------------------ */

int
recipe_files(void)
{
	return no_open("/autotua/recipe/probe", O_RDWR) ||
	    refused(unlink("/autotua/recipe/probe"), "the recipe is deleted") ||
	    refused(link("/autotua/recipe/probe", "/autotua/work/probe"),
		"a link to the recipe") ||
	    refused(chmod("/autotua/recipe/probe", 04777), "chmod");
}

int
sources(void)
{
	static const char source[] = "/autotua/distfiles/source";

	return no_open(source, O_RDWR) ||
	    refused(truncate(source, 0), "a source is emptied") ||
	    refused(unlink(source), "a source is deleted") ||
	    refused(link(source, "/autotua/work/source"), "a link to it") ||
	    refused(chmod(source, 0777), "chmod") ||
	    refused(setxattr(source, "user.x", "y", 1, 0), "an attribute") ||
	    (access(source, R_OK) == 0 ? HELD : broke("it can't be read"));
}

int
stage_files(void)
{
	/* in the jail's own layer; the host's side looks at the stage */
	if (truncate("/etc/passwd", 1) < 0 || unlink("/etc/group") < 0 ||
	    chmod("/bin/busybox", 04777) < 0)
		return broke("the root can't be written");
	/* an ordinary user's overlayfs leaves folders where they are */
	if (rename("/opt", "/moved") < 0 ? errno != EXDEV
					 : mkdir("/opt", 0700) < 0)
		return broke("a folder can't be renamed");
	return HELD;
}

int
groups_of_control(void)
{
	char text[4096] = "";
	char *line, *rest = text;
	int fd;

	if (access("/sys/fs/cgroup", F_OK) == 0)
		return broke("control groups are mounted");
	fd = open("/proc/self/cgroup", O_RDONLY);
	if (fd < 0)
		return HELD;
	(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	while ((line = strsep(&rest, "\n")) != NULL) {
		line = strrchr(line, ':');
		if (line && strcmp(line, ":/") != 0)
			return broke("the path of a group of the host's");
	}
	return HELD;
}

int
odd_tree(void)
{
	char name[256];
	int i;

	memset(name, 'd', 255);
	name[255] = '\0';
	if (chdir("/autotua/work") < 0)
		return HELD;
	for (i = 0; i < 300 && mkdir(name, 0) == 0; i++) {
		chmod(name, 0700);
		if (chdir(name) < 0)
			break;
		chmod(".", 0);
	}
	(void)mkdir("a\nb\033[2J", 0);
	return HELD;
}

int
outlive(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		if (fork() == 0) {
			sigset_t all;

			sigfillset(&all);
			sigprocmask(SIG_BLOCK, &all, NULL);
			if (fork() == 0) {
				setsid();
				prctl(PR_SET_PDEATHSIG, 0);
				if (fork() == 0)
					pause();
				pause();
			}
			_exit(0);
		}
	}
	return HELD;
}

int
artifacts(void)
{
	static const char at[] = "/autotua/artifacts";

	if (chdir(at) < 0 || symlink("/etc/shadow", "link") < 0 ||
	    symlink("/", "folder") < 0 || mkfifo("fifo", 0666) < 0)
		return broke("the folder of artifacts can't be filled");
	if (fork() == 0) {
		close(open("set", O_CREAT | O_WRONLY, 0700));
		_exit(chmod("set", 06777));
	}
	wait(NULL);
	return HELD;
}

int
artifacts_replaced(void)
{
	static const char at[] = "/autotua/artifacts";

	if (rename(at, "/autotua/old") < 0 || symlink("/etc", at) < 0)
		return broke("the folder of artifacts can't be replaced");
	return HELD;
}
