/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "jobuild run" tells of its results. */
#include "cli/cli.h"
#include "cli/run/local.h"
#include "cli/run/runs.h"
#include "cli/steps.h"
#include "cli/text.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TAIL_LINES 20
#define TAIL_BYTES 8192

/* Where the last TAIL_LINES lines begin. */
static const char *
last_lines(const char *p, size_t n)
{
	const char *at = p + n;
	int lines = 0;

	if (n > 0 && at[-1] == '\n')
		at--;
	while (at > p && (at[-1] != '\n' || ++lines < TAIL_LINES))
		at--;
	return at;
}

static void
print_tail(const char *path)
{
	char text[TAIL_BYTES];
	struct filter f = {0};
	const char *at;
	off_t end;
	ssize_t n = -1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	end = lseek(fd, 0, SEEK_END);
	if (end >= 0)
		n = pread(fd, text, sizeof(text),
		    end > TAIL_BYTES ? end - TAIL_BYTES : 0);
	close(fd);
	if (n <= 0)
		return;
	at = last_lines(text, (size_t)n);
	filter_write(&f, at, (size_t)(text + n - at), stderr);
	filter_end(&f, stderr);
	if (text[n - 1] != '\n')
		fputc('\n', stderr);
}

/* With -q why it failed, in a line each; else the end of the log, too. */
void
local_show_failure(struct local *l)
{
	const struct local_unit *u = &l->units[l->current];
	struct arena *a = &l->cli->arena;
	const char *atom, *why, *log;
	bool told = false;
	size_t i;

	if (l->cli->quiet && l->cli->json)
		return;
	for (i = 0; i < l->plan->units[l->current].nsteps; i++) {
		why = steps_failure(a, u->reports[i]);
		if (!*why)
			continue;
		told = true;
		atom = member(u->reports[i], "atom");
		if (l->cli->quiet) {
			cli_errorf(l->cli, 0, "%s: %s", atom, why);
			continue;
		}
		log = arena_printf(a, "%s/%zu.log", u->dir, i);
		cli_note(l->cli, "%s: %s; the end of %s:", atom, why, log);
		print_tail(log);
	}
	if (!told && l->cli->quiet)
		cli_errorf(l->cli, 0, "%s", u->reason);
	else if (!told)
		cli_note(l->cli, "%s", u->reason);
}

static const char *
result_of(struct local *l, size_t unit, size_t step)
{
	const struct local_unit *u = &l->units[unit];

	if (!u->started)
		return local_result(l, unit);
	return u->reports[step] ? steps_result(u->reports[step]) : "not run";
}

static void
add_step(struct local *l, struct table *t, size_t unit, size_t step)
{
	const struct plan_unit *u = &l->plan->units[unit];
	struct arena *a = &l->cli->arena;
	const json_t *report = NULL;

	if (l->units[unit].started)
		report = l->units[unit].reports[step];
	table_add(t,
	    (const char *[]){arena_printf(a, "%zu", unit + 1),
		id_format(a, &u->steps[step].meta->id),
		result_of(l, unit, step),
		json_is_true(json_object_get(report, "reused"))
		    ? "reused"
		    : steps_time(a, report, 0),
		steps_phases(a, report), steps_figures(a, report)});
}

static void
print_warnings(struct local *l, size_t unit)
{
	const struct local_unit *u = &l->units[unit];
	size_t i;

	for (i = 0; u->started && i < l->plan->units[unit].nsteps; i++) {
		if (u->reports[i])
			steps_warn(l->cli, u->reports[i],
			    member(u->reports[i], "atom"), stdout);
	}
}

static void
print_artifacts(struct local *l, size_t unit)
{
	const struct local_unit *u = &l->units[unit];
	struct arena *a = &l->cli->arena;
	const json_t *list, *artifact;
	size_t i, k;

	for (i = 0; u->started && i < l->plan->units[unit].nsteps; i++) {
		list = json_object_get(u->reports[i], "artifacts");
		json_array_foreach(list, k, artifact)
		{
			printf("artifact  %s/%zu.out/%s  (%s)\n", u->dir, i,
			    cli_show(l->cli, member(artifact, "path")),
			    text_size(
				a, (int64_t)member_number(artifact, "size")));
		}
	}
}

