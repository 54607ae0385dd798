/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree/sign/sign.h"
#include "base/buf.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/sign/key.h"
#include "cli/sign/keys.h"
#include "cli/tree/repo.h"
#include "tree/sign/notary.h"

#include <errno.h>
#include <string.h>

#define KEY_MAX       (256 * 1024)
#define SIGNATURE_MAX (32 * 1024)

static const struct opt options[] = {
    {"key", 'k', OPT_SETTING, 0, "KEY", "fingerprint to sign with"},
    {0},
};

/* A file to sign unless its signature is good already. */
struct task {
	const char *path;
	const struct tree_file *file, *sig; /* sig NULL: has none */
};

struct job {
	struct cli *cli;
	struct repo repo;
	struct tree *tree;
	struct notary *notary;
	const char *user; /* whose files; NULL: none yet */
	char fingerprint[FINGERPRINT_MAX];
	struct signer signer;  /* by that; not open until it is needed */
	struct known_key *key; /* user's, as the tree has it */
	struct task *tasks;    /* of this user */
	size_t ntasks;
	json_t *written;
	size_t kept;
};

static const struct tree_file *
read_file(struct job *j, const char *path)
{
	struct error none;

	return tree_file(j->tree, path, &none);
}

static int
write_file(
    struct job *j, const char *path, const struct buf *b, struct error *err)
{
	const char *full =
	    arena_printf(&j->cli->arena, "%s/%s", j->repo.top, path);

	if (file_write(full, b->data, b->len, 0644, err) < 0)
		return -1;
	json_array_append_new(j->written, json_string(path));
	if (!j->cli->json)
		puts(cli_show(j->cli, path));
	return 0;
}

/*
 * Nothing is signed with a key whose signatures would be refused; where there
 * is nothing to sign it isn't looked at.
 */
static int
open_signer(struct job *j, struct error *err)
{
	if (j->signer.ctx)
		return 0;
	if (key_check_own(j->cli, j->fingerprint, err) < 0)
		return -1;
	return signer_open(&j->signer, j->fingerprint, err);
}

static int
sign_task(struct job *j, const struct task *t, struct error *err)
{
	struct buf b;
	int rc = -1;

	if (tree_leaves_out(j->tree, t->path))
		return fail(err,
		    "sign %s: a sparse checkout leaves it out: \"git "
		    "sparse-checkout add\" its folder",
		    t->path);
	if (open_signer(j, err) < 0)
		return fail_in(err, "sign %s", t->path);
	buf_init(&b, SIGNATURE_MAX);
	if (signer_sign(&j->signer, t->file->text, t->file->len, NOTATION_PATH,
		t->path, &b, err) == 0)
		rc = write_file(j,
		    arena_printf(&j->cli->arena, "%s.asc", t->path), &b, err);
	else
		fail_in(err, "sign %s", t->path);
	buf_release(&b);
	return rc;
}

/* Which signatures are good: in good[], one a task. */
static void
check_tasks(struct job *j, bool good[])
{
	struct notary_item *items =
	    arena_array(&j->cli->arena, j->ntasks + 1, struct notary_item);
	size_t *index = arena_array(&j->cli->arena, j->ntasks + 1, size_t);
	const struct task *t;
	size_t i, n = 0;

	for (i = 0; i < j->ntasks; i++) {
		t = &j->tasks[i];
		if (!t->sig)
			continue;
		index[n] = i;
		items[n++] = (struct notary_item){.key = j->key,
		    .data = t->file->text,
		    .len = t->file->len,
		    .sig = t->sig->text,
		    .siglen = t->sig->len,
		    .notation = NOTATION_PATH,
		    .value = t->path};
	}
	notary_check(j->notary, items, n, time(NULL));
	for (i = 0; i < n; i++) {
		good[index[i]] = items[i].good;
		if (!items[i].good)
			cli_detail(j->cli, "%s.asc: %s",
			    cli_show(j->cli, items[i].value),
			    cli_show(j->cli, items[i].err.msg));
	}
}

/* Everything of the user that was added. */
static int
sign_tasks(struct job *j, struct error *err)
{
	bool *good = arena_array(&j->cli->arena, j->ntasks + 1, bool);
	size_t i;

	if (j->ntasks > 0)
		check_tasks(j, good);
	for (i = 0; i < j->ntasks; i++) {
		if (good[i])
			j->kept++;
		else if (sign_task(j, &j->tasks[i], err) < 0)
			return -1;
	}
	j->ntasks = 0;
	j->tasks = NULL;
	return 0;
}

/* Export the key that signs into the tree, and open it for checking. */
static int
make_key(struct job *j, const char *path, struct error *err)
{
	const char *text;
	struct buf b;
	int rc = -1;

	if (key_choose(j->cli, j->cli->conf.key, j->fingerprint, err) < 0 ||
	    open_signer(j, err) < 0)
		return -1;
	buf_init(&b, KEY_MAX);
	if (keys_export(j->fingerprint, &b, err) == 0) {
		text = arena_strndup(&j->cli->arena, b.data, b.len);
		j->key = notary_key(j->notary, text, b.len, time(NULL), err);
		if (j->key)
			rc = write_file(j, path, &b, err);
	}
	buf_release(&b);
	return rc;
}

