/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/run/local.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/steps.h"

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

static const char *
step_name(struct local *l, size_t unit, size_t step)
{
	return id_format(
	    &l->cli->arena, &l->plan->units[unit].steps[step].meta->id);
}

static const char *
unit_folder(struct local *l, size_t unit)
{
	return arena_printf(&l->cli->arena, "%s/%s", l->dir,
	    step_name(l, unit, l->plan->units[unit].nsteps - 1));
}

static void
progress(struct local *l, const char *what, const char *state, const char *log)
{
	live_state(&l->live,
	    arena_printf(&l->cli->arena, "unit %zu/%zu", l->current + 1,
		l->plan->nunits),
	    what, state, log);
}

static void
on_state(void *ctx, size_t step, enum step_state s)
{
	struct local *l = ctx;
	const char *log = NULL;

	if (s >= STEP_PREPARING)
		log = arena_printf(&l->cli->arena, "%s/%zu.log",
		    unit_folder(l, l->current), step);
	progress(l, step_name(l, l->current, step), step_state_names[s], log);
}

static void
on_fetched(void *ctx, const char *name, int64_t bytes, int64_t total)
{
	struct local *l = ctx;

	live_fetch(&l->live, name, bytes, total);
}

/* Asked several times a second: the time to show how far it is. */
static bool
on_cancelled(void *ctx)
{
	struct local *l = ctx;

	live_tick(&l->live);
	return interrupted != 0;
}

/* A step has failed, and its chroot waits for somebody to look around. */
static void
on_shell(void *ctx, size_t step, const char *phase)
{
	struct local *l = ctx;
	struct error err;

	live_end(&l->live);
	cli_note(l->cli, "%s: %s failed: a shell in its chroot",
	    step_name(l, l->current, step), phase);
	if (terminal_carry(&l->terminal, &err) < 0)
		cli_error(l->cli, 0, &err);
}

static bool
needs_passed(const struct local *l, const struct plan_unit *u)
{
	size_t i;

	for (i = 0; i < u->nneeds; i++) {
		const struct local_unit *need = &l->units[u->needs[i]];

		if (!need->left_out &&
		    (!need->started || need->result != RUN_PASSED))
			return false;
	}
	return true;
}

const char *
local_result(const struct local *l, size_t unit)
{
	if (l->units[unit].left_out)
		return "left out";
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

static int
run_one(struct local *l, size_t unit, struct error *err)
{
	const struct run_watch watch = {.ctx = l,
	    .state = on_state,
	    .cancelled = on_cancelled,
	    .fetched = on_fetched,
	    .shell = on_shell};
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
	if (l->shell && terminal_open(&l->terminal, err) < 0)
		return -1;
	l->conf.shell = l->shell ? l->terminal.slave : 0;
	r->started = true;
	l->conf.from_set = l->from_set && unit == l->from_unit;
	l->conf.from = l->from_step;
	r->result = run_unit(&l->conf, l->tree, u, l->plan->arch, stage, id,
	    r->dir, &watch, err);
	r->reason = r->result == RUN_PASSED
	    ? ""
	    : arena_strdup(&l->cli->arena, err->msg);
	if (l->shell)
		terminal_close(&l->terminal);
	live_end(&l->live);
	r->kept =
	    arena_printf(&l->cli->arena, "%s/kept/%s", l->cli->conf.state, id);
	if (!l->conf.keep || access(r->kept, F_OK) < 0)
		r->kept = NULL;
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
		if (!l->units[i].started && !l->units[i].left_out)
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

	live_begin(&l->live, l->cli);
	l->units =
	    arena_array(&l->cli->arena, l->plan->nunits, struct local_unit);
	catch_signals();
	for (i = 0; i < l->plan->nunits && !interrupted; i++) {
		u = &l->plan->units[i];
		l->current = i;
		l->units[i].left_out = l->from_set && i < l->from_unit;
		if (l->units[i].left_out)
			continue;
		memset(&err, 0, sizeof(err));
		if (!needs_passed(l, u)) {
			progress(l, step_name(l, i, u->nsteps - 1),
			    "dep-failed", NULL);
			continue;
		}
		if (run_one(l, i, &err) < 0)
			return cli_error(l->cli, CLI_TEMPORARY, &err);
		if (l->units[i].result != RUN_PASSED && !interrupted)
			local_show_failure(l);
	}
	return verdict(l);
}
