/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/unit.h"
#include "run/folder.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

const char *const step_state_names[] = {"waiting", "fetching", "preparing",
    "setup", "unpack", "run", "collect", "passed", "failed", "skipped"};

const char *const run_result_names[] = {
    "passed", "failed", "skipped", "infrastructure", "limit"};

/* ---- small things that all files here use -------------------------------- */

const struct metadata *
unit_meta(const struct unit_run *r, size_t step)
{
	return r->unit->steps[step].meta;
}

const char *
unit_atom(const struct unit_run *r, size_t step)
{
	return id_format(r->arena, &unit_meta(r, step)->id);
}

bool
unit_is_meta(const struct metadata *m)
{
	return m->phases == 0 && m->nportconf == 0;
}

const char *
unit_file(const struct unit_run *r, size_t step, const char *ext)
{
	return arena_printf(r->arena, "%zu.%s", step, ext);
}

void
unit_state(const struct unit_run *r, size_t step, enum step_state s)
{
	if (r->watch && r->watch->state)
		r->watch->state(r->watch->ctx, step, s);
}

double
unit_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- before anything runs ------------------------------------------------ */

static int
make_nonce(struct unit_run *r, struct error *err)
{
	unsigned char random[32];
	char hex[DIGEST_HEX_MAX];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return fail_errno(err, "random bytes");
	digest_of(DIGEST_KEY, random, sizeof(random), hex);
	memcpy(r->nonce, hex, KEY_HEX);
	return 0;
}

static int
open_results(struct unit_run *r, const char *dir, struct error *err)
{
	const char *const *p = r->conf->parameters;

	for (; p && *p; p++) {
		if (parameter_check(*p, err) < 0)
			return -1;
	}
	if (file_mkdirs(dir, 0755, err) < 0)
		return -1;
	r->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dirfd < 0)
		return fail_errno(err, "open folder %s", dir);
	return make_nonce(r, err);
}

/* May the layer of this step be reused? 1, 0 (err says why not), or -1. */
static int
is_reusable(struct unit_run *r, size_t step, struct error *err)
{
	unsigned net = PROPERTY_NETWORK | PROPERTY_NETWORK_SETUP;
	int there;

	if (unit_meta(r, step)->properties & net) {
		fail(err, "%s had the network, so what it left is not kept",
		    unit_atom(r, step));
		return 0;
	}
	if (unit_is_meta(unit_meta(r, step)))
		return 1;
	if (r->conf->made && !r->conf->made[step]) {
		fail(err, "what %s made is not known", unit_atom(r, step));
		return 0;
	}
	there = jail_has_layer(r->conf, r->unit->steps[step].key, err);
	if (there == 0)
		fail(err, "the layer of %s is not here", unit_atom(r, step));
	return there;
}

/*
 * How many steps at the beginning need not run because their layers are here.
 * The last always runs: it is what the unit is for. What used the network
 * depends on more than its key, and so does all that follows.
 */
static int
find_prefix(struct unit_run *r, struct error *err)
{
	size_t end = r->unit->nsteps - 1;
	struct error why = {0};
	int there;

	if (r->conf->from_set && r->conf->from < end)
		end = r->conf->from;
	for (; r->prefix < end; r->prefix++) {
		there = is_reusable(r, r->prefix, &why);
		if (there < 0) {
			*err = why;
			return -1;
		}
		if (there == 0)
			break;
		if (unit_is_meta(unit_meta(r, r->prefix)))
			continue;
		r->layers = arena_grow(
		    r->arena, r->layers, r->nlayers, sizeof(*r->layers));
		r->layers[r->nlayers++] = r->unit->steps[r->prefix].key;
	}
	if (r->conf->from_set && r->prefix < end)
		return fail(err, "can't start at %s: %s; run it from the begin",
		    unit_atom(r, end), why.msg);
	return 0;
}

/* The unit ends with this step, before any of it ran; err says why. */
static enum run_result
end_at(
    struct unit_run *r, size_t step, enum run_result result, struct error *err)
{
	double now = unit_clock();
	struct step_end e = {.result = result,
	    .reason = arena_strdup(r->arena, err->msg),
	    .started = now,
	    .ended = now};
	struct error second;

