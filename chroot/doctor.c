/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The jail that is tried has an empty root and a command that isn't there:
 * the steps up to its start are all that counts. The answer of its process 1
 * tells what it had to do without. All that it needs is in a folder of its own
 * under run/, so that any number of trials can be made at once.
 */
#include "chroot/doctor.h"
#include "chroot/jail/cgroup.h"
#include "chroot/jail/disk.h"
#include "chroot/sys/ids.h"
#include "chroot/jail/jail.h"
#include "chroot/jail/machine.h"
#include "chroot/jail/ready.h"
#include "chroot/store/import.h"
#include "chroot/store/state.h"
#include "chroot/jail/uplink.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct finding {
	const char *name;
	bool good;
	bool needed; /* without it no job is run */
	char text[256];
	const char *remedy; /* if it isn't good */
};

struct visit {
	struct finding list[16];
	size_t n;
	struct ids ids;
	struct machine machine;
	unsigned lacks; /* of enum feature */
	bool allow_rootful;
};

static struct finding *
find(struct visit *v, const char *name, bool good, const char *remedy)
{
	struct finding *f = &v->list[v->n++];

	*f = (struct finding){.name = name, .good = good, .remedy = remedy};
	return f;
}

/* ---- the jail ------------------------------------------------------------ */

/* Make the folders that the trial needs; root is that of its stage. */
static int
make_folders(int run, struct error *err)
{
	static const char *const folders[] = {"root", "upper", "work", "home",
	    "src", "home/work", "home/distfiles", NULL};
	int i;

	for (i = 0; folders[i]; i++) {
		if (mkdirat(run, folders[i], 0755) < 0)
			return fail_errno(err, "create %s", folders[i]);
	}
	return 0;
}

static int
run_jail(struct visit *v, const char *run, int spill, struct jail_result *res,
    struct error *err)
{
	static const char *const argv[] = {"/none", NULL};
	struct cgroup groups = {0};
	struct disk disk;
	struct jail_watch w = JAIL_WATCH_NONE;
	struct box b = {.below = run,
	    .run = run,
	    .folder = -1,
	    .work = "work",
	    .userns = v->ids.userns,
	    .base = v->ids.base,
	    .mapped = v->ids.mapped,
	    .extra = -1,
	    .netns = -1,
	    .recipe = -1,
	    .argv = argv};
	int rc;

	w.end = jail_now() + 10 * (int64_t)1000000000;
	w.spill = spill;
	w.groups = &groups;
	w.disk = &disk;
	disk_begin(&disk, spill, 0, 0);
	w.out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (w.out < 0)
		return fail_errno(err, "open /dev/null");
	rc = jail_run(&b, &w, res, err);
	if (rc < 0 && (res->lacks & FEATURE_OVERLAY) != 0) {
		b.copied = true;
		rc = jail_run(&b, &w, res, err);
		res->lacks |= FEATURE_OVERLAY;
	}
	jail_drop_view(&w);
	close(w.out);
	return rc;
}

/* How a root is put together. */
static void
judge_overlay(struct visit *v, unsigned lacks)
{
	bool copies = (lacks & FEATURE_OVERLAY) != 0;
	bool good = !copies && (lacks & FEATURE_DETACHED) == 0;
	struct finding *f;

	f = find(v, "overlay", good,
	    copies ? "put the state folder on ext4, xfs, btrfs or tmpfs, and "
		     "have overlayfs in the kernel (modprobe overlay)"
		   : "nothing needs to be done; Linux 6.15 makes jails faster");
	snprintf(f->text, sizeof(f->text), "%s",
	    copies ? "overlayfs can't be used here: each job gets a copy of "
		     "its stage, each layer is a whole copy"
		: good ? "layers are mounted by descriptors"
		: (lacks & FEATURE_FSCONFIG) == 0
		? "layers must be attached before they are mounted"
		: "layers are mounted by a list of paths");
}

