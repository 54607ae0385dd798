/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys and subkeys that are over, each for its reason: whatever a signature
 * says of its own time, none counts. And what is left when the block is odd.
 */
#include "tap.h"
#include "keys.h"
#include "tree/sign/glep63.h"
#include "tree/sign/sign.h"
#include "base/arena.h"

#include <time.h>

#define PATH "zlib/test/test-1.0.jobuild"
#define NOTE NOTATION_PATH "=" PATH
#define DATA "DESCRIPTION=\"test\"\n"

static char data_file[64], answers[96];
static time_t now;

#define SIGN(sig, ...)                                                         \
	gpg((sig), "--armor", __VA_ARGS__, "--output", "-", "--detach-sign",   \
	    data_file, NULL)

/* The verdict on sig by the key as gpg exports it; NULL wants good. */
static void
verdict(
    const char *name, const struct buf *sig, const char *want, const char *what)
{
	struct error err = {0};
	struct verifier *v = NULL;
	struct buf key;
	int rc = -1;

	buf_init(&key, 1 << 20);
	keys_export(name, &key);
	if (key.len && verifier_open(&v, key.data, key.len, &err) == 0)
		rc = verifier_check(v, DATA, strlen(DATA), sig->data, sig->len,
		    NOTATION_PATH, PATH, now, &err);
	ok(want ? rc < 0 && strstr(err.msg, want) : rc == 0, "%s: %s", what,
	    err.msg);
	verifier_close(v);
	buf_release(&key);
}

static void
answer(const char *text)
{
	struct error err;

	file_write(answers, text, strlen(text), 0600, &err);
}

static void
test_key_reasons(void)
{
	static const struct {
		const char *name, *answers, *want;
	} rows[] = {
	    {"r0@x", "y\n0\n\ny\n", "no reason given"},
	    {"r1@x", "y\n1\nstolen\n\ny\n", "compromised"},
	    {"r2@x", "y\n2\n\ny\n", "superseded"},
	    {"r3@x", "y\n3\n\ny\n", "no longer used"},
	};
	char path[96];
	struct buf sig;
	size_t i;

	buf_init(&sig, 1 << 20);
	snprintf(path, sizeof(path), "%s/revocation", keys_home);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gpg(NULL, "--quick-gen-key", rows[i].name, "ed25519", "sign",
		    "never", NULL);
		SIGN(&sig, "-N", NOTE, "-u", rows[i].name);
		verdict(rows[i].name, &sig, NULL, "before the revocation");
		answer(rows[i].answers);
		gpg(NULL, "--no-batch", "--command-file", answers, "--output",
		    path, "--gen-revoke", rows[i].name, NULL);
		gpg(NULL, "--import", path, NULL);
		verdict(rows[i].name, &sig, rows[i].want, "after it");
	}
	buf_release(&sig);
}

static void
test_subkey_reasons(void)
{
	static const struct {
		const char *name, *answers, *want;
	} rows[] = {
	    {"s0@x", "key 1\nrevkey\ny\n0\n\ny\nsave\n", "no reason given"},
	    {"s1@x", "key 1\nrevkey\ny\n1\n\ny\nsave\n", "compromised"},
	    {"s2@x", "key 1\nrevkey\ny\n2\n\ny\nsave\n", "superseded"},
	    {"s3@x", "key 1\nrevkey\ny\n3\n\ny\nsave\n", "no longer used"},
	};
	char fpr[65];
	struct buf sig;
	size_t i;

	buf_init(&sig, 1 << 20);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gpg(NULL, "--quick-gen-key", rows[i].name, "ed25519", "cert",
		    "never", NULL);
		keys_fingerprint(rows[i].name, fpr);
		gpg(NULL, "--quick-add-key", fpr, "ed25519", "sign", "never",
		    NULL);
		SIGN(&sig, "-N", NOTE, "-u", rows[i].name);
		answer(rows[i].answers);
		gpg(NULL, "--no-batch", "--command-file", answers, "--edit-key",
		    rows[i].name, NULL);
		verdict(rows[i].name, &sig, rows[i].want, "revoked subkey");
	}
	buf_release(&sig);
}

