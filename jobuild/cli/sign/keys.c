/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/sign/keys.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/home.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "tree/sign/notary.h"
#include "tree/sign/openpgp.h"
#include "tree/sign/sign.h"

#include <errno.h>
#include <string.h>

#define BATCH 64 /* recipes that are verified between two looks at progress */

static bool
has_name(gpgme_key_t key)
{
	return key->subkeys && key->subkeys->fpr &&
	    strlen(key->subkeys->fpr) < FINGERPRINT_MAX;
}

static bool
can_sign(gpgme_key_t key)
{
	return key->can_sign && !key->revoked && !key->expired &&
	    !key->disabled && !key->invalid && has_name(key);
}

/*
 * How many fit that can sign, and the fingerprint of the first one, or if there
 * is none, of the first that fits. -1: gpg failed.
 */
static int
count_keys(gpgme_ctx_t ctx, const char *name, char fpr[FINGERPRINT_MAX],
    struct error *err)
{
	gpgme_error_t code;
	gpgme_key_t key;
	bool good;
	int n = 0;

	code = gpgme_op_keylist_start(ctx, name, 1);
	while (!code && (code = gpgme_op_keylist_next(ctx, &key)) == 0) {
		good = can_sign(key);
		if (has_name(key) && (!*fpr || (good && n == 0)))
			snprintf(fpr, FINGERPRINT_MAX, "%s", key->subkeys->fpr);
		n += good;
		gpgme_key_unref(key);
	}
	gpgme_op_keylist_end(ctx);
	if (gpgme_err_code(code) != GPG_ERR_EOF)
		return openpgp_fail(err, code, "list secret keys");
	return n;
}

static int
fail_several(int n, const char *name, struct error *err)
{
	fail(err,
	    "%d secret keys %s%s: choose one by its fingerprint with --key, "
	    "AUTOTUA_KEY or \"key\" in the configuration (gpg "
	    "--list-secret-keys shows them)",
	    n, name ? "fit " : "can sign", name ? name : "");
	err->code = EINVAL;
	return -1;
}

int
keys_choose(
    const char *name, char fingerprint[FINGERPRINT_MAX], struct error *err)
{
	gpgme_ctx_t ctx = NULL;
	int n;

	*fingerprint = '\0';
	if (openpgp_context(&ctx, err) < 0)
		return -1;
	n = count_keys(ctx, name, fingerprint, err);
	gpgme_release(ctx);
	if (n < 0)
		*fingerprint = '\0';
	if (n == 1 || n < 0)
		return n < 0 ? -1 : 0;
	if (n > 1)
		return fail_several(n, name, err);
	if (*fingerprint) {
		fail(err,
		    "the secret key %s can't sign: expired, revoked, disabled "
		    "or made for other uses",
		    fingerprint);
		err->code = EKEYREJECTED;
		return -1;
	}
	if (name)
		return fail(err,
		    "no secret key fits \"%s\" (gpg --list-secret-keys shows "
		    "what there is)",
		    name);
	return fail(err,
	    "no secret key that can sign: make one with \"gpg "
	    "--quick-generate-key ADDRESS ed25519 cert 2y\" and, with the "
	    "fingerprint that it prints, \"gpg --quick-add-key FINGERPRINT "
	    "ed25519 sign 2y\" (jobuild key says what else is good)");
}

static int
copy(gpgme_data_t data, struct buf *out, struct error *err)
{
	char chunk[4096];
	ssize_t n;

	if (gpgme_data_seek(data, 0, SEEK_SET) < 0)
		return fail_errno(err, "key");
	while ((n = gpgme_data_read(data, chunk, sizeof(chunk))) > 0) {
		if (buf_add(out, chunk, (size_t)n) < 0)
			return fail(err, "the key is too large");
	}
	if (n < 0)
		return fail_errno(err, "key");
	return out->len > 0 ? 0 : fail(err, "gpg exported nothing");
}

static int
export_key(const char *fingerprint, gpgme_export_mode_t mode, struct buf *out,
    struct error *err)
{
	gpgme_data_t data = NULL;
	gpgme_error_t code;
	gpgme_ctx_t ctx = NULL;
	int rc = -1;