static void
judge_jail(struct visit *v, const struct jail_result *res, int rc,
    const struct error *err)
{
	struct finding *f =
	    find(v, "jail", rc == 0, "this is needed: no job can be run here");

	f->needed = true;
	if (rc < 0) {
		snprintf(f->text, sizeof(f->text),
		    "a jail can't be built: %.200s", err->msg);
		return;
	}
	snprintf(f->text, sizeof(f->text),
	    "a jail was built and ended, in %.1f ms; its calls are filtered",
	    (double)res->wall / 1e6);
	judge_overlay(v, res->lacks);
	f = find(v, "landlock", (res->lacks & FEATURE_LANDLOCK) == 0,
	    "a job with the network can speak to abstract sockets of this "
	    "machine: use Linux 6.12 with CONFIG_SECURITY_LANDLOCK, and "
	    "\"landlock\" in lsm= of the kernel's command line");
	snprintf(f->text, sizeof(f->text), "abstract sockets and signals %s",
	    f->good ? "stay inside" : "are not scoped");
	f = find(v, "pivot", (res->lacks & FEATURE_PIVOT) == 0,
	    "this machine runs from its initramfs: jobs with PROPERTIES=nest "
	    "are refused");
	snprintf(f->text, sizeof(f->text), "the root is %s",
	    f->good ? "exchanged" : "moved over the machine's");
}

/* What a job needs first: a folder of its own. */
static void
judge_state(struct visit *v, const struct error *err)
{
	struct finding *f = find(v, "state", false,
	    "this is needed: let the state folder be on a file system that "
	    "can be written and has room, for bytes and for inodes");

	f->needed = true;
	snprintf(f->text, sizeof(f->text),
	    "nothing can be made in the state folder: %.200s", err->msg);
}

