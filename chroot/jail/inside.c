/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child side of a jail. autotua-chroot forks this process into new mount,
 * pid, ipc, uts and, unless it gets one, network namespaces; inside() is its
 * text and its order is the security model: first whoever should die with us is
 * tied to us, then the view of the file system is built and entered, then,
 * last of all namespaces, that of users: what was made before it belongs to
 * the host's root, so that the jail's can't undo it. Then what that could
 * still do is taken away, the command runs as a child and this process stays
 * as process 1. It never executes a program itself,
 * and can't be traced or opened through /proc by the job (not dumpable).
 *
 * It is in two halves. The first knows nothing of the job, and may be over
 * long before there is one; then it has left the host's mounts behind, so
 * that none of them is held. The second begins with the order.
 *
 * Up to pivot() this is the host's root: nothing of the job runs yet, and what
 * an image holds is opened in ways that follow no link.
 */
#include "chroot/jail/box.h"
#include "chroot/jail/cgroup.h"
#include "chroot/jail/filter.h"
#include "chroot/jail/order.h"
#include "chroot/sys/netns.h"
#include "chroot/sys/priv.h"
#include "chroot/sys/sys.h"
#include "chroot/sys/unpacker.h"
#include "base/arena.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void
box_die(const struct box *b, const char *fmt, ...)
{
	struct answer a = {.kind = ANSWER_BROKEN};
	va_list ap;

	a.lacks = *b->lacks;
	va_start(ap, fmt);
	vsnprintf(a.text, sizeof(a.text), fmt, ap);
	va_end(ap);
	if (write(BOX_ANSWER, &a, sizeof(a)) < 0)
		_exit(71);
	_exit(70);
}

void
box_lacks(const struct box *b, enum feature f)
{
	*b->lacks |= f;
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
	int answer = high(b->answer), order = high(b->order);
	int userns = high(b->userns), netns = high(b->netns);

	if (dup3(answer, BOX_ANSWER, O_CLOEXEC) < 0)
		_exit(71);
	if (dup3(leash, BOX_LEASH, O_CLOEXEC) < 0 || dup2(log, 1) < 0 ||
	    dup2(log, 2) < 0)
		box_die(b, "descriptors: %s", strerror(errno));
	close(0);
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) != 0)
		box_die(b, "open /dev/null: %s", strerror(errno));
	/* taken in any case, so that nothing else gets a number of ours */
	if (dup3(order, BOX_ORDER, O_CLOEXEC) < 0 ||
	    dup3(0, BOX_EXTRA, O_CLOEXEC) < 0 ||
	    dup3(userns < 0 ? 0 : userns, BOX_USERNS, O_CLOEXEC) < 0 ||
	    dup3(netns < 0 ? 0 : netns, BOX_NETNS, O_CLOEXEC) < 0)
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

/* The network that was made for it; its owner is not the job's root. */
static void
enter_network(const struct box *b)
{
	if (b->netns >= 0 && setns(BOX_NETNS, CLONE_NEWNET) < 0)
		box_die(b, "enter the network: %s", strerror(errno));
	close(BOX_NETNS);
}

/* The loopback of a network of its own. */
static void
raise_network(const struct box *b)
{
	struct error err;

	if (b->net == NETWORK_HOST)
		return;
	if (netns_raise(&err) < 0)
		box_die(b, "%s", err.msg);
}

static void
set_names(const struct box *b)
{
	if (sethostname("autotua", 7) < 0 || setdomainname("(none)", 6) < 0)
		box_die(b, "set the host name: %s", strerror(errno));
}

/*
 * Files that we make are root's of the jail: the ids for files are that
 * root's from here on. All else is still the host's root's, but the kernel
 * takes away what it can do to files, so it is taken back.
 */
static void
become_owner(const struct box *b)
{
	if (b->userns < 0)
		return;
	(void)setfsgid(b->base);
	(void)setfsuid(b->base);
	if (sys_capraise() < 0)
		box_die(b, "capabilities: %s", strerror(errno));
}

/*
 * Away from the host's mounts, none of which is needed any more: the nursery
 * is the root then. Where that can't be, they stay.
 */
static bool
leave_host(const struct box *b, int nursery)
{
	if ((b->without & FEATURE_PIVOT) != 0 || fchdir(nursery) < 0 ||
	    sys_pivot_root(".", ".") < 0)
		return false;
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		box_die(b, "leave the host's mounts: %s", strerror(errno));
	return true;
}

/*
 * The root over "/" and a chroot into it, where the machine's root is its
 * initramfs. What keeps the job inside then is that it can't mount.
 */
static void
move_root(const struct box *b, int nursery, int root, int sys)
{
	box_lacks(b, FEATURE_PIVOT);
	if (b->nest)
		box_die(b,
		    "this machine runs from its initramfs: no "
		    "nesting job can be held here");
	if (fchdir(root) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0)
		box_die(b, "enter the root: %s", strerror(errno));
	mount_sys(b, nursery, sys);
}

