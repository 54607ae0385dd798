/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"

static const struct opt options[] = {
    SIGNING_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};

static int
priority_main(struct cli *c, const void *opts, int n, char *args[])
{
	int priority, rc;

	(void)opts;
	(void)n;
	rc = client_priority(c, args[1], &priority);
	if (rc != CLI_OK)
		return rc;
	rc = client_change(
	    c, "priority", args[0], json_pack("{s:i}", "priority", priority));
	if (rc == CLI_OK)
		cli_note(c, "job %s has priority %d", args[0], priority);
	return rc;
}

const struct command priority_command = {
    .name = "priority",
    .arguments = "JOB N",
    .summary = "let a job go before others of yours, or after them",
    .options = options,
    .min = 2,
    .max = 2,
    .run = priority_main,
};
