/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation. The warden is process 1 of a pid namespace, so that
 * whatever it starts dies with it; it dies with us (leash, PDEATHSIG) or by
 * our SIGKILL. Its namespaces of mounts and pids are made by us, with our
 * rights: there it gets a /tmp and, where the machine's isn't for everybody,
 * a /dev/net/tun. Then it enters a user namespace of a single id, the nobody
 * of the jail's range, and is an ordinary process of that user from there on.
 * It forks the carrier, which stays in the host's network, and moves itself
 * to a new network, which belongs to that user namespace: so the carrier may
 * put an interface into it, and neither the job nor its root has any right
 * over it. The carrier is up when its pid file, in the private /tmp, has
 * something in it.
 */
#include "chroot/jail/uplink.h"
#include "chroot/jail/cgroup.h"
#include "chroot/sys/feature.h"
#include "chroot/sys/ids.h"
#include "chroot/jail/jail.h"
#include "chroot/sys/sys.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY   65534
#define START_MS 10000 /* that a carrier may take */
#define LOOK_MS  2     /* between looks at it */
#define PID_FILE "/tmp/pid"
#define NOT_HAD  "a private network can't be had here"
#define REMEDY                                                                 \
	"install pasta (Debian: passt) or slirp4netns, or say \"network = "    \
	"host\" or \"no\""

/* Descriptors in the warden. */
enum { AT_USERNS = 3, AT_LEASH, AT_ANSWER, AT_FREE };

struct word {
	bool good;
	char text[200];
};

static const char *const pastas[] = {
    "/usr/bin/pasta", "/usr/local/bin/pasta", "/bin/pasta", NULL};
static const char *const slirps[] = {"/usr/bin/slirp4netns",
    "/usr/local/bin/slirp4netns", "/bin/slirp4netns", NULL};

/* The first of the programs that is there; or NULL. */
static const char *
find(const char *const *paths)
{
	for (; *paths; paths++) {
		if (access(*paths, X_OK) == 0)
			return *paths;
	}
	return NULL;
}

/* ---- the warden ---------------------------------------------------------- */

static _Noreturn void
say(bool good, const char *what, const char *why)
{
	struct word w = {.good = good};

	snprintf(w.text, sizeof(w.text), "%s: %.120s", what, why);
	if (write(AT_ANSWER, &w, sizeof(w)) < 0)
		_exit(71);
	_exit(70);
}

static _Noreturn void
say_errno(const char *what)
{
	say(false, what, strerror(errno));
}

static int
high(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 64);
}

/* Ours under fixed numbers; nothing of the run's stays open here. */
static void
keep_descriptors(int userns, int leash, int answer)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	userns = high(userns);
	leash = high(leash);
	answer = high(answer);
	if (dup3(answer, AT_ANSWER, O_CLOEXEC) < 0)
		_exit(71);
	if (dup3(userns, AT_USERNS, O_CLOEXEC) < 0 ||
	    dup3(leash, AT_LEASH, O_CLOEXEC) < 0 || null < 0)
		say_errno("descriptors");
	null = high(null);
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		say_errno("descriptors");
	sys_close_from(AT_FREE);
}

static void
tie(void)
{
	struct pollfd p = {.fd = AT_LEASH};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		say_errno("prctl");
	if (poll(&p, 1, 0) != 0)
		_exit(0);
}

/* The device for everybody, but only those see it who are in here. */
static void
open_tun(void)
{
	static const char tun[] = "/dev/net/tun";
	struct stat st;

	if (stat(tun, &st) == 0 && (st.st_mode & 06) == 06)
		return;
	if (mount("tmpfs", "/dev/net", "tmpfs", MS_NOSUID | MS_NOEXEC,
		"mode=0755,size=4k,nr_inodes=4") < 0)
		return;
	/* who can't make it does with what there is */
	if (mknod(tun, S_IFCHR | 0666, makedev(10, 200)) < 0)
		(void)umount2("/dev/net", MNT_DETACH);
}

static void
make_view(void)
{
	umask(0);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		"mode=1777,size=64k,nr_inodes=16") < 0)
		say_errno("its mounts");
	open_tun();
	umask(077);
}

