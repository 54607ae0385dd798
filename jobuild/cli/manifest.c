/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/distfile.h"
#include "cli/repo.h"
#include "cli/wants.h"
#include "net/store.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct manifest_options {
	bool check;
};

static const struct opt options[] = {
    {"check", 0, OPT_FLAG, offsetof(struct manifest_options, check), NULL,
	"only tell what would change"},
    {"mirror", 'm', OPT_SETTING, 0, "\"NAME BASE\"", "for mirror://NAME/"},
    {0},
};

struct job {
	struct cli *cli;
	struct repo repo;
	struct wants wants;
	struct fetch_conf fetch;
	bool check;
	json_t *changes; /* of all packages */
};

static void
tell(struct job *j, const char *package, const char *what,
    const struct manifest_entry *e)
{
	const char *tag = e->tag == MANIFEST_DIST ? "DIST" : "AUX";

	json_array_append_new(j->changes,
	    json_pack("{s:s, s:s, s:s, s:s}", "package", package, "change",
		what, "tag", tag, "name", e->name));
	if (!j->cli->json)
		printf("%s: %s %s %s\n", package, what, tag,
		    cli_show(j->cli, e->name));
}

static void
append(struct job *j, struct manifest *m, const struct manifest_entry *e)
{
	m->entries =
	    arena_grow(&j->cli->arena, m->entries, m->n, sizeof(*m->entries));
	m->entries[m->n++] = *e;
}

/* The entry of a wanted file: the old one, or fetched. */
static int
take_dist(struct job *j, const struct manifest *old, const struct source *s,
    struct manifest *now, struct error *err)
{
	const struct manifest_entry *e;
	struct manifest_entry fresh = {.tag = MANIFEST_DIST, .name = s->name};

	e = manifest_find(old, MANIFEST_DIST, s->name);
	if (e) {
		append(j, now, e);
		return 0;
	}
	if (!j->check) {
		cli_note(j->cli, "fetching %s", s->name);
		if (distfile_fetch(&j->fetch, s, &fresh, err) < 0)
			return fail_in(err, "%s", s->name);
	}
	append(j, now, &fresh);
	return 0;
}

static bool
same(const struct manifest_entry *a, const struct manifest_entry *b)
{
	return a->size == b->size && strcmp(a->blake2b, b->blake2b) == 0 &&
	    strcmp(a->sha512, b->sha512) == 0;
}