	if (openpgp_context(&ctx, err) < 0)
		return -1;
	code = gpgme_data_new(&data);
	if (!code)
		code = gpgme_op_export(ctx, fingerprint, mode, data);
	if (code)
		openpgp_fail(err, code, "export the key");
	else
		rc = copy(data, out, err);
	if (data)
		gpgme_data_release(data);
	gpgme_release(ctx);
	return rc;
}

int
keys_export(const char *fingerprint, struct buf *out, struct error *err)
{
	return export_key(fingerprint, GPGME_EXPORT_MODE_MINIMAL, out, err);
}

int
keys_export_all(const char *fingerprint, struct buf *out, struct error *err)
{
	struct error none;

	if (export_key(fingerprint, 0, out, &none) == 0)
		return 0;
	out->len = 0; /* too many have signed it */
	return keys_export(fingerprint, out, err);
}

struct notary *
keys_notary(struct cli *c)
{
	const char *folder = home_folder(&c->arena, "XDG_CACHE_HOME", ".cache");
	struct notary *n = notary_open(folder);

	if (notary_trouble(n))
		cli_detail(c, "verdicts are not remembered: %s",
		    cli_show(c, notary_trouble(n)));
	return n;
}

static void
ring_of_tree(
    struct arena *a, struct tree *t, struct notary *notary, struct keyring *k)
{
	const struct tree_package *p;
	const struct tree_file *file;
	const char *last = "", *fpr;
	struct error err;
	size_t i, n;

	keyring_init(k, a);
	p = tree_packages(t, &n);
	for (i = 0; i < n; i++) {
		if (strcmp(p[i].user, last) == 0)
			continue;
		last = p[i].user;
		file = tree_file(
		    t, arena_printf(a, "%s/%s.asc", last, last), &err);
		if (!file)
			continue;
		fpr = notary_fingerprint(
		    notary, file->text, file->len, time(NULL), &err);
		if (fpr)
			keyring_add(k, last, fpr, &err);
	}
}

int
keys_ring(struct cli *c, struct tree *t, struct notary *n, struct keyring *k,
    struct error *err)
{
	if (!c->conf.keyring) {
		ring_of_tree(&c->arena, t, n, k);
		return 0;
	}
	keyring_init(k, &c->arena);
	return keyring_read(k, c->conf.keyring, err);
}

void
keys_note_none(struct cli *c)
{
	cli_note(c,
	    "warning: checking against the keys in the tree itself: that files "
	    "and keys fit, not whose keys they are; to check that, give a "
	    "keyring with --keyring FILE, AUTOTUA_KEYRING or \"keyring\" in %s",
	    settings_file(&c->arena));
}

/* Recipes that can be read. */
static size_t
readable(struct review *r, const struct named_list *list,
    const struct tree_recipe *out[])
{
	const struct tree_recipe *recipe;
	struct diags d;
	size_t i, k, n = 0;

	for (i = 0; i < list->n; i++) {
		diags_init(&d, &r->cli->arena);
		recipe = tree_recipe(
		    r->tree, &list->items[i].id, list->items[i].kind, &d);
		if (recipe)
			out[n++] = recipe;
		for (k = 0; !recipe && k < d.n; k++)
			review_keep(r, &d.list[k]);
	}
	return n;
}

size_t
keys_verify(struct review *r, struct notary *notary,
    const struct named_list *list, const struct keyring *k)
{
	const struct tree_recipe **recipes;
	struct progress p;
	struct diags d;
	size_t i, n, at, some, good = 0;

	recipes = arena_array(
	    &r->cli->arena, list->n + 1, const struct tree_recipe *);
	n = readable(r, list, recipes);
	progress_begin(&p, r->cli, "verifying", n);
	for (at = 0; at < n; at += some) {
		some = n - at < BATCH ? n - at : BATCH;
		diags_init(&d, &r->cli->arena);
		good += tree_verify_by(
		    notary, r->tree, recipes + at, some, k, time(NULL), &d);
		for (i = 0; i < d.n; i++)
			review_keep(r, &d.list[i]);
		progress_step(&p, at + some);
	}
	progress_end(&p);
	return good;
}
