/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "notary.h"
#include "imports.h"
#include "keyhome.h"
#include "verdicts.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

#include <string.h>
#include <sys/stat.h>

/* After an upgrade of gpg everything is looked at again. */
#define GPG_ID_MAX 64

struct known_key {
	const char *armour;
	size_t len;
	char digest[DIGEST_HEX_MAX];
	char fingerprint[FINGERPRINT_MAX];
	struct verifier *v; /* NULL: the verdict was remembered */
};

struct notary {
	struct arena arena; /* holds the struct itself */
	struct verdicts *verdicts;
	struct error trouble;
	struct keyhome home;
	struct map keys; /* by digest */
	char gpg[GPG_ID_MAX];
};

struct notary *
notary_open(const char *folder)
{
	struct arena a = {0};
	struct notary *n = arena_new(&a, struct notary);
	struct stat st;

	n->arena = a;
	map_init(&n->keys, &n->arena);
	if (folder)
		n->verdicts = verdicts_open(folder, &n->trouble);
	if (stat(GPG, &st) == 0)
		snprintf(n->gpg, sizeof(n->gpg), "%lld %lld %ld",
		    (long long)st.st_size, (long long)st.st_mtim.tv_sec,
		    st.st_mtim.tv_nsec);
	return n;
}

void
notary_close(struct notary *n)
{
	struct arena a;
	size_t i;

	if (!n)
		return;
	for (i = 0; i < n->keys.n; i++)
		verifier_close(((struct known_key *)n->keys.items[i].value)->v);
	keyhome_close(&n->home);
	verdicts_close(n->verdicts);
	a = n->arena;
	arena_release(&a);
}

void
notary_save(struct notary *n)
{
	if (n->verdicts)
		verdicts_save(n->verdicts);
}

void
notary_rest(struct notary *n)
{
	keptgpg_end(&n->home.kept);
}

const char *
notary_trouble(const struct notary *n)
{
	return n->trouble.msg[0] ? n->trouble.msg : NULL;
}

const char *
known_key_fingerprint(const struct known_key *k)
{
	return k->fingerprint;
}

static bool
is_remembered(const struct notary *n, const struct known_key *k, time_t now)
{
	char fingerprint[FINGERPRINT_MAX];

	return n->verdicts &&
	    verdicts_key(n->verdicts, k->digest, now, fingerprint);
}

/*
 * From what an earlier import made, as long as the verdict on the key holds:
 * before and after that gpg might make another thing of it.
 */
static bool
restore(struct notary *n, struct known_key *k, time_t now)
{
	struct error none;
	struct buf b;
	bool good;

	if (!is_remembered(n, k, now))
		return false;
	buf_init(&b, IMPORTS_SIZE_MAX);
	good = imports_get(verdicts_folder(n->verdicts), k->digest, &b) &&
	    verifier_restore(&k->v, &n->home, &b, &none);
	buf_release(&b);
	return good;
}

/* It was imported and is usable. */
static void
keep(struct notary *n, const struct known_key *k)
{
	struct buf b;

	buf_init(&b, IMPORTS_SIZE_MAX);
	if (verifier_save(k->v, &b) == 0)
		imports_put(
		    verdicts_folder(n->verdicts), k->digest, b.data, b.len);
	buf_release(&b);
}

static int
open_verifier(
    struct notary *n, struct known_key *k, time_t now, struct error *err)
{
	if (k->v)
		return 0;
	if (!n->home.path[0] && keyhome_open(&n->home, err) < 0)
		return -1;
	if (restore(n, k, now))
		return 0;
	if (verifier_open_in(&k->v, &n->home, k->armour, k->len, err) < 0)
		return -1;
	if (is_remembered(n, k, now))
		keep(n, k);
	memcpy(k->fingerprint, verifier_fingerprint(k->v), FINGERPRINT_MAX);
	return 0;
}

/* What a verdict on the key block depends on. */
static void
key_digest(const struct notary *n, const char *armour, size_t len,
    char hex[DIGEST_HEX_MAX])
{
	struct digest d;

	digest_init(&d, DIGEST_KEY);
	digest_field(&d, "key " VERIFIER_RULES);
	digest_field(&d, n->gpg);
	digest_add(&d, armour, len);
	digest_end(&d, hex);
}

