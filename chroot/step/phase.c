/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chroot/step/phase.h"
#include "chroot/step/prepare.h"
#include "chroot/step/recipe.h"
#include "chroot/step/status.h"
#include "chroot/sys/sys.h"
#include "chroot/jail/uplink.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	b->folder = r->folder;
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
	if (recipe_mount(r, &b->recipe, err) < 0)
		return -1;
	rc = in_network(r, b, res, err);
	if (b->recipe >= 0)
		close(b->recipe);
	/* it may have become one of that jail's */
	if (r->folder >= 0)
		close(r->folder);
	r->folder = -1;
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
	if (res->limit == LIMIT_DISK && r->disk.low && r->disk.files) {
		fail(err,
		    "the disk of the state folder has less than %" PRId64
		    " inodes free (--reserve), and not by this job",
		    r->disk.reserve.files);
		return CODE_TROUBLE;
	}
	if (res->limit == LIMIT_DISK && r->disk.low) {
		fail(err,
		    "the disk of the state folder has less than %" PRId64
		    " MiB free (--reserve), and not by this job",
		    r->disk.reserve.bytes >> 20);
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

	err->code = 0;
	b.extra = prepare_open_stored(r, store, name, err);
	if (b.extra < 0) {
		fail_in(err, "portconf %s", name);
		return err->code == ENOENT ? CODE_MISSING : CODE_TROUBLE;
	}
	code = code_of(r, run_box(r, &b, res, err), res, err);
	close(b.extra);
	return code;
}

/* All archives for /etc. Only what fails is told of, as a phase. */
int
phase_confs(struct run *r, struct error *err)
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

int
phase_run(struct run *r, const struct run_phase *p, struct error *err)
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
int
phase_shell(struct run *r, const struct run_phase *p, struct error *err)
{
	struct box b = {
	    .net = p->net ? r->o->network : NETWORK_NO, .extra = r->o->shell};
	struct run_phase shell = {"--shell", p->net};
	int64_t end = r->watch.end, silence = r->watch.silence;
	uint64_t log_max = r->watch.log_max, log_bytes = r->watch.log_bytes;
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
	r->watch.end = end;
	r->watch.silence = silence;
	r->watch.log_max = log_max;
	r->watch.log_bytes = log_bytes;
	if (r->watch.stopped)
		return CODE_STOPPED;
	return rc < 0 ? CODE_TROUBLE : CODE_PHASE;
}
