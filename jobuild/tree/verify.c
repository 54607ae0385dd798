/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose signatures are under the files of recipes. The key in the tree only
 * carries material; that its fingerprint is the keyring's is what counts.
 */
#include "private.h"
#include "tree/keyring.h"
#include "tree/openpgp.h"
#include "tree/sign.h"

#include <string.h>

/* One maintainer's key; v is NULL when it can't be used (and d knows why). */
struct signer {
	struct verifier *v;
};

struct audit {
	struct tree *t;
	const struct keyring *k;
	time_t now;
	struct diags *d;
	struct arena arena;
	struct map signers; /* by user */
	struct map files;   /* by path: done */
};

static void
untrusted(struct audit *a, const char *user, const char *path,
    const char *fingerprint)
{
	struct place at = {path, 0, 0};
	const char *want = keyring_first(a->k, user);
	struct diag *g;

	if (want) {
		g = diag_error(a->d, at, "untrusted-key",
		    "the key's fingerprint is %s, but the keyring trusts %s "
		    "for %s",
		    fingerprint, want, user);
		diag_hint(a->d, g,
		    "if the maintainer has a new key, who keeps the keyring "
		    "must enter it");
		return;
	}
	g = diag_error(a->d, at, "untrusted-key",
	    "the keyring trusts no key for the maintainer %s", user);
	diag_hint(a->d, g,
	    "who keeps the keyring may enter: %s %s (after checking that it "
	    "is theirs)",
	    user, fingerprint);
}

static void
open_signer(struct audit *a, struct signer *s, const char *user)
{
	const char *path = arena_printf(&a->arena, "%s/%s.asc", user, user);
	struct place at = {path, 0, 0};
	struct error err;
	struct diag *g;
	struct node *n;

	n = node_get(a->t, path, OPENPGP_KEY_MAX, &err);
	if (!n) {
		g = diag_error(a->d, at, "no-key", "%s", err.msg);
		diag_hint(a->d, g,
		    "it has %s's public key: gpg --armor --export FINGERPRINT",
		    user);
		return;
	}
	if (verifier_open(&s->v, n->file.text, n->file.len, &err) < 0) {
		diag_error(a->d, at, "bad-key", "%s", err.msg);
		return;
	}
	if (!keyring_trusts(a->k, user, verifier_fingerprint(s->v)))
		untrusted(a, user, path, verifier_fingerprint(s->v));
	else if (verifier_usable(s->v, a->now, &err) < 0)
		diag_error(a->d, at, "bad-key", "%s", err.msg);
	else
		return;
	verifier_close(s->v);
	s->v = NULL;
}

static struct signer *
get_signer(struct audit *a, const char *user)
{
	struct signer *s = map_gets(&a->signers, user);

	if (s)
		return s;
	s = arena_new(&a->arena, struct signer);
	open_signer(a, s, user);
	*map_puts(&a->signers, user) = s;
	return s;
}

static void
verify_file(struct audit *a, const struct tree_file *f)
{
	const char *path = arena_printf(&a->arena, "%s.asc", f->path);
	struct place at = {f->path, 0, 0};
	struct signer *s;
	struct error err;
	struct diag *g;
	struct node *sig;

	if (map_gets(&a->files, f->path))
		return;
	*map_puts(&a->files, f->path) = a;
	s = get_signer(a, f->user);
	if (!s->v)
		return;
	if (!node_exists(a->t, path)) {
		g = diag_error(a->d, at, "unsigned", "is not signed");
		diag_hint(a->d, g, "%s would have the signature (jobuild sign)",
		    path);
		return;
	}
	sig = node_get(a->t, path, OPENPGP_SIG_MAX, &err);
	if (!sig) {
		diag_error(a->d, (struct place){path, 0, 0}, "bad-signature",
		    "%s", err.msg);
		return;
	}
	if (verifier_check(s->v, f->text, f->len, sig->file.text, sig->file.len,
		NOTATION_PATH, f->path, a->now, &err) < 0)
		diag_error(a->d, (struct place){path, 0, 0}, "bad-signature",
		    "%s", err.msg);
}

int
tree_verify(struct tree *t, const struct tree_recipe *const list[], size_t n,
    const struct keyring *k, time_t now, struct diags *d)
{
	struct audit a = {.t = t, .k = k, .now = now, .d = d};
	size_t i, j, before = d->errors;

	map_init(&a.signers, &a.arena);
	map_init(&a.files, &a.arena);
	for (i = 0; i < n; i++) {
		for (j = 0; j < list[i]->nchain; j++)
			verify_file(&a, list[i]->chain[j]);
		for (j = 0; j < list[i]->nmanifests; j++)
			verify_file(&a, list[i]->manifests[j]);
	}
	for (i = 0; i < a.signers.n; i++)
		verifier_close(((struct signer *)a.signers.items[i].value)->v);
	arena_release(&a.arena);
	return d->errors == before ? 0 : -1;
}
