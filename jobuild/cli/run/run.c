/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/sign/keys.h"
#include "cli/run/local.h"
#include "cli/run/machine.h"
#include "cli/tree/repo.h"
#include "cli/run/runs.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "net/store.h"
#include "run/folder.h"
#include "run/where.h"
#include "tree/sign/notary.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct run_options {
	const char *revision, *output, *keyring, *from;
	struct conf_list parameters;
	int64_t jobs;
	bool shell, keep;
};

static const struct opt options[] = {
    {"stage", 's', OPT_SETTING, 0, "NAME|ID", "the stage to start from"},
    {"arch", 'a', OPT_SETTING, 0, "ARCH", "instead of this machine's"},
    {"revision", 'r', OPT_TEXT, offsetof(struct run_options, revision), "REV",
	"a commit instead of the work tree"},
    {"output", 'o', OPT_TEXT, offsetof(struct run_options, output), "DIR",
	"folder for logs and artifacts"},
    {"from", 'f', OPT_TEXT, offsetof(struct run_options, from), "STEP",
	"start at this jobuild, on the layers of those before it"},
    {"shell", 0, OPT_FLAG, offsetof(struct run_options, shell), NULL,
	"open a shell in the chroot of a step that fails"},
    {"keep", 0, OPT_FLAG, offsetof(struct run_options, keep), NULL,
	"keep the results, and what a step that fails has written"},
    {"jobs", 'j', OPT_NUMBER, offsetof(struct run_options, jobs), "N",
	"processes that emake starts"},
    {"param", 'p', OPT_PAIRS, offsetof(struct run_options, parameters), "K=V",
	"a parameter for the phases"},
    {"mirror", 'm', OPT_SETTING, 0, "\"NAME BASE\"", "for mirror://NAME/"},
    {"keyring", 0, OPT_TEXT, offsetof(struct run_options, keyring), "FILE",
	"verify signatures against it first"},
    {0},
};

/* Is there an empty folder, or can there be one? */
static int
check_output(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;

	if (!*path)
		fail(err, "--output \"\": expected a folder");
	else if (fd < 0 && errno == ENOENT)
		rc = 0;
	else if (fd < 0)
		fail_errno(err, "--output %s", path);
	else if (!file_is_empty(fd))
		fail(err, "--output %s: the folder must be empty", path);
	else
		rc = 0;
	if (fd >= 0)
		close(fd);
	err->code = EINVAL;
	return rc;
}

/* Older runs go first, so that their place is there for this one. */
static void
clean(struct cli *c, const char *parent)
{
	const struct runs_place place = {parent, c->conf.state, c->conf.chroot};
	size_t n;

	n = runs_clean(&place, (size_t)strtoul(c->conf.runs, NULL, 10),
	    conf_parse_duration(c->conf.runs_age), time(NULL));
	cli_detail(
	    c, "%zu old run%s deleted from %s", n, n == 1 ? "" : "s", parent);
}

static int
make_folder(struct local *l, const char *output, struct error *err)
{
	struct arena *a = &l->cli->arena;
	const char *parent = runs_folder(a);
	char *real;

	if (output && check_output(output, err) < 0)
		return -1;
	if (output) {
		l->dir = output;
		if (file_mkdirs(output, 0755, err) < 0)
			return -1;
		l->lock = runs_lock(output, err);
	} else {
		clean(l->cli, parent);
		l->lock = runs_new(a, parent, &l->dir, err);
	}
	if (l->lock < 0)
		return -1;
	/* an absolute path: the jail's program gets it too */
	real = realpath(l->dir, NULL);
	if (!real)
		return fail_errno(err, "%s", l->dir);
	l->dir = arena_strdup(a, real);
	free(real);
	l->began = text_now();
	return local_note(l, -1, err);
}

/* Where --from begins: the root's unit, or else the first that has the step. */
static int
find_from(struct local *l, const char *from, struct error *err)
{
	const struct plan_unit *u;
	struct atom atom;
	size_t i, unit, s;

	if (root_parse(l->cli, from, &atom, err) < 0)
		return fail_in(err, "--from");
	for (i = 0; i <= l->plan->nunits; i++) {
		unit = i == 0 ? l->plan->root : i - 1;
		u = &l->plan->units[unit];
		for (s = 0; s < u->nsteps; s++) {
			const struct recipe_id *id = &u->steps[s].meta->id;

			if (strcmp(id->user, atom.id.user) != 0 ||
			    strcmp(id->name, atom.id.name) != 0 ||
			    !atom_matches(&atom, id->ver))
				continue;
			l->from_set = true;
			l->from_unit = unit;
			l->from_step = s;
			return 0;
		}
	}
	return fail(err,
	    "--from %s: the job has no such step; jobuild graph shows them",
	    from);
}

static int
check_machine(struct cli *c, struct error *err)
{
	const char *lacks;

	if (!c->conf.chroot)
		return fail(err,
		    "autotua-chroot is not there: install it, or say where it "
		    "is with AUTOTUA_CHROOT or \"chroot\" in %s",
		    settings_file(&c->arena));
	lacks = c->conf.helpers ? where_lacks(&c->arena, c->conf.helpers)
				: "jobuild.sh";
	if (lacks)
		return fail(err,
		    "%s is not there: install it, or say where its folder is "
		    "with AUTOTUA_HELPERS or \"helpers\" in %s",
		    lacks, settings_file(&c->arena));
	return 0;
}

