/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/tree/repo.h"
#include "cli/sign/update.h"
#include "net/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct manifest_options {
	bool check, fetch;
	struct conf_list force;
};

static const struct opt options[] = {
    {"check", 'n', OPT_FLAG, offsetof(struct manifest_options, check), NULL,
	"only tell what would change; exit with 1 if anything would"},
    {"fetch", 'f', OPT_FLAG, offsetof(struct manifest_options, fetch), NULL,
	"fetch all sources and compare them with their lines"},
    {"force", 0, OPT_LIST, offsetof(struct manifest_options, force), "FILE",
	"make this source's line anew from what upstream has"},
    {"mirror", 'm', OPT_SETTING, 0, "\"NAME BASE\"", "for mirror://NAME/"},
    {0},
};

struct job {
	struct cli *cli;
	struct repo repo;
	struct update update;
	bool check, named;
	json_t *packages;
	size_t changed, failed; /* packages */
	struct progress fetch;  /* of the source that comes */
};

static void
fetching(void *ctx, const char *name, bool begins)
{
	struct job *j = ctx;

	if (!begins) {
		progress_end(&j->fetch);
		return;
	}
	cli_note(j->cli, "fetching %s", name);
	progress_begin(&j->fetch, j->cli, name, 0);
	j->fetch.bytes = true;
}

static void
look(void *ctx, int64_t bytes, int64_t total)
{
	struct job *j = ctx;

	j->fetch.total = (size_t)total;
	progress_step(&j->fetch, (size_t)bytes);
}

static const char *
word(const struct job *j, enum change_kind kind)
{
	static const char *const words[][2] = {
	    [CHANGE_ADDED] = {"added", "missing"},
	    [CHANGE_CHANGED] = {"changed", "changed"},
	    [CHANGE_REMOVED] = {"removed", "superfluous"},
	};

	return words[kind][j->check];
}

/* "2 lines added, 1 changed, 7 kept" */
static void
sum_up(struct job *j, const char *package)
{
	size_t n[3] = {0}, i;

	for (i = 0; i < j->update.nchanges; i++)
		n[j->update.changes[i].kind]++;
	cli_note(j->cli,
	    "%s/Manifest: %zu %s, %zu changed, %zu %s, %zu kept; %s: jobuild "
	    "%s %s",
	    package, n[CHANGE_ADDED], word(j, CHANGE_ADDED), n[CHANGE_CHANGED],
	    n[CHANGE_REMOVED], word(j, CHANGE_REMOVED), j->update.kept,
	    j->check ? "correct it" : "sign it", j->check ? "manifest" : "sign",
	    package);
}

static void
tell(struct job *j, const char *package)
{
	const struct change *c;
	size_t i;

	progress_hide(j->cli);
	for (i = 0; i < j->update.nchanges && !j->cli->json; i++) {
		c = &j->update.changes[i];
		printf("%s: %s %s %s\n", package, word(j, c->kind),
		    manifest_tag_name(c->tag), cli_show(j->cli, c->name));
	}
	if (j->update.nchanges > 0)
		sum_up(j, package);
	else
		cli_detail(j->cli, "%s/Manifest: nothing changed, %zu kept",
		    package, j->update.kept);
}

static void
record(struct job *j, const char *package, const char *state)
{
	const struct change *c;
	json_t *changes = json_array(), *one;
	size_t i;

	for (i = 0; strcmp(state, "failed") != 0 && i < j->update.nchanges;
	     i++) {
		c = &j->update.changes[i];
		one = json_pack("{s:s, s:s, s:s}", "change", word(j, c->kind),
		    "tag", manifest_tag_name(c->tag), "name", c->name);
		if (c->size >= 0)
			json_object_set_new(one, "size", json_integer(c->size));
		json_array_append_new(changes, one);
	}
	json_array_append_new(j->packages,
	    json_pack("{s:s, s:s, s:I, s:o}", "package", package, "state",
		state, "kept", (json_int_t)j->update.kept, "changes", changes));
}