/* Tell the differences; how many there are. */
static size_t
compare(struct job *j, const char *package, const struct manifest *old,
    const struct manifest *now)
{
	const struct manifest_entry *e;
	size_t i, n = 0;

	for (i = 0; i < now->n; i++) {
		e = manifest_find(
		    old, now->entries[i].tag, now->entries[i].name);
		if (e && same(e, &now->entries[i]))
			continue;
		tell(j, package, e ? "changed" : "new", &now->entries[i]);
		n++;
	}
	for (i = 0; i < old->n; i++) {
		e = manifest_find(
		    now, old->entries[i].tag, old->entries[i].name);
		if (e)
			continue;
		tell(j, package, "not needed", &old->entries[i]);
		n++;
	}
	return n;
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
store(
    struct job *j, const char *dir, const struct manifest *m, struct error *err)
{
	const char *path = arena_printf(&j->cli->arena, "%s/Manifest", dir);
	struct buf b;
	int rc;

	if (m->n == 0) {
		if (remove_file(path, err) < 0)
			return -1;
		return remove_file(
		    arena_printf(&j->cli->arena, "%s.asc", path), err);
	}
	buf_init(&b, MANIFEST_MAX);
	if (manifest_write(m, &b) < 0)
		rc = fail(err,
		    "%s would be too big, or a name can't be written", path);
	else
		rc = file_write(path, b.data, b.len, 0644, err);
	buf_release(&b);
	return rc;
}

/* Build what the package's Manifest should be. */
static int
compose(struct job *j, const char *dir, const struct manifest *old,
    struct manifest *now, struct error *err)
{
	size_t i;

	for (i = 0; i < j->wants.sources.n; i++) {
		if (take_dist(
			j, old, j->wants.sources.items[i].value, now, err) < 0)
			return -1;
	}
	return distfile_folder(&j->cli->arena,
	    arena_printf(&j->cli->arena, "%s/files", dir), now, err);
}

/* 1 when something changed, 0 when not; -1 with err or with diagnostics. */
static int
do_package(struct job *j, const struct tree_package *p, struct error *err)
{
	struct arena *a = &j->cli->arena;
	const char *package = arena_printf(a, "%s/%s", p->user, p->name);
	const char *dir = arena_printf(a, "%s/%s", j->repo.top, package);
	struct manifest *old, now = {0};

	if (wants_package(&j->wants, p) < 0)
		return fail(err, "%s: its recipes have errors", package);
	old = wants_manifest(&j->wants, p->user, p->name);
	if (!old)
		return fail(err,
		    "%s/Manifest has errors: correct it, or remove the lines",
		    package);
	if (compose(j, dir, old, &now, err) < 0)
		return fail_in(err, "%s", package);
	if (compare(j, package, old, &now) == 0) {
		cli_detail(j->cli, "%s: nothing changed", package);
		return 0;
	}
	if (!j->check) {
		if (store(j, dir, &now, err) < 0)
			return -1;
		cli_note(j->cli, "sign it: jobuild sign %s", package);
	}
	return 1;
}

/* Packages that the arguments name, each once. */
static int
do_all(struct job *j, int n, char *args[])
{
	const struct tree_package *p;
	struct error err = {0};
	struct target t;
	size_t k, np;
	int i, rc, hit, changed = 0;

	p = tree_packages(j->wants.tree, &np);
	for (i = 0; i < n; i++) {
		if (target_parse(j->cli, &j->repo, args[i], &t, &err) < 0)
			return cli_error(j->cli, CLI_USAGE, &err);
		for (k = 0, hit = 0; k < np; k++) {
			if ((t.user && strcmp(t.user, p[k].user) != 0) ||
			    (t.name && strcmp(t.name, p[k].name) != 0))
				continue;
			hit++;
			rc = do_package(j, &p[k], &err);
			if (rc < 0) {
				cli_diags(j->cli, j->wants.diags);
				return cli_error(j->cli, CLI_FAILED, &err);
			}
			changed += rc;
		}
		if (!hit)
			return cli_errorf(j->cli, CLI_NOT_FOUND,
			    "the tree has no package \"%s\"", args[i]);
	}
	return changed && j->check ? CLI_FAILED : CLI_OK;
}

static int
manifest_main(struct cli *c, const void *opts, int n, char *args[])
{
	const struct manifest_options *o = opts;
	struct job j = {.cli = c, .check = o->check, .fetch = {.store = -1}};
	struct error err = {0};
	struct diags d;
	int rc = CLI_FAILED;

	diags_init(&d, &c->arena);
	j.wants.arena = &c->arena;
	j.wants.diags = &d;
	j.fetch.mirrors = c->conf.mirror;
	if (repo_find(c, &j.repo, &err) < 0 ||
	    repo_open(&j.repo, NULL, &j.wants.tree, &err) < 0)
		return cli_error(c, CLI_NOT_FOUND, &err);
	if (!o->check) {
		j.fetch.store = store_open(c->conf.store, &err);
		if (j.fetch.store < 0) {
			cli_error(c, CLI_FAILED, &err);
			goto out;
		}
	}
	j.changes = json_array();
	rc = do_all(&j, n, args);
	if (c->json)
		cli_json(json_pack("{s:o, s:o}", "changes", j.changes,
		    "diagnostics", diags_json(&d)));
	else
		json_decref(j.changes);
out:
	if (j.fetch.store >= 0)
		close(j.fetch.store);
	tree_close(j.wants.tree);
	return rc;
}

const struct command manifest_command = {
    .name = "manifest",
    .arguments = "USER/NAME...",
    .summary = "fetch what is new and bring Manifests up to date",
    .options = options,
    .size = sizeof(struct manifest_options),
    .min = 1,
    .max = -1,
    .run = manifest_main,
};
