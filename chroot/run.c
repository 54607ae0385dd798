/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/run.h"
#include "chroot/collect.h"
#include "chroot/gc.h"
#include "chroot/layer.h"
#include "chroot/prepare.h"
#include "chroot/sys.h"
#include "chroot/uplink.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MS     1000000LL
#define SECOND 1000000000LL

/* The signals that ask us to stop come as data; writing needs none. */
static int
take_signals(struct run *r, struct error *err)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return fail_errno(err, "signals");
	r->watch.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->watch.signals < 0)
		return fail_errno(err, "signals");
	return 0;
}

/* ---- jails ---- */

static int
status_line(struct run *r, const char *line, struct error *err)
{
	if (r->o->status < 0)
		return 0;
	if (file_write_all(r->o->status, line, strlen(line), err) < 0)
		return fail_in(err, "status descriptor");
	return 0;
}

static long long
ms(const struct timeval *t)
{
	return (long long)t->tv_sec * 1000 + t->tv_usec / 1000;
}

/* The value of the limit that was met, for people and reports. */
static int64_t
limit_value(const struct run *r, enum limit limit)
{
	const struct run_options *o = r->o;

	switch (limit) {
	case LIMIT_TIME:
		return o->time;
	case LIMIT_SILENCE:
		return o->silence;
	case LIMIT_LOG:
		return o->log_max;
	case LIMIT_MEMORY:
		return o->limits.memory;
	case LIMIT_PIDS:
		return o->limits.pids;
	case LIMIT_DISK:
		return o->limits.disk > 0 ? o->limits.disk
					  : r->disk.begin - r->disk.reserve;
	case LIMIT_ARTIFACTS:
		return o->artifact_bytes;
	case LIMIT_FILES:
		return o->artifact_files;
	case LIMIT_NONE:
		break;
	}
	return 0;
}

static int
status_end(struct run *r, const char *phase, const struct jail_result *res,
    uint64_t log_start, struct error *err)
{
	const char *value = "";

	if (res->limit != LIMIT_NONE)
		value = arena_printf(&r->arena, " limit_value=%lld",
		    (long long)limit_value(r, res->limit));
	return status_line(r,
	    arena_printf(&r->arena,
		"end phase=%s exit=%d signal=%d limit=%s%s wall_ms=%lld "
		"user_ms=%lld system_ms=%lld memory_kb=%ld log_start=%llu "
		"log_end=%llu log_left_out=%llu net_bytes=%lld\n",
		phase, res->exit, res->signal, limit_names[res->limit], value,
		(long long)(res->wall / MS), ms(&res->usage.ru_utime),
		ms(&res->usage.ru_stime), res->usage.ru_maxrss,
		(unsigned long long)log_start,
		(unsigned long long)r->watch.log_bytes,
		(unsigned long long)res->left_out, (long long)res->carried),
	    err);
}

/* What the machine lacks is told once, and again when more is found. */
static int
status_lacks(struct run *r, unsigned lacks, struct error *err)
{
	char text[FEATURE_TEXT];

	if (r->told && (lacks & ~r->lacks) == 0)
		return 0;
	r->told = true;
	r->lacks |= lacks;
	return status_line(r,
	    arena_printf(
		&r->arena, "jail lacks=%s\n", feature_text(r->lacks, text)),
	    err);
}

/*
 * The caller's folder once more, attached nowhere, for the jail. A file
 * system without translating mounts: its files are read as others'.
 */
static int
copy_recipe(struct run *r, struct box *b, struct error *err)
{
	uint64_t attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;

	b->recipe = -1;
	if (r->o->recipe < 0)
		return 0;
	if (r->ids.mapped)
		b->recipe =
		    ids_mount(r->o->recipe, r->ids.userns, attributes, err);
	if (b->recipe < 0)
		b->recipe = ids_mount(r->o->recipe, -1, attributes, err);
	return b->recipe < 0 ? fail_in(err, "recipe folder") : 0;
}

/* The jail, with a private network around it if it is to have one. */
static int
in_network(
    struct run *r, struct box *b, struct jail_result *res, struct error *err)
{
	struct uplink u = UPLINK_NONE;
	int rc;

	if (b->net == NETWORK_PRIVATE &&
	    uplink_open(&u, r->ids.base, r->o->without, &r->watch, err) < 0)
		return -1;
	b->netns = u.netns;
	rc = jail_run(b, &r->watch, res, err);
	res->carried = uplink_carried(&u);
	uplink_close(&u);
	return rc;
}

