/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/steps.h"
#include "cli/text.h"
#include "cli/farm/watch.h"

#include <string.h>

#define LIST "50"

struct status_options {
	bool watch;
};

static const struct opt options[] = {
    {"watch", 'w', OPT_FLAG, offsetof(struct status_options, watch), NULL,
	"stay until the job ends"},
    CLIENT_OPTIONS,
    {0},
};

static void
print_list(struct cli *c, const json_t *jobs, bool filtered)
{
	static const char *const headings[] = {
	    "JOB", "ROOT", "STATE", "USER", "CREATED", "UNITS", "REVISION"};
	const json_t *job;
	struct table t;
	size_t i;

	table_init(&t, &c->arena, headings, 7);
	json_array_foreach(jobs, i, job)
	{
		table_add(&t,
		    (const char *[]){arena_printf(&c->arena, "%lld",
					 (long long)member_number(job, "job")),
			member(job, "root"), member(job, "state"),
			member(job, "user"),
			text_time(&c->arena, member_number(job, "created")),
			arena_printf(&c->arena, "%lld/%lld",
			    (long long)member_number(job, "done"),
			    (long long)member_number(job, "units")),
			arena_printf(
			    &c->arena, "%.12s", member(job, "revision"))});
	}
	table_print(&t, c->color_out, stdout);
	if (t.rows == 1)
		cli_note(c,
		    filtered ? "no job is like that"
			     : "no jobs yet: jobuild submit ROOT");
}

static int
show_list(struct cli *c, struct http *h, const char *query, bool filtered)
{
	json_t *answer;
	int rc = client_show(
	    c, h, arena_printf(&c->arena, "/api/v1/jobs?%s", query), &answer);

	if (rc != CLI_OK)
		return rc;
	if (!c->json)
		print_list(c, json_object_get(answer, "jobs"), filtered);
	json_decref(answer);
	return CLI_OK;
}

static int
show_job(struct cli *c, struct http *h, int64_t job)
{
	json_t *answer;
	int rc;

	rc = client_call(c, h, "GET",
	    arena_printf(&c->arena, "/api/v1/jobs/%lld", (long long)job), NULL,
	    &answer);
	if (rc == CLI_NOT_FOUND)
		cli_note(c, "\"jobuild status\" lists the jobs");
	if (rc != CLI_OK)
		return rc;
	rc = job_status(answer);
	if (c->json)
		cli_json(c, json_incref(answer));
	else
		job_print(c, answer, c->color_out, stdout);
	json_decref(answer);
	return rc;
}

static int
status_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct status_options *o = opts;
	struct http *h;
	int64_t job = 0;
	int rc;

	if (n > 0)
		job = client_number(c, "job", args[0]);
	if (job < 0)
		return CLI_USAGE;
	if (o->watch && n == 0)
		return cli_errorf(
		    c, CLI_USAGE, "--watch needs the number of a job");
	if (o->watch)
		return watch_job(c, job);
	rc = client_open(c, &h);
	if (rc != CLI_OK)
		return rc;
	rc = n == 0 ? show_list(c, h, "limit=" LIST, false)
		    : show_job(c, h, job);
	http_close(h);
	return rc;
}

const struct command status_command = {
    .name = "status",
    .arguments = "[JOB]",
    .summary = "list the master's jobs, or show one",
    .options = options,
    .size = sizeof(struct status_options),
    .max = 1,
    .run = status_main,
};

/* ---- jobs ------------------------------------------------------------------
 */

struct jobs_options {
	const char *user, *state, *root, *limit, *before;
};

static const struct opt jobs_options[] = {
    {"by", 'b', OPT_TEXT, offsetof(struct jobs_options, user), "NAME",
	"only this user's"},
    {"state", 's', OPT_TEXT, offsetof(struct jobs_options, state),
	"queued|running|passed|failed|cancelled", "only those"},
    {"root", 'r', OPT_TEXT, offsetof(struct jobs_options, root), "ROOT",
	"of this user/name, with any version or one"},
    {"limit", 'n', OPT_TEXT, offsetof(struct jobs_options, limit), "N",
	"so many (50)"},
    {"before", 0, OPT_TEXT, offsetof(struct jobs_options, before), "JOB",
	"older than this one: the next page"},
    CLIENT_OPTIONS,
    {0},
};

/* Letters that mean something in a query must not come from outside. */
static bool
is_plain(const char *s)
{
	return strspn(s,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789_-./") == strlen(s);
}

/* As many digits as the master can't take for something else. */
static bool
is_count(const char *s)
{
	return *s >= '1' && *s <= '9' && strspn(s, "0123456789") == strlen(s) &&
	    strlen(s) < 10;
}

static const char *
add_filter(struct cli *c, const char *query, const char *name, const char *s)
{
	return s ? arena_printf(&c->arena, "%s&%s=%s", query, name, s) : query;
}

/* An exit status. */
static int
check_filters(struct cli *c, const struct jobs_options *o)
{
	if (o->user && !is_plain(o->user))
		return cli_errorf(
		    c, CLI_USAGE, "\"%s\" is no user", cli_show(c, o->user));
	if (o->root && !is_plain(o->root))
		return cli_errorf(
		    c, CLI_USAGE, "\"%s\" is no root", cli_show(c, o->root));
	if (o->before && client_number(c, "job", o->before) < 0)
		return CLI_USAGE;
	if (o->limit && !is_count(o->limit))
		return cli_errorf(c, CLI_USAGE,
		    "--limit %s: expected a number from 1 on",
		    cli_show(c, o->limit));
	return CLI_OK;
}

static int
jobs_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct jobs_options *o = opts;
	const char *query;
	struct http *h;
	int rc;

	(void)n, (void)args;
	rc = check_filters(c, o);
	if (rc != CLI_OK)
		return rc;
	query = arena_printf(&c->arena, "limit=%s", o->limit ? o->limit : LIST);
	query = add_filter(c, query, "before", o->before);
	query = add_filter(c, query, "user", o->user);
	query = add_filter(c, query, "state", o->state);
	query = add_filter(c, query, "root", o->root);
	rc = client_open(c, &h);
	if (rc != CLI_OK)
		return rc;
	rc =
	    show_list(c, h, query, o->before || o->user || o->state || o->root);
	http_close(h);
	return rc;
}

const struct command jobs_command = {
    .name = "jobs",
    .arguments = "",
    .summary = "list jobs: of a user, in a state, of a root",
    .options = jobs_options,
    .size = sizeof(struct jobs_options),
    .run = jobs_main,
};