/* The stage for units that name none: the one given, or the only one. */
static int
choose_stage(struct local *l, struct error *err)
{
	struct cli *c = l->cli;

	if (stage_list(
		&c->arena, c->conf.chroot, c->conf.state, &l->stages, err) < 0)
		return -1;
	l->stage = c->conf.stage;
	if (!l->stage && l->stages.n == 1)
		l->stage = l->stages.items[0].id;
	if (!l->stage)
		return fail(err,
		    "which stage? Choose with --stage, AUTOTUA_STAGE or "
		    "\"stage\" in %s; there are: %s",
		    settings_file(&c->arena),
		    stage_names(&c->arena, &l->stages));
	if (!stage_find(&l->stages, l->stage))
		return fail(err,
		    "there is no stage \"%s\" in %s; there are: %s", l->stage,
		    c->conf.state, stage_names(&c->arena, &l->stages));
	c->conf.stage = l->stage;
	return 0;
}

static const char *
digest_of_stage(void *ctx, const char *name)
{
	return stage_find(ctx, name);
}

/* Are all recipes of the plan signed by whom the keyring trusts? */
static int
verify(struct local *l, const char *path, struct error *err)
{
	struct arena *a = &l->cli->arena;
	struct named_list list = {0};
	const struct plan_unit *u;
	struct notary *notary;
	struct review found;
	struct keyring k;
	size_t i, s;

	keyring_init(&k, a);
	if (keyring_read(&k, path, err) < 0)
		return -1;
	for (i = 0; i < l->plan->nunits; i++) {
		u = &l->plan->units[i];
		for (s = 0; s < u->nsteps; s++) {
			list.items = arena_grow(
			    a, list.items, list.n, sizeof(*list.items));
			list.items[list.n++] = (struct named){
			    u->steps[s].meta->id, RECIPE_JOBUILD};
		}
	}
	review_init(&found, l->cli, l->tree);
	notary = keys_notary(l->cli);
	keys_verify(&found, notary, &list, &k);
	notary_close(notary);
	review_sort(&found);
	review_print(&found, REVIEW_GCC);
	if (found.found.errors == 0)
		return 0;
	if (l->cli->json)
		(void)cli_refused(l->cli, &found.found);
	return fail(err, "not run: signatures are not good");
}

static void
configure(struct local *l, const struct run_options *o)
{
	struct cli *c = l->cli;
	const char **params;
	size_t i;

	params = arena_array(&c->arena, o->parameters.n + 1, const char *);
	for (i = 0; i < o->parameters.n; i++)
		params[i] = o->parameters.items[i];
	l->conf.parameters = params;
	l->conf.chroot = c->conf.chroot;
	l->conf.state = c->conf.state;
	l->conf.helpers = c->conf.helpers;
	l->conf.jobs = o->jobs;
	l->conf.keep = o->keep;
	l->shell = o->shell;
	l->conf.nest = true;
	l->conf.allow_rootful = settings_rootful(&c->conf);
	l->conf.layers_max = conf_parse_size(c->conf.layers_max);
	l->conf.network = (enum network)network_parse(c->conf.network);
	l->conf.fetch.mirrors = c->conf.mirror;
}

/* Plan, verify, prepare: everything before the first unit. */
static int
prepare(struct local *l, const struct run_options *o, const struct atom *root)
{
	struct cli *c = l->cli;
	struct error err = {0};
	struct diags d;

	diags_init(&d, &c->arena);
	if (choose_stage(l, &err) < 0)
		return cli_error(c, CLI_NOT_FOUND, &err);
	if (machine_runs(c, c->conf.arch, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	l->plan = repo_plan(
	    c, l->tree, root, c->conf.arch, digest_of_stage, &l->stages, &d);
	if (!l->plan)
		return cli_refused(c, &d);
	cli_diags(c, &d);
	if (o->keyring && verify(l, o->keyring, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_FAILED), &err);
	if (o->from && find_from(l, o->from, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	configure(l, o);
	l->conf.fetch.store = store_open(c->conf.store, &err);
	if (l->conf.fetch.store < 0 || make_folder(l, o->output, &err) < 0)
		return cli_error(
		    c, err.code == EINVAL ? CLI_USAGE : CLI_TEMPORARY, &err);
	return CLI_OK;
}

static int
run_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct run_options *o = opts;
	struct local l = {.cli = c};
	struct error err = {0};
	struct atom root;
	size_t i;
	int rc;

	(void)n;
	for (i = 0; i < o->parameters.n; i++) {
		if (parameter_check(o->parameters.items[i], &err) < 0)
			return cli_error(c, CLI_USAGE, &err);
	}
	l.conf.fetch.store = l.lock = -1;
	if (root_parse(c, args[0], &root, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	if (o->shell && !terminal_answers())
		return cli_errorf(c, CLI_USAGE, "--shell needs a terminal");
	if (check_machine(c, &err) < 0)
		return cli_error(c, CLI_USAGE, &err);
	rc = repo_tree(c, o->revision, &l.tree);
	if (rc != CLI_OK)
		return rc;
	rc = repo_has_root(c, l.tree, &root);
	if (rc == CLI_OK)
		rc = prepare(&l, o, &root);
	if (rc == CLI_OK) {
		rc = local_run(&l);
		(void)local_note(&l, rc, &err);
		if (l.units)
			local_report(&l, rc);
	}
	if (l.lock >= 0)
		close(l.lock);
	if (l.conf.fetch.store >= 0)
		close(l.conf.fetch.store);
	tree_close(l.tree);
	return rc;
}

const struct command run_command = {
    .name = "run",
    .arguments = "ROOT",
    .summary = "do a whole job on this machine, without a master",
    .options = options,
    .size = sizeof(struct run_options),
    .min = 1,
    .max = 1,
    .run = run_main,
};
