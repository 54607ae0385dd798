/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/unit.h"
#include "run/folder.h"
#include "run/scratch.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define GRACE         10 /* seconds to end after a limit of time */
#define RECORDS_FIXED 16 /* records besides layers and sources, with room */

/* What the jailer is asked for. */
struct wish {
	struct request request;
	struct request_record *records;
	int recipe, artifacts; /* folders */
};

static struct request_record *
add(struct wish *w, enum record_kind kind, const char *name)
{
	struct request_record *r = &w->records[w->request.records++];

	r->kind = (uint32_t)kind;
	snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
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
add_phases(struct wish *w, const struct metadata *m)
{
	bool net;
	int p;

	for (p = 0; p < PHASES; p++) {
		if (!has_phase(m, (enum phase)p))
			continue;
		net = (m->properties & PROPERTY_NETWORK) ||
		    (p == PHASE_SETUP &&
			(m->properties & PROPERTY_NETWORK_SETUP));
		add(w, RECORD_PHASE, phase_names[p])->net = net;
	}
}

/* One program for all phases; without any, only configuration is unpacked. */
static void
add_command(struct wish *w, const struct metadata *m)
{
	static const char *const words[] = {
	    "/bin/bash", "--noprofile", "--norc"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add(w, RECORD_ARGUMENT, words[i]);
	if (m->phases != 0) {
		add(w, RECORD_ARGUMENT, "/autotua/recipe/jobuild.sh");
		return;
	}
	add(w, RECORD_ARGUMENT, "-c");
	add(w, RECORD_ARGUMENT, ":");
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

/* Programs of 32 bits on a machine of 64, which are to see one of theirs. */
static bool
is_narrow(const char *arch)
{
	struct utsname u;

	if (uname(&u) < 0)
		return false;
	if (strcmp(u.machine, "x86_64") == 0)
		return strcmp(arch, "i386") == 0;
	return strcmp(u.machine, "aarch64") == 0 &&
	    (strcmp(arch, "armhf") == 0 || strcmp(arch, "armel") == 0);
}

static void
set_limits(
    const struct unit_run *r, const struct metadata *m, struct request *q)
{
	struct ceilings c = judge_ceilings(r->conf, m);

	q->time = c.time;
	q->silence = c.silence;
	q->grace = GRACE;
	q->log_max = c.log;
	q->memory = c.memory;
	q->disk = c.disk;
	q->cpus = c.cpus * 1000;
	q->pids = c.pids;
	q->artifact_bytes = c.artifacts;
	q->artifact_files = c.artifact_files;
	if (m->properties & PROPERTY_NEST)
		q->flags |= REQUEST_NEST;
	if (is_narrow(r->arch))
		q->flags |= REQUEST_LINUX32;
	if (r->conf->keep)
		q->flags |= REQUEST_KEEP;
}

static int
make_wish(struct unit_run *r, const struct tree_recipe *recipe,
    const char *commit, struct wish *w, struct error *err)
{
	size_t i;
	int n;

	jailer_request(&w->request, REQUEST_RUN);
	w->records = arena_array(r->arena,
	    RECORDS_FIXED + r->nlayers + recipe->ndist, struct request_record);
	snprintf(w->request.job, sizeof(w->request.job), "%s", r->id);
	snprintf(w->request.id, sizeof(w->request.id), "%s", r->stage);
	if (commit)
		snprintf(
		    w->request.commit, sizeof(w->request.commit), "%s", commit);
	set_limits(r, recipe->meta, &w->request);
	for (i = 0; i < r->nlayers; i++)
		add(w, RECORD_LAYER, r->layers[i]);
	n = sources_records(r, recipe, w->records + w->request.records, err);
	if (n < 0)
		return -1;
	w->request.records += (uint32_t)n;
	add_phases(w, recipe->meta);
	add_command(w, recipe->meta);
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

/* The folders that the jail is given, open in w. */
static int
make_folders(struct unit_run *r, size_t step, const struct tree_recipe *recipe,
    struct wish *w, struct error *err)
{
	struct scratch *s = r->conf->scratch;
	struct folder f = {.tree = r->tree,
	    .conf = r->conf,
	    .recipe = recipe,
	    .arch = r->arch,
	    .id = r->id};

	if (s) {
		if (scratch_take(s, err) < 0)
			return -1;
		w->artifacts = s->out;
		w->recipe = s->recipe;
		f.content = &s->content;
	} else {
		w->artifacts = make_folder(r, unit_file(r, step, "out"), err);
		if (w->artifacts < 0)
			return -1;
		w->recipe = make_folder(r, unit_file(r, step, "recipe"), err);
		if (w->recipe < 0)
			return -1;
	}
	f.dirfd = w->recipe;
	return folder_write(&f, err);
}

/* Nothing runs in there any more. */
static enum run_result
end_folders(struct unit_run *r, size_t step, struct wish *w,
    enum run_result result, struct error *err)
{
	struct scratch *s = r->conf->scratch;
	struct error why;

	if (s) {
		if (scratch_keep(s, r->dirfd, unit_file(r, step, "out"), &why) <
		    0) {
			*err = why;
			result = RUN_INFRASTRUCTURE;
		}
		/* what went wrong may be in there */
		if (result == RUN_INFRASTRUCTURE)
			scratch_release(s);
		return result;
	}
	if (w->recipe >= 0)
		close(w->recipe);
	if (w->artifacts >= 0)
		close(w->artifacts);
	(void)file_remove_tree(r->dirfd, unit_file(r, step, "recipe"), &why);
	return result;
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
run_jail(struct unit_run *r, size_t step, struct wish *w, struct outcome *o,
    struct error *err)
{
	struct jail_step j = {.conf = r->conf,
	    .request = &w->request,
	    .records = w->records,
	    .recipe = w->recipe,
	    .artifacts = w->artifacts,
	    .cancelled = cancelled,
	    .phase = phase_starts,
	    .shell = shell_starts,
	    .ctx = r};
	enum run_result result;
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
	result = judge(unit_meta(r, step), &j, o, end, err);
	/* nobody may find its layer and take it for one that passed */
	if (end == JAIL_OK && result != RUN_PASSED && *w->request.commit)
		jail_remove_layer(r->conf, w->request.commit);
	return result;
}

/* Everything but the report. */
static enum run_result
do_step(struct unit_run *r, size_t step, struct outcome *o, struct error *err)
{
	const struct metadata *m = unit_meta(r, step);
	const struct tree_recipe *recipe;
	struct wish w = {.recipe = -1, .artifacts = -1};
	enum run_result result;
	const char *commit;

	r->impure |=
	    (m->properties & (PROPERTY_NETWORK | PROPERTY_NETWORK_SETUP)) != 0;
	commit = commit_key(r, step);
	recipe = sources_recipe(r, step, err);
	if (!recipe || make_folders(r, step, recipe, &w, err) < 0 ||
	    make_wish(r, recipe, commit, &w, err) < 0)
		result = RUN_INFRASTRUCTURE;
	else
		result = run_jail(r, step, &w, o, err);
	result = end_folders(r, step, &w, result, err);
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
