/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "slave/probe.h"
#include "slave/conf.h"
#include "slave/images.h"
#include "slave/trees.h"
#include "slave/pool.h"
#include "base/arch.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "run/jailer.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/kvm.h>

#define OUTPUT_MAX  (1 << 20)
#define PROGRAM_MS  5000  /* a program that says nothing for so long */
#define TREES_KEPT  86400 /* seconds after the last use */
#define STAGES_MAX  1000
#define CHILD_LIMIT 120 /* seconds for everything */

static const struct {
	const char *name, *program, *flag;
} programs[] = {
    {"bash", "bash", "--version"},
    {"binutils", "ld", "--version"},
    {"clang", "clang", "--version"},
    {"cmake", "cmake", "--version"},
    {"gcc", "gcc", "--version"},
    {"git", "git", "--version"},
    {"go", "go", "version"},
    {"make", "make", "--version"},
    {"meson", "meson", "--version"},
    {"node", "node", "--version"},
    {"perl", "perl", "--version"},
    {"pkg-config", "pkg-config", "--version"},
    {"python", "python3", "--version"},
    {"ruby", "ruby", "--version"},
    {"rust", "rustc", "--version"},
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes of the version at s: numbers with single dots between. */
static size_t
version_length(const char *s, unsigned *dots)
{
	size_t n = 0;

	*dots = 0;
	while (is_digit(s[n])) {
		while (is_digit(s[n]))
			n++;
		if (s[n] != '.' || !is_digit(s[n + 1]))
			break;
		(*dots)++;
		n++;
	}
	return n;
}

static void
copy_version(const char *s, size_t n, char out[PROBE_VERSION_MAX])
{
	if (n >= PROBE_VERSION_MAX)
		n = 0;
	memcpy(out, s, n);
	out[n] = '\0';
}

void
probe_version(const char *text, char out[PROBE_VERSION_MAX])
{
	unsigned dots;
	size_t n;

	for (; *text; text += n ? n : 1) {
		n = version_length(text, &dots);
		if (dots > 0) {
			copy_version(text, n, out);
			return;
		}
	}
	out[0] = '\0';
}

void
probe_leading(const char *text, char out[PROBE_VERSION_MAX])
{
	unsigned dots;

	copy_version(text, version_length(text, &dots), out);
}

int
probe_split(const char *option, char *name, size_t namelen, const char **module,
    struct error *err)
{
	size_t n = strcspn(option, " \t");

	*module = option + n + strspn(option + n, " \t");
	if (n == 0 || n >= namelen || strpbrk(*module, " \t") ||
	    option[0] == '-' || **module == '-')
		return fail(err,
		    "probe \"%s\": write MODULE or NAME MODULE, as in "
		    "\"gtk gtk+-3.0\"",
		    option);
	snprintf(name, namelen, "%.*s", (int)n, option);
	if (**module == '\0')
		*module = option;
	return 0;
}

/* Read all that fd gives while it gives something every PROGRAM_MS. */
static int
read_patiently(int fd, struct buf *out)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char chunk[4096];
	ssize_t n;

	for (;;) {
		n = poll(&p, 1, PROGRAM_MS);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			return 0;
		if (n < 0 || buf_add(out, chunk, (size_t)n) < 0)
			return -1;
	}
}

/* What a program prints; false when there is none or it fails or hangs. */
static bool
output_of(const char *const argv[], struct buf *out)
{
	struct proc p = {.argv = argv, .in = -1, .err = -1};
	struct error err;
	int pipefd[2], status = 0;
	pid_t pid;
	bool good;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return false;
	p.out = pipefd[1];
	pid = proc_start(&p, &err);
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		return false;
	}
	good = read_patiently(pipefd[0], out) == 0;
	close(pipefd[0]);
	if (!good)
		kill(pid, SIGKILL);
	return proc_wait(pid, &status, &err) == 0 && status == 0 && good &&
	    out->data;
}

static void
put(json_t *into, const char *name, const char *version)
{
	json_object_set_new(into, name, json_string(version));
}

static void
put_number(json_t *into, const char *name, uint64_t n)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	put(into, name, text);
}

static void
probe_program(json_t *into, const char *name, const char *const argv[])
{
	char version[PROBE_VERSION_MAX];
	struct buf out;

	buf_init(&out, OUTPUT_MAX);
	if (output_of(argv, &out)) {
		probe_version(out.data, version);
		if (!*version)
			probe_leading(out.data, version);
		if (*version)
			put(into, name, version);
	}
	buf_release(&out);
}

static void
probe_programs(json_t *into)
{
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		const char *const argv[] = {
		    programs[i].program, programs[i].flag, NULL};

		probe_program(into, programs[i].name, argv);
	}
}

static void
probe_modules(json_t *into, const struct slave_conf *c)
{
	const char *module;
	char name[128];
	struct error err;
	size_t i;

	for (i = 0; i < c->probes.n; i++) {
		if (probe_split(c->probes.items[i], name, sizeof(name), &module,
			&err) < 0) {
			log_warn("%s", err.msg);
			continue;
		}
		const char *const argv[] = {
		    "pkg-config", "--modversion", module, NULL};

		probe_program(into, name, argv);
	}
}

/* Can this process make a virtual machine? */
static bool
has_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	bool has;

	if (fd < 0)
		return false;
	has = ioctl(fd, KVM_GET_API_VERSION, 0) == KVM_API_VERSION;
	close(fd);
	return has;
}