/* The key that the tree has for the user must be the one that signs. */
static int
take_key(struct job *j, const char *path, const struct tree_file *file,
    struct error *err)
{
	struct error refused;
	const char *own;

	own = notary_fingerprint(
	    j->notary, file->text, file->len, time(NULL), err);
	if (!own)
		return fail_in(err, "%s", path);
	if (key_choose(j->cli, j->cli->conf.key ? j->cli->conf.key : own,
		j->fingerprint, err) < 0)
		return -1;
	if (strcmp(own, j->fingerprint) != 0)
		return fail(err,
		    "%s has the key %s, but %s would sign: choose with --key; "
		    "if the new key shall replace it: jobuild key rotate, "
		    "then jobuild key export --replace",
		    path, own, j->fingerprint);
	j->key = notary_key(j->notary, file->text, file->len, time(NULL), err);
	if (j->key)
		return 0;
	fail_in(err, "%s", path);
	/* if it isn't that the tree's copy is older than the caller's key */
	if (key_check_own(j->cli, j->fingerprint, &refused) == -2)
		*err = refused;
	return -1;
}

static int
set_user(struct job *j, const char *user, struct error *err)
{
	const char *path =
	    arena_printf(&j->cli->arena, "%s/%s.asc", user, user);
	const struct tree_file *file;

	if (j->user && strcmp(j->user, user) == 0)
		return 0;
	if (sign_tasks(j, err) < 0)
		return -1;
	signer_close(&j->signer);
	j->user = user;
	file = read_file(j, path);
	if (!file)
		return make_key(j, path, err);
	return take_key(j, path, file, err);
}

static void
add_task(struct job *j, const char *path)
{
	struct task t = {.path = path, .file = read_file(j, path)};

	if (!t.file)
		return;
	t.sig = read_file(j, arena_printf(&j->cli->arena, "%s.asc", path));
	j->tasks = arena_grow(&j->cli->arena, j->tasks, j->ntasks, sizeof(t));
	j->tasks[j->ntasks++] = t;
}

static void
add_recipe(struct job *j, const struct named *item)
{
	char ver[VERSION_MAX];

	version_format(item->id.ver, ver);
	add_task(j,
	    arena_printf(&j->cli->arena, "%s/%s/%s-%s.%s", item->id.user,
		item->id.name, item->id.name, ver,
		item->kind == RECIPE_TEMPLATE ? "template" : "jobuild"));
}

static int
sign_all(struct job *j, const struct named_list *list, struct error *err)
{
	const struct recipe_id *id, *last = NULL;
	size_t i;

	for (i = 0; i < list->n; i++) {
		id = &list->items[i].id;
		if (set_user(j, id->user, err) < 0)
			return -1;
		add_recipe(j, &list->items[i]);
		if (last && last->user == id->user && last->name == id->name)
			continue;
		last = id;
		add_task(j,
		    arena_printf(
			&j->cli->arena, "%s/%s/Manifest", id->user, id->name));
	}
	return sign_tasks(j, err);
}

/* What to sign: the arguments, or all of the configured user. */
static int
choose(struct job *j, int n, char *args[], struct named_list *list,
    struct error *err)
{
	char *own[1];

	if (n > 0)
		return targets_select(
		    j->cli, &j->repo, j->tree, n, args, list, err);
	if (!j->cli->conf.user) {
		fail(err,
		    "sign what? Give USER/NAME or USER, or say who you are "
		    "with AUTOTUA_USER or \"user\" in %s",
		    settings_file(&j->cli->arena));
		err->code = EINVAL;
		return -1;
	}
	own[0] = arena_strdup(&j->cli->arena, j->cli->conf.user);
	return targets_select(j->cli, &j->repo, j->tree, 1, own, list, err);
}

static int
sign_main(struct cli *c, const void *opts, int n, char *args[])
{
	struct job j = {.cli = c};
	struct named_list list = {0};
	struct error err = {0};
	int rc = CLI_OK;

	(void)opts;
	if (repo_find(c, &j.repo, &err) < 0 ||
	    repo_open_work(&j.repo, &j.tree, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	j.written = json_array();
	j.notary = keys_notary(c);
	if (choose(&j, n, args, &list, &err) < 0)
		rc = cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	else if (sign_all(&j, &list, &err) < 0)
		rc = cli_error(
		    c, err.code == EINVAL ? CLI_USAGE : CLI_FAILED, &err);
	else
		cli_note(c, "%zu written, %zu signatures were good already",
		    json_array_size(j.written), j.kept);
	if (c->json && rc == CLI_OK)
		cli_json(c,
		    json_pack("{s:O, s:I, s:s}", "written", j.written, "kept",
			(json_int_t)j.kept, "key", j.fingerprint));
	json_decref(j.written);
	signer_close(&j.signer);
	notary_close(j.notary);
	tree_close(j.tree);
	return rc;
}

const struct command sign_command = {
    .name = "sign",
    .arguments = "[USER/NAME|USER]...",
    .summary = "sign recipes and Manifests whose signature isn't good",
    .options = options,
    .max = -1,
    .run = sign_main,
};
