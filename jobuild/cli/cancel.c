/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/commands.h"

static const struct opt options[] = {
    {"user", 'u', OPT_SETTING, 0, "NAME", "your name in the tree"},
    {"key", 'k', OPT_SETTING, 0, "KEY", "fingerprint to sign with"},
    CLIENT_OPTIONS,
    {0},
};

static int
cancel_main(struct cli *c, const void *opts, int n, char *args[])
{
	json_t *request, *answer;
	struct http *h;
	int64_t job;
	int rc;

	(void)opts;
	(void)n;
	job = client_number(c, "job", args[0]);
	if (job < 0)
		return CLI_USAGE;
	rc = client_open(c, &h);
	if (rc != CLI_OK)
		return rc;
	request = json_pack("{s:I}", "job", (json_int_t)job);
	rc = client_signed(c, h, "cancel", request,
	    arena_printf(&c->arena, "/api/v1/jobs/%lld/cancel", (long long)job),
	    &answer);
	json_decref(request);
	if (rc == CLI_OK) {
		if (c->json)
			cli_json(answer ? json_incref(answer) : json_object());
		cli_note(c, "job %lld is cancelled", (long long)job);
		json_decref(answer);
	}
	http_close(h);
	return rc;
}

const struct command cancel_command = {
    .name = "cancel",
    .arguments = "JOB",
    .summary = "end a job that isn't wanted any more",
    .options = options,
    .min = 1,
    .max = 1,
    .run = cancel_main,
};