/* One jail, with what holds for all of them filled in. */
static int
try_box(
    struct run *r, struct box *b, struct jail_result *res, struct error *err)
{
	char *name = arena_printf(&r->arena, "work.%u", r->mounts++);
	int rc;

	if (mkdirat(r->fd, name, 0700) < 0)
		return fail_errno(err, "create %s", name);
	b->below = r->base.folder;
	b->layers = r->o->layers + r->base.skip;
	b->nlayers = r->o->nlayers - r->base.skip;
	b->copied = r->base.copied;
	b->run = arena_printf(&r->arena, "run/%s", r->o->job);
	b->work = name;
	b->userns = r->ids.userns;
	b->base = r->ids.base;
	b->nest = r->o->nest;
	b->bits32 = r->o->bits32;
	b->without = r->o->without;
	b->limits = r->o->limits;
	b->poor = r->poor;
	r->watch.spill = r->fd;
	b->mapped = r->ids.mapped;
	if (copy_recipe(r, b, err) < 0)
		return -1;
	rc = in_network(r, b, res, err);
	if (b->recipe >= 0)
		close(b->recipe);
	return rc;
}

/* On a copy of all, where overlayfs turns out to be of no use. */
static int
run_box(
    struct run *r, struct box *b, struct jail_result *res, struct error *err)
{
	int rc;

	*res = (struct jail_result){.limit = LIMIT_NONE};
	rc = try_box(r, b, res, err);
	if (rc == 0 || (res->lacks & FEATURE_OVERLAY) == 0 || r->base.copied ||
	    r->watch.stopped)
		return rc;
	r->lacks |= FEATURE_OVERLAY;
	if (base_copy(r, err) < 0)
		return -1;
	return try_box(r, b, res, err);
}

/* What the result of a jail means for the run. */
static int
code_of(struct run *r, int rc, const struct jail_result *res, struct error *err)
{
	if (r->watch.stopped)
		return CODE_STOPPED;
	if (rc < 0)
		return CODE_TROUBLE;
	if (res->limit == LIMIT_DISK && r->disk.low) {
		fail(err,
		    "the disk of the state folder has less than %" PRId64
		    " MiB free (--reserve), and not by this job",
		    r->disk.reserve >> 20);
		return CODE_TROUBLE;
	}
	return res->exit == 0 && res->limit == LIMIT_NONE ? CODE_OK
							  : CODE_PHASE;
}

/* One archive for /etc. */
static int
run_conf(struct run *r, int store, const char *name, struct jail_result *res,
    struct error *err)
{
	struct box b = {.argv = NULL};
	int code = CODE_TROUBLE;

	b.extra = sys_open_beneath(store, name, O_RDONLY);
	if (b.extra < 0) {
		fail_errno(err, "portconf %s", name);
		return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
	}
	code = code_of(r, run_box(r, &b, res, err), res, err);
	close(b.extra);
	return code;
}

/* All archives for /etc. Only what fails is told of, as a phase. */
static int
run_confs(struct run *r, struct error *err)
{
	struct jail_result res = {.limit = LIMIT_NONE};
	uint64_t log_start = r->watch.log_bytes;
	int store, code = CODE_OK;
	size_t i;

	if (r->o->nconfs == 0)
		return CODE_OK;
	store = prepare_store(r);
	for (i = 0; code == CODE_OK && i < r->o->nconfs; i++)
		code = run_conf(r, store, r->o->confs[i], &res, err);
	if (store >= 0)
		close(store);
	if (code == CODE_PHASE &&
	    (status_line(r, "start phase=portconf\n", err) < 0 ||
		status_end(r, "portconf", &res, log_start, err) < 0))
		code = CODE_TROUBLE;
	return code;
}

/* The command with the phase's name as its last argument. */
static const char *const *
phase_argv(struct run *r, const struct run_phase *p)
{
	const char **argv;
	size_t n = 0;

	if (!p->name)
		return r->o->argv;
	while (r->o->argv[n])
		n++;
	argv = arena_array(&r->arena, n + 2, const char *);
	memcpy(argv, r->o->argv, n * sizeof(*argv));
	argv[n] = p->name;
	return argv;
}