static void
test_expiry(void)
{
	char fpr[65];
	struct buf sig;

	buf_init(&sig, 1 << 20);
	gpg(NULL, "--faked-system-time", "20240101T000000", "--quick-gen-key",
	    "end@x", "ed25519", "sign", "10d", NULL);
	SIGN(&sig, "-N", NOTE, "-u", "end@x", "--faked-system-time",
	    "20240105T000000");
	verdict(
	    "end@x", &sig, "expired on 2024-01-11", "signed before the end");
	now = 1704412800; /* 2024-01-05 */
	verdict("end@x", &sig, NULL, "and asked before the end");
	now = time(NULL) + 120;
	keys_fingerprint("end@x", fpr);
	/* prolonged, used, and with its old end again */
	gpg(NULL, "--quick-set-expire", fpr, "1y", NULL);
	verdict("end@x", &sig, NULL, "a prolonged key counts again");
	SIGN(&sig, "-N", NOTE, "-u", "end@x");
	now += 400 * 86400;
	verdict("end@x", &sig, "jobuild key export", "signed, then expired");
	now -= 400 * 86400;
	gpg(NULL, "--faked-system-time", "20300101T000000", "--quick-gen-key",
	    "later@x", "ed25519", "sign", "never", NULL);
	SIGN(&sig, "-N", NOTE, "-u", "later@x", "--faked-system-time",
	    "20300102T000000");
	verdict("later@x", &sig, "", "a key of the future");
	buf_release(&sig);
}

static void
test_old_hashes(void)
{
	struct buf sig;

	buf_init(&sig, 1 << 20);
	gpg(NULL, "--quick-gen-key", "md@x", "rsa2048", "sign", "never", NULL);
	SIGN(&sig, "-N", NOTE, "-u", "md@x", "--allow-weak-digest-algos",
	    "--digest-algo", "MD5");
	verdict("md@x", &sig, "hash is MD5", "MD5 signature");
	SIGN(&sig, "-N", NOTE, "-u", "md@x", "--digest-algo", "SHA224");
	verdict("md@x", &sig, "hash is SHA224", "SHA-224 signature");
	SIGN(&sig, "-N", NOTE, "-u", "md@x", "--digest-algo", "SHA512");
	verdict("md@x", &sig, NULL, "SHA-512 signature");
	buf_release(&sig);
}

/* A key that is over may hide behind no other: the listing is of one. */
static void
test_listing(void)
{
	static const char pub[] =
	    "pub:u:255:22:0000000000000001:100:200:::::scESC:::::ed25519:\n";
	static const char fpr[] = "fpr:::::::::"
				  "0123456789ABCDEF0123456789ABCDEF01234567:\n";
	static const struct {
		const char *text, *want;
	} rows[] = {
	    {"", "holds no key"},
	    {"fpr:::::::::0123:\n", "format is not known"},
	    {"uid:u::::1::::x:\n", "doesn't list"},
	    {"sub:u:255:22:01:100::::::s:::::ed25519:\n", "doesn't list"},
	    {"pub:u:255:22:01:10x::::::s:::::ed25519:\n", "odd date"},
	    {"pub:u:2x5:22:01:100::::::s:::::ed25519:\n", "odd number"},
	    {"pub:u:255:22:01:100::::::s:::::ed25519:\n", "doesn't list"},
	};
	struct arena a = {0};
	struct error err = {0};
	struct pubkey k;
	struct span s;
	struct buf b;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(pubkey_parse(
		       &k, rows[i].text, strlen(rows[i].text), &a, &err) < 0 &&
			strstr(err.msg, rows[i].want),
		    "listing: %s", err.msg);
	buf_init(&b, 1 << 20);
	buf_addf(&b, "%s%ssig:!::22:01:150:180::::13x::::::8:\n", pub, fpr);
	ok(pubkey_parse(&k, b.data, b.len, &a, &err) == 0, "a good one");
	s = pubkey_span(&k, 160);
	ok(s.from == 150 && s.until == 180,
	    "the time in which nothing changes");
	s = pubkey_span(&k, 300);
	ok(s.from == 200 && s.until == 0, "after all of it");
	ok(pubkey_usable(&k, 199, &err) == 0 &&
		pubkey_usable(&k, 200, &err) < 0,
	    "%s", err.msg);
	buf_addf(&b, "%s%s", pub, fpr);
	ok(pubkey_parse(&k, b.data, b.len, &a, &err) < 0 &&
		strstr(err.msg, "several keys"),
	    "two: %s", err.msg);
	buf_release(&b);
	arena_release(&a);
}

int
main(void)
{
	struct error err;

	test_listing();
	keys_begin();
	snprintf(data_file, sizeof(data_file), "%s/data", keys_home);
	snprintf(answers, sizeof(answers), "%s/answers", keys_home);
	file_write(data_file, DATA, strlen(DATA), 0600, &err);
	now = time(NULL) + 120;
	test_key_reasons();
	test_subkey_reasons();
	test_expiry();
	test_old_hashes();
	keys_end();
	return tap_done();
}
