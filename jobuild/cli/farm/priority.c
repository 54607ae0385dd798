/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"

#include <errno.h>
#include <stdlib.h>

#define PRIORITY_MAX 1000

static const struct opt options[] = {
    SIGNING_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};

static int
priority_main(struct cli *c, const void *opts, int n, char *args[])
{
	char *end;
	long long priority;
	int rc;

	(void)opts;
	(void)n;
	errno = 0;
	priority = strtoll(args[1], &end, 10);
	if (errno || end == args[1] || *end || priority < -PRIORITY_MAX ||
	    priority > PRIORITY_MAX)
		return cli_errorf(c, CLI_USAGE,
		    "priority \"%s\": expected -%d to %d", args[1],
		    PRIORITY_MAX, PRIORITY_MAX);
	rc = client_change(c, "priority", args[0],
	    json_pack("{s:I}", "priority", (json_int_t)priority));
	if (rc == CLI_OK)
		cli_note(c, "job %s has priority %lld", args[0], priority);
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
