/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/farm/head.h"

static const struct opt options[] = {
    SIGNING_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};

/* The given revision, else the commit that is checked out here. */
static int
choose(struct cli *c, const char *given, const char **revision)
{
	struct head head;

	*revision = given;
	if (given)
		return CLI_OK;
	if (!head_read("", &head))
		return cli_errorf(
		    c, CLI_USAGE, "no repository here: name the revision");
	if (head.dirty)
		cli_note(c,
		    "note: there are changes that are not committed; the job "
		    "is about %.12s",
		    head.commit);
	*revision = arena_strdup(&c->arena, head.commit);
	return CLI_OK;
}

static int
repin_main(struct cli *c, const void *opts, int n, char *args[])
{
	const char *revision;
	int rc = choose(c, n > 1 ? args[1] : NULL, &revision);

	(void)opts;
	if (rc == CLI_OK)
		rc = client_change(c, "repin", args[0],
		    json_pack("{s:s}", "revision", revision));
	if (rc == CLI_OK)
		cli_note(c, "job %s is about %.12s", args[0], revision);
	return rc;
}

const struct command repin_command = {
    .name = "repin",
    .arguments = "JOB [REV]",
    .summary = "move a job that nobody has begun to another revision",
    .options = options,
    .min = 1,
    .max = 2,
    .run = repin_main,
};
