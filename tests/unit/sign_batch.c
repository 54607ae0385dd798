/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many signatures in few runs of gpg: what is good is found there, and the
 * verdict on what is odd is the same, whether it can be asked for together
 * with others or, being too large, alone.
 */
#include "tap.h"
#include "keys.h"
#include "base/arena.h"
#include "tree/sign/batch.h"
#include "tree/sign/keyhome.h"
#include "tree/sign/message.h"
#include "tree/sign/sign.h"

#include <signal.h>
#include <time.h>

#define PATH  "zlib/test/test-1.0.jobuild"
#define NOTE  NOTATION_PATH "=" PATH
#define DATA  "DESCRIPTION=\"test\"\n"
#define LARGE (MESSAGE_DATA_MAX + 1)
#define BEGIN "-----BEGIN PGP SIGNATURE-----\n"
#define MANY  200

static char tmp[] = "/tmp/autotua-batch-XXXXXX", small_file[64], large_file[64];
static char large[LARGE];

#define SIGN(sig, file, ...)                                                   \
	gpg((sig), "--armor", __VA_ARGS__, "--output", "-", "--detach-sign",   \
	    (file), NULL)

static _Noreturn void
bail(const char *what, const struct error *err)
{
	printf("Bail out! %s: %s\n", what, err->msg);
	exit(1);
}

/* A home with one key, as a verifier's. */
static const char *
home_of(struct keyhome *h, const char *name, struct arena *a)
{
	const char *args[] = {"--import", NULL, NULL}, *home;
	struct error err = {0};
	struct buf key, out;

	buf_init(&key, 1 << 20);
	buf_init(&out, 1 << 20);
	home = keyhome_add(h, KEYHOME_STRICT, a, &err);
	args[1] = arena_printf(a, "%s/%s.asc", tmp, name);
	if (!home || !keys_export(name, &key) ||
	    file_write(args[1], key.data, key.len, 0600, &err) < 0 ||
	    keyhome_gpg(home, args, &out, &err) < 0)
		bail(name, &err);
	buf_release(&out);
	buf_release(&key);
	return home;
}

static struct batch_item
item(const char *home, const char *data, const struct buf *sig)
{
	return (struct batch_item){.home = home,
	    .data = data,
	    .len = strlen(data),
	    .sig = sig->data,
	    .siglen = sig->len};
}

static void
test_found(void)
{
	struct batch_item list[MANY + 3];
	struct buf ed, rsa, sha1;
	struct error err = {0};
	struct arena a = {0};
	const char *homes[2];
	struct keyhome h;
	size_t i, n = 0;

	buf_init(&ed, 1 << 20);
	buf_init(&rsa, 1 << 20);
	buf_init(&sha1, 1 << 20);
	SIGN(&ed, small_file, "-u", "ed@x", "-N", NOTE);
	SIGN(&rsa, small_file, "-u", "rsa@x", "-N", NOTE);
	SIGN(&sha1, small_file, "-u", "rsa@x", "--digest-algo", "SHA1");
	if (keyhome_open(&h, &err) < 0)
		bail("ed@x", &err);
	homes[0] = home_of(&h, "ed@x", &a);
	homes[1] = home_of(&h, "rsa@x", &a);
	for (i = 0; i < MANY; i++)
		list[i] = item(homes[i % 2], DATA, i % 2 ? &rsa : &ed);
	list[MANY] = item(homes[0], DATA "x", &ed);
	list[MANY + 1] = item(homes[1], DATA, &ed);
	list[MANY + 2] = item(homes[1], DATA, &sha1);
	batch_verify(list, MANY + 3, &a);
	for (i = 0; i < MANY; i++)
		n += list[i].found && list[i].signature.fpr &&
		    list[i].signature.notations &&
		    strcmp(list[i].signature.notations->value, PATH) == 0;
	is_int((long long)n, MANY, "each good one is found, with its path");
	ok(!list[MANY].found, "not one of other data");
	ok(!list[MANY + 1].found, "nor one by another key");
	ok(!list[MANY + 2].found, "nor one by SHA-1");
	keyhome_close(&h);
	arena_release(&a);
	buf_release(&sha1);
	buf_release(&rsa);
	buf_release(&ed);
}

/* Is it found by the gpg that is kept, with its path? */
static bool
kept_finds(struct keyhome *h, const char *home, const char *data,
    const struct buf *sig)
{
	struct batch_item it = item(home, data, sig);
	struct arena a = {0};
	bool found;

	it.kept = &h->kept;
	batch_verify(&it, 1, &a);
	found = it.found && strcmp(it.signature.notations->value, PATH) == 0;
	arena_release(&a);
	return found;
}

