/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/local.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/steps.h"
#include "cli/text.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void
on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void
catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	/* once: a second one ends this process, and what it started */
	sa.sa_flags = (int)SA_RESETHAND;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static const char *
step_name(struct local *l, size_t unit, size_t step)
{
	return id_format(
	    &l->cli->arena, &l->plan->units[unit].steps[step].meta->id);
}

static void
progress(struct local *l, const char *what, const char *state)
{
	const char *color = l->cli->color_err ? text_color(state) : "";

	if (l->cli->quiet)
		return;
	fprintf(stderr, "%8s  unit %zu/%zu  %s: %s%s%s\n",
	    text_duration(&l->cli->arena, now() - l->began), l->current + 1,
	    l->plan->nunits, what, color, state, *color ? "\033[0m" : "");
}

static void
on_state(void *ctx, size_t step, enum step_state s)
{
	struct local *l = ctx;

	progress(l, step_name(l, l->current, step), step_state_names[s]);
}

static bool
on_cancelled(void *ctx)
{
	(void)ctx;
	return interrupted != 0;
}

static bool
needs_passed(const struct local *l, const struct plan_unit *u)
{
	size_t i;

	for (i = 0; i < u->nneeds; i++) {
		if (!l->units[u->needs[i]].started ||
		    l->units[u->needs[i]].result != RUN_PASSED)
			return false;
	}
	return true;
}

const char *
local_result(const struct local *l, size_t unit)
{
	if (l->units[unit].started)
		return run_result_names[l->units[unit].result];
	return needs_passed(l, &l->plan->units[unit]) ? "not run"
						      : "dep-failed";
}

/* The reports that the unit left in its folder. */
static void
load_reports(struct local *l, size_t unit)
{
	struct local_unit *u = &l->units[unit];
	size_t i, n = l->plan->units[unit].nsteps;
	json_error_t why;

	u->reports = arena_array(&l->cli->arena, n, json_t *);
	for (i = 0; i < n; i++)
		u->reports[i] = json_load_file(
		    arena_printf(&l->cli->arena, "%s/%zu.json", u->dir, i),
		    JSON_REJECT_DUPLICATES, &why);
}

static const char *
unit_folder(struct local *l, size_t unit)
{
	const struct plan_unit *u = &l->plan->units[unit];

	return arena_printf(
	    &l->cli->arena, "%s/%s", l->dir, step_name(l, unit, u->nsteps - 1));
}

static int
run_one(struct local *l, size_t unit, struct error *err)
{
	const struct run_watch watch = {
	    .ctx = l, .state = on_state, .cancelled = on_cancelled};
	const struct plan_unit *u = &l->plan->units[unit];
	struct local_unit *r = &l->units[unit];
	const char *id, *stage;

	r->dir = unit_folder(l, unit);
	if (file_mkdirs(r->dir, 0755, err) < 0)
		return -1;
	stage = stage_find(&l->stages, u->stage);
	if (!stage)
		return fail(err, "there is no stage \"%s\"", u->stage);
	id = arena_printf(&l->cli->arena, "run-%ld-%lx-%zu", (long)getpid(),
	    (long)time(NULL), unit);
	r->started = true;
	r->result = run_unit(&l->conf, l->tree, u, l->plan->arch, stage, id,
	    r->dir, &watch, err);
	r->reason = r->result == RUN_PASSED
	    ? ""
	    : arena_strdup(&l->cli->arena, err->msg);
	load_reports(l, unit);
	return 0;
}

/* The worst of the units decides. */
static int
verdict(const struct local *l)
{
	int status = CLI_OK;
	size_t i;

	if (interrupted)
		return CLI_INTERRUPTED;
	for (i = 0; i < l->plan->nunits; i++) {
		if (!l->units[i].started)
			continue;
		if (l->units[i].result == RUN_FAILED ||
		    l->units[i].result == RUN_LIMIT)
			return CLI_FAILED;
		if (l->units[i].result == RUN_INFRASTRUCTURE)
			status = CLI_TEMPORARY;
	}
	for (i = 0; i < l->plan->nunits && status == CLI_OK; i++) {
		if (!l->units[i].started)
			status = CLI_FAILED;
	}
	return status;
}

int
local_run(struct local *l)
{
	const struct plan_unit *u;
	struct error err;
	size_t i;

	l->began = now();
	l->units =
	    arena_array(&l->cli->arena, l->plan->nunits, struct local_unit);
	catch_signals();
	for (i = 0; i < l->plan->nunits && !interrupted; i++) {
		u = &l->plan->units[i];
		l->current = i;
		memset(&err, 0, sizeof(err));
		if (!needs_passed(l, u)) {
			progress(
			    l, step_name(l, i, u->nsteps - 1), "dep-failed");
			continue;
		}
		if (run_one(l, i, &err) < 0)
			return cli_error(l->cli, CLI_TEMPORARY, &err);
		if (l->units[i].result != RUN_PASSED && !interrupted)
			local_show_failure(l);
	}
	return verdict(l);
}
