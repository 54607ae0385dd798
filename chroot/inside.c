/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child side of a jail. autotua-chroot forks this process into new mount,
 * pid, ipc, uts and (without "net") network namespaces; inside() is its text
 * and its order is the security model: first whoever should die with us is
 * tied to us, then the view of the file system is built and entered, then
 * what root could still do is taken away, then the command runs as a child
 * and this process stays as process 1. It never executes a program itself,
 * and can't be traced or opened through /proc by the job (not dumpable).
 *
 * Up to pivot() this is the host's root with the host's view: nothing of the
 * job runs yet, and what an image holds is opened in ways that follow no link.
 */
#include "chroot/box.h"
#include "chroot/priv.h"
#include "chroot/sys.h"
#include "chroot/unpacker.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void
box_die(const struct box *b, const char *fmt, ...)
{
	struct answer a = {.kind = ANSWER_BROKEN};
	va_list ap;

	(void)b;
	va_start(ap, fmt);
	vsnprintf(a.text, sizeof(a.text), fmt, ap);
	va_end(ap);
	if (write(BOX_ANSWER, &a, sizeof(a)) < 0)
		_exit(71);
	_exit(70);
}

/* Move fd up and out of the way of the numbers of enum box_fd. */
static int
high(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 64);
}

/* The ends that are ours under fixed numbers, and nothing else open. */
static void
keep_descriptors(const struct box *b)
{
	int log = high(b->log), leash = high(b->leash);
	int answer = high(b->answer), extra = high(b->extra);

	if (dup3(answer, BOX_ANSWER, O_CLOEXEC) < 0)
		_exit(71);
	if (dup3(leash, BOX_LEASH, O_CLOEXEC) < 0 || dup2(log, 1) < 0 ||
	    dup2(log, 2) < 0)
		box_die(b, "descriptors: %s", strerror(errno));
	close(0);
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) != 0)
		box_die(b, "open /dev/null: %s", strerror(errno));
	/* taken in any case, so that nothing else gets a number of ours */
	if (dup3(extra < 0 ? 0 : extra, BOX_EXTRA, O_CLOEXEC) < 0)
		box_die(b, "descriptors: %s", strerror(errno));
	sys_close_from(BOX_FREE);
}

/* Is the parent gone? Its death closes the leash's other end. */
static void
check_leash(const struct box *b)
{
	struct pollfd p = {.fd = BOX_LEASH};

	if (poll(&p, 1, 0) != 0)
		box_die(b, "the caller is gone");
}

/* Die with the parent, and be closed to the job's eyes. */
static void
tie(const struct box *b)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0) < 0)
		box_die(b, "prctl: %s", strerror(errno));
	check_leash(b);
	umask(0);
}

/* Nothing that is mounted from here on reaches the host. */
static void
make_private(const struct box *b)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		box_die(b, "make mounts private: %s", strerror(errno));
}

static void
raise_loopback(const struct box *b)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (b->net)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		box_die(b, "raise lo: %s", strerror(errno));
	close(fd);
}

static void
set_names(const struct box *b)
{
	if (sethostname("autotua", 7) < 0 || setdomainname("(none)", 6) < 0)
		box_die(b, "set the host name: %s", strerror(errno));
}

/* The new root instead of the old, which is gone afterwards. */
static void
pivot(const struct box *b, int root)
{
	if (fchdir(root) < 0 || sys_pivot_root(".", ".") < 0)
		box_die(b,
		    "pivot_root: %s (a machine that runs from its initramfs "
		    "can't do this)",
		    strerror(errno));
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		box_die(b, "leave the old root: %s", strerror(errno));
	close(root);
}

static void
drop_privileges(const struct box *b)
{
	struct error err;

	if (priv_drop(PRIV_JOB, &err) < 0)
		box_die(b, "%s", err.msg);
}

/* The archive at BOX_EXTRA into the root. Nothing of the job runs here. */
static _Noreturn void
unpack_conf(int root)
{
	struct answer a = {.kind = ANSWER_ENDED};
	struct unpack_count count;
	struct error err;

	if (unpacker_fill(BOX_EXTRA, root, UNPACK_CONF, &count, &err) < 0) {
		dprintf(BOX_LOG, "autotua-chroot: portconf: %s\n", err.msg);
		a.status = 1 << 8;
	}
	getrusage(RUSAGE_CHILDREN, &a.usage);
	if (write(BOX_ANSWER, &a, sizeof(a)) < 0)
		_exit(71);
	_exit(0);
}

void
inside(const struct box *b)
{
	int root;

	keep_descriptors(b);
	tie(b);
	make_private(b);
	root = root_mount(b);
	if (!b->argv)
		unpack_conf(root);
	mount_dev(b, root);
	mount_proc(b, root);
	mount_sys(b, root);
	mount_tmp(b, root);
	mount_autotua(b, root);
	mount_resolver(b, root);
	raise_loopback(b);
	set_names(b);
	pivot(b, root);
	drop_privileges(b);
	tie(b); /* a change of credentials may have undone it */
	init_run(b);
}