static int
remove_file(const char *path, struct error *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return fail_errno(err, "remove %s", path);
	return 0;
}

/* Write it; one that has nothing to say is removed with its signature. */
static int
store(struct job *j, const char *package, struct error *err)
{
	struct arena *a = &j->cli->arena;
	const char *path =
	    arena_printf(a, "%s/%s/Manifest", j->repo.top, package);
	struct buf b;
	int rc;

	if (j->update.made.n == 0) {
		if (remove_file(path, err) < 0)
			return -1;
		return remove_file(arena_printf(a, "%s.asc", path), err);
	}
	buf_init(&b, MANIFEST_MAX);
	if (manifest_write_kept(&j->update.made, &b) < 0)
		rc = fail(err,
		    "%s would be too big, or a name can't be written", path);
	else
		rc = file_write(path, b.data, b.len, 0644, err);
	buf_release(&b);
	return rc;
}

/* Whoever names one wants it done; of all it is as it was. */
static void
leave_out(struct job *j, const char *package)
{
	if (!j->named) {
		cli_detail(
		    j->cli, "%s: a sparse checkout leaves it out", package);
		return;
	}
	j->failed++;
	record(j, package, "failed");
	cli_errorf(j->cli, 0,
	    "a sparse checkout leaves %s out: \"git sparse-checkout add %s\"",
	    package, package);
}

static void
do_package(struct job *j, const struct tree_package *p)
{
	const char *package =
	    arena_printf(&j->cli->arena, "%s/%s", p->user, p->name);
	struct error err = {0};

	if (tree_leaves_out(j->update.wants.tree, package)) {
		leave_out(j, package);
		return;
	}
	if (update_package(&j->update, p, j->repo.top) < 0) {
		j->failed++;
		record(j, package, "failed");
		cli_errorf(j->cli, 0, "%s/Manifest is as it was", package);
		return;
	}
	if (j->update.nchanges > 0 && !j->check &&
	    store(j, package, &err) < 0) {
		j->failed++;
		record(j, package, "failed");
		cli_error(j->cli, 0, &err);
		return;
	}
	j->changed += j->update.nchanges > 0;
	tell(j, package);
	record(j, package,
	    j->update.nchanges == 0 ? "unchanged"
		: j->check          ? "differs"
				    : "written");
}

/* Packages that the argument names, which others may have named: how many. */
static size_t
mark(struct job *j, const char *s, bool marks[], struct error *err)
{
	const struct tree_package *p;
	size_t i, n, found = 0;
	struct target t;

	if (target_parse(j->cli, &j->repo, s, &t, err) < 0)
		return 0;
	p = tree_packages(j->update.wants.tree, &n);
	for (i = 0; i < n; i++) {
		if ((t.user && strcmp(t.user, p[i].user) != 0) ||
		    (t.name && strcmp(t.name, p[i].name) != 0))
			continue;
		marks[i] = true;
		found++;
	}
	if (found == 0) {
		if (n == 0)
			fail(err,
			    "the tree has no recipes yet: \"jobuild new\" makes "
			    "one");
		else
			fail(err, "the tree has no package \"%s\"", s);
		err->code = ENOENT;
	}
	return found;
}

/* The package, the user or the tree that the current folder is in. */
static const char *
here(struct job *j)
{
	const char *prefix = j->repo.prefix, *p = strchr(prefix, '/');

	p = p ? strchrnul(p + 1, '/') : prefix;
	return arena_printf(
	    &j->cli->arena, "%s/%.*s", j->repo.top, (int)(p - prefix), prefix);
}