/* Remembered as usable (it has no verifier then), or open. */
static struct known_key *
take_key(struct notary *n, const char *armour, size_t len, time_t now,
    struct error *err)
{
	char digest[DIGEST_HEX_MAX];
	struct known_key *k;
	bool known;

	key_digest(n, armour, len, digest);
	k = map_gets(&n->keys, digest);
	if (!k) {
		k = arena_new(&n->arena, struct known_key);
		k->armour = arena_strndup(&n->arena, armour, len);
		k->len = len;
		memcpy(k->digest, digest, sizeof(digest));
	}
	known = !k->v && n->verdicts &&
	    verdicts_key(n->verdicts, digest, now, k->fingerprint);
	if (!known && open_verifier(n, k, now, err) < 0)
		return NULL;
	*map_puts(&n->keys, k->digest) = k;
	return k;
}

const char *
notary_fingerprint(struct notary *n, const char *armour, size_t len, time_t now,
    struct error *err)
{
	struct known_key *k = take_key(n, armour, len, now, err);

	return k ? k->fingerprint : NULL;
}

struct known_key *
notary_key(struct notary *n, const char *armour, size_t len, time_t now,
    struct error *err)
{
	struct known_key *k = take_key(n, armour, len, now, err);
	char known[FINGERPRINT_MAX];

	if (!k || !k->v)
		return k;
	if (verifier_usable(k->v, now, err) < 0)
		return NULL;
	if (n->verdicts && !verdicts_key(n->verdicts, k->digest, now, known)) {
		verdicts_add(n->verdicts, k->digest,
		    pubkey_span(verifier_key(k->v), now), k->fingerprint);
		keep(n, k);
	}
	return k;
}

static void
add_digest(struct digest *d, const void *p, size_t len)
{
	char hex[DIGEST_HEX_MAX];

	digest_of(DIGEST_KEY, p, len, hex);
	digest_field(d, hex);
}

static const char *
item_digest(struct notary *n, const struct notary_item *i)
{
	char hex[DIGEST_HEX_MAX];
	struct digest d;

	digest_init(&d, DIGEST_KEY);
	digest_field(&d, "signature " VERIFIER_RULES);
	digest_field(&d, n->gpg);
	digest_field(&d, i->key->digest);
	add_digest(&d, i->data, i->len);
	add_digest(&d, i->sig, i->siglen);
	digest_field(&d, i->notation);
	digest_field(&d, i->value);
	digest_end(&d, hex);
	return arena_strdup(&n->arena, hex);
}

/* Those of list that gpg must look at, in todo; how many. */
static size_t
select_open(struct notary *n, struct notary_item *list, size_t count,
    time_t now, struct check *todo, size_t index[], const char *digests[])
{
	struct notary_item *it;
	size_t i, open = 0;

	for (i = 0; i < count; i++) {
		it = &list[i];
		it->good = false;
		digests[i] = n->verdicts ? item_digest(n, it) : NULL;
		if (digests[i] &&
		    verdicts_signature(n->verdicts, digests[i], now)) {
			it->good = true;
			continue;
		}
		if (open_verifier(n, it->key, now, &it->err) < 0)
			continue;
		index[open] = i;
		todo[open++] = (struct check){.verifier = it->key->v,
		    .data = it->data,
		    .len = it->len,
		    .sig = it->sig,
		    .siglen = it->siglen,
		    .notation = it->notation,
		    .value = it->value};
	}
	return open;
}

size_t
notary_check(
    struct notary *n, struct notary_item *list, size_t count, time_t now)
{
	struct arena a = {0};
	struct check *todo = arena_array(&a, count + 1, struct check);
	size_t *index = arena_array(&a, count + 1, size_t), i, open, known = 0;
	const char **digests = arena_array(&a, count + 1, const char *);
	struct notary_item *it;

	open = select_open(n, list, count, now, todo, index, digests);
	for (i = 0; i < count; i++)
		known += list[i].good;
	verifier_check_list(todo, open, now);
	for (i = 0; i < open; i++) {
		it = &list[index[i]];
		it->good = todo[i].good;
		it->err = todo[i].err;
		if (it->good && digests[index[i]])
			verdicts_add(
			    n->verdicts, digests[index[i]], todo[i].span, NULL);
	}
	arena_release(&a);
	return known;
}
