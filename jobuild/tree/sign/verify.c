/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose signatures are under the files of recipes. The key in the tree only
 * carries material; that its fingerprint is the keyring's is what counts.
 */
#include "tree/private.h"
#include "tree/sign/keyring.h"
#include "tree/sign/notary.h"
#include "tree/sign/openpgp.h"
#include "tree/sign/sign.h"

#include <errno.h>
#include <string.h>

/* One maintainer's key; NULL when it can't be used (and d knows why). */
struct maintainer {
	struct known_key *key;
};

/* What the signature of an item decides. */
struct claim {
	const char *path; /* the signature's */
	bool *good;
};

struct audit {
	struct tree *t;
	const struct keyring *k;
	struct notary *notary;
	time_t now;
	struct diags *d;
	struct arena arena;
	struct map maintainers; /* by user */
	struct map files;       /* by path: bool, is its signature good? */
	struct notary_item *items;
	struct claim *claims; /* one an item */
	size_t n;
};

static void
untrusted(struct audit *a, const char *user, const char *path,
    const char *fingerprint)
{
	struct place at = {path, 0, 0};
	const char *want = keyring_first(a->k, user);
	struct diag *g;

	if (keyring_revoked(a->k, user, fingerprint)) {
		g = diag_error(a->d, at, "untrusted-key",
		    "the keyring has the key %s of %s as revoked", fingerprint,
		    user);
		if (want)
			diag_hint(a->d, g,
			    "sign again with the key that the keyring trusts, "
			    "%s (jobuild key export, jobuild sign)",
			    want);
		else
			diag_hint(a->d, g,
			    "it trusts no other key of %s: who keeps the "
			    "keyring must enter one to sign with",
			    user);
		return;
	}
	if (want) {
		g = diag_error(a->d, at, "untrusted-key",
		    "the key's fingerprint is %s, but the keyring trusts %s "
		    "for %s",
		    fingerprint, want, user);
		diag_hint(a->d, g,
		    "if the maintainer has a new key, who keeps the keyring "
		    "must accept a statement of the old one (jobuild key "
		    "rotate) or enter it");
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
open_maintainer(struct audit *a, struct maintainer *m, const char *user)
{
	const char *path = arena_printf(&a->arena, "%s/%s.asc", user, user);
	struct place at = {path, 0, 0};
	struct known_key *key;
	struct error err;
	struct diag *g;
	struct node *n;

	n = node_get(a->t, path, OPENPGP_KEY_MAX, &err);
	if (!n && err.code != ENOENT) {
		diag_error(a->d, at,
		    err.code == EFBIG ? "too-large" : "unreadable", "%s",
		    err.msg);
		return;
	}
	if (!n) {
		if (folder_entry(a->t, path)) {
			diag_error(a->d, at, "no-key", "%s", err.msg);
			return;
		}
		g = diag_error(a->d, at, "no-key", NO_KEY);
		diag_hint(a->d, g,
		    "it has %s's public key: gpg --armor --export FINGERPRINT",
		    user);
		return;
	}
	key = notary_key(a->notary, n->file.text, n->file.len, a->now, &err);
	if (!key) {
		diag_error(a->d, at, "bad-key", "%s", err.msg);
		return;
	}
	if (keyring_trusts(a->k, user, known_key_fingerprint(key)))
		m->key = key;
	else
		untrusted(a, user, path, known_key_fingerprint(key));
}

static struct maintainer *
get_maintainer(struct audit *a, const char *user)
{
	struct maintainer *m = map_gets(&a->maintainers, user);

	if (m)
		return m;
	m = arena_new(&a->arena, struct maintainer);
	open_maintainer(a, m, user);
	*map_puts(&a->maintainers, user) = m;
	return m;
}

static void
add_item(struct audit *a, const struct maintainer *m, const struct tree_file *f,
    const struct node *sig, bool *good)
{
	a->items = arena_grow(&a->arena, a->items, a->n, sizeof(*a->items));
	a->claims = arena_grow(&a->arena, a->claims, a->n, sizeof(*a->claims));
	a->items[a->n] = (struct notary_item){.key = m->key,
	    .data = f->text,
	    .len = f->len,
	    .sig = sig->file.text,
	    .siglen = sig->file.len,
	    .notation = NOTATION_PATH,
	    .value = f->path};
	a->claims[a->n++] = (struct claim){sig->file.path, good};
}

/* Find who signed the file and with what. */
static void
take_file(struct audit *a, const struct tree_file *f)
{
	const char *path = arena_printf(&a->arena, "%s.asc", f->path);
	struct place at = {f->path, 0, 0};
	struct maintainer *m;
	struct error err;
	struct diag *g;
	struct node *sig;
	bool *good;

	if (map_gets(&a->files, f->path))
		return;
	*map_puts(&a->files, f->path) = good = arena_new(&a->arena, bool);
	m = get_maintainer(a, f->user);
	if (!m->key)
		return;
	if (!node_exists(a->t, path)) {
		g = diag_error(a->d, at, "unsigned", "is not signed");
		diag_hint(a->d, g, "%s would have the signature (jobuild sign)",
		    path);
		return;
	}
	if (tree_load(a->t, f, &err) < 0) {
		diag_error(a->d, at, "unreadable", "%s", err.msg);
		return;
	}
	sig = node_get(a->t, path, OPENPGP_SIG_MAX, &err);
	if (sig)
		add_item(a, m, f, sig, good);
	else
		diag_error(a->d, (struct place){path, 0, 0}, "bad-signature",
		    "%s", err.msg);
}

static void
check_items(struct audit *a)
{
	size_t i;

	notary_check(a->notary, a->items, a->n, a->now);
	for (i = 0; i < a->n; i++) {
		*a->claims[i].good = a->items[i].good;
		if (!a->items[i].good)
			diag_error(a->d,
			    (struct place){a->claims[i].path, 0, 0},
			    "bad-signature", "%s", a->items[i].err.msg);
	}
}

static bool
are_good(const struct audit *a, struct tree_file *const files[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!*(const bool *)map_gets(&a->files, files[i]->path))
			return false;
	}
	return true;
}

static bool
is_good(const struct audit *a, const struct tree_recipe *r)
{
	return are_good(a, r->chain, r->nchain) &&
	    are_good(a, r->manifests, r->nmanifests);
}

size_t
tree_verify_by(struct notary *notary, struct tree *t,
    const struct tree_recipe *const list[], size_t n, const struct keyring *k,
    time_t now, struct diags *d)
{
	struct audit a = {.t = t, .k = k, .notary = notary, .now = now, .d = d};
	size_t i, j, good = 0;

	map_init(&a.maintainers, &a.arena);
	map_init(&a.files, &a.arena);
	for (i = 0; i < n; i++) {
		for (j = 0; j < list[i]->nchain; j++)
			take_file(&a, list[i]->chain[j]);
		for (j = 0; j < list[i]->nmanifests; j++)
			take_file(&a, list[i]->manifests[j]);
	}
	check_items(&a);
	for (i = 0; i < n; i++)
		good += is_good(&a, list[i]);
	arena_release(&a.arena);
	return good;
}

int
tree_verify(struct tree *t, const struct tree_recipe *const list[], size_t n,
    const struct keyring *k, time_t now, struct diags *d)
{
	struct notary *notary = notary_open(NULL);
	size_t good = tree_verify_by(notary, t, list, n, k, now, d);

	notary_close(notary);
	return good == n ? 0 : -1;
}
