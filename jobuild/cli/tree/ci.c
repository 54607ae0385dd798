/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/change.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/sign/keys.h"
#include "cli/tree/range.h"

#include <errno.h>
#include <string.h>

struct ci_options {
	const char *base, *revision, *hook, *format;
	struct conf_list branches;
	int64_t jobs;
	bool strict, no_signatures;
};

static const struct opt options[] = {
    {"base", 'b', OPT_TEXT, offsetof(struct ci_options, base), "REV",
	"check what has changed since the commit in common with it"},
    {"revision", 'r', OPT_TEXT, offsetof(struct ci_options, revision), "REV",
	"a commit instead of the work tree"},
    {"hook", 0, OPT_TEXT, offsetof(struct ci_options, hook),
	"pre-receive|update|pre-push|pre-commit",
	"called by git, as this hook"},
    {"branch", 0, OPT_LIST, offsetof(struct ci_options, branches), "NAME",
	"with --hook: look at this branch only"},
    {"keyring", 'k', OPT_SETTING, 0, "FILE",
	"who is trusted: \"USER FINGERPRINT\" a line"},
    {"no-signatures", 0, OPT_FLAG, offsetof(struct ci_options, no_signatures),
	NULL, "don't look at signatures"},
    {"strict", 0, OPT_FLAG, offsetof(struct ci_options, strict), NULL,
	"warnings are failures too"},
    {"format", 0, OPT_TEXT, offsetof(struct ci_options, format), "gcc|github",
	"form of what is found; default: gcc"},
    {"jobs", 'j', OPT_NUMBER, offsetof(struct ci_options, jobs), "N",
	"processes; default: one a processor"},
    {0},
};

/* From the commit that base and what is checked have in common. */
static int
one_range(struct cli *c, const struct repo *r, const struct ci_options *o,
    struct range_list *out, struct error *err)
{
	const char *base;
	struct tree *t;

	out->items = arena_new(&c->arena, struct range);
	out->n = 1;
	out->items[0].ref = "";
	out->items[0].to = o->revision;
	if (!o->base)
		return 0;
	if (repo_open(r, o->base, &t, err) < 0)
		return fail_in(err, "--base%s",
		    err->code == ENODATA || strstr(o->base, "..") ||
			    change_is_first(r)
			? ""
			: " (a shallow clone lacks it: fetch with the whole "
			  "history)");
	base = change_base(c, r, o->base, o->revision ? o->revision : "HEAD");
	out->items[0].from =
	    *base ? base : arena_strdup(&c->arena, tree_commit(t));
	tree_close(t);
	return 0;
}

static int
check_all(struct cli *c, const struct repo *r, const struct ci_options *o,
    const struct range_list *list)
{
	struct range_options options_of_range = {
	    .jobs = (size_t)o->jobs, .unsigned_too = o->no_signatures};
	json_t *ranges = json_array(), *one;
	json_int_t bad = 0;
	struct error err;
	size_t i;

	options_of_range.format = review_format_of(o->format);
	if (!o->no_signatures && !c->conf.keyring && list->n > 0 && !c->json)
		keys_note_none(c);
	for (i = 0; i < list->n; i++) {
		memset(&err, 0, sizeof(err));
		one =
		    range_check(c, r, &list->items[i], &options_of_range, &err);
		if (!one) {
			json_decref(ranges);
			return cli_error(
			    c, cli_status(&err, CLI_TEMPORARY), &err);
		}
		bad += json_integer_value(json_object_get(one, "errors"));
		if (o->strict)
			bad += json_integer_value(
			    json_object_get(one, "warnings"));
		json_array_append_new(ranges, one);
	}
	if (c->json)
		cli_json(c,
		    json_pack("{s:b, s:s?, s:O}", "passed", bad == 0, "keyring",
			o->no_signatures ? NULL : c->conf.keyring, "ranges",
			ranges));
	json_decref(ranges);
	return bad ? CLI_FAILED : CLI_OK;
}

static int
check_usage(const struct ci_options *o, int n, struct error *err)
{
	if (o->hook && (o->base || o->revision))
		return fail(err,
		    "ci: git tells a hook what to check: leave out --base and "
		    "--revision");
	if (!o->hook && n > 0)
		return fail(err,
		    "ci: only hooks have arguments; the whole tree, or what "
		    "changed since --base, is checked");
	if (!o->hook && o->branches.n > 0)
		return fail(err, "ci: --branch needs --hook");
	return 0;
}

static int
ci_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct ci_options *o = opts;
	struct range_list list = {0};
	struct error err = {0};
	struct repo r;

	if (check_usage(o, n, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	if (repo_find(c, &r, &err) < 0)
		return cli_error(c, CLI_NOT_FOUND, &err);
	if (o->hook) {
		if (range_hook(c, &r, o->hook, &o->branches, n, args, stdin,
			&list, &err) < 0)
			return cli_error(c, CLI_USAGE, &err);
	} else if (one_range(c, &r, o, &list, &err) < 0) {
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	}
	return check_all(c, &r, o, &list);
}

const struct command ci_command = {
    .name = "ci",
    .arguments = "[HOOK'S ARGUMENT]...",
    .summary = "check all that a forge or a git hook should, of a change",
    .options = options,
    .size = sizeof(struct ci_options),
    .max = -1,
    .run = ci_main,
};
