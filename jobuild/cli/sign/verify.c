/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/sign/keys.h"
#include "cli/tree/repo.h"
#include "tree/sign/notary.h"

#include <string.h>

struct verify_options {
	const char *revision;
};

static const struct opt options[] = {
    {"revision", 'r', OPT_TEXT, offsetof(struct verify_options, revision),
	"REV", "a commit instead of the work tree"},
    {"keyring", 'k', OPT_SETTING, 0, "FILE",
	"who is trusted: \"USER FINGERPRINT\" a line"},
    {0},
};

static void
tell_keys_of_tree(struct cli *c, const struct keyring *k)
{
	size_t i;

	keys_note_none(c);
	for (i = 0; i < k->n; i++)
		cli_detail(
		    c, "%s %s", k->entries[i].user, k->entries[i].fingerprint);
}

static int
verify_list(struct cli *c, struct tree *t, const struct named_list *list)
{
	struct notary *notary = keys_notary(c);
	struct error err = {0};
	struct review found;
	struct keyring k;
	size_t n;
	int rc;

	review_init(&found, c, t);
	rc = keys_ring(c, t, notary, &k, &err);
	if (rc == 0 && !c->conf.keyring)
		tell_keys_of_tree(c, &k);
	n = rc < 0 ? 0 : keys_verify(&found, notary, list, &k);
	notary_close(notary);
	if (rc < 0)
		return cli_error(c, cli_status(&err, CLI_USAGE), &err);
	review_sort(&found);
	review_print(&found, REVIEW_GCC);
	if (c->json)
		cli_json(c,
		    json_pack("{s:I, s:b, s:o}", "recipes", (json_int_t)list->n,
			"good", found.found.errors == 0, "diagnostics",
			diags_json(&found.found)));
	if (found.found.errors > 0)
		return CLI_FAILED;
	if (n == 0)
		cli_note(c, "no recipes: nothing to verify");
	else
		cli_note(c, "%zu recipe%s: all signatures are good", n,
		    n == 1 ? "" : "s");
	return CLI_OK;
}

static int
verify_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct verify_options *o = opts;
	struct named_list list = {0};
	struct error err = {0};
	struct tree *t;
	struct repo r;
	int rc;

	if (repo_find(c, &r, &err) < 0 ||
	    repo_open(&r, o->revision, &t, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	if (targets_select(c, &r, t, n, args, &list, &err) < 0 ||
	    tree_listed(t, &err) < 0)
		rc = cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	else
		rc = verify_list(c, t, &list);
	tree_close(t);
	return rc;
}

const struct command verify_command = {
    .name = "verify",
    .arguments = "[USER|USER/NAME[-VER]]...",
    .summary = "check the signatures of recipes and Manifests",
    .options = options,
    .size = sizeof(struct verify_options),
    .max = -1,
    .run = verify_main,
};