static void
probe_machine(json_t *into, const struct slave_conf *c, const char *release)
{
	char version[PROBE_VERSION_MAX];
	struct statvfs vfs;

	probe_leading(release, version);
	put(into, "kernel", version);
	put(into, "glibc", gnu_get_libc_version());
	put_number(into, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	put_number(into, "memory",
	    (uint64_t)sysconf(_SC_PHYS_PAGES) *
		    (uint64_t)sysconf(_SC_PAGESIZE) >>
		20);
	if (statvfs(c->state, &vfs) == 0)
		put_number(
		    into, "disk", (uint64_t)vfs.f_bavail * vfs.f_frsize >> 20);
	if (has_kvm())
		put(into, "kvm", "1");
}

/* Digests of the stages that the jailer has. */
static json_t *
probe_stages(const struct slave_conf *c)
{
	json_t *stages, *layers;

	images_list(c->jailer, &stages, STAGES_MAX, &layers, 0);
	json_decref(layers);
	return stages;
}

/* Add the names that aren't there yet. */
static void
add_arches(json_t *list, const json_t *more)
{
	json_t *v, *have;
	size_t i, k;

	json_array_foreach(more, i, v)
	{
		json_array_foreach(list, k, have)
		{
			if (json_equal(v, have))
				break;
		}
		if (json_is_string(v) && k == json_array_size(list))
			json_array_append(list, v);
	}
}

/* The machine's own first, then what else jails run programs of. */
static json_t *
probe_arches(json_t *caps, const json_t *jails, const char *own)
{
	json_t *v;
	const json_t *emulated = json_object_get(jails, "emulated");
	json_t *list = json_pack("[s]", own);
	char name[80];
	size_t i;

	add_arches(list, json_object_get(jails, "arches"));
	add_arches(list, emulated);
	json_array_foreach(emulated, i, v)
	{
		snprintf(name, sizeof(name), "emulated-%.60s",
		    json_is_string(v) ? json_string_value(v) : "");
		put(caps, name, "1");
	}
	return list;
}

/* How a root is made, and what jails do without: told, not asked for. */
static void
probe_jails(json_t *caps, const json_t *jails)
{
	const char *root = json_string_value(json_object_get(jails, "root"));
	const char *lacks = json_string_value(json_object_get(jails, "lacks"));

	if (root)
		put(caps, "jail-root", root);
	if (lacks && strcmp(lacks, "-") != 0)
		put(caps, "jail-lacks", lacks);
}

/* What jails can do here; who can't find it out can run no job. */
static json_t *
ask_jailer(const struct slave_conf *c)
{
	struct error err;
	json_t *jails = jailer_capabilities(c->jailer, &err);

	return jails ? jails
		     : json_pack("{s:b, s:s}", "fit", 0, "why", err.msg);
}

static json_t *
unfit(const json_t *jails)
{
	const char *why = json_string_value(json_object_get(jails, "why"));
	const char *lacks = json_string_value(json_object_get(jails, "lacks"));

	return json_sprintf("no job can be run here (see \"autotua-chroot "
			    "doctor\"%s): %s",
	    lacks && strstr(lacks, "userns")
		? "; allow-rootful = yes needs a restart"
		: "",
	    why ? why : "unknown");
}

json_t *
probe_all(const struct slave_conf *c, struct error *err)
{
	struct utsname u;
	json_t *caps, *list, *jails, *doc;

	trees_prune(c->state, TREES_KEPT);
	if (uname(&u) < 0) {
		fail_errno(err, "uname");
		return NULL;
	}
	if (!arch_of_machine(u.machine)) {
		fail(err, "machine \"%s\" is not known", u.machine);
		return NULL;
	}
	caps = json_object();
	probe_machine(caps, c, u.release);
	probe_programs(caps);
	probe_modules(caps, c);
	if (c->network != NETWORK_NO)
		put(caps, "network", network_names[c->network]);
	jails = ask_jailer(c);
	list = probe_arches(caps, jails, arch_of_machine(u.machine));
	probe_jails(caps, jails);
	doc = json_pack("{s:o, s:o, s:o}", "arches", list, "capabilities", caps,
	    "stages", probe_stages(c));
	if (!json_is_true(json_object_get(jails, "fit")))
		json_object_set_new(doc, "unfit", unfit(jails));
	json_decref(jails);
	return doc;
}

static _Noreturn void
child(const struct slave_conf *c, int fd)
{
	struct error err;
	json_t *doc;
	char *text;

	alarm(CHILD_LIMIT);
	/* the machine's own programs, whatever the caller's set-up is */
	setenv("PATH",
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LC_ALL", "C", 1);
	doc = probe_all(c, &err);
	if (!doc) {
		log_err("capabilities: %s", err.msg);
		_exit(1);
	}
	text = json_dumps(doc, JSON_COMPACT);
	if (!text || file_write_all(fd, text, strlen(text), &err) < 0)
		_exit(1);
	_exit(0);
}

pid_t
probe_start(const struct slave_conf *c, int *fd, struct error *err)
{
	int pipefd[2], keep[2];
	struct slave_conf own = *c;
	pid_t pid, parent = getpid();

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return fail_errno(err, "pipe");
	pid = fork();
	if (pid < 0) {
		fail_errno(err, "fork");
		close(pipefd[0]);
		close(pipefd[1]);
		return -1;
	}
	if (pid == 0) {
		keep[0] = pipefd[1];
		keep[1] = c->jailer;
		worker_detach(parent, keep, 2);
		own.jailer = keep[1];
		child(&own, keep[0]);
	}
	close(pipefd[1]);
	fcntl(pipefd[0], F_SETFL, O_NONBLOCK);
	*fd = pipefd[0];
	return pid;
}
