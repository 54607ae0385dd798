/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/unit.h"
#include "run/folder.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS_FIXED 48 /* arguments besides layers and sources, with room */

struct args {
	struct arena *arena;
	const char **list;
	size_t n;
};

static void
add(struct args *a, const char *option, const char *value)
{
	a->list[a->n++] = option;
	if (value)
		a->list[a->n++] = value;
}

static void
add_number(struct args *a, const char *option, int64_t value)
{
	add(a, option, arena_printf(a->arena, "%" PRId64, value));
}

/* ---- what autotua-chroot is asked for ------------------------------------ */

/* Does the chain define this phase, or has it a default that does anything? */
static bool
has_phase(const struct metadata *m, enum phase p)
{
	if (m->phases & (1u << p))
		return true;
	return p == PHASE_UNPACK && m->phases != 0 && m->nsources > 0;
}

static void
add_phases(struct args *a, const struct metadata *m)
{
	bool net;
	int p;

	for (p = 0; p < PHASES; p++) {
		if (!has_phase(m, (enum phase)p))
			continue;
		net = (m->properties & PROPERTY_NETWORK) ||
		    (p == PHASE_SETUP &&
			(m->properties & PROPERTY_NETWORK_SETUP));
		add(a, "--phase",
		    net ? arena_printf(a->arena, "%s,net", phase_names[p])
			: phase_names[p]);
	}
}

/* One program for all phases; without any, only configuration is unpacked. */
static void
add_command(struct args *a, const struct metadata *m)
{
	add(a, "--", "/bin/bash");
	add(a, "--noprofile", "--norc");
	if (m->phases != 0)
		add(a, "/autotua/recipe/jobuild.sh", NULL);
	else
		add(a, "-c", ":");
}

/*
 * The layer that the step becomes: its content key, as long as the content is
 * all that went in. After the network it's a key that nobody meets again.
 * NULL: none is needed.
 */
static const char *
commit_key(struct unit_run *r, size_t step)
{
	char hex[DIGEST_HEX_MAX];
	struct digest d;

	if (!r->impure)
		return r->unit->steps[step].key;
	if (step + 1 == r->unit->nsteps)
		return NULL;
	digest_init(&d, DIGEST_KEY);
	digest_field(&d, "layer of one run");
	digest_field(&d, r->nonce);
	digest_field(&d, r->unit->steps[step].key);
	digest_end(&d, hex);
	return arena_strdup(r->arena, hex);
}

static int
make_args(struct unit_run *r, size_t step, const struct tree_recipe *recipe,
    const char *commit, struct args *a, struct error *err)
{
	const struct metadata *m = recipe->meta;
	struct ceilings c = judge_ceilings(r->conf, m);
	size_t i;
	int n;

	a->arena = r->arena;
	a->list = arena_array(r->arena,
	    ARGS_FIXED + 2 * (r->nlayers + recipe->ndist), const char *);
	add(a, "--job", r->id);
	add(a, "--stage", r->stage);
	for (i = 0; i < r->nlayers; i++)
		add(a, "--layer", r->layers[i]);
	if (commit)
		add(a, "--commit", commit);
	add(a, "--recipe",
	    arena_printf(
		r->arena, "%s/%s", r->dir, unit_file(r, step, "recipe")));
	add(a, "--artifacts",
	    arena_printf(r->arena, "%s/%s", r->dir, unit_file(r, step, "out")));
	n = sources_args(r, recipe, a->list + a->n, err);
	if (n < 0)
		return -1;
	a->n += (size_t)n;
	add_phases(a, m);
	if (r->conf->shell > 0)
		add_number(a, "--shell-fd", r->conf->shell);
	if (r->conf->keep)
		add(a, "--keep", NULL);
	add_number(a, "--time", c.time);
	add_number(a, "--silence", c.silence);
	add_number(a, "--log-max", c.log);
	add_number(a, "--memory", c.memory);
	add_number(a, "--disk", c.disk);
	add_number(a, "--cpus", c.cpus);
	add_number(a, "--pids", c.pids);
	add_number(a, "--artifacts-max", c.artifacts);
	if (m->properties & PROPERTY_NEST)
		add(a, "--nest", NULL);
	add_command(a, m);
	return 0;
}

/* ---- folders ------------------------------------------------------------- */

