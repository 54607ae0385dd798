/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/steps.h"
#include "base/arena.h"
#include "cli/cli.h"
#include "cli/text.h"

#include <string.h>

#define WARNINGS 10 /* shown of a step */

const char *
member(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

double
member_number(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	return json_is_number(v) ? json_number_value(v) : -1;
}

static const char *
append(struct arena *a, const char *list, const char *item)
{
	return *list ? arena_printf(a, "%s %s", list, item) : item;
}

const char *
steps_phases(struct arena *a, const json_t *report)
{
	const json_t *phase;
	const char *out = "", *name;
	size_t i;

	json_array_foreach(json_object_get(report, "phases"), i, phase)
	{
		name = member(phase, "name");
		if (strncmp(name, "job_", 4) == 0)
			name += 4;
		out = append(a, out,
		    arena_printf(a, "%s %s", name,
			text_duration(
			    a, member_number(phase, "wall_ms") / 1000)));
	}
	return out;
}

const char *
steps_figures(struct arena *a, const json_t *report)
{
	json_t *figures = json_object_get(report, "figures"), *value;
	const char *out = "", *key;

	json_object_foreach(figures, key, value)
	{
		if (json_is_string(value))
			out = append(a, out,
			    arena_printf(
				a, "%s=%s", key, json_string_value(value)));
	}
	return out;
}

const char *
steps_time(struct arena *a, const json_t *report, double now)
{
	double from = member_number(report, "started");
	double to = member_number(report, "ended");

	if (from <= 0)
		return "";
	return text_duration(a, (to > 0 ? to : now) - from);
}

const char *
steps_result(const json_t *report)
{
	const char *result = member(report, "result");

	return *result ? result : member(report, "state");
}

static const char *
phase_failure(struct arena *a, const json_t *phase)
{
	double code = member_number(phase, "exit");
	double signal = member_number(phase, "signal");
	const char *limit = member(phase, "limit");
	const char *name = member(phase, "name");

	if (*limit && strcmp(limit, "-") != 0)
		return arena_printf(a, "%s: %s limit", name, limit);
	if (signal > 0)
		return arena_printf(a, "%s: signal %d", name, (int)signal);
	if (code != 0)
		return arena_printf(a, "%s: exit %d", name, (int)code);
	return "";
}

const char *
steps_failure(struct arena *a, const json_t *report)
{
	const char *result = steps_result(report), *why = "", *reason;
	const json_t *phase;
	size_t i;

	if (strcmp(result, "failed") != 0 && strcmp(result, "limit") != 0 &&
	    strcmp(result, "infrastructure") != 0)
		return "";
	json_array_foreach(json_object_get(report, "phases"), i, phase)
	{
		why = phase_failure(a, phase);
		if (*why)
			break;
	}
	reason = member(report, "reason");
	if (!*why || !*reason)
		return *why ? why : reason;
	/* a reason that names the phase says it better: exit 7, not 1 */
	if (strncmp(reason, why, strcspn(why, ":") + 1) == 0)
		return reason;
	return arena_printf(a, "%s: %s", why, reason);
}

/* The first line of a message that is to be shown; else NULL. */
static const char *
warning(struct arena *a, const json_t *report, const json_t *message)
{
	const char *level = member(message, "level"), *text;

	if (strcmp(level, "warn") != 0 && strcmp(level, "error") != 0)
		return NULL;
	text = member(message, "text");
	text = arena_strndup(a, text, strcspn(text, "\n"));
	/* the error that was the end of it is its reason */
	if (*level == 'e' && strstr(member(report, "reason"), text))
		return NULL;
	return arena_printf(a, "%s: %s", level, text);
}

void
steps_warn(struct cli *c, const json_t *report, const char *lead, FILE *f)
{
	const char *text;
	const json_t *message;
	size_t i, n = 0;

	json_array_foreach(json_object_get(report, "messages"), i, message)
	{
		text = warning(&c->arena, report, message);
		if (text && n++ < WARNINGS)
			fprintf(f, "%s: %s\n", lead, cli_show(c, text));
	}
	if (n > WARNINGS)
		fprintf(f, "%s: %zu more warnings and errors\n", lead,
		    n - WARNINGS);
}
