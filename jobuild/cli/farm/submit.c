/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arch.h"
#include "cli/cli.h"
#include "cli/farm/client.h"
#include "cli/commands.h"
#include "cli/farm/head.h"
#include "cli/tree/repo.h"
#include "run/folder.h"
#include "cli/steps.h"
#include "cli/farm/watch.h"

#include <string.h>

struct submit_options {
	struct conf_list arches, parameters, labels;
	const char *stage, *revision, *priority;
	bool watch, no_reuse, security;
};

static const struct opt options[] = {
    {"arch", 'a', OPT_LIST, offsetof(struct submit_options, arches), "ARCH",
	"architecture to run for (this machine's)"},
    {"stage", 's', OPT_TEXT, offsetof(struct submit_options, stage), "NAME",
	"stage, instead of the master's default"},
    {"priority", 'P', OPT_TEXT, offsetof(struct submit_options, priority), "N",
	"higher goes first among your own jobs, below 0 last"},
    {"param", 'p', OPT_PAIRS, offsetof(struct submit_options, parameters),
	"K=V", "a parameter for the phases"},
    {"label", 'l', OPT_LIST, offsetof(struct submit_options, labels), "LABEL",
	"only on slaves with this one, also where it is mandatory"},
    {"security", 0, OPT_FLAG, offsetof(struct submit_options, security), NULL,
	"before all others, for who has the right operate"},
    {"tree", 't', OPT_SETTING, 0, "NAME", "the master's name of the tree"},
    {"revision", 'r', OPT_TEXT, offsetof(struct submit_options, revision),
	"REV", "commit or branch instead of HEAD"},
    {"no-reuse", 0, OPT_FLAG, offsetof(struct submit_options, no_reuse), NULL,
	"run what has passed before, too"},
    {"watch", 'w', OPT_FLAG, offsetof(struct submit_options, watch), NULL,
	"stay until the job ends"},
    SIGNING_OPTIONS,
    CLIENT_OPTIONS,
    {0},
};

/* NULL when one is no UTF-8. */
static json_t *
list_json(const struct conf_list *list)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (json_array_append_new(array, json_string(list->items[i])) ==
		    0)
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

static json_t *
arches_json(struct cli *c, const struct conf_list *list)
{
	json_t *array = list_json(list);

	if (list->n == 0)
		json_array_append_new(array, json_string(c->conf.arch));
	return array;
}

static json_t *
parameters_json(struct cli *c, const struct conf_list *list)
{
	json_t *o = json_object();
	const char *eq;
	size_t i;

	for (i = 0; i < list->n; i++) {
		eq = strchr(list->items[i], '=');
		json_object_set_new(o,
		    arena_strndup(&c->arena, list->items[i],
			(size_t)(eq - list->items[i])),
		    json_string(eq + 1));
	}
	return o;
}

/* The given revision, else HEAD of the repository here, else the tree's. */
static const char *
choose_revision(
    struct cli *c, const struct submit_options *o, const struct atom *root)
{
	struct head head;

	if (o->revision)
		return o->revision;
	if (!head_read(
		arena_printf(&c->arena, "%s/%s", root->id.user, root->id.name),
		&head)) {
		cli_detail(c,
		    "no repository with it here: the tree's newest revision");
		return "";
	}
	if (head.dirty)
		cli_note(c,
		    "note: there are changes that are not committed; the job "
		    "is about %.12s",
		    head.commit);
	if (head.unpushed)
		cli_note(c,
		    "note: %.12s is not pushed: the master may not see it",
		    head.commit);
	return arena_strdup(&c->arena, head.commit);
}

/* All but the tree; NULL when an option's value can't be sent, as is told. */
static json_t *
request_json(
    struct cli *c, const struct submit_options *o, const struct atom *root)
{
	json_t *request;
	struct error err;
	int priority = 0;
	size_t i;

	if (o->priority && client_priority(c, o->priority, &priority) != CLI_OK)
		return NULL;
	for (i = 0; i < o->parameters.n; i++) {
		if (parameter_check(o->parameters.items[i], &err) < 0) {
			cli_error(c, 0, &err);
			return NULL;
		}
	}
	request = json_pack("{s:s, s:s, s:o, s:s, s:i, s:o, s:b, s:o, s:b}",
	    "root", atom_format(&c->arena, root), "revision",
	    choose_revision(c, o, root), "arches", arches_json(c, &o->arches),
	    "stage", o->stage ? o->stage : "", "priority", priority,
	    "parameters", parameters_json(c, &o->parameters), "reuse",
	    (int)!o->no_reuse, "labels", list_json(&o->labels), "security",
	    (int)o->security);
	if (!request)
		cli_errorf(c, 0, "an option's value is not UTF-8");
	return request;
}

/* The master's only tree, when none is configured. */
static int
choose_tree(struct cli *c, struct http *h)
{
	const json_t *list, *tree;
	json_t *answer;
	int rc;

	if (c->conf.tree)
		return CLI_OK;
	rc = client_call(c, h, "GET", "/api/v1/trees", NULL, &answer);
	if (rc != CLI_OK)
		return rc;
	list = json_object_get(answer, "trees");
	tree = json_array_get(list, 0);
	if (json_array_size(list) == 1)
		c->conf.tree = arena_strdup(&c->arena, member(tree, "name"));
	else
		rc = cli_errorf(c, CLI_USAGE,
		    "the master has %zu trees: choose one with --tree, "
		    "AUTOTUA_TREE or \"tree\" in %s",
		    json_array_size(list), settings_file(&c->arena));
	json_decref(answer);
	return rc;
}

static int
submit(struct cli *c, struct http *h, json_t *request, bool watch)
{
	json_t *answer;
	int64_t job;
	int rc;

	rc = choose_tree(c, h);
	if (rc != CLI_OK)
		return rc;
	json_object_set_new(request, "tree", json_string(c->conf.tree));
	rc = client_signed(c, h, "submit", request, "/api/v1/jobs", &answer);
	if (rc != CLI_OK)
		return rc;
	job = json_integer_value(json_object_get(answer, "job"));
	cli_note(c, "job %lld: %lld units, %lld steps, revision %.12s",
	    (long long)job, (long long)member_number(answer, "units"),
	    (long long)member_number(answer, "steps"),
	    member(answer, "revision"));
	/* also when it can't be watched */
	if (c->json)
		cli_json(c, json_incref(answer));
	else if (!watch)
		printf("%lld\n", (long long)job);
	json_decref(answer);
	return watch ? watch_job(c, job) : CLI_OK;
}

static int
submit_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct submit_options *o = opts;
	struct error err = {0};
	struct atom root;
	struct http *h;
	json_t *request;
	size_t i;
	int rc;

	(void)n;
	for (i = 0; i < o->arches.n; i++) {
		if (arch_check(o->arches.items[i], &err) < 0)
			return cli_error(c, CLI_USAGE, &err);
	}
	if (root_parse(c, args[0], &root, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	request = request_json(c, o, &root);
	if (!request)
		return CLI_USAGE;
	rc = client_open(c, &h);
	if (rc == CLI_OK) {
		rc = submit(c, h, request, o->watch);
		http_close(h);
	}
	json_decref(request);
	return rc;
}

const struct command submit_command = {
    .name = "submit",
    .arguments = "ROOT",
    .summary = "send a job to the master",
    .options = options,
    .size = sizeof(struct submit_options),
    .min = 1,
    .max = 1,
    .run = submit_main,
};
