/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/review.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "recipe/lint.h"

#include <string.h>

struct lint_options {
	const char *revision, *format;
	int64_t jobs;
	bool rules, all, strict;
};

static const struct opt options[] = {
    {"revision", 'r', OPT_TEXT, offsetof(struct lint_options, revision), "REV",
	"a commit instead of the work tree"},
    {"all", 'a', OPT_FLAG, offsetof(struct lint_options, all), NULL,
	"the whole tree, as without arguments"},
    {"jobs", 'j', OPT_NUMBER, offsetof(struct lint_options, jobs), "N",
	"processes to check with; default: one a processor"},
    {"strict", 0, OPT_FLAG, offsetof(struct lint_options, strict), NULL,
	"warnings are failures too"},
    {"format", 0, OPT_TEXT, offsetof(struct lint_options, format), "gcc|github",
	"form of what is found; default: gcc"},
    {"rules", 0, OPT_FLAG, offsetof(struct lint_options, rules), NULL,
	"list what is advised against"},
    {0},
};

/* Is path a file of one of the packages that were asked for? */
static bool
is_selected(void *ctx, const char *path)
{
	const struct map *packages = ctx;
	const char *slash = strchr(path, '/');

	slash = slash ? strchr(slash + 1, '/') : NULL;
	return slash && map_get(packages, path, (size_t)(slash - path));
}

static void
look_at_layout(struct review *k, const struct named_list *list)
{
	const struct recipe_id *id;
	struct map packages;
	size_t i;

	map_init(&packages, &k->cli->arena);
	for (i = 0; i < list->n; i++) {
		id = &list->items[i].id;
		*map_puts(&packages,
		    arena_printf(&k->cli->arena, "%s/%s", id->user, id->name)) =
		    k;
	}
	review_layout(k, is_selected, &packages);
}

static int
list_rules(struct cli *c)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < lint_rule_count; i++) {
		if (c->json)
			json_array_append_new(list,
			    json_pack("{s:s, s:s}", "name", lint_rules[i].name,
				"summary", lint_rules[i].summary));
		else
			printf("%-18s %s\n", lint_rules[i].name,
			    lint_rules[i].summary);
	}
	if (c->json)
		cli_json(c, json_pack("{s:O}", "rules", list));
	json_decref(list);
	return CLI_OK;
}

static int
report(struct review *k, enum review_format format, bool strict)
{
	json_t *o;

	review_sort(k);
	if (k->cli->json) {
		o = json_object();
		review_json(k, o);
		cli_json(k->cli, o);
	} else {
		review_print(k, format);
		cli_note(k->cli, "%s", review_summary(k));
	}
	if (strict && k->found.n > 0)
		return CLI_FAILED;
	return k->found.errors ? CLI_FAILED : CLI_OK;
}

static int
lint_tree(struct cli *c, const struct lint_options *o, struct tree *t,
    const struct named_list *list, bool all)
{
	struct error err = {0};
	struct review k;

	review_init(&k, c, t);
	k.jobs = (size_t)o->jobs;
	if (all)
		review_layout(&k, NULL, NULL);
	else
		look_at_layout(&k, list);
	if (review_recipes(&k, list, true, &err) < 0)
		return cli_error(c, CLI_TEMPORARY, &err);
	return report(&k, review_format_of(o->format), o->strict);
}

static int
lint_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct lint_options *o = opts;
	struct named_list list;
	struct error err = {0};
	struct tree *t;
	struct repo r;
	int rc;

	if (o->rules)
		return list_rules(c);
	if (o->all && n > 0)
		return cli_errorf(c, CLI_USAGE,
		    "lint: --all and names of recipes exclude each other");
	if (repo_find(c, &r, &err) < 0 ||
	    repo_open(&r, o->revision, &t, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	if (targets_select(c, &r, t, n, args, &list, &err) < 0)
		rc = cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	else
		rc = lint_tree(c, o, t, &list, n == 0);
	tree_close(t);
	return rc;
}

const struct command lint_command = {
    .name = "lint",
    .arguments = "[PATH|USER/NAME[-VER]]...",
    .summary = "find what a master would refuse",
    .options = options,
    .size = sizeof(struct lint_options),
    .max = -1,
    .run = lint_main,
};
