/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/step/run.h"
#include "chroot/step/aside.h"
#include "chroot/step/collect.h"
#include "chroot/store/gc.h"
#include "chroot/store/layer.h"
#include "chroot/store/room.h"
#include "chroot/step/phase.h"
#include "chroot/step/prepare.h"
#include "chroot/step/status.h"
#include "chroot/sys/sys.h"
#include "base/error.h"
#include "base/log.h"
#include "base/show.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

/* For the artifacts of a run whose time is over before they are collected. */
#define LATE (5 * SECOND)

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

/*
 * What is wrong with artifacts or the layer, or no time left for them: told as
 * the end of a phase of ours.
 */
static int
status_over(
    struct run *r, const char *phase, enum limit over, struct error *err)
{
	struct jail_result res = {
	    .limit = over, .exit = over == LIMIT_NONE ? 1 : -1};

	if (status_line(
		r, arena_printf(&r->arena, "start phase=%s\n", phase), err) < 0)
		return -1;
	return status_end(r, phase, &res, r->watch.log_bytes, err);
}

/* Until when artifacts are collected; 0: no matter how long it takes. */
static int64_t
collect_until(const struct run *r)
{
	int64_t now = jail_now(), end = r->watch.end;

	return end > 0 && now >= end ? now + LATE : end;
}

/* 1: there are more than there may be, or they take too long. */
static int
collect_artifacts(struct run *r, struct error *err)
{
	struct collect c = {.to = r->o->artifacts,
	    .owner = r->o->owner,
	    .group = r->o->group,
	    .status = r->o->status,
	    .log = r->o->log,
	    .bytes_max = r->o->artifact_bytes,
	    .files_max = r->o->artifact_files,
	    .watch = &r->watch,
	    .until = collect_until(r)};
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
		return status_line(r,
		    "left-out path=. why=the%20folder%20was%20removed%20or%20"
		    "replaced\n",
		    err);
	}
	rc = collect(&c, from, err);
	close(from);
	if (rc < 0 || c.over == LIMIT_NONE)
		return rc;
	return status_over(r, "artifacts", c.over, err) < 0 ? -1 : 1;
}

/* Is there room for the layer at own, as far as that's known? */
static bool
has_room(struct run *r, int own)
{
	char size[OK_VALUE];
	struct error none;
	bool has = false;

	if (own < 0 || !state_ok_value(own, "size", size) ||
	    state_lock(&r->state, LOCK_EX, &none) < 0)
		return false;
	has = room_take(&r->state, r->o->layers_max, strtoull(size, NULL, 10));
	flock(r->state.fd, LOCK_UN);
	return has;
}

/* Remove what wasn't used for longest, but nothing that this run needs. */
static void
make_room(struct run *r)
{
	struct gc g = {
	    .size_max = r->o->layers_max, .age_max = -1, .now = time(NULL)};
	struct error err;
	int own = state_hold(&r->state, IMAGE_LAYER, r->o->commit, &err);

	if (has_room(r, own))
		goto out;
	if (gc(&r->state, &g, &err) < 0)
		log_warn("collect layers: %s", err.msg);
	else if (g.bytes > (uint64_t)r->o->layers_max)
		log_warn("stages and layers have %" PRIu64 " MiB, more than "
			 "--layers-max, and none can be removed: remove a "
			 "stage, or allow more",
		    g.bytes >> 20);
out:
	if (own >= 0)
		close(own);
}

enum found { UNSAID, GONE, THERE };

/* Does a layer's /etc hide what is below? Closes fd. */
static enum found
judge_etc(int fd)
{
	static const char *const marks[] = {
	    "trusted.overlay.opaque", "user.overlay.opaque"};
	enum found found = UNSAID;
	char value;
	int i;

	for (i = 0; i < 2; i++) {
		if (fgetxattr(fd, marks[i], &value, 1) == 1 && value == 'y')
			found = GONE;
	}
	close(fd);
	return found;
}

