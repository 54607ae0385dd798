/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/sign/key.h"
#include "cli/sign/keys.h"
#include "tree/sign/sign.h"
#include "tree/sign/statement.h"

#include <string.h>

#define KEY_MAX       (256 * 1024)
#define SIGNATURE_MAX (32 * 1024)

static const char *
need_user(struct cli *c, struct error *err)
{
	if (!c->conf.user)
		fail(err,
		    "whose key? Say who you are in the tree with --user, "
		    "AUTOTUA_USER or \"user\" in %s",
		    settings_file(&c->arena));
	return c->conf.user;
}

/* ---- export -----------------------------------------------------------------
 */

/* Is there another key in the file? */
static int
check_place(struct cli *c, const char *path, const struct tree_file *there,
    const char *fpr, struct error *err)
{
	struct pubkey k;
	struct error none;

	if (!there ||
	    key_inspect(&k, there->text, there->len, &c->arena, &none) < 0 ||
	    strcmp(k.parts[0].fingerprint, fpr) == 0)
		return 0;
	return fail(err,
	    "%s has the key %s: --replace puts %s in its place (those who keep "
	    "keyrings must know of it: jobuild key rotate)",
	    path, k.parts[0].fingerprint, fpr);
}

static int
write_key(struct cli *c, const struct key_options *o, const char *user,
    const char *fpr, struct error *err)
{
	const char *path = arena_printf(&c->arena, "%s/%s.asc", user, user);
	const struct tree_file *there;
	struct repo r;
	struct buf b;
	int rc = -1;

	if (repo_find(c, &r, err) < 0)
		return -1;
	if (r.bare)
		return repo_fail_bare(&r, err);
	there = key_in_tree(c, user, &r);
	if (!o->replace && check_place(c, path, there, fpr, err) < 0)
		return -1;
	buf_init(&b, KEY_MAX);
	if (keys_export(fpr, &b, err) == 0 &&
	    file_mkdirs(
		arena_printf(&c->arena, "%s/%s", r.top, user), 0755, err) == 0)
		rc = file_write(arena_printf(&c->arena, "%s/%s", r.top, path),
		    b.data, b.len, 0644, err);
	buf_release(&b);
	if (rc == 0 && c->json)
		cli_json(c,
		    json_pack(
			"{s:s, s:s}", "written", path, "fingerprint", fpr));
	else if (rc == 0)
		puts(cli_show(c, path));
	return rc;
}

