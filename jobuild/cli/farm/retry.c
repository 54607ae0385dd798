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
retry_main(struct cli *c, const void *opts, int n, char *args[])
{
	int rc = client_change(c, "retry", args[0], NULL);

	(void)opts;
	(void)n;
	if (rc == CLI_OK)
		cli_note(c,
		    "job %s: what failed begins again (jobuild watch %s)",
		    args[0], args[0]);
	return rc;
}

const struct command retry_command = {
    .name = "retry",
    .arguments = "JOB",
    .summary = "begin again what failed or was cancelled in a job",
    .options = options,
    .min = 1,
    .max = 1,
    .run = retry_main,
};