static int
make_folder(struct unit_run *r, const char *name, struct error *err)
{
	int fd;

	if (mkdirat(r->dirfd, name, 0755) < 0)
		return fail_errno(err, "create folder %s", name);
	fd = openat(
	    r->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(err, "open folder %s", name);
	return fd;
}

static int
make_folders(struct unit_run *r, size_t step, const struct tree_recipe *recipe,
    struct error *err)
{
	struct folder f = {.tree = r->tree,
	    .conf = r->conf,
	    .recipe = recipe,
	    .arch = r->arch,
	    .id = r->id};
	int fd, rc;

	fd = make_folder(r, unit_file(r, step, "out"), err);
	if (fd < 0)
		return -1;
	close(fd);
	f.dirfd = make_folder(r, unit_file(r, step, "recipe"), err);
	if (f.dirfd < 0)
		return -1;
	rc = folder_write(&f, err);
	close(f.dirfd);
	return rc;
}

/* ---- the step ------------------------------------------------------------ */

static void
phase_starts(void *ctx, const char *name)
{
	static const enum step_state states[PHASES] = {
	    [PHASE_SETUP] = STEP_SETUP,
	    [PHASE_UNPACK] = STEP_UNPACK,
	    [PHASE_RUN] = STEP_RUN,
	    [PHASE_COLLECT] = STEP_COLLECT};
	struct unit_run *r = ctx;
	int p;

	for (p = 0; p < PHASES; p++) {
		if (strcmp(phase_names[p], name) == 0)
			unit_state(r, r->now, states[p]);
	}
}

static void
shell_starts(void *ctx, const char *phase)
{
	struct unit_run *r = ctx;

	if (r->watch && r->watch->shell)
		r->watch->shell(r->watch->ctx, r->now, phase);
}

static bool
cancelled(void *ctx)
{
	const struct run_watch *watch = ((const struct unit_run *)ctx)->watch;

	return watch && watch->cancelled && watch->cancelled(watch->ctx);
}

/*
 * The phases' places in the log are counted by autotua-chroot from its first
 * byte; the file has lines of ours before.
 */
static void
shift_log(struct outcome *o, int64_t before)
{
	size_t i;

	for (i = 0; i < o->nphases; i++) {
		o->phases[i].log_start += before;
		o->phases[i].log_end += before;
	}
}

static enum run_result
run_jail(struct unit_run *r, size_t step, const struct args *args,
    struct outcome *o, struct error *err)
{
	struct jail_step j = {.conf = r->conf,
	    .args = args->list,
	    .nargs = args->n,
	    .cancelled = cancelled,
	    .phase = phase_starts,
	    .shell = shell_starts,
	    .ctx = r};
	enum jail_end end;
	struct stat st;

	j.logfd = openat(r->dirfd, unit_file(r, step, "log"),
	    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (j.logfd < 0 || fstat(j.logfd, &st) < 0) {
		fail_errno(err, "open a log");
		if (j.logfd >= 0)
			close(j.logfd);
		return RUN_INFRASTRUCTURE;
	}
	end = jail_run(&j, o, err);
	close(j.logfd);
	shift_log(o, st.st_size);
	return judge(unit_meta(r, step), &j, o, end, err);
}

/* Everything but the report. */
static enum run_result
do_step(struct unit_run *r, size_t step, struct outcome *o, struct error *err)
{
	const struct metadata *m = unit_meta(r, step);
	const struct tree_recipe *recipe;
	struct args args = {0};
	enum run_result result;
	struct error ignored;
	const char *commit;

	r->impure |=
	    (m->properties & (PROPERTY_NETWORK | PROPERTY_NETWORK_SETUP)) != 0;
	commit = commit_key(r, step);
	recipe = sources_recipe(r, step, err);
	if (!recipe || make_folders(r, step, recipe, err) < 0 ||
	    make_args(r, step, recipe, commit, &args, err) < 0)
		return RUN_INFRASTRUCTURE;
	result = run_jail(r, step, &args, o, err);
	(void)file_remove_tree(
	    r->dirfd, unit_file(r, step, "recipe"), &ignored);
	if (result != RUN_PASSED || !commit)
		return result;
	r->layers =
	    arena_grow(r->arena, r->layers, r->nlayers, sizeof(*r->layers));
	r->layers[r->nlayers++] = commit;
	if (r->impure) {
		r->own = arena_grow(r->arena, r->own, r->nown, sizeof(*r->own));
		r->own[r->nown++] = commit;
	}
	return result;
}

enum run_result
step_run(struct unit_run *r, size_t step, struct error *err)
{
	struct step_end e = {.started = unit_clock(), .reason = ""};
	enum run_result result;
	struct outcome o;

	outcome_init(&o, r->arena);
	e.outcome = &o;
	r->now = step;
	err->code = 0;
	unit_state(r, step, STEP_PREPARING);
	report_log(r, step, "%s, step %zu, on %s, stage %.12s",
	    unit_atom(r, step), step, r->arch, r->stage);
	result = e.result = do_step(r, step, &o, err);
	e.ended = unit_clock();
	if (result == RUN_INFRASTRUCTURE && err->code == ECANCELED) {
		report_log(r, step, "cancelled");
		goto out;
	}
	if (result != RUN_PASSED)
		e.reason = arena_strdup(r->arena, err->msg);
	report_log(r, step, "%s%s%s", run_result_names[result],
	    *e.reason ? ": " : "", e.reason);
	if (report_write(r, step, &e, err) < 0)
		result = RUN_INFRASTRUCTURE;
out:
	outcome_release(&o);
	return result;
}
