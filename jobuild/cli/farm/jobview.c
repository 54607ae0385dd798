/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A master's answer about a job as text: the table, and what changed. */
#include "cli/cli.h"
#include "cli/steps.h"
#include "cli/text.h"
#include "cli/farm/watch.h"

#include <string.h>

static const json_t *
list_of(const json_t *o, const char *name)
{
	return json_object_get(o, name);
}

static const char *
number(struct cli *c, const json_t *o, const char *name)
{
	return arena_printf(
	    &c->arena, "%lld", (long long)member_number(o, name));
}

bool
job_ended(const json_t *job)
{
	const char *s = member(job, "state");

	return strcmp(s, "passed") == 0 || strcmp(s, "failed") == 0 ||
	    strcmp(s, "cancelled") == 0;
}

int
job_status(const json_t *job)
{
	return strcmp(member(job, "state"), "passed") == 0 || !job_ended(job)
	    ? CLI_OK
	    : CLI_FAILED;
}

static void
print_head(struct cli *c, const json_t *job, bool color, FILE *f)
{
	const char *state = member(job, "state");
	const char *code = color ? text_color(state) : "";
	const json_t *label;
	size_t i;

	fprintf(f, "job %s  %s  %s%s%s  by %s  %s %.12s  %s",
	    number(c, job, "job"), cli_show(c, member(job, "root")), code,
	    cli_show(c, state), *code ? "\033[0m" : "",
	    cli_show(c, member(job, "user")), cli_show(c, member(job, "tree")),
	    cli_show(c, member(job, "revision")),
	    steps_time(&c->arena, job, text_now()));
	if (json_is_true(list_of(job, "security")))
		fputs("  security", f);
	json_array_foreach(list_of(job, "labels"), i, label)
	    fprintf(f, "%s%s", i > 0 ? ", " : "  for slaves with ",
		cli_show(c, json_string_value(label)));
	fputc('\n', f);
}

/* What a step shows as its state: the unit's when it hasn't begun. */
static const char *
step_state(const json_t *unit, const json_t *step)
{
	const char *state = steps_result(step), *of_unit;

	of_unit = member(unit, "state");
	if (strcmp(state, "waiting") == 0 && strcmp(of_unit, "leased") != 0)
		return of_unit;
	return state;
}

static void
add_step(struct cli *c, struct table *t, const json_t *unit, const json_t *step)
{
	bool reused = json_is_true(list_of(step, "reused"));

	table_add(t,
	    (const char *[]){number(c, unit, "unit"), number(c, step, "step"),
		member(step, "atom"), member(unit, "arch"),
		step_state(unit, step), member(unit, "slave"),
		reused ? "reused" : steps_time(&c->arena, step, text_now()),
		steps_phases(&c->arena, step), steps_figures(&c->arena, step)});
}

/* Why it waits, and why it failed. */
static void
print_reasons(struct cli *c, const json_t *unit, FILE *f)
{
	const char *id = number(c, unit, "unit"), *why;
	const json_t *item;
	bool told = false;
	size_t i;

	json_array_foreach(list_of(unit, "reasons"), i, item)
	{
		fprintf(
		    f, "unit %s: %s\n", id, cli_show(c, member(item, "text")));
	}
	json_array_foreach(list_of(unit, "steps"), i, item)
	{
		why = steps_failure(&c->arena, item);
		if (!*why)
			continue;
		fprintf(f, "unit %s: %s: %s  (jobuild log --step %s %s)\n", id,
		    cli_show(c, member(item, "atom")), cli_show(c, why),
		    number(c, item, "step"), id);
		told = true;
	}
	if (!told && *member(unit, "reason"))
		fprintf(f, "unit %s: %s\n", id,
		    cli_show(c, member(unit, "reason")));
}

static void
print_warnings(struct cli *c, const json_t *unit, FILE *f)
{
	const json_t *step;
	size_t i;

	json_array_foreach(list_of(unit, "steps"), i, step)
	{
		steps_warn(c, step,
		    arena_printf(&c->arena, "unit %s: %s",
			number(c, unit, "unit"),
			cli_show(c, member(step, "atom"))),
		    f);
	}
}