static int
run_phase(struct run *r, const struct run_phase *p, struct error *err)
{
	const char *name = p->name ? p->name : "-";
	struct box b = {
	    .net = p->net ? r->o->network : NETWORK_NO, .extra = r->o->report};
	struct jail_result res = {.limit = LIMIT_NONE};
	uint64_t log_start = r->watch.log_bytes;
	int code;

	b.argv = phase_argv(r, p);
	if (status_line(
		r, arena_printf(&r->arena, "start phase=%s\n", name), err) < 0)
		return CODE_TROUBLE;
	code = code_of(r, run_box(r, &b, &res, err), &res, err);
	r->watch.phases_left--;
	if (code != CODE_TROUBLE && status_lacks(r, res.lacks, err) < 0)
		return CODE_TROUBLE;
	if (code != CODE_TROUBLE &&
	    status_end(r, name, &res, log_start, err) < 0)
		return CODE_TROUBLE;
	return code;
}

/*
 * A phase has failed: the command once more in a jail like the phase's, with
 * "--shell" and its name as arguments and the terminal as descriptor 3. No
 * limit of time or output holds for who looks around in there.
 */
static int
run_shell(struct run *r, const struct run_phase *p, struct error *err)
{
	struct box b = {
	    .net = p->net ? r->o->network : NETWORK_NO, .extra = r->o->shell};
	struct run_phase shell = {"--shell", p->net};
	struct jail_watch watch = r->watch;
	struct jail_result res;
	struct run_options o = *r->o;
	const struct run_options *own = r->o;
	int rc;

	/* the jail's root opens it anew, to control it */
	if (r->ids.userns >= 0 &&
	    fchown(r->o->shell, r->ids.base, r->ids.base) < 0)
		return fail_errno(err, "--shell-fd"), CODE_TROUBLE;
	if (status_line(r,
		arena_printf(
		    &r->arena, "shell phase=%s\n", p->name ? p->name : "-"),
		err) < 0)
		return CODE_TROUBLE;
	r->o = &o;
	o.argv = phase_argv(r, &shell);
	b.argv = phase_argv(r, p);
	r->o = own;
	r->watch.end = 0;
	r->watch.silence = 0;
	r->watch.log_max = 0;
	rc = run_box(r, &b, &res, err);
	watch.stopped = r->watch.stopped;
	r->watch = watch;
	if (r->watch.stopped)
		return CODE_STOPPED;
	return rc < 0 ? CODE_TROUBLE : CODE_PHASE;
}

/* ---- after the last jail ---- */

/* Too many artifacts: told as the end of a phase of ours. */
static int
status_over(struct run *r, enum limit over, struct error *err)
{
	struct jail_result res = {.limit = over, .exit = -1};

	if (status_line(r, "start phase=artifacts\n", err) < 0)
		return -1;
	return status_end(r, "artifacts", &res, r->watch.log_bytes, err);
}

/* 1: there are more than there may be. */
static int
collect_artifacts(struct run *r, struct error *err)
{
	struct collect c = {.to = r->o->artifacts,
	    .owner = r->o->owner,
	    .group = r->o->group,
	    .status = r->o->status,
	    .log = r->o->log,
	    .bytes_max = r->o->artifact_bytes,
	    .files_max = r->o->artifact_files};
	int from, rc;

	if (r->o->artifacts < 0)
		return 0;
	from =
	    sys_open_beneath(r->fd, "home/artifacts", O_RDONLY | O_DIRECTORY);
	if (from < 0) {
		/* the job may have put anything there instead */
		dprintf(r->o->log,
		    "autotua-chroot: the folder of artifacts "
		    "was removed or replaced by the job\n");
		return 0;
	}
	rc = collect(&c, from, err);
	close(from);
	if (rc < 0 || c.over == LIMIT_NONE)
		return rc;
	return status_over(r, c.over, err) < 0 ? -1 : 1;
}

/* Remove what wasn't used for longest, but nothing that this run needs. */
static void
make_room(struct run *r)
{
	struct gc g = {
	    .size_max = r->o->layers_max, .age_max = -1, .now = time(NULL)};
	struct error err;
	int own = state_hold(&r->state, IMAGE_LAYER, r->o->commit, &err);

	if (gc(&r->state, &g, &err) < 0)
		log_warn("collect layers: %s", err.msg);
	else if (g.bytes > (uint64_t)r->o->layers_max)
		log_warn("stages and layers have %" PRIu64 " MiB, more than "
			 "--layers-max, and none can be removed: remove a "
			 "stage, or allow more",
		    g.bytes >> 20);
	if (own >= 0)
		close(own);
}

