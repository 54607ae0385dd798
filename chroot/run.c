/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder of a run, run/JOB, and so its lock:
 *	upper		what the job writes, and in the jail's namespace the
 *			mount point of the whole
 *	work.N		overlayfs's, a fresh one for each mount
 *	home		/autotua of the jail: work temp home artifacts
 *	src		/autotua/distfiles: hard links to sources
 * Only upper and home/ are ever writable for the job.
 */
#include "chroot/run.h"
#include "chroot/collect.h"
#include "chroot/jail.h"
#include "chroot/layer.h"
#include "chroot/state.h"
#include "chroot/sys.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS     1000000LL
#define SECOND 1000000000LL

struct run {
	const struct run_options *o;
	struct arena arena;
	struct state state;
	int fd;                       /* run/JOB, locked */
	int held[RUN_LAYERS_MAX + 1]; /* "ok" files of layers and stage */
	size_t nheld;
	int artifacts;
	struct jail_watch watch;
	unsigned mounts; /* so far */
};

/* ---- before the first jail ---- */

/* Hold every image, and see that the layers are a chain. */
static int
hold_images(struct run *r, struct error *err)
{
	struct chain on = {r->o->stage, "-"};
	size_t i;
	int fd;

	fd = state_hold(&r->state, IMAGE_STAGE, r->o->stage, err);
	if (fd < 0)
		return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
	r->held[r->nheld++] = fd;
	for (i = 0; i < r->o->nlayers; i++) {
		fd = state_hold(&r->state, IMAGE_LAYER, r->o->layers[i], err);
		if (fd < 0)
			return err->code == ENOENT ? CODE_MISSING
						   : CODE_TROUBLE;
		r->held[r->nheld++] = fd;
		if (layer_check(fd, r->o->layers[i], &on, err) < 0)
			return CODE_BROKEN;
		on.below = r->o->layers[i];
	}
	return CODE_OK;
}

/* The run's folder and the images, under the lock of the state. */
static int
claim(struct run *r, struct error *err)
{
	int code = CODE_TROUBLE;

	if (state_lock(&r->state, LOCK_SH, err) < 0)
		return CODE_TROUBLE;
	r->fd = state_new_run(&r->state, r->o->job, err);
	if (r->fd >= 0)
		code = hold_images(r, err);
	flock(r->state.fd, LOCK_UN);
	return code;
}

/* The root folder of the jail is upper's: as that of the image below it. */
static int
make_upper(struct run *r, struct error *err)
{
	const struct run_options *o = r->o;
	char path[80];
	struct stat st;
	int image, from, fd, rc = 0;

	image = o->nlayers > 0 ? IMAGE_LAYER : IMAGE_STAGE;
	snprintf(path, sizeof(path), "%s/root",
	    o->nlayers > 0 ? o->layers[o->nlayers - 1] : o->stage);
	from = sys_open_beneath(
	    r->state.images[image], path, O_PATH | O_DIRECTORY);
	if (from < 0)
		return fail_errno(err, "open %s", path);
	fd = sys_open_beneath(r->fd, "upper", O_RDONLY | O_DIRECTORY);
	if (fd < 0 || fstat(from, &st) < 0 ||
	    fchown(fd, st.st_uid, st.st_gid) < 0 ||
	    fchmod(fd, st.st_mode & 07777) < 0)
		rc = fail_errno(err, "prepare upper");
	if (fd >= 0)
		close(fd);
	close(from);
	return rc;
}

static int
make_folders(struct run *r, struct error *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {{"upper", 0755}, {"src", 0755}, {"home", 0755},
	    {"home/work", 0755}, {"home/temp", 0755}, {"home/home", 0755},
	    {"home/artifacts", 0755}, {"home/distfiles", 0755},
	    {"home/recipe", 0755}};
	size_t i, n = sizeof(folders) / sizeof(*folders);

	if (!r->o->recipe)
		n--;
	for (i = 0; i < n; i++) {
		if (mkdirat(r->fd, folders[i].name, folders[i].mode) < 0)
			return fail_errno(err, "create %s", folders[i].name);
	}
	return make_upper(r, err);
}

