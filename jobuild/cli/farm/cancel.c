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
cancel_main(struct cli *c, const void *opts, int n, char *args[])
{
	int rc = client_change(c, "cancel", args[0], NULL);

	(void)opts;
	(void)n;
	if (rc == CLI_OK)
		cli_note(c, "job %s is cancelled", args[0]);
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