	if (err->code == ECANCELED)
		return result;
	report_log(r, step, "%s: %s", run_result_names[result], e.reason);
	if (report_write(r, step, &e, &second) < 0) {
		*err = second;
		return RUN_INFRASTRUCTURE;
	}
	fail_in(err, "%s", unit_atom(r, step));
	return result;
}

static enum run_result
check_policies(struct unit_run *r, struct error *err)
{
	enum run_result result;
	size_t i;

	for (i = r->prefix; i < r->unit->nsteps; i++) {
		result = judge_policy(r->conf, unit_meta(r, i), err);
		if (result != RUN_PASSED)
			return end_at(r, i, result, err);
	}
	return RUN_PASSED;
}

static enum run_result
fetch(struct unit_run *r, struct error *err)
{
	size_t step = r->prefix;

	if (sources_fetch(r, &step, err) == 0)
		return RUN_PASSED;
	if (err->code == EILSEQ || err->code == ENOTSUP)
		return end_at(r, step, RUN_FAILED, err);
	return end_at(r, step, RUN_INFRASTRUCTURE, err);
}

/* ---- the steps ----------------------------------------------------------- */

static enum run_result
run_steps(struct unit_run *r, struct error *err)
{
	enum run_result result = RUN_PASSED;
	size_t i;

	for (i = r->prefix; i < r->unit->nsteps; i++) {
		if (r->watch && r->watch->cancelled &&
		    r->watch->cancelled(r->watch->ctx)) {
			fail(err, "cancelled");
			err->code = ECANCELED;
			return RUN_INFRASTRUCTURE;
		}
		if (unit_is_meta(unit_meta(r, i))) {
			if (report_reused(r, i, err) < 0)
				return RUN_INFRASTRUCTURE;
			continue;
		}
		result = step_run(r, i, err);
		if (result != RUN_PASSED) {
			fail_in(err, "%s", unit_atom(r, i));
			return result;
		}
	}
	return result;
}

static enum run_result
run(struct unit_run *r, struct error *err)
{
	enum run_result result;
	size_t i;

	if (find_prefix(r, err) < 0)
		return end_at(r, r->prefix, RUN_INFRASTRUCTURE, err);
	for (i = 0; i < r->unit->nsteps; i++) {
		if (i < r->prefix ? report_reused(r, i, err) < 0
				  : report_clear(r, i, err) < 0)
			return RUN_INFRASTRUCTURE;
	}
	result = check_policies(r, err);
	if (result == RUN_PASSED)
		result = fetch(r, err);
	if (result == RUN_PASSED)
		result = run_steps(r, err);
	return result;
}

/* The caller's jailer, or one for this unit. */
static int
have_jailer(struct run_conf *c, struct jailer *j, struct error *err)
{
	const struct jailer_conf conf = {.program = c->chroot,
	    .state = c->state,
	    .network = c->network,
	    .nest = c->nest,
	    .allow_rootful = c->allow_rootful,
	    .layers_max = c->layers_max};

	if (c->jailer > 0)
		return 0;
	if (jailer_start(j, &conf, err) < 0)
		return -1;
	c->jailer = j->socket;
	return 0;
}

enum run_result
run_unit(const struct run_conf *c, struct tree *t, const struct plan_unit *u,
    const char *arch, const char *stage, const char *id, const char *dir,
    const struct run_watch *w, struct error *err)
{
	struct arena a = {0};
	struct run_conf own = *c;
	struct jailer jailer = {0, -1};
	struct unit_run r = {.arena = &a,
	    .begun = c->begun > 0 ? c->begun : clock_ms(),
	    .conf = &own,
	    .tree = t,
	    .unit = u,
	    .arch = arch,
	    .stage = stage,
	    .id = id,
	    .dirfd = -1,
	    .watch = w};
	enum run_result result = RUN_INFRASTRUCTURE;

	err->code = 0;
	if (open_results(&r, dir, err) == 0 &&
	    have_jailer(&own, &jailer, err) == 0)
		result = run(&r, err);
	while (r.nown > 0)
		jail_remove_layer(&own, r.own[--r.nown]);
	jailer_end(&jailer);
	if (r.dirfd >= 0)
		close(r.dirfd);
	arena_release(&a);
	return result;
}