static void
print_artifacts(struct cli *c, const json_t *unit, FILE *f)
{
	const json_t *step, *artifact;
	size_t i, k;

	json_array_foreach(list_of(unit, "steps"), i, step)
	{
		json_array_foreach(list_of(step, "artifacts"), k, artifact)
		{
			fprintf(f, "artifact: %s %s  (%s)\n",
			    cli_show(c, member(step, "atom")),
			    cli_show(c, member(artifact, "path")),
			    text_size(&c->arena,
				(int64_t)member_number(artifact, "size")));
		}
	}
}

void
job_print(struct cli *c, const json_t *job, bool color, FILE *f)
{
	static const char *const headings[] = {"UNIT", "STEP", "JOBUILD",
	    "ARCH", "STATE", "SLAVE", "TIME", "PHASES", "FIGURES"};
	const json_t *units = list_of(job, "units"), *unit, *step;
	struct table t;
	size_t i, k;

	print_head(c, job, color, f);
	table_init(&t, &c->arena, headings, 9);
	json_array_foreach(units, i, unit)
	{
		json_array_foreach(list_of(unit, "steps"), k, step)
		    add_step(c, &t, unit, step);
	}
	table_print(&t, color, f);
	json_array_foreach(units, i, unit) print_reasons(c, unit, f);
	json_array_foreach(units, i, unit) print_warnings(c, unit, f);
	json_array_foreach(units, i, unit) print_artifacts(c, unit, f);
}

/* The element of list whose member name has this number, or NULL. */
static const json_t *
find(const json_t *list, const char *name, double id)
{
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		if (member_number(o, name) == id)
			return o;
	}
	return NULL;
}

/* The beginning of a line about a change: how long after the job's. */
static void
print_elapsed(struct cli *c, const json_t *job, FILE *f)
{
	fprintf(f, "%7s  ",
	    text_duration(
		&c->arena, text_now() - member_number(job, "created")));
}

static void
print_step_changes(struct cli *c, const json_t *job, const json_t *old_unit,
    const json_t *unit, FILE *f)
{
	const json_t *step, *old;
	const char *why;
	size_t i;

	json_array_foreach(list_of(unit, "steps"), i, step)
	{
		old = find(list_of(old_unit, "steps"), "step",
		    member_number(step, "step"));
		if (strcmp(steps_result(step), steps_result(old)) == 0 ||
		    strcmp(steps_result(step), "waiting") == 0)
			continue;
		why = steps_failure(&c->arena, step);
		print_elapsed(c, job, f);
		fprintf(f, "unit %s  %s: %s%s%s\n", number(c, unit, "unit"),
		    cli_show(c, member(step, "atom")),
		    cli_show(c, steps_result(step)), *why ? ": " : "",
		    cli_show(c, why));
	}
}

void
job_print_changes(struct cli *c, const json_t *old, const json_t *job, FILE *f)
{
	const json_t *unit, *before;
	const char *slave;
	size_t i;

	json_array_foreach(list_of(job, "units"), i, unit)
	{
		before = find(
		    list_of(old, "units"), "unit", member_number(unit, "unit"));
		print_step_changes(c, job, before, unit, f);
		if (strcmp(member(unit, "state"), member(before, "state")) == 0)
			continue;
		slave = member(unit, "slave");
		print_elapsed(c, job, f);
		fprintf(f, "unit %s  %s (%s): %s%s%s\n",
		    number(c, unit, "unit"), cli_show(c, member(unit, "root")),
		    cli_show(c, member(unit, "arch")),
		    cli_show(c, member(unit, "state")), *slave ? " on " : "",
		    cli_show(c, slave));
	}
	if (strcmp(member(old, "state"), member(job, "state")) == 0)
		return;
	print_elapsed(c, job, f);
	fprintf(f, "job %s  %s: %s\n", number(c, job, "job"),
	    cli_show(c, member(job, "root")),
	    cli_show(c, member(job, "state")));
}