static int
commit(struct run *r, struct error *err)
{
	const struct run_options *o = r->o;
	struct chain on = {o->stage, "-", r->base.copied};
	int rc;

	if (o->nlayers > 0)
		on.below = o->layers[o->nlayers - 1];
	rc = layer_commit(&r->state, r->fd, o->commit, &on, err);
	if (rc < 0)
		return -1;
	if (rc == 0 && o->layers_max > 0)
		make_room(r);
	return status_line(r,
	    arena_printf(&r->arena, "commit key=%s state=%s\n", o->commit,
		rc == 1 ? "there" : "new"),
	    err);
}

static int
work(struct run *r, struct error *err)
{
	size_t i;
	int code, over;

	code = prepare(r, err);
	if (code == CODE_OK)
		code = run_confs(r, err);
	for (i = 0; code == CODE_OK && i < r->o->nphases; i++)
		code = run_phase(r, &r->o->phases[i], err);
	if (code == CODE_PHASE && i > 0 && r->o->shell >= 0)
		code = run_shell(r, &r->o->phases[i - 1], err);
	r->failed = code == CODE_PHASE;
	if (code != CODE_OK && code != CODE_PHASE)
		return code;
	over = collect_artifacts(r, err);
	if (over < 0)
		return CODE_TROUBLE;
	if (over > 0)
		code = CODE_PHASE;
	if (code == CODE_OK && r->o->commit && commit(r, err) < 0)
		return CODE_TROUBLE;
	return code;
}

/*
 * Move the folder out of the way of whoever cleans up: kept/JOB is the
 * caller's. Where that can't be, it goes as others do.
 */
static bool
keep(struct run *r)
{
	int fd;
	bool done;

	if (mkdirat(r->state.fd, "kept", 0700) < 0 && errno != EEXIST)
		return false;
	fd = sys_open_beneath(r->state.fd, "kept", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return false;
	done = renameat2(r->state.run, r->o->job, fd, r->o->job,
		   RENAME_NOREPLACE) == 0;
	close(fd);
	return done;
}

/*
 * What took a moment to make is deleted in a moment, with its lock held, so
 * that nobody helps; anything larger isn't waited for.
 */
static int
end_folder(struct run *r, struct error *err)
{
	if (jail_now() - r->begin < SECOND)
		return state_end_run(&r->state, r->o->job, err);
	return state_bury(&r->state, r->state.run, r->o->job, err);
}

static void
clean_up(struct run *r)
{
	struct error err;

	cgroup_remove(&r->groups);
	while (r->nheld > 0)
		close(r->held[--r->nheld]);
	if (r->fd >= 0) {
		if ((!r->o->keep || !r->failed || !keep(r)) &&
		    end_folder(r, &err) < 0)
			log_warn("run/%s: %s", r->o->job, err.msg);
		close(r->fd);
	}
	if (state_sweep(&r->state, &err) < 0)
		log_warn("%s", err.msg);
	ids_release(&r->ids);
	if (r->watch.signals >= 0)
		close(r->watch.signals);
	state_close(&r->state);
	arena_release(&r->arena);
}

bool
run_is_empty(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	while (dir && n <= 2 && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return dir && n <= 2;
}

void
run_defaults(struct run_options *o)
{
	*o = (struct run_options){.time = 6 * 3600,
	    .silence = 30 * 60,
	    .grace = 10,
	    .log_max = 256 << 20,
	    .reserve = DISK_RESERVE_DEFAULT,
	    .network = NETWORK_HOST,
	    .recipe = -1,
	    .store = -1,
	    .artifacts = -1,
	    .owner = geteuid(),
	    .group = getegid(),
	    .log = -1,
	    .status = -1,
	    .report = -1,
	    .leash = -1,
	    .shell = -1};
}

int
run(struct state *s, const struct run_options *o, struct error *err)
{
	struct run r = {.o = o,
	    .state = *s,
	    .begin = jail_now(),
	    .fd = -1,
	    .ids = {-1, -1, 0, false}};
	int code = CODE_TROUBLE;

	r.watch = (struct jail_watch){.out = o->log,
	    .leash = o->leash,
	    .signals = -1,
	    .silence = o->silence * SECOND,
	    .grace = o->grace * SECOND,
	    .log_max = (uint64_t)o->log_max,
	    .phases_left = (unsigned)o->nphases,
	    .groups = &r.groups,
	    .disk = &r.disk};
	if (o->time > 0)
		r.watch.end = jail_now() + o->time * SECOND;
	/* the child opens everything below it, see box.h */
	if (fchdir(r.state.fd) < 0)
		fail_errno(err, "%s", s->path);
	else if (take_signals(&r, err) == 0)
		code = work(&r, err);
	clean_up(&r);
	return code;
}
