/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/farm/view.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/steps.h"
#include "cli/text.h"

#include <string.h>

#define INDENT_MAX 8
#define VIEW_MAX   ((size_t)1 << 20)

/* In this order; what isn't here comes last. */
static const char *const order[] = {"leased", "failed", "ready", "blocked",
    "dep-failed", "cancelled", "skipped", "passed"};

#define STATES (sizeof(order) / sizeof(order[0]))

struct drawing {
	const struct view *v;
	struct buf out;
	size_t lines;
};

/* One line, cut where the screen ends. */
static void
put(struct drawing *d, const char *color, const char *s)
{
	size_t room = d->v->columns > 1 ? d->v->columns - 1 : 1;

	if (!d->v->cli->color_out)
		color = "";
	buf_addf(&d->out, "%s%.*s%s\n", color, text_fitting(s, room), s,
	    *color ? "\033[0m" : "");
	d->lines++;
}

static size_t
count(const json_t *units, const char *state)
{
	const json_t *unit;
	size_t i, n = 0;

	json_array_foreach(units, i, unit) n +=
	    strcmp(member(unit, "state"), state) == 0;
	return n;
}

static void
head(struct drawing *d, const json_t *job)
{
	struct cli *c = d->v->cli;
	const json_t *units = json_object_get(job, "units");
	double end = member_number(job, "ended");
	const char *line;
	size_t i, n;

	line = arena_printf(&c->arena, "job %lld  %s  %s  %s ",
	    (long long)member_number(job, "job"),
	    cli_show(c, member(job, "root")), cli_show(c, member(job, "state")),
	    text_duration(&c->arena,
		(end > 0 ? end : d->v->now) - member_number(job, "created")));
	for (i = 0; i < STATES; i++) {
		n = count(units, order[i]);
		if (n > 0)
			line = arena_printf(
			    &c->arena, "%s  %zu %s", line, n, order[i]);
	}
	put(d, "", line);
}

/* The step that is being done: the first without a result. */
static const json_t *
current(const json_t *unit)
{
	const json_t *step;
	size_t i;

	json_array_foreach(json_object_get(unit, "steps"), i, step)
	{
		if (!*member(step, "result"))
			return step;
	}
	return NULL;
}

static const char *
running(struct drawing *d, const json_t *unit)
{
	struct cli *c = d->v->cli;
	const json_t *step = current(unit);
	const char *tail, *text;

	text = arena_printf(&c->arena, "on %s %s",
	    cli_show(c, member(unit, "slave")),
	    text_duration(
		&c->arena, d->v->now - member_number(unit, "started")));
	if (!step)
		return text;
	tail = d->v->tail ? d->v->tail(d->v->ctx, unit, step) : "";
	return arena_printf(&c->arena, "%s  %s: %s%s%s", text,
	    cli_show(c, member(step, "atom")),
	    cli_show(c, member(step, "state")), *tail ? " | " : "", tail);
}

static const char *
ended(struct drawing *d, const json_t *unit)
{
	struct cli *c = d->v->cli;
	double start = member_number(unit, "started");
	const json_t *step;
	const char *why;
	size_t i;

	json_array_foreach(json_object_get(unit, "steps"), i, step)
	{
		why = steps_failure(&c->arena, step);
		if (*why)
			return cli_show(c, why);
	}
	if (json_object_get(unit, "reused"))
		return arena_printf(&c->arena, "reused from job %lld",
		    (long long)member_number(
			json_object_get(unit, "reused"), "job"));
	if (*member(unit, "reason"))
		return cli_show(c, member(unit, "reason"));
	return start > 0
	    ? text_duration(&c->arena, member_number(unit, "ended") - start)
	    : "";
}

static const char *
about(struct drawing *d, const json_t *unit)
{
	const char *state = member(unit, "state");
	const json_t *reasons = json_object_get(unit, "reasons");

	if (strcmp(state, "leased") == 0)
		return running(d, unit);
	if (json_array_size(reasons) > 0)
		return cli_show(
		    d->v->cli, member(json_array_get(reasons, 0), "text"));
	return ended(d, unit);
}

static const json_t *
find(const json_t *units, double id)
{
	const json_t *unit;
	size_t i;

	json_array_foreach(units, i, unit)
	{
		if (member_number(unit, "unit") == id)
			return unit;
	}
	return NULL;
}

/* How far it is from the units that need nothing. */
static size_t
depth(const json_t *units, const json_t *unit, size_t limit)
{
	const json_t *need;
	size_t i, at, most = 0;

	if (!unit || limit == 0)
		return 0;
	json_array_foreach(json_object_get(unit, "needs"), i, need)
	{
		at = 1 +
		    depth(
			units, find(units, json_number_value(need)), limit - 1);
		if (at > most)
			most = at;
		if (i == 3)
			break;
	}
	return most < limit ? most : limit;
}

static void
put_unit(struct drawing *d, const json_t *units, const json_t *unit, bool many)
{
	struct cli *c = d->v->cli;
	const char *state = member(unit, "state");
	size_t in = many ? 0 : depth(units, unit, INDENT_MAX / 2);

	put(d, text_color(state),
	    arena_printf(&c->arena, "%*s%lld %s (%s) %s  %s", (int)(2 * in), "",
		(long long)member_number(unit, "unit"),
		cli_show(c, member(unit, "root")),
		cli_show(c, member(unit, "arch")), state, about(d, unit)));
}

const char *
view_draw(const struct view *v, const json_t *job)
{
	const json_t *units = json_object_get(job, "units"), *unit;
	size_t i, k, left = json_array_size(units);
	struct drawing d = {.v = v};
	const char *text;
	bool many = left > 200;

	buf_init(&d.out, VIEW_MAX);
	head(&d, job);
	if (v->note)
		put(&d, text_color("failed"), cli_show(v->cli, v->note));
	for (k = 0; k < STATES; k++) {
		json_array_foreach(units, i, unit)
		{
			/* a line for the rest */
			if (d.lines + 1 + (left > 1) > v->rows)
				break;
			if (strcmp(member(unit, "state"), order[k]) != 0)
				continue;
			put_unit(&d, units, unit, many);
			left--;
		}
	}
	if (left > 0 && d.lines < v->rows)
		put(&d, "",
		    arena_printf(&v->cli->arena, "... and %zu more", left));
	text = arena_strdup(&v->cli->arena, d.out.data ? d.out.data : "");
	buf_release(&d.out);
	return text;
}