/* The user who is nobody, with power over nothing but what it makes. */
static void
become_nobody(void)
{
	struct rlimit none = {0, 0};

	sys_fresh_keyring();
	if (sys_drop_groups() < 0 || setns(AT_USERNS, CLONE_NEWUSER) < 0 ||
	    setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		say_errno("its user namespace");
	/* the carrier opens our network by /proc */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		say_errno("prctl");
	close(AT_USERNS);
}

/* Run the carrier for the network at this path. */
static _Noreturn void
carry(const char *network, int ready)
{
	const char *pasta = find(pastas), *slirp = find(slirps);
	const char *const with_pasta[] = {pasta, "--foreground", "--quiet",
	    "--config-net", "-t", "none", "-u", "none", "-T", "none", "-U",
	    "none", "--no-map-gw", "--netns-only", "--pid", PID_FILE, "--netns",
	    network, NULL};
	char number[16];
	const char *const with_slirp[] = {slirp, "--configure", "--mtu=65520",
	    "--disable-host-loopback", "--enable-sandbox", "--enable-seccomp",
	    "--ready-fd", number, "--netns-type=path", network, "tap0", NULL};
	static const char *const environment[] = {
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	    "HOME=/tmp", "TMPDIR=/tmp", "LC_ALL=C.UTF-8", NULL};

	snprintf(number, sizeof(number), "%d", ready);
	if (!pasta)
		(void)fcntl(ready, F_SETFD, 0);
	execve(pasta ? pasta : slirp,
	    (char *const *)(pasta ? with_pasta : with_slirp),
	    (char *const *)environment);
	dprintf(2, "%s\n", strerror(errno));
	_exit(127);
}

/* What the kernel remembers of who started us is not for the carrier. */
static void
fresh_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The carrier, which waits until go has another end no more. */
static pid_t
fork_carrier(int go[2], int errors[2])
{
	char network[64] = "/proc/", c;
	ssize_t n = readlink("/proc/self", network + 6, 20);
	int ready;
	pid_t pid;

	/* by the number that the mounted /proc has for us */
	if (n <= 0)
		say_errno("/proc/self");
	snprintf(network + 6 + n, sizeof(network) - 6 - (size_t)n, "/ns/net");
	ready = open(PID_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (ready < 0)
		say_errno(PID_FILE);
	pid = fork();
	if (pid < 0)
		say_errno("fork");
	if (pid > 0) {
		close(ready);
		return pid;
	}
	close(go[1]);
	if (read(go[0], &c, 1) != 0 || dup2(errors[1], 2) < 0)
		_exit(127);
	fresh_signals();
	carry(network, ready);
}

/* The last line of what the carrier said. */
static _Noreturn void
say_failed(int errors)
{
	char text[1024], *p, *line = text;
	ssize_t n = read(errors, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	while ((p = strrchr(text, '\n')) != NULL && p[1] == '\0')
		*p = '\0';
	if (p)
		line = p + 1;
	for (p = line; *p; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	say(false, find(pastas) ? "pasta" : "slirp4netns",
	    *line ? line : "has ended without a word");
}

/* Until the carrier is up; it is not up after the longest time that it may. */
static void
wait_until_up(pid_t carrier, int errors)
{
	struct pollfd p = {.fd = AT_LEASH};
	struct stat st;
	int waited, status;

	for (waited = 0; waited < START_MS; waited += LOOK_MS) {
		if (waitpid(carrier, &status, WNOHANG) == carrier)
			say_failed(errors);
		if (stat(PID_FILE, &st) == 0 && st.st_size > 0)
			return;
		if (poll(&p, 1, LOOK_MS) != 0)
			_exit(0);
	}
	say_failed(errors);
}

/* Until the leash ends: whatever the carrier says is of no interest. */
static _Noreturn void
keep_watch(int errors)
{
	struct pollfd p[2] = {{.fd = AT_LEASH, .events = POLLIN},
	    {.fd = errors, .events = POLLIN}};
	char drop[4096];

	while (p[0].revents == 0) {
		if (poll(p, 2, -1) <= 0)
			continue;
		if (p[1].revents != 0 && read(errors, drop, sizeof(drop)) == 0)
			p[1].fd = -1;
	}
	_exit(0);
}

static _Noreturn void
warden(int userns, int leash, int answer)
{
	static const struct word up = {.good = true};
	int go[2], errors[2];
	pid_t carrier;

	keep_descriptors(userns, leash, answer);
	tie();
	make_view();
	become_nobody();
	tie(); /* the change of credentials has undone it */
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0 ||
	    fcntl(errors[0], F_SETFL, O_NONBLOCK) < 0)
		say_errno("pipe");
	carrier = fork_carrier(go, errors);
	close(errors[1]);
	/* no power that the carrier lacks, or it couldn't look at us */
	if (unshare(CLONE_NEWNET) < 0 || sys_capset(0) < 0)
		say_errno("network namespace");
	close(go[0]);
	close(go[1]);
	wait_until_up(carrier, errors[0]);
	if (write(AT_ANSWER, &up, sizeof(up)) < 0)
		_exit(71);
	close(AT_ANSWER);
	keep_watch(errors[0]);
}

/* ---- our side ------------------------------------------------------------ */

static int
start(struct uplink *u, uint32_t base, struct jail_watch *w, int *answer,
    struct error *err)
{
	int leash[2] = {-1, -1}, said[2] = {-1, -1}, userns, rc = -1;

	userns = ids_namespace(base + NOBODY, 1, err);
	if (userns < 0)
		return -1;
	if (pipe2(leash, O_CLOEXEC) < 0 || pipe2(said, O_CLOEXEC) < 0) {
		fail_errno(err, "pipe");
		goto out;
	}
	u->pid = sys_clone(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC,
	    w ? cgroup_birthplace(w->groups) : -1, &u->pidfd);
	if (u->pid == 0) {
		close(leash[1]);
		warden(userns, leash[0], said[1]);
	}
	if (u->pid < 0) {
		fail_errno(err, "start its warden");
		goto out;
	}
	u->leash = leash[1];
	*answer = said[0];
	leash[1] = said[0] = -1;
	rc = 0;
out:
	if (said[1] >= 0)
		close(said[1]);
	if (said[0] >= 0)
		close(said[0]);
	if (leash[1] >= 0)
		close(leash[1]);
	if (leash[0] >= 0)
		close(leash[0]);
	close(userns);
	return rc;
}

/* Wait for the warden's word, but not longer than anybody wants it. */
static int
hear(int answer, struct jail_watch *w, struct error *err)
{
	struct pollfd p = {.fd = answer, .events = POLLIN};
	struct word word = {.good = false};
	ssize_t n;

	while (poll(&p, 1, 100) <= 0) {
		if (w && jail_stopped(w))
			return fail(err, "stopped");
	}
	n = read(answer, &word, sizeof(word));
	if (n != (ssize_t)sizeof(word))
		return fail(err, "its warden died");
	word.text[sizeof(word.text) - 1] = '\0';
	return word.good ? 0 : fail(err, "%s", word.text);
}

int
uplink_open(struct uplink *u, uint32_t base, unsigned without,
    struct jail_watch *w, struct error *err)
{
	char path[64];
	int answer = -1;

	*u = UPLINK_NONE;
	if ((without & FEATURE_PRIVATE) != 0)
		return fail(err, NOT_HAD ": --without private");
	if (!find(pastas) && !find(slirps))
		return fail(err, NOT_HAD ": there is no pasta; " REMEDY);
	if (start(u, base, w, &answer, err) < 0 || hear(answer, w, err) < 0)
		goto fail;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)u->pid);
	u->netns = open(path, O_RDONLY | O_CLOEXEC);
	if (u->netns < 0) {
		fail_errno(err, "%s", path);
		goto fail;
	}
	close(answer);
	return 0;
fail:
	if (answer >= 0)
		close(answer);
	uplink_close(u);
	return fail_in(err, NOT_HAD);
}

int64_t
uplink_carried(const struct uplink *u)
{
	char path[64], line[512], name[32];
	uint64_t in, out, sum = 0;
	FILE *f;

	if (u->pid <= 0)
		return 0;
	/* the warden's namespace, seen from ours */
	snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)u->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line,
			" %31[^:]: %" SCNu64
			" %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
			name, &in, &out) == 3 &&
		    strcmp(name, "lo") != 0)
			sum += in + out;
	}
	if (f)
		fclose(f);
	return sum < INT64_MAX ? (int64_t)sum : INT64_MAX;
}

void
uplink_close(struct uplink *u)
{
	if (u->pidfd >= 0) {
		sys_pidfd_kill(u->pidfd);
		while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		close(u->pidfd);
	}
	if (u->leash >= 0)
		close(u->leash);
	if (u->netns >= 0)
		close(u->netns);
	*u = UPLINK_NONE;
}

int
uplink_try(unsigned without, struct error *err)
{
	struct uplink u;

	/* in the range of no job; of an ordinary user, the only one */
	if (uplink_open(
		&u, ids_is_users() ? 1 : IDS_TRIAL, without, NULL, err) < 0)
		return -1;
	uplink_close(&u);
	return 0;
}

/* ---- names --------------------------------------------------------------- */

static bool
is_loopback(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &six) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&six);
}

/* Does the file name a server that isn't on the loopback? */
static bool
names_others(const char *path)
{
	char line[512], address[64];
	FILE *f = fopen(path, "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, " nameserver %63s", address) == 1 &&
		    !is_loopback(address);
	if (f)
		fclose(f);
	return found;
}

const char *
uplink_resolver(void)
{
	/* the second is what systemd-resolved itself asks */
	static const char *const paths[] = {
	    "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (names_others(paths[i]))
			return paths[i];
	}
	return NULL;
}