static void
print_kept(const struct local *l)
{
	size_t i;

	for (i = 0; i < l->plan->nunits; i++) {
		if (l->units[i].kept)
			printf("kept      %s  (upper: what the step changed, "
			       "home/work: its WORKDIR)\n",
			    l->units[i].kept);
	}
}

static json_t *
unit_json(struct local *l, size_t unit)
{
	const struct local_unit *u = &l->units[unit];
	const struct plan_unit *p = &l->plan->units[unit];
	json_t *steps = json_array();
	size_t i;

	for (i = 0; u->started && i < p->nsteps; i++) {
		if (u->reports[i])
			json_array_append(steps, u->reports[i]);
	}
	return json_pack("{s:s, s:s, s:s, s:s?, s:s*, s:o}", "root",
	    id_format(&l->cli->arena, &p->steps[p->nsteps - 1].meta->id),
	    "result", local_result(l, unit), "reason",
	    u->reason ? u->reason : "", "directory", u->dir, "kept", u->kept,
	    "steps", steps);
}

static void
print_json(struct local *l, int status)
{
	json_t *units = json_array();
	size_t i;

	for (i = 0; i < l->plan->nunits; i++)
		json_array_append_new(units, unit_json(l, i));
	cli_json(l->cli,
	    json_pack("{s:b, s:s, s:s, s:o}", "passed", status == CLI_OK,
		"directory", l->dir, "arch", l->plan->arch, "units", units));
}

static const char *
word_of(int status)
{
	switch (status) {
	case CLI_OK:
		return "passed";
	case CLI_INTERRUPTED:
		return "interrupted";
	default:
		return "failed";
	}
}

int
local_note(const struct local *l, int status, struct error *err)
{
	const struct plan_unit *u = &l->plan->units[l->plan->root];
	json_t *o, *kept = json_array();
	struct arena a = {0};
	size_t i;

	o = json_pack("{s:s, s:s, s:f, s:b}", "root",
	    id_format(&a, &u->steps[u->nsteps - 1].meta->id), "arch",
	    l->plan->arch, "started", l->began, "keep", (int)l->conf.keep);
	if (status >= 0) {
		json_object_set_new(o, "ended", json_real(text_now()));
		json_object_set_new(o, "result", json_string(word_of(status)));
	}
	for (i = 0; l->units && i < l->plan->nunits; i++) {
		if (l->units[i].kept)
			json_array_append_new(kept,
			    json_string(strrchr(l->units[i].kept, '/') + 1));
	}
	json_object_set_new(o, "kept", kept);
	arena_release(&a);
	return runs_note(l->lock, o, err);
}

void
local_report(struct local *l, int status)
{
	static const char *const headings[] = {
	    "UNIT", "JOBUILD", "RESULT", "TIME", "PHASES", "FIGURES"};
	struct table t;
	size_t i, k;

	if (l->cli->json) {
		print_json(l, status);
	} else {
		table_init(&t, &l->cli->arena, headings, 6);
		for (i = 0; i < l->plan->nunits; i++) {
			for (k = 0; k < l->plan->units[i].nsteps; k++)
				add_step(l, &t, i, k);
		}
		table_print(&t, l->cli->color_out, stdout);
		for (i = 0; i < l->plan->nunits; i++)
			print_warnings(l, i);
		for (i = 0; i < l->plan->nunits; i++)
			print_artifacts(l, i);
		print_kept(l);
		printf("logs      %s/USER/NAME-VERSION/STEP.log\n", l->dir);
	}
	for (i = 0; i < l->plan->nunits; i++) {
		for (k = 0; l->units[i].started && k < l->plan->units[i].nsteps;
		     k++)
			json_decref(l->units[i].reports[k]);
	}
}