/* A source by hard link, or left to the jail to bind. */
static int
link_source(int store, int src, struct source *s, struct error *err)
{
	struct stat st;
	int fd;

	if (fstatat(store, s->stored, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_errno(err, "source %s (%s)", s->name, s->stored);
	if (!S_ISREG(st.st_mode))
		return fail(
		    err, "source %s (%s) is no file", s->name, s->stored);
	if (linkat(store, s->stored, src, s->name, 0) == 0)
		return 0;
	if (errno == EEXIST)
		return fail(err, "source %s is given twice", s->name);
	fd =
	    openat(src, s->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return fail_errno(err, "source %s", s->name);
	close(fd);
	s->bind = true;
	return 0;
}

/* The store of sources, which may be on a file system of its own. */
static int
open_store(struct run *r)
{
	return openat(r->state.fd, "distfiles",
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
link_sources(struct run *r, struct error *err)
{
	int store, src = -1, rc = CODE_TROUBLE;
	size_t i;

	if (r->o->nsources == 0)
		return CODE_OK;
	store = open_store(r);
	if (store < 0) {
		fail_errno(err, "%s/distfiles", r->state.path);
		return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
	}
	src = sys_open_beneath(r->fd, "src", O_RDONLY | O_DIRECTORY);
	if (src < 0) {
		fail_errno(err, "open src");
		goto out;
	}
	for (i = 0; i < r->o->nsources; i++) {
		if (link_source(store, src, &r->o->sources[i], err) < 0) {
			if (err->code == ENOENT)
				rc = CODE_MISSING;
			goto out;
		}
	}
	rc = CODE_OK;
out:
	if (src >= 0)
		close(src);
	close(store);
	return rc;
}

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

static int
status_end(struct run *r, const char *phase, const struct jail_result *res,
    uint64_t log_start, struct error *err)
{
	return status_line(r,
	    arena_printf(&r->arena,
		"end phase=%s exit=%d signal=%d limit=%s wall_ms=%lld "
		"user_ms=%lld system_ms=%lld memory_kb=%ld log_start=%llu "
		"log_end=%llu\n",
		phase, res->exit, res->signal, jail_limit_names[res->limit],
		(long long)(res->wall / MS), ms(&res->usage.ru_utime),
		ms(&res->usage.ru_stime), res->usage.ru_maxrss,
		(unsigned long long)log_start,
		(unsigned long long)r->watch.log_bytes),
	    err);
}

/* One jail, with what holds for all of them filled in. */
static int
run_box(
    struct run *r, struct box *b, struct jail_result *res, struct error *err)
{
	char *name = arena_printf(&r->arena, "work.%u", r->mounts++);

	if (mkdirat(r->fd, name, 0700) < 0)
		return fail_errno(err, "create %s", name);
	b->stage = r->o->stage;
	b->layers = r->o->layers;
	b->nlayers = r->o->nlayers;
	b->run = arena_printf(&r->arena, "run/%s", r->o->job);
	b->work = arena_printf(&r->arena, "%s/%s", b->run, name);
	b->recipe = r->o->recipe;
	b->sources = r->o->sources;
	b->nsources = r->o->nsources;
	return jail_run(b, &r->watch, res, err);
}

/* What the result of a jail means for the run. */
static int
code_of(struct run *r, int rc, const struct jail_result *res)
{
	if (r->watch.stopped)
		return CODE_STOPPED;
	if (rc < 0)
		return CODE_TROUBLE;
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
	code = code_of(r, run_box(r, &b, res, err), res);
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
	store = open_store(r);
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
	struct box b = {.net = p->net, .extra = r->o->report};
	struct jail_result res = {.limit = LIMIT_NONE};
	uint64_t log_start = r->watch.log_bytes;
	int code;

	b.argv = phase_argv(r, p);
	if (status_line(
		r, arena_printf(&r->arena, "start phase=%s\n", name), err) < 0)
		return CODE_TROUBLE;
	code = code_of(r, run_box(r, &b, &res, err), &res);
	if (code != CODE_TROUBLE &&
	    status_end(r, name, &res, log_start, err) < 0)
		return CODE_TROUBLE;
	return code;
}

/* ---- after the last jail ---- */

static int
collect_artifacts(struct run *r, struct error *err)
{
	struct collect c = {r->artifacts, r->o->status, r->o->log, 0};
	int from, rc;

	if (r->artifacts < 0)
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
	return rc;
}

static int
commit(struct run *r, struct error *err)
{
	const struct run_options *o = r->o;
	struct chain on = {o->stage, "-"};
	int rc;

	if (o->nlayers > 0)
		on.below = o->layers[o->nlayers - 1];
	rc = layer_commit(&r->state, r->fd, o->commit, &on, err);
	if (rc < 0)
		return -1;
	return status_line(r,
	    arena_printf(&r->arena, "commit key=%s state=%s\n", o->commit,
		rc == 1 ? "there" : "new"),
	    err);
}

static int
work(struct run *r, struct error *err)
{
	size_t i;
	int code;

	code = claim(r, err);
	if (code != CODE_OK)
		return code;
	if (make_folders(r, err) < 0)
		return CODE_TROUBLE;
	code = link_sources(r, err);
	if (code == CODE_OK)
		code = run_confs(r, err);
	for (i = 0; code == CODE_OK && i < r->o->nphases; i++)
		code = run_phase(r, &r->o->phases[i], err);
	if (code != CODE_OK && code != CODE_PHASE)
		return code;
	if (collect_artifacts(r, err) < 0)
		return CODE_TROUBLE;
	if (code == CODE_OK && r->o->commit && commit(r, err) < 0)
		return CODE_TROUBLE;
	return code;
}

/* The folder is deleted with its lock held, so that nobody helps. */
static void
clean_up(struct run *r)
{
	struct error err;

	while (r->nheld > 0)
		close(r->held[--r->nheld]);
	if (r->fd >= 0) {
		if (state_end_run(&r->state, r->o->job, &err) < 0)
			log_warn("run/%s: %s", r->o->job, err.msg);
		close(r->fd);
	}
	if (state_empty_trash(&r->state, &err) < 0)
		log_warn("%s", err.msg);
	if (r->watch.signals >= 0)
		close(r->watch.signals);
	if (r->artifacts >= 0)
		close(r->artifacts);
	state_close(&r->state);
	arena_release(&r->arena);
}

static int
open_artifacts(struct run *r, struct error *err)
{
	const char *path = r->o->artifacts;

	if (!path)
		return 0;
	r->artifacts = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->artifacts < 0)
		return fail_errno(err, "artifacts folder %s", path);
	return 0;
}

int
run(const char *state, const struct run_options *o, struct error *err)
{
	struct run r = {.o = o, .fd = -1, .artifacts = -1};
	int code = CODE_TROUBLE;

	r.watch = (struct jail_watch){.out = o->log,
	    .leash = o->leash,
	    .signals = -1,
	    .silence = o->silence * SECOND,
	    .grace = o->grace * SECOND,
	    .log_max = (uint64_t)o->log_max};
	if (o->time > 0)
		r.watch.end = jail_now() + o->time * SECOND;
	if (open_artifacts(&r, err) < 0)
		return CODE_TROUBLE;
	if (state_open(&r.state, state, err) < 0) {
		if (r.artifacts >= 0)
			close(r.artifacts);
		return CODE_TROUBLE;
	}
	/* the child opens everything below it, see box.h */
	if (fchdir(r.state.fd) < 0)
		fail_errno(err, "%s", state);
	else if (take_signals(&r, err) == 0 &&
	    state_recover_runs(&r.state, err) == 0)
		code = work(&r, err);
	clean_up(&r);
	return code;
}