static void
test_kept(void)
{
	struct buf ed, rsa, sha1;
	struct error err = {0};
	struct arena a = {0};
	struct keyhome h;
	const char *home, *other;
	pid_t first;

	buf_init(&ed, 1 << 20);
	buf_init(&rsa, 1 << 20);
	buf_init(&sha1, 1 << 20);
	SIGN(&ed, small_file, "-u", "ed@x", "-N", NOTE);
	SIGN(&rsa, small_file, "-u", "rsa@x", "-N", NOTE);
	SIGN(&sha1, small_file, "-u", "rsa@x", "--digest-algo", "SHA1");
	if (keyhome_open(&h, &err) < 0)
		bail("rsa@x", &err);
	home = home_of(&h, "rsa@x", &a);
	other = home_of(&h, "ed@x", &a);
	ok(kept_finds(&h, home, DATA, &rsa), "a gpg that is kept finds it");
	first = h.kept.pid;
	ok(first > 0 && kept_finds(&h, home, DATA, &rsa) && h.kept.pid == first,
	    "the same one finds it again");
	ok(!kept_finds(&h, home, DATA, &sha1), "not one by SHA-1");
	ok(!kept_finds(&h, home, DATA, &ed), "nor one by another key");
	ok(!kept_finds(&h, home, DATA "x", &rsa), "nor one of other data");
	ok(kept_finds(&h, home, DATA, &rsa), "after those what is good");
	first = h.kept.pid;
	if (first > 0)
		kill(first, SIGKILL);
	ok(kept_finds(&h, home, DATA, &rsa), "when it has died, too");
	ok(kept_finds(&h, home, DATA, &rsa) && h.kept.pid != first,
	    "and then there is a new one");
	ok(kept_finds(&h, other, DATA, &ed), "another key's home has another");
	is(h.kept.home, other, "it is in that home");
	keyhome_close(&h);
	ok(h.kept.pid == 0, "none outlives the homes");
	arena_release(&a);
	buf_release(&sha1);
	buf_release(&rsa);
	buf_release(&ed);
}

/* What armour may look like to one reader and not to another. */
enum oddity { JUNK_LINE, JUNK_BEHIND, TWO, NO_CHECKSUM, CRLF, ODDITIES };
static const char *const oddities[] = {
    [JUNK_LINE] = "a line that is no header",
    [JUNK_BEHIND] = "text behind the first line",
    [TWO] = "another signature in place of headers",
    [NO_CHECKSUM] = "no checksum",
    [CRLF] = "a carriage return at the first line",
};

/* The block sig once more, with that; other is another one. */
static void
make_odd(struct buf *out, enum oddity what, const struct buf *sig,
    const struct buf *other)
{
	const char *rest = sig->data + strlen(BEGIN), *sum, *body;

	out->len = 0;
	sum = strstr(rest, "\n=");
	body = strstr(other->data, "\n\n") + 2;
	switch (what) {
	case JUNK_LINE:
		buf_addf(out, BEGIN "nonsense\n%s", rest);
		break;
	case JUNK_BEHIND:
		buf_addf(out, "-----BEGIN PGP SIGNATURE----- junk\n%s", rest);
		break;
	case TWO:
		buf_addf(out, BEGIN " \n%.*s\n%s",
		    (int)(strstr(body, "\n-----END") - body), body, rest);
		break;
	case NO_CHECKSUM:
		buf_addf(out, BEGIN "%.*s%s", (int)(sum - rest), rest,
		    strstr(sum, "\n-----END"));
		break;
	default:
		buf_addf(out, "-----BEGIN PGP SIGNATURE-----\r\n%s", rest);
	}
}

static int
check(struct verifier *v, const char *data, size_t len, const struct buf *sig)
{
	struct error err;

	return verifier_check(v, data, len, sig->data, sig->len, NOTATION_PATH,
	    PATH, time(NULL) + 120, &err);
}

static void
test_odd(void)
{
	struct buf small, big, other, odd, key;
	struct verifier *v = NULL;
	struct error err = {0};
	int i, one, alone;

	buf_init(&small, 1 << 20);
	buf_init(&big, 1 << 20);
	buf_init(&other, 1 << 20);
	buf_init(&odd, 1 << 20);
	buf_init(&key, 1 << 20);
	SIGN(&small, small_file, "-u", "ed@x", "-N", NOTE);
	SIGN(&big, large_file, "-u", "ed@x", "-N", NOTE);
	SIGN(&other, small_file, "-u", "rsa@x", "-N", NOTE);
	if (!keys_export("ed@x", &key) ||
	    verifier_open(&v, key.data, key.len, &err) < 0)
		bail("ed@x", &err);
	is_int(check(v, DATA, strlen(DATA), &small), 0, "a small file");
	is_int(check(v, large, LARGE, &big), 0, "one that is too large");
	for (i = 0; i < ODDITIES; i++) {
		make_odd(&odd, (enum oddity)i, &small, &other);
		one = check(v, DATA, strlen(DATA), &odd);
		make_odd(&odd, (enum oddity)i, &big, &other);
		alone = check(v, large, LARGE, &odd);
		is_int(one, alone, oddities[i]);
	}
	verifier_close(v);
	buf_release(&key);
	buf_release(&odd);
	buf_release(&other);
	buf_release(&big);
	buf_release(&small);
}

int
main(void)
{
	struct error err;

	keys_begin();
	if (!mkdtemp(tmp))
		return 1;
	setenv("TMPDIR", tmp, 1);
	snprintf(small_file, sizeof(small_file), "%s/small", tmp);
	snprintf(large_file, sizeof(large_file), "%s/large", tmp);
	memset(large, 'x', LARGE);
	file_write(small_file, DATA, strlen(DATA), 0600, &err);
	file_write(large_file, large, LARGE, 0600, &err);
	gpg(NULL, "--quick-gen-key", "ed@x", "ed25519", "sign", "never", NULL);
	gpg(NULL, "--quick-gen-key", "rsa@x", "rsa2048", "sign", "never", NULL);
	test_found();
	test_kept();
	test_odd();
	keys_end();
	(void)file_remove_tree(AT_FDCWD, tmp, &err);
	return tap_done();
}
