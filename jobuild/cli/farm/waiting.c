/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "jobuild why-waiting": the causes, each once, in plain words. */
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/steps.h"
#include "cli/text.h"

#include <string.h>

#define UNITS_SHOWN 5

static const struct opt options[] = {
    CLIENT_OPTIONS,
    {0},
};

/* "14:05", with the day when that is another one; "" for no time. */
static const char *
clock_of(struct cli *c, double t)
{
	const char *then = text_time(&c->arena, t);
	const char *now = text_time(&c->arena, text_now());

	if (strncmp(then, now, 10) == 0)
		return arena_printf(&c->arena, "%.5s", then + 11);
	return arena_printf(&c->arena, "%.16s", then);
}

static const char *
until(struct cli *c, const json_t *cause)
{
	const char *kind = member(cause, "kind");
	const char *at = clock_of(c, member_number(cause, "until"));

	/* who is closed says it in words */
	if (!*at || strcmp(kind, "closed") == 0)
		return "";
	if (strcmp(kind, "needs") == 0 || strcmp(kind, "lock") == 0)
		return arena_printf(&c->arena, "; that ends at about %s", at);
	if (strcmp(kind, "busy") == 0)
		return arena_printf(
		    &c->arena, "; the first is free at about %s", at);
	if (strcmp(kind, "room") == 0 || strcmp(kind, "exclusive") == 0)
		return arena_printf(
		    &c->arena, "; the first has it at about %s", at);
	return arena_printf(&c->arena, "; until %s", at);
}

static void
print_cause(struct cli *c, const json_t *cause)
{
	const json_t *units = json_object_get(cause, "units"), *unit;
	size_t i, n = json_array_size(units);

	printf("- %s%s\n", cli_show(c, member(cause, "text")), until(c, cause));
	json_array_foreach(units, i, unit)
	{
		if (i == UNITS_SHOWN)
			break;
		printf("    unit %lld  %s (%s)\n",
		    (long long)member_number(unit, "unit"),
		    cli_show(c, member(unit, "root")),
		    cli_show(c, member(unit, "arch")));
	}
	if (n > UNITS_SHOWN)
		printf("    and %zu more\n", n - UNITS_SHOWN);
}

static void
print_waiting(struct cli *c, const json_t *o)
{
	const json_t *causes = json_object_get(o, "causes"), *cause;
	long long waiting = (long long)member_number(o, "waiting");
	const char *end = clock_of(c, member_number(o, "ends"));
	size_t i;

	printf("job %lld is %s: %lld unit%s run%s, %lld wait%s\n",
	    (long long)member_number(o, "job"), member(o, "state"),
	    (long long)member_number(o, "running"),
	    member_number(o, "running") == 1 ? "" : "s",
	    member_number(o, "running") == 1 ? "s" : "", waiting,
	    waiting == 1 ? "s" : "");
	json_array_foreach(causes, i, cause) print_cause(c, cause);
	if (*end && json_array_size(causes) > 0)
		printf("If slaves were free it would end at about %s.\n", end);
}

static int
waiting_main(struct cli *c, const void *opts, int n, char *args[])
{
	json_t *answer;
	struct http *h;
	int64_t job;
	int rc;

	(void)opts;
	(void)n;
	rc = client_open_job(c, args[0], &job, &h);
	if (rc != CLI_OK)
		return rc;
	rc = client_show(c, h,
	    arena_printf(
		&c->arena, "/api/v1/jobs/%lld/waiting", (long long)job),
	    &answer);
	if (rc == CLI_OK && !c->json)
		print_waiting(c, answer);
	if (rc == CLI_OK)
		json_decref(answer);
	http_close(h);
	return rc;
}

const struct command waiting_command = {
    .name = "why-waiting",
    .arguments = "JOB",
    .summary = "say what a job waits for, and until about when",
    .options = options,
    .min = 1,
    .max = 1,
    .run = waiting_main,
};