/* Every name of --force must have been a source. */
static int
check_forced(struct job *j)
{
	const struct update *u = &j->update;
	const char **names, *near;
	size_t i;
	int rc = CLI_OK;

	names =
	    arena_array(&j->cli->arena, u->wants.sources.n + 1, const char *);
	for (i = 0; i < u->wants.sources.n; i++)
		names[i] = u->wants.sources.items[i].key;
	for (i = 0; i < u->force.n; i++) {
		if (u->forced && u->forced[i])
			continue;
		near = nearest(u->force.items[i], names, u->wants.sources.n);
		rc = cli_errorf(j->cli, CLI_NOT_FOUND,
		    "--force: no recipe here has a source named \"%s\"%s%s%s",
		    u->force.items[i], near ? ": did you mean \"" : "",
		    near ? near : "", near ? "\"?" : "");
	}
	return rc;
}

static int
do_all(struct job *j, int n, char *args[])
{
	const struct tree_package *p;
	struct error err = {0};
	struct progress bar;
	size_t k, np, todo = 0;
	bool *marks;
	int i, rc;

	j->named = n > 0;
	p = tree_packages(j->update.wants.tree, &np);
	marks = arena_array(&j->cli->arena, np + 1, bool);
	if (n == 0 && mark(j, here(j), marks, &err) == 0)
		return cli_error(j->cli, CLI_NOT_FOUND, &err);
	for (i = 0; i < n; i++) {
		if (mark(j, args[i], marks, &err) == 0)
			return cli_error(j->cli,
			    err.code == ENOENT ? CLI_NOT_FOUND : CLI_USAGE,
			    &err);
	}
	for (k = 0; k < np; k++)
		todo += marks[k];
	progress_begin(&bar, j->cli, "Manifests", todo);
	for (k = todo = 0; k < np; k++) {
		if (!marks[k])
			continue;
		do_package(j, &p[k]);
		progress_step(&bar, ++todo);
	}
	progress_end(&bar);
	rc = check_forced(j);
	if (rc != CLI_OK)
		return rc;
	return j->failed || (j->check && j->changed) ? CLI_FAILED : CLI_OK;
}

static int
run(struct job *j, const struct manifest_options *o, int n, char *args[])
{
	struct update *u = &j->update;
	struct error err = {0};
	int rc;

	if (u->fetch_new || u->fetch_all) {
		u->fetch.store = store_open(j->cli->conf.store, &err);
		if (u->fetch.store < 0)
			return cli_error(j->cli, CLI_FAILED, &err);
	}
	u->force = o->force;
	j->packages = json_array();
	rc = do_all(j, n, args);
	if (j->cli->json)
		cli_json(j->cli,
		    json_pack("{s:o, s:o}", "packages", j->packages,
			"diagnostics", diags_json(u->wants.diags)));
	else
		json_decref(j->packages);
	cli_diags(j->cli, u->wants.diags);
	if (u->fetch.store >= 0)
		close(u->fetch.store);
	return rc;
}

static int
manifest_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct manifest_options *o = opts;
	struct job j = {.cli = c, .check = o->check};
	struct error err = {0};
	struct diags d;
	int rc;

	if (o->check && o->force.n > 0)
		return cli_errorf(c, CLI_USAGE,
		    "--check changes nothing and --force does: choose one");
	diags_init(&d, &c->arena);
	j.update.wants.arena = &c->arena;
	j.update.wants.diags = &d;
	j.update.fetch.store = -1;
	j.update.fetch.mirrors = c->conf.mirror;
	j.update.fetch_new = !o->check || o->fetch;
	j.update.fetch_all = o->fetch;
	j.update.fetching = fetching;
	j.update.ctx = j.update.fetch.ctx = &j;
	j.update.fetch.look = look;
	if (repo_find(c, &j.repo, &err) < 0 ||
	    repo_open_work(&j.repo, &j.update.wants.tree, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	rc = run(&j, o, n, args);
	tree_close(j.update.wants.tree);
	return rc;
}

const struct command manifest_command = {
    .name = "manifest",
    .arguments = "[USER/NAME]...",
    .summary = "fetch what is new and bring Manifests up to date",
    .options = options,
    .size = sizeof(struct manifest_options),
    .min = 0,
    .max = -1,
    .run = manifest_main,
};