static int
try_jail(struct visit *v, struct state *s, struct error *err)
{
	struct jail_result res = {.limit = LIMIT_NONE};
	char job[32], run[40];
	struct error none;
	int fd, rc = -1;

	snprintf(job, sizeof(job), "doctor-%ld", (long)getpid());
	snprintf(run, sizeof(run), "run/%s", job);
	fd = import_folder(s, job, err);
	if (fd < 0 || make_folders(fd, err) < 0) {
		judge_state(v, err);
		rc = 0;
		goto out;
	}
	if (fchdir(s->fd) < 0) {
		fail_errno(err, "enter %s", s->path);
		goto out;
	}
	rc = run_jail(v, run, fd, &res, err);
	judge_jail(v, &res, rc, err);
	v->lacks |= res.lacks;
	rc = 0;
out:
	(void)state_end_run(s, job, &none);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- the rest ------------------------------------------------------------ */

static void
try_ids(struct visit *v, struct state *s)
{
	struct finding *f;
	struct error err;
	int fd = -1;

	if (ids_take(&v->ids, s->fd, s->users, &err) == 0)
		fd = ids_mount(
		    s->run, v->ids.mapped ? v->ids.userns : -1, 0, &err);
	f = find(v, "userns", fd >= 0,
	    "root of a job would be root of this machine: such jobs are "
	    "refused without --allow-rootful (allow-rootful = yes in "
	    "slave.conf). Set user.max_user_namespaces "
	    "above 0 with sysctl, and keep the state folder on ext4, xfs, "
	    "btrfs or tmpfs");
	if (fd >= 0) {
		snprintf(f->text, sizeof(f->text),
		    v->ids.mapped
			? "a job's root is id %u on this machine, which "
			  "nobody is"
			: "a job's root is id %u of your subordinate ids; the "
			  "store is yours alone",
		    v->ids.base);
		close(fd);
		return;
	}
	f->needed = !v->allow_rootful;
	v->lacks |= FEATURE_USERNS;
	snprintf(f->text, sizeof(f->text),
	    "a job can't have ids of its own: %.150s", err.msg);
	ids_release(&v->ids);
}

/* Make groups with all limits, and remove them. */
static int
make_groups(
    struct visit *v, struct state *s, struct cgroup *g, struct error *err)
{
	static const struct limits all = {
	    .memory = 1 << 30, .pids = 1000, .cpus = 1000};
	struct error none;
	char job[32];
	int fd, rc;

	snprintf(job, sizeof(job), "autotua-doctor-%ld", (long)getpid());
	fd = import_folder(s, job, err);
	if (fd < 0)
		return -1;
	cgroup_find(g, &all, 0);
	rc = cgroup_make(g, job, fd, err);
	if (rc == 0)
		rc = cgroup_limit(g, &all, err);
	v->lacks |= cgroup_lacks(g, &all);
	cgroup_remove(g);
	(void)state_end_run(s, job, &none);
	close(fd);
	return rc;
}

static void
try_groups(struct visit *v, struct state *s)
{
	struct cgroup g;
	struct finding *f;
	struct error err;
	bool good;

	if (make_groups(v, s, &g, &err) < 0) {
		f = find(v, "cgroup", false,
		    "whether there are any is known when that is mended");
		snprintf(f->text, sizeof(f->text),
		    "control groups can't be tried: %.200s", err.msg);
		return;
	}
	good = g.of[CONTROL_MEMORY].path[0] && g.of[CONTROL_PIDS].path[0] &&
	    g.of[CONTROL_CPU].path[0];
	f = find(v, "cgroup", good,
	    "start the slave by systemd with Delegate=yes, or mount the "
	    "memory, pids and cpu controllers");
	if (!good)
		snprintf(f->text, sizeof(f->text),
		    "memory and processes are limited one by one and counted "
		    "five times a second, processors not at all");
	else
		snprintf(f->text, sizeof(f->text),
		    "memory, processes and processors are limited by control "
		    "groups of version %d",
		    g.of[CONTROL_MEMORY].v2 ? 2 : 1);
}

static void
try_network(struct visit *v)
{
	struct finding *f;
	struct error err;
	int rc = uplink_try(0, &err);

	f = find(v, "network", rc == 0 && uplink_resolver(),
	    rc == 0 ? "add a name server that isn't on the loopback to "
		      "/etc/resolv.conf"
		    : "install pasta (Debian: passt) or slirp4netns, and let "
		      "everybody open /dev/net/tun (chmod 666); until then "
		      "\"network = host\" or \"no\" can be configured");
	snprintf(f->text, sizeof(f->text), "%.250s",
	    rc < 0        ? err.msg
		: f->good ? "jobs can have a private network with a way out"
			  : "a private network has a way out, but finds no "
			    "host by its name");
	if (rc < 0)
		v->lacks |= FEATURE_PRIVATE;
}

static void
try_room(struct visit *v, struct state *s)
{
	struct finding *f;
	struct error err;
	int rc = ready(s->fd, DISK_RESERVE_DEFAULT, 0, &err);

	f = find(v, "disk", rc == 0,
	    "remove stages and layers, or set a smaller --reserve; for want of "
	    "inodes only 0 helps");
	if (rc < 0)
		snprintf(f->text, sizeof(f->text), "%.250s", err.msg);
	else
		snprintf(f->text, sizeof(f->text),
		    "%" PRId64 " MiB are free, %" PRId64 " of them to stay so",
		    disk_free(s->fd).bytes >> 20,
		    disk_reserve(s->fd, DISK_RESERVE_DEFAULT).bytes >> 20);
	f = find(v, "pressure", access("/proc/pressure/memory", R_OK) == 0,
	    "add psi=1 to the kernel's command line");
	snprintf(f->text, sizeof(f->text),
	    "the kernel %s when work stands still",
	    f->good ? "tells" : "doesn't tell");
}

/* Of which architectures programs run, also by emulators. */
static void
list_programs(struct visit *v)
{
	const struct machine_arch *a;
	struct finding *f;
	bool good = true;
	size_t i, n = 0;

	machine_find(&v->machine);
	for (i = 0; i < v->machine.n; i++)
		good = good && v->machine.archs[i].fixed;
	f = find(v, "programs", good,
	    "register emulators with the flag F, as qemu-user-binfmt does; "
	    "else only stages that have the emulator in them can be used");
	for (i = 0; i < v->machine.n && n < sizeof(f->text); i++) {
		a = &v->machine.archs[i];
		n += (size_t)snprintf(f->text + n, sizeof(f->text) - n,
		    "%s%s%s%s", i > 0 ? ", " : "of ", a->name,
		    a->emulated ? " (emulated)" : "",
		    a->fixed ? "" : " (its emulator must be in the stage)");
	}
}

/* ---- telling ------------------------------------------------------------- */

static void
print_words(const struct visit *v)
{
	const struct finding *f;
	size_t i;

	for (i = 0; i < v->n; i++) {
		f = &v->list[i];
		printf("%-4s %-9s %s\n",
		    f->good         ? "ok"
			: f->needed ? "NO"
				    : "less",
		    f->name, f->text);
		if (!f->good)
			printf("               %s\n", f->remedy);
	}
}

/* A text of ours or the kernel's between quotes. */
static void
print_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc((unsigned char)*s < ' ' ? ' ' : *s, out);
	}
	fputc('"', out);
}