/* Anything that isn't plainly missing counts as there. */
static enum found
find_resolver(const struct run *r, const char *folder)
{
	char path[160];
	struct stat st;
	int fd, rc;

	snprintf(path, sizeof(path), "%s/root/etc/resolv.conf", folder);
	fd = sys_open_beneath(r->state.fd, path, O_PATH | O_NOFOLLOW);
	if (fd >= 0) {
		rc = fstat(fd, &st);
		close(fd);
		/* a whiteout */
		return rc == 0 && S_ISCHR(st.st_mode) ? GONE : THERE;
	}
	if (errno == ENOTDIR)
		return GONE;
	if (errno != ENOENT)
		return THERE;
	snprintf(path, sizeof(path), "%s/root/etc", folder);
	fd = sys_open_beneath(r->state.fd, path, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? UNSAID : judge_etc(fd);
}

/* Has a jail made the file where nothing was, to mount the machine's on? */
static bool
made_resolver(const struct run *r)
{
	const struct run_options *o = r->o;
	enum found found = UNSAID;
	bool net = false;
	char layer[80];
	size_t i;

	for (i = 0; i < o->nphases; i++)
		net = net || o->phases[i].net;
	if (!net || o->network == NETWORK_NO)
		return false;
	/* from the top; what is below the base is in it */
	for (i = o->nlayers; i > r->base.skip && found == UNSAID; i--) {
		snprintf(layer, sizeof(layer), "layers/%s", o->layers[i - 1]);
		found = find_resolver(r, layer);
	}
	if (found == UNSAID)
		found = find_resolver(r, r->base.folder);
	return found != THERE;
}

/* An empty mount point is nothing that the job has made. */
static int
drop_resolver(struct run *r, struct error *err)
{
	struct stat st;
	int fd, rc = 0;

	if (!made_resolver(r))
		return 0;
	/* the job may have put anything there instead, such as a link */
	fd = sys_open_beneath(r->fd, "upper/etc", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return 0;
	if (fstatat(fd, "resolv.conf", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size == 0 &&
	    unlinkat(fd, "resolv.conf", 0) < 0)
		rc = fail_errno(err, "remove /etc/resolv.conf");
	close(fd);
	return rc;
}

/* What the layer is made on; all of that is held, the top last. */
static struct chain
chain_of(const struct run *r, char digest[OK_VALUE])
{
	const struct run_options *o = r->o;
	struct chain on = {
	    o->stage, "-", o->stage, r->base.copied, r->ids.userns < 0};

	if (o->nlayers > 0) {
		on.below = o->layers[o->nlayers - 1];
		on.digest = digest;
		if (!layer_top(r->held[o->nlayers], digest))
			digest[0] = '\0';
	}
	return on;
}

/* In a child: a job can have made what takes minutes to list. */
static int
make_layer(struct run *r, struct error *err)
{
	char digest[OK_VALUE];
	struct chain on = chain_of(r, digest);

	return layer_make(r->fd, &on, err);
}

/* There is no layer; is that the job's own fault? */
static int
refuse_layer(struct run *r, struct error *err)
{
	enum limit over = LIMIT_NONE;

	if (r->watch.stopped)
		return CODE_STOPPED;
	if (err->code == ETIME)
		over = LIMIT_TIME;
	else if (err->code != EOVERFLOW)
		return fail_in(err, "layer %s", r->o->commit), CODE_TROUBLE;
	dprintf(r->o->log,
	    "autotua-chroot: what the job has made can't be "
	    "kept as a layer: %s\n",
	    show(&r->arena, err->msg, strlen(err->msg)));
	return status_over(r, "layer", over, err) < 0 ? CODE_TROUBLE
						      : CODE_PHASE;
}

static int
commit(struct run *r, struct error *err)
{
	const struct run_options *o = r->o;
	char digest[OK_VALUE];
	struct chain on = chain_of(r, digest);
	int rc;

	jail_drop_view(&r->watch);
	if (drop_resolver(r, err) < 0)
		return CODE_TROUBLE;
	rc = layer_give_way(&r->state, o->commit, &on, err);
	if (rc < 0)
		return CODE_TROUBLE;
	if (rc == 0) {
		if (aside(r, 0, r->watch.end, make_layer, err) < 0)
			return refuse_layer(r, err);
		rc = state_publish(
		    &r->state, IMAGE_LAYER, o->commit, r->fd, "new", err);
	}
	if (rc < 0)
		return CODE_TROUBLE;
	if (rc == 0 && o->layers_max > 0)
		make_room(r);
	return status_line(r,
		   arena_printf(&r->arena, "commit key=%s state=%s\n",
		       o->commit, rc == 1 ? "there" : "new"),
		   err) < 0
	    ? CODE_TROUBLE
	    : CODE_OK;
}

static int
work(struct run *r, struct error *err)
{
	size_t i;
	int code, over;

	code = prepare(r, err);
	if (code == CODE_OK)
		code = phase_confs(r, err);
	for (i = 0; code == CODE_OK && i < r->o->nphases; i++)
		code = phase_run(r, &r->o->phases[i], err);
	if (code == CODE_PHASE && i > 0 && r->o->shell >= 0)
		code = phase_shell(r, &r->o->phases[i - 1], err);
	if (code != CODE_OK && code != CODE_PHASE)
		return code;
	over = collect_artifacts(r, err);
	if (over < 0)
		return CODE_TROUBLE;
	if (r->watch.stopped)
		return CODE_STOPPED;
	if (over > 0)
		code = CODE_PHASE;
	return code == CODE_OK && r->o->commit ? commit(r, err) : code;
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

	/* it may be on its way to a layer, of which there is none */
	(void)renameat2(r->fd, "new/root", r->fd, "upper", RENAME_NOREPLACE);
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
 * Its folder is out of the way, so its name is free again; what is in the
 * trash is for whoever has the time.
 */
static void
clean_up(struct run *r)
{
	struct error err;

	seed_drop(&r->watch.ahead);
	cgroup_remove(&r->groups);
	while (r->nheld > 0)
		close(r->held[--r->nheld]);
	if (r->fd >= 0) {
		if ((!r->failed || !r->o->keep || !keep(r)) &&
		    state_bury(&r->state, r->state.run,
			r->spare[0] ? r->spare : r->o->job, &err) < 0)
			log_warn("%s", err.msg);
		close(r->fd);
	}
	ids_release(&r->ids);
	if (r->watch.signals >= 0)
		close(r->watch.signals);
	arena_release(&r->arena);
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
run_begin(struct run *r, const struct state *s, struct error *err)
{
	*r = (struct run){.state = *s,
	    .fd = -1,
	    .folder = -1,
	    .ids = {-1, -1, 0, false},
	    .watch = JAIL_WATCH_NONE};
	/* the child opens everything below it, see box.h */
	if (fchdir(r->state.fd) < 0)
		return fail_errno(err, "%s", s->path);
	return take_signals(r, err);
}

int
run_work(struct run *r, const struct run_options *o, struct error *err)
{
	struct jail_watch *w = &r->watch;
	int code;

	r->o = o;
	w->out = o->log;
	w->leash = o->leash;
	w->silence = o->silence * SECOND;
	w->grace = o->grace * SECOND;
	w->log_max = (uint64_t)o->log_max;
	w->phases_left = (unsigned)o->nphases;
	w->groups = &r->groups;
	w->disk = &r->disk;
	if (o->time > 0)
		w->end = jail_now() + o->time * SECOND;
	code = work(r, err);
	r->failed = code == CODE_PHASE;
	clean_up(r);
	return code;
}

void
run_cancel(struct run *r)
{
	clean_up(r);
}

int
run(struct state *s, const struct run_options *o, struct error *err)
{
	struct error ignored;
	struct run r;
	int code = CODE_TROUBLE;

	if (run_begin(&r, s, err) == 0)
		code = run_work(&r, o, err);
	if (state_sweep(s, &ignored) < 0)
		log_warn("%s", ignored.msg);
	/* the sweeper has them too, and lets go later than we */
	jail_drop_view(&r.watch);
	if (r.folder >= 0)
		close(r.folder);
	state_close(s);
	return code;
}
