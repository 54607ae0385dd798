/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attacks from inside of a jail, one a name: "probe NAME" tries it and exits
 * with 0 if the jail held, 1 (and a line) if not; "probe list" shows the
 * names, each after the modes in which it means something:
 *	-	any jail
 *	n	not where the job may make namespaces (nest)
 *	u	only where the job's ids are its own (userns)
 *	p	only without the host's network
 *	a	only without any
 *	r	only where root calls the jailer
 *	c	not where the root is a copy
 *	l	with the host's network only where the kernel scopes sockets
 * It is linked statically: the stage has no libraries. For the host's side,
 * "probe listen FILE" waits on an abstract socket, "probe host" shows what a
 * job could have changed.
 */
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

int
broke(const char *what)
{
	printf("BROKE: %s\n", what);
	return BROKE;
}

int
refused(long rc, const char *what)
{
	return rc < 0 ? HELD : broke(what);
}

int
refused_with(long rc, int code, const char *what)
{
	if (rc >= 0)
		return broke(what);
	if (errno == code)
		return HELD;
	printf("BROKE: %s: %s instead of %s\n", what, strerror(errno),
	    strerror(code));
	return BROKE;
}

int
no_open(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return HELD;
	close(fd);
	printf("BROKE: %s can be opened\n", path);
	return BROKE;
}

int
no_bytes(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char c;
	ssize_t n;

	if (fd < 0)
		return HELD;
	n = read(fd, &c, 1);
	close(fd);
	return n > 0 ? broke(path) : HELD;
}

int
no_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return HELD;
	n = write(fd, text, strlen(text));
	close(fd);
	return n >= 0 ? broke(path) : HELD;
}

static const struct {
	const char *name, *modes;
	int (*run)(void);
} probes[] = {
    {"exe-of-1", "-", exe_of_1},
    {"memory-of-1", "-", memory_of_1},
    {"files-of-1", "-", files_of_1},
    {"trace-1", "-", trace_1},
    {"read-1", "-", read_1},
    {"kill-1", "-", kill_1},
    {"take-fd-of-1", "-", take_fd_of_1},
    {"oom-of-1", "u", oom_of_1},
    {"descriptors", "-", descriptors},
    {"working-directory", "-", working_directory},
    {"standard-input", "-", standard_input},
    {"terminal", "-", terminal},
    {"typing", "-", typing},
    {"environment", "-", environment},
    {"other-processes", "-", other_processes},
    {"kill-others", "-", kill_others},
    {"mounting", "n", mounting},
    {"remounting", "-", remounting},
    {"unmounting", "-", unmounting},
    {"new-mounts", "n", new_mounts},
    {"pivoting", "-", pivoting},
    {"chroot-out", "-", chroot_out},
    {"unsharing", "n", unsharing},
    {"cloning", "n", cloning},
    {"cloning-3", "n", cloning_3},
    {"entering", "n", entering},
    {"naming", "-", naming},
    {"settings", "-", settings},
    {"settings-as-other", "-", settings_as_other},
    {"sysrq", "-", sysrq},
    {"secrets", "-", secrets},
    {"sysfs", "-", sysfs},
    {"devices", "-", devices},
    {"making-devices", "-", making_devices},
    {"whiteout", "c", whiteout},
    {"small-dev", "-", small_dev},
    {"small-shm", "-", small_shm},
    {"keys", "-", keys},
    {"bpf", "-", bpf},
    {"perf", "-", perf},
    {"faults", "-", faults},
    {"uring", "-", uring},
    {"modules", "-", modules},
    {"kexec", "-", kexec},
    {"rebooting", "-", rebooting},
    {"swapping", "-", swapping},
    {"accounting", "-", accounting},
    {"handles", "-", handles},
    {"kernel-log", "-", kernel_log},
    {"clocks", "-", clocks},
    {"personalities", "-", personalities},
    {"ports", "-", ports},
    {"unknown-calls", "-", unknown_calls},
    {"calls-of-32-bits", "n", calls_of_32_bits},
    {"families", "-", families},
    {"raw-sockets", "-", raw_sockets},
    {"configure-network", "-", configure_network},
    {"loopback", "pa", loopback},
    {"connect-abstract", "l", connect_abstract},
    {"capabilities", "-", capabilities},
    {"bounding-set", "-", bounding_set},
    {"privileges", "-", privileges},
    {"set-user-id", "-", set_user_id},
    {"foreign-ids", "u", foreign_ids},
    {"own-ids", "ur", own_ids},
    {"resources", "-", resources},
    {"priorities", "-", priorities},
    {"locked-memory", "-", locked_memory},
    {"immutable", "-", immutable},
    {"recipe-files", "-", recipe_files},
    {"sources", "-", sources},
    {"stage-files", "-", stage_files},
    {"groups-of-control", "-", groups_of_control},
    {"odd-tree", "-", odd_tree},
    {"outlive", "-", outlive},
    {"artifacts", "-", artifacts},
    {"artifacts-replaced", "-", artifacts_replaced},
};

/* The host's end of connect_abstract(); the file says that it is there. */
static int
listen_abstract(const char *file)
{
	struct sockaddr_un a = {AF_UNIX, "\0autotua-probe"};
	socklen_t n = offsetof(struct sockaddr_un, sun_path) + 14;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 ||
	    listen(fd, 4) < 0)
		return 1;
	close(open(file, O_WRONLY | O_CREAT, 0600));
	pause();
	close(fd);
	return 0;
}

int
main(int argc, char **argv)
{
	size_t i, n = sizeof(probes) / sizeof(*probes);

	if (argc == 4 && strcmp(argv[1], "host") == 0)
		return host_view(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "listen") == 0)
		return listen_abstract(argv[2]);
	if (argc == 6 && strcmp(argv[1], "hold") == 0)
		return hold(argv + 2);
	if (argc == 6 && strcmp(argv[1], "attributes") == 0)
		return attributes(argv + 2);
	if (argc == 5 && strcmp(argv[1], "dated") == 0)
		return dated(argv + 2);
	if (argc == 2 && strcmp(argv[1], "am-root") == 0)
		return am_root();
	/* a phase's name may follow */
	for (i = 0; i < n && argc >= 2; i++) {
		if (strcmp(argv[1], "list") == 0)
			printf("%s %s\n", probes[i].modes, probes[i].name);
		else if (strcmp(argv[1], probes[i].name) == 0)
			return probes[i].run();
	}
	return argc == 2 && strcmp(argv[1], "list") == 0 ? 0 : 2;
}