/* The new root instead of the nursery, which is its /sys afterwards. */
static void
pivot(const struct box *b, bool left, int nursery, int root)
{
	int sys = mount_point_of_sys(b, root);

	if (!left)
		move_root(b, nursery, root, sys);
	else if (fchdir(sys) < 0 || sys_pivot_root("..", ".") < 0)
		box_die(b, "enter the root: %s", strerror(errno));
	if (chdir("/") < 0)
		box_die(b, "enter the root: %s", strerror(errno));
	close(sys);
	close(root);
	mount_emptied(b, nursery);
}

/* From here on our control groups are the root of what the jail sees. */
static void
join_groups(const struct box *b, const struct parts *p)
{
	bool joined = false;
	int i;

	for (i = PART_DOOR; i < PARTS; i++) {
		if (p->fd[i] < 0)
			continue;
		if (cgroup_join(p->fd[i]) < 0)
			box_die(b, "join a control group: %s", strerror(errno));
		joined = true;
	}
	if (joined && unshare(CLONE_NEWCGROUP) < 0)
		box_die(b, "cgroup namespace: %s", strerror(errno));
}

/*
 * Into the user namespace, as its root. The other namespaces are the host's
 * root's, so whatever this root can do, it can't do to them.
 */
static void
enter_userns(const struct box *b)
{
	if (b->userns < 0)
		return;
	if (setns(BOX_USERNS, CLONE_NEWUSER) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		box_die(b, "enter the user namespace: %s", strerror(errno));
	close(BOX_USERNS);
}

static void
drop_privileges(const struct box *b)
{
	bool counts = b->poor && b->limits.memory > 0;
	struct error err;

	sys_fresh_keyring();
	enter_userns(b);
	if (priv_drop(b->nest ? PRIV_NEST
		    : counts  ? PRIV_COUNT
			      : PRIV_JOB,
		&err) < 0)
		box_die(b, "%s", err.msg);
}

static void
limit_resources(const struct box *b)
{
	struct error err;

	if (limit_set(&b->limits, b->poor, &err) < 0)
		box_die(b, "%s", err.msg);
}

/* Sockets without a name in the file system, and signals, stay inside. */
static void
scope(const struct box *b)
{
	if ((b->without & FEATURE_LANDLOCK) != 0 || sys_scope() < 0)
		box_lacks(b, FEATURE_LANDLOCK);
}

static void
filter(const struct box *b)
{
	struct error err;
	unsigned flags =
	    (b->nest ? FILTER_NEST : 0) | (b->bits32 ? FILTER_32BIT : 0);

	if (b->bits32 && personality(PER_LINUX32) < 0)
		box_die(b, "personality: %s", strerror(errno));
	if ((b->without & FEATURE_SECCOMP) != 0)
		box_die(b, "without seccomp no job is run");
	if (filter_install(flags, &err) < 0)
		box_die(
		    b, "%s: this kernel needs CONFIG_SECCOMP_FILTER", err.msg);
}

/* The archive at BOX_EXTRA into the root. Nothing of the job runs here. */
static _Noreturn void
unpack_conf(const struct box *b, int root)
{
	struct answer a = {.kind = ANSWER_ENDED};
	struct unpack_count count;
	struct error err;
	int userns = b->userns < 0 ? -1 : BOX_USERNS;

	if (unpacker_fill(BOX_EXTRA, root, userns, UNPACK_CONF, &count, &err) <
	    0) {
		dprintf(BOX_LOG, "autotua-chroot: portconf: %s\n", err.msg);
		a.status = 1 << 8;
	}
	getrusage(RUSAGE_CHILDREN, &a.usage);
	if (write(BOX_ANSWER, &a, sizeof(a)) < 0)
		_exit(71);
	_exit(0);
}

/* The first half; a descriptor of the nursery. left: the host's mounts. */
static int
make_ahead(const struct box *b, bool *left)
{
	int nursery;

	keep_descriptors(b);
	tie(b);
	make_private(b);
	enter_network(b);
	become_owner(b);
	nursery = mount_nursery(b);
	mount_dev(b, nursery);
	mount_proc(b, nursery);
	raise_network(b);
	set_names(b);
	/* who unpacks an archive needs the host's program for that */
	*left = (b->ahead || b->argv) && leave_host(b, nursery);
	return nursery;
}

void
inside(const struct box *birth)
{
	struct box own = *birth, *b = &own;
	struct arena a = {0}; /* this process is for one job: never freed */
	unsigned lacks = 0;
	struct parts p;
	int nursery, root;
	bool left;

	b->lacks = &lacks;
	nursery = make_ahead(b, &left);
	order_receive(b, &p, &a);
	close(BOX_ORDER);
	join_groups(b, &p);
	if (b->extra >= 0 && dup3(b->extra, BOX_EXTRA, O_CLOEXEC) < 0)
		box_die(b, "descriptors: %s", strerror(errno));
	root = root_mount(b, &p, nursery);
	if (!b->argv)
		unpack_conf(b, root);
	mount_moved(b, nursery, root);
	mount_tmp(b, root);
	mount_autotua(b, &p, root);
	mount_resolver(b, &p, root);
	pivot(b, left, nursery, root);
	sys_close_from(BOX_NETNS);
	drop_privileges(b);
	tie(b); /* a change of credentials may have undone it */
	limit_resources(b);
	scope(b);
	filter(b);
	init_run(b);
}