static void
print_json(const struct visit *v)
{
	const struct finding *f;
	size_t i;

	putchar('[');
	for (i = 0; i < v->n; i++) {
		f = &v->list[i];
		printf("%s\n {\"name\": \"%s\", \"ok\": %s, \"text\": ",
		    i > 0 ? "," : "", f->name, f->good ? "true" : "false");
		print_string(stdout, f->text);
		if (!f->good) {
			fputs(", \"remedy\": ", stdout);
			print_string(stdout, f->remedy);
		}
		putchar('}');
	}
	puts("\n]");
}

/* Try everything; -1 if it can't be tried. */
static int
examine(struct visit *v, struct state *s, bool allow_rootful, struct error *err)
{
	int rc;

	*v = (struct visit){
	    .ids = {-1, -1, 0, false}, .allow_rootful = allow_rootful};
	try_ids(v, s);
	rc = try_jail(v, s, err);
	ids_release(&v->ids);
	if (rc < 0)
		return -1;
	try_groups(v, s);
	try_network(v);
	try_room(v, s);
	list_programs(v);
	return 0;
}

/* Why no job can be run here; NULL: one can. */
static const char *
unfit(const struct visit *v)
{
	size_t i;

	for (i = 0; i < v->n; i++) {
		if (v->list[i].needed && !v->list[i].good)
			return v->list[i].text;
	}
	return NULL;
}

int
doctor(struct state *s, bool allow_rootful, bool json, struct error *err)
{
	struct visit v;

	if (examine(&v, s, allow_rootful, err) < 0)
		return -1;
	if (json)
		print_json(&v);
	else
		print_words(&v);
	return unfit(&v) ? 1 : 0;
}

static void
print_archs(FILE *out, const struct machine *m, const char *name, bool emulated)
{
	const char *comma = "";
	size_t i;

	fprintf(out, "\"%s\": [", name);
	for (i = 0; i < m->n; i++) {
		if (m->archs[i].emulated != emulated || !m->archs[i].fixed)
			continue;
		fprintf(out, "%s\"%s\"", comma, m->archs[i].name);
		comma = ", ";
	}
	fputs("], ", out);
}

int
doctor_capabilities(
    FILE *out, struct state *s, bool allow_rootful, struct error *err)
{
	char text[FEATURE_TEXT];
	const char *why;
	struct visit v;

	if (examine(&v, s, allow_rootful, err) < 0)
		return -1;
	why = unfit(&v);
	fputc('{', out);
	print_archs(out, &v.machine, "arches", false);
	print_archs(out, &v.machine, "emulated", true);
	fprintf(out, "\"network\": \"%s\", ",
	    (v.lacks & FEATURE_PRIVATE) != 0 ? "host" : "private");
	fprintf(out, "\"root\": \"%s\", \"lacks\": \"%s\", \"fit\": %s",
	    (v.lacks & FEATURE_OVERLAY) != 0 ? "copy" : "overlay",
	    feature_text(v.lacks, text), why ? "false, \"why\": " : "true");
	if (why)
		print_string(out, why);
	fputs("}\n", out);
	return why ? 1 : 0;
}

static _Noreturn void
overlay_child(const struct state *s)
{
	struct visit v = {.ids = {-1, -1, 0, false}};
	struct state own = *s;
	struct error err;

	if (state_reopen(&own, &err) < 0)
		_exit(0);
	try_ids(&v, &own);
	(void)try_jail(&v, &own, &err);
	ids_release(&v.ids);
	_exit((v.lacks & FEATURE_OVERLAY) != 0 ? 1 : 0);
}

bool
doctor_overlay(const struct state *s, unsigned without)
{
	int status;
	pid_t pid;

	if ((without & FEATURE_OVERLAY) != 0)
		return false;
	pid = fork();
	if (pid == 0)
		overlay_child(s);
	return pid < 0 || waitpid(pid, &status, 0) != pid ||
	    !WIFEXITED(status) || WEXITSTATUS(status) == 0;
}