int
key_export(struct cli *c, const struct key_options *o, int n, char *args[])
{
	char fpr[FINGERPRINT_MAX];
	struct error err = {0};
	const char *user, *name;

	(void)args;
	if (n != 0)
		return cli_errorf(c, CLI_USAGE,
		    "key export takes no arguments: choose with --user and "
		    "--key");
	user = need_user(c, &err);
	if (!user)
		return cli_error(c, CLI_USAGE, &err);
	/* what replaces the tree's key isn't that */
	name = o->replace ? c->conf.key : key_name(c, user);
	if (key_choose(c, name, fpr, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	if (key_check_own(c, fpr, &err) < 0 ||
	    write_key(c, o, user, fpr, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_FAILED), &err);
	return CLI_OK;
}

/* ---- statements -------------------------------------------------------------
 */

/* The key's block and its signature under the head, behind out. */
static int
add_part(const struct statement *s, const struct buf *head, const char *fpr,
    struct buf *out, struct error *err)
{
	const char *action =
	    s->action == STATEMENT_ROTATE ? "rotate" : "revoke";
	struct buf b;
	int rc = -1;

	buf_init(&b, KEY_MAX + SIGNATURE_MAX);
	if (keys_export(fpr, &b, err) < 0 ||
	    sign_detached(fpr, head->data, head->len, NOTATION_STATEMENT,
		action, &b, err) < 0)
		fail_in(err, "sign with %s", fpr);
	else if (buf_add(out, b.data, b.len) < 0)
		fail(err, "the statement is too large");
	else
		rc = 0;
	buf_release(&b);
	return rc;
}

/* Write the whole, and read it as those will who get it. */
static int
make(struct cli *c, struct statement *s, struct buf *out, struct error *err)
{
	struct statement again;
	struct buf head;
	int rc = -1;

	s->date = time(NULL);
	buf_init(&head, 4096);
	if (statement_head(s, &head, err) == 0) {
		buf_addf(out, "%s\n", head.data);
		if (add_part(s, &head, s->old, out, err) == 0 &&
		    (!s->new[0] || add_part(s, &head, s->new, out, err) == 0))
			rc = statement_read(&again, out->data, out->len,
			    time(NULL), &c->arena, err);
	}
	buf_release(&head);
	return rc;
}

static int
finish(struct cli *c, const struct key_options *o, struct statement *s,
    const char *next)
{
	struct error err = {0};
	struct buf b;
	int rc = CLI_OK;

	buf_init(&b, STATEMENT_MAX);
	if (make(c, s, &b, &err) < 0 ||
	    (o->output && file_write(o->output, b.data, b.len, 0644, &err) < 0))
		rc = cli_error(c, CLI_FAILED, &err);
	else if (c->json)
		cli_json(c,
		    json_pack("{s:s, s:s, s:s, s:s}", "user", s->user, "old",
			s->old, "new", s->new, "statement", b.data));
	else if (!o->output)
		fputs(b.data, stdout);
	if (rc == CLI_OK)
		cli_note(c, "%s", next);
	buf_release(&b);
	return rc;
}

int
key_rotate(struct cli *c, const struct key_options *o, int n, char *args[])
{
	struct statement s = {.action = STATEMENT_ROTATE, .reason = ""};
	struct error err = {0};

	if (n != 1)
		return cli_errorf(c, CLI_USAGE,
		    "key rotate takes the new key's fingerprint (gpg "
		    "--list-secret-keys shows yours)");
	s.user = need_user(c, &err);
	if (!s.user)
		return cli_error(c, CLI_USAGE, &err);
	if (key_choose(c, key_name(c, s.user), s.old, &err) < 0 ||
	    key_choose(c, args[0], s.new, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	if (strcmp(s.old, s.new) == 0)
		return cli_errorf(c, CLI_USAGE,
		    "%s is your key already: name the old one with --key",
		    s.new);
	if (key_check_own(c, s.new, &err) < 0)
		return cli_error(c, CLI_FAILED, &err);
	return finish(c, o, &s,
	    "send it to who keeps the keyrings; when they have accepted it: "
	    "jobuild key export --replace with the new key, jobuild sign, "
	    "push");
}

int
key_revoke(struct cli *c, const struct key_options *o, int n, char *args[])
{
	struct statement s = {
	    .action = STATEMENT_REVOKE, .reason = "unspecified"};
	struct error err = {0};

	(void)args;
	if (n != 0)
		return cli_errorf(c, CLI_USAGE,
		    "key revoke takes no arguments: choose with --key");
	if (o->reason)
		s.reason = o->reason;
	s.user = need_user(c, &err);
	if (!s.user)
		return cli_error(c, CLI_USAGE, &err);
	if (key_choose(c, key_name(c, s.user), s.old, &err) < 0)
		return cli_error(c, cli_status(&err, CLI_NOT_FOUND), &err);
	return finish(c, o, &s,
	    "send it to who keeps the keyrings: from then on nothing that the "
	    "key has signed is accepted. The key itself is revoked with its "
	    "revocation certificate (gpg --import)");
}

int
key_accept(struct cli *c, const struct key_options *o, int n, char *args[])
{
	struct error err = {0};
	struct statement s;
	struct buf b;
	int rc = CLI_OK, applied;

	(void)o;
	if (n != 1)
		return cli_errorf(
		    c, CLI_USAGE, "key accept takes a statement's file");
	if (!c->conf.keyring)
		return cli_errorf(c, CLI_USAGE,
		    "which keyring? Name it with --keyring, AUTOTUA_KEYRING or "
		    "\"keyring\" in %s",
		    settings_file(&c->arena));
	buf_init(&b, STATEMENT_MAX);
	if (file_read_argument(args[0], &b, &err) < 0)
		rc = cli_error(c, CLI_NOT_FOUND, &err);
	else if (statement_read(&s, b.data ? b.data : "", b.len, time(NULL),
		     &c->arena, &err) < 0) {
		fail_in(&err, "%s", file_argument(args[0]));
		rc = cli_error(c, CLI_FAILED, &err);
	} else if ((applied = keyring_apply(c->conf.keyring, &s, &err)) < 0) {
		rc = cli_error(c, CLI_FAILED, &err);
	} else {
		cli_note(c, "%s: %s is revoked%s%s%s", c->conf.keyring, s.old,
		    applied == 1 ? " already" : "",
		    s.new[0] ? ", trusted is " : "", s.new);
	}
	if (c->json && rc == CLI_OK)
		cli_json(c,
		    json_pack(
			"{s:s, s:s}", "revoked", s.old, "trusted", s.new));
	buf_release(&b);
	return rc;
}
