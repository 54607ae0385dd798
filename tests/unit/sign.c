/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The matrix of signatures, each made by gpg, with the verdict it must get. */
#include "tap.h"
#include "keys.h"
#include "tree/sign/sign.h"

#include <dirent.h>
#include <time.h>

#define PATH   "zlib/test/test-1.0.jobuild"
#define NOTE   NOTATION_PATH "=" PATH
#define DATA   "DESCRIPTION=\"test\"\n"
/* answers to gpg --edit-key */
#define REVOKE "key 1\nrevkey\ny\n0\n\ny\nsave\n"
#define MONTH  (30 * 24 * 3600)

static char data_file[64];
static time_t now;

/* An armoured signature of DATA made with these options before --detach-sign */
#define SIGN(sig, ...)                                                         \
	gpg((sig), "--armor", __VA_ARGS__, "--output", "-", "--detach-sign",   \
	    data_file, NULL)

static struct verifier *
open_key(const char *name)
{
	struct verifier *v = NULL;
	struct error err = {0};
	struct buf key;

	buf_init(&key, 1 << 20);
	if (!keys_export(name, &key) ||
	    verifier_open(&v, key.data, key.len, &err) < 0)
		printf("# %s: %s\n", name, err.msg);
	buf_release(&key);
	return v;
}

/* The verdict: NULL wants good, else err must have this text. */
static void
verdict(struct verifier *v, const struct buf *sig, const char *data,
    const char *path, const char *want, const char *name)
{
	struct error err = {0};
	int rc;

	if (!v || !sig->data) {
		ok(false, "%s: not set up", name);
		return;
	}
	rc = verifier_check(v, data, strlen(data), sig->data, sig->len,
	    NOTATION_PATH, path, now, &err);
	if (!ok(want ? rc < 0 && strstr(err.msg, want) : rc == 0, "%s", name))
		printf(
		    "# %d %s, wanted: %s\n", rc, err.msg, want ? want : "good");
	else if (want)
		printf("# %s\n", err.msg);
}

/* The verdict on a signature by the key of this name, made with options. */
static void
key_verdict(
    const char *key, struct buf *sig, const char *want, const char *name)
{
	struct verifier *v = open_key(key);

	verdict(v, sig, DATA, PATH, want, name);
	verifier_close(v);
}

static void
test_good(void)
{
	char fingerprint[65], again[FINGERPRINT_MAX] = "";
	struct error err = {0};
	struct verifier *v;
	struct buf sig, key;

	buf_init(&sig, 1 << 20);
	buf_init(&key, 1 << 20);
	keys_fingerprint("ed@x", fingerprint);
	ok(sign_detached("ed@x", DATA, strlen(DATA), NOTATION_PATH, PATH, &sig,
	       &err) == 0,
	    "sign_detached() signs (%s)", err.msg);
	v = open_key("ed@x");
	is(v ? verifier_fingerprint(v) : "", fingerprint, "fingerprint");
	verdict(v, &sig, DATA, PATH, NULL, "good signature");
	verdict(v, &sig, DATA "x", PATH, "was changed after signing",
	    "tampered file");
	verdict(v, &sig, "", PATH, "was changed after signing", "emptied file");
	verdict(v, &sig, DATA, "zlib/test/test-1.1.jobuild",
	    "was signed as path@jobtage=\"" PATH "\"", "renamed file");
	verdict(v, &sig, DATA, "zlib/test/test-1.0.jobuil", "renamed or moved",
	    "a part of the path is another path");
	now -= 3600;
	verdict(v, &sig, DATA, PATH, "in the future", "future timestamp");
	now += 3600 - 30;
	verdict(v, &sig, DATA, PATH, NULL, "clocks may differ a little");
	now += 30;
	keys_export("ed@x", &key);
	ok(key_fingerprint(key.data, key.len, again, &err) == 0,
	    "key_fingerprint()");
	is(again, fingerprint, "says the same");
	verifier_close(v);
	buf_release(&key);
	buf_release(&sig);
}

static void
test_tampered_signature(void)
{
	struct verifier *v = open_key("rsa@x");
	struct buf sig, none;
	char *p;

	buf_init(&sig, 1 << 20);
	buf_init(&none, 16);
	SIGN(&sig, "-N", NOTE, "-u", "rsa@x");
	verdict(v, &sig, DATA, PATH, NULL, "good RSA signature");
	/* a letter near the end of the base64: inside the RSA value */
	p = strstr(sig.data, "\n=");
	p[-9] = p[-9] == 'A' ? 'B' : 'A';
	verdict(v, &sig, DATA, PATH, "holds no signature that can be read",
	    "tampered signature, its checksum is wrong");
	memmove(p, p + 6, strlen(p + 6) + 1);
	sig.len = strlen(sig.data);
	verdict(v, &sig, DATA, PATH, "was changed after signing",
	    "tampered signature without checksum");
	sig.len = 100;
	verdict(v, &sig, DATA, PATH, "is cut off", "half a signature");
	buf_adds(&none, "");
	verdict(v, &none, DATA, PATH, "is empty", "empty signature");
	buf_adds(&none, "hello\n");
	verdict(v, &none, DATA, PATH, "is not an armoured block", "plain text");
	verifier_close(v);
	buf_release(&none);
	buf_release(&sig);
}

static void
test_notation(void)
{
	struct buf sig;

	buf_init(&sig, 1 << 20);
	SIGN(&sig, "-u", "ed@x");
	key_verdict("ed@x", &sig, "no notation path@jobtage", "no notation");
	SIGN(&sig, "-u", "ed@x", "-N", NOTATION_REQUEST "=" PATH);
	key_verdict("ed@x", &sig, "no notation path@jobtage", "another name");
	SIGN(&sig, "-u", "ed@x", "-N", NOTE, "-N", NOTATION_PATH "=other");
	key_verdict("ed@x", &sig, "several notations", "two paths");
	SIGN(&sig, "-u", "ed@x", "-N", NOTATION_REQUEST "=a", "-N", NOTE);
	key_verdict("ed@x", &sig, NULL, "beside another notation");
	buf_release(&sig);
}

/* Change the label of the armour: the packets stay. */
static void
relabel(struct buf *b, const char *from, const char *to)
{
	struct buf out;
	char *p = b->data, *hit;

	buf_init(&out, 1 << 20);
	while ((hit = strstr(p, from)) != NULL) {
		buf_add(&out, p, (size_t)(hit - p));
		buf_adds(&out, to);
		p = hit + strlen(from);
	}
	buf_adds(&out, p);
	buf_release(b);
	*b = out;
}

static void
test_count(void)
{
	struct buf sig, twice;

	buf_init(&sig, 1 << 20);
	buf_init(&twice, 1 << 20);
	SIGN(&sig, "-N", NOTE, "-u", "ed@x", "-u", "rsa@x");
	key_verdict("ed@x", &sig, "several signatures", "two signatures");
	SIGN(&sig, "-N", NOTE, "-u", "ed@x");
	buf_add(&twice, sig.data, sig.len);
	buf_add(&twice, sig.data, sig.len);
	key_verdict("ed@x", &twice, "several armoured blocks", "two blocks");
	buf_addc(&sig, 'x');
	key_verdict("ed@x", &sig, "has text behind", "text behind");
	gpg(&sig, "--armor", "--output", "-", "--store", data_file, NULL);
	key_verdict("ed@x", &sig, "is an OpenPGP message", "a message");
	relabel(&sig, "PGP MESSAGE", "PGP SIGNATURE");
	key_verdict("ed@x", &sig, "holds no signature",
	    "an unsigned message as signature");
	gpg(&sig, "-u", "ed@x", "--output", "-", "--clear-sign", data_file,
	    NULL);
	key_verdict("ed@x", &sig, "is a clear-signed text", "clear-signed");
	gpg(&sig, "-u", "ed@x", "-N", NOTE, "--armor", "--output", "-",
	    "--sign", data_file, NULL);
	relabel(&sig, "PGP MESSAGE", "PGP SIGNATURE");
	key_verdict("ed@x", &sig, "holds no signature",
	    "a message with its own text as signature");
	keys_export("ed@x", &sig);
	key_verdict("ed@x", &sig, "is not an armoured block", "a key");
	relabel(&sig, "PGP PUBLIC KEY BLOCK", "PGP SIGNATURE");
	key_verdict("ed@x", &sig, "holds no signature", "a key as signature");
	buf_release(&twice);
	buf_release(&sig);
}

/* A list of many: each gets its own verdict, whatever its neighbours are. */
static void
test_list(void)
{
	struct verifier *ed = open_key("ed@x"), *rsa = open_key("rsa@x");
	struct check list[30];
	struct buf sig, other;
	size_t i, good = 0;

	buf_init(&sig, 1 << 20);
	buf_init(&other, 1 << 20);
	SIGN(&sig, "-u", "ed@x", "-N", NOTE);
	SIGN(&other, "-u", "rsa@x", "-N", NOTE);
	for (i = 0; i < 30; i++)
		list[i] = (struct check){.verifier = i % 3 ? ed : rsa,
		    .data = DATA,
		    .len = strlen(DATA),
		    .sig = i % 3 ? sig.data : other.data,
		    .siglen = i % 3 ? sig.len : other.len,
		    .notation = NOTATION_PATH,
		    .value = PATH};
	list[4].data = "DESCRIPTION=\"tost\"\n";
	list[10].verifier = rsa;
	list[16].siglen = 100;
	list[21].value = "other";
	verifier_check_list(list, 30, now);
	for (i = 0; i < 30; i++)
		good += list[i].good;
	is_int((long long)good, 26, "of a list of many all but four are good");
	ok(!list[4].good && strstr(list[4].err.msg, "changed after signing"),
	    "among them one with other data");
	ok(!list[10].good && strstr(list[10].err.msg, "by another key"),
	    "one by another key");
	ok(!list[16].good && strstr(list[16].err.msg, "cut off"),
	    "one that is cut off");
	ok(!list[21].good && strstr(list[21].err.msg, "was signed as"),
	    "one that is of another path");
	verifier_close(rsa);
	verifier_close(ed);
	buf_release(&other);
	buf_release(&sig);
}

static void
test_hash(void)
{
	struct buf sig;

	buf_init(&sig, 1 << 20);
	SIGN(&sig, "-N", NOTE, "-u", "rsa@x", "--digest-algo", "SHA1");
	key_verdict("rsa@x", &sig, "hash is SHA1", "SHA-1 signature");
	SIGN(&sig, "-N", NOTE, "-u", "rsa@x", "--digest-algo", "RIPEMD160");
	key_verdict("rsa@x", &sig, "hash is RIPEMD160", "RIPEMD-160 signature");
	SIGN(&sig, "-N", NOTE, "-u", "rsa@x", "--digest-algo", "SHA384");
	key_verdict("rsa@x", &sig, NULL, "SHA-384 signature");
	buf_release(&sig);
}

static void
test_other_key(void)
{
	struct buf sig;

	buf_init(&sig, 1 << 20);
	SIGN(&sig, "-N", NOTE, "-u", "ed@x");
	key_verdict("rsa@x", &sig, "was signed by another key",
	    "signature of another key");
	buf_release(&sig);
}

static void
test_subkeys(void)
{
	char fingerprint[65], sub[64], answers[80];
	struct verifier *v;
	struct buf sig, list;
	struct error err;
	char *p;

	snprintf(answers, sizeof(answers), "%s/answers", keys_home);

	buf_init(&sig, 1 << 20);
	buf_init(&list, 1 << 20);
	gpg(NULL, "--quick-gen-key", "sub@x", "ed25519", "cert", "never", NULL);
	keys_fingerprint("sub@x", fingerprint);
	gpg(NULL, "--quick-add-key", fingerprint, "ed25519", "sign", "1y",
	    NULL);
	SIGN(&sig, "-N", NOTE, "-u", "sub@x");
	v = open_key("sub@x");
	is(v ? verifier_fingerprint(v) : "", fingerprint,
	    "the primary key's fingerprint counts");
	verdict(v, &sig, DATA, PATH, NULL, "good signature of a subkey");
	now += 13 * MONTH;
	verdict(v, &sig, DATA, PATH, "subkey", "expired subkey");
	now -= 13 * MONTH;
	verifier_close(v);
	gpg(&list, "--with-colons", "--list-keys", "sub@x", NULL);
	p = strstr(list.data, "\nsub:");
	p = p ? strstr(p, "\nfpr:::::::::") : NULL;
	snprintf(sub, sizeof(sub), "%.40s", p ? p + 13 : "");
	gpg(NULL, "--quick-set-expire", fingerprint, "1m", sub, NULL);
	key_verdict("sub@x", &sig, NULL, "not yet expired subkey");
	file_write(answers, REVOKE, strlen(REVOKE), 0600, &err);
	gpg(NULL, "--no-batch", "--command-file", answers, "--edit-key",
	    "sub@x", NULL);
	key_verdict("sub@x", &sig, "the signing subkey", "revoked subkey");
	buf_release(&list);
	buf_release(&sig);
}

static void
test_expired(void)
{
	struct verifier *v;
	struct buf sig;

	buf_init(&sig, 1 << 20);
	gpg(NULL, "--faked-system-time", "20240101T000000", "--quick-gen-key",
	    "old@x", "ed25519", "sign", "10d", NULL);
	SIGN(&sig, "-N", NOTE, "-u", "old@x", "--faked-system-time",
	    "20240102T000000");
	v = open_key("old@x");
	verdict(v, &sig, DATA, PATH, "expired on 2024-01-11", "expired key");
	now = 1704240000; /* 2024-01-03 */
	verdict(v, &sig, DATA, PATH, NULL, "the same when it was valid");
	now = 1704100000; /* 2024-01-01 */
	verdict(v, &sig, DATA, PATH, "dated 2024-01-02", "and before it was");
	now = time(NULL);
	verifier_close(v);
	buf_release(&sig);
}

static void
test_signature_expiry(void)
{
	struct verifier *v = open_key("rsa@x");
	struct buf sig;

	buf_init(&sig, 1 << 20);
	SIGN(&sig, "-N", NOTE, "-u", "rsa@x", "--default-sig-expire", "5d");
	verdict(v, &sig, DATA, PATH, NULL, "a signature with an end");
	now += MONTH;
	verdict(v, &sig, DATA, PATH, "the signature expired on",
	    "a signature after its end");
	now -= MONTH;
	verifier_close(v);
	buf_release(&sig);
}

static void
test_revoked(void)
{
	char fingerprint[65], path[256];
	struct buf sig, rev;
	struct error err;
	char *begin;

	buf_init(&sig, 1 << 20);
	buf_init(&rev, 1 << 20);
	gpg(NULL, "--quick-gen-key", "rev@x", "ed25519", "sign", "never", NULL);
	SIGN(&sig, "-N", NOTE, "-u", "rev@x");
	key_verdict("rev@x", &sig, NULL, "good before the revocation");
	keys_fingerprint("rev@x", fingerprint);
	snprintf(path, sizeof(path), "%s/openpgp-revocs.d/%s.rev", keys_home,
	    fingerprint);
	if (file_read(path, &rev, &err) < 0) {
		ok(false, "revocation: %s", err.msg);
		return;
	}
	begin = strstr(rev.data, "-----BEGIN");
	file_write(path, begin, strlen(begin), 0600, &err);
	gpg(NULL, "--import", path, NULL);
	key_verdict("rev@x", &sig, "revoked", "revoked key");
	buf_release(&rev);
	buf_release(&sig);
}

/* The verdict on a key block alone. */
static void
bad_key(const struct buf *key, const char *want, const char *name)
{
	struct verifier *v = NULL;
	struct error err = {0};
	int rc = verifier_open(&v, key->data, key->len, &err);

	if (!ok(rc < 0 && !v && strstr(err.msg, want), "%s", name))
		printf("# %d %s, wanted: %s\n", rc, err.msg, want);
	else
		printf("# %s\n", err.msg);
	verifier_close(v);
}

static void
test_weak_keys(void)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	gpg(NULL, "--quick-gen-key", "short@x", "rsa1024", "sign", "never",
	    NULL);
	keys_export("short@x", &b);
	bad_key(&b, "RSA with 1024 bits", "RSA-1024");
	gpg(NULL, "--quick-gen-key", "dsa@x", "dsa2048", "sign", "never", NULL);
	keys_export("dsa@x", &b);
	bad_key(&b, "DSA keys are not accepted", "DSA");
	gpg(NULL, "--cert-digest-algo", "SHA1", "--quick-gen-key", "sha1@x",
	    "rsa2048", "sign", "never", NULL);
	keys_export("sha1@x", &b);
	bad_key(&b, "no valid self-signature", "SHA-1 self-signature");
	buf_release(&b);
}

static void
test_bad_keys(void)
{
	struct buf b, more;

	buf_init(&b, 1 << 20);
	buf_init(&more, 1 << 20);
	gpg(&b, "--armor", "--export", "ed@x", "rsa@x", NULL);
	bad_key(&b, "holds 2 keys", "two keys in one block");
	keys_export("ed@x", &b);
	keys_export("rsa@x", &more);
	buf_add(&b, more.data, more.len);
	bad_key(&b, "several armoured blocks", "two blocks");
	gpg(&b, "--armor", "--export-secret-keys", "ed@x", NULL);
	bad_key(&b, "PRIVATE key", "a private key");
	relabel(&b, "PGP PRIVATE KEY", "PGP PUBLIC KEY");
	bad_key(&b, "PRIVATE key", "a private key in a public one's clothes");
	keys_export("ed@x", &b);
	buf_adds(&b, "junk");
	bad_key(&b, "text behind", "junk behind");
	b.len = 0;
	buf_adds(&b, "pub ed25519\n");
	keys_export("ed@x", &more);
	buf_add(&b, more.data, more.len);
	bad_key(&b, "text in front", "junk in front");
	SIGN(&b, "-u", "ed@x");
	relabel(&b, "PGP SIGNATURE", "PGP PUBLIC KEY BLOCK");
	bad_key(&b, "", "a signature as key");
	keys_export("ed@x", &b);
	while (b.len <= 256 * 1024)
		buf_adds(&b, "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n");
	bad_key(&b, "is larger than", "an oversized key");
	b.len = 0;
	buf_adds(&b, "");
	bad_key(&b, "is empty", "nothing");
	buf_release(&more);
	buf_release(&b);
}

static void
test_signing_trouble(void)
{
	struct error err = {0};
	struct buf sig;

	buf_init(&sig, 1 << 20);
	ok(sign_detached("nobody@x", DATA, 3, NOTATION_PATH, PATH, &sig, &err) <
		    0 &&
		strstr(err.msg, "no secret key fits"),
	    "no such key: %s", err.msg);
	ok(sign_detached("@x", DATA, 3, NOTATION_PATH, PATH, &sig, &err) < 0 &&
		strstr(err.msg, "secret keys fit"),
	    "several keys: %s", err.msg);
	ok(sign_detached("rev@x", DATA, 3, NOTATION_PATH, PATH, &sig, &err) <
		    0 &&
		strstr(err.msg, "can't sign"),
	    "revoked key: %s", err.msg);
	ok(sign_detached(
	       NULL, DATA, strlen(DATA), NOTATION_PATH, PATH, &sig, &err) == 0,
	    "the default key signs");
	buf_release(&sig);
}

/* Folders of verifiers in TMPDIR, which is ours: none may be left. */
static int
leftovers(const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	int n = 0;

	while (d && (e = readdir(d)) != NULL)
		n += strncmp(e->d_name, "autotua-gpg", 11) == 0;
	if (d)
		closedir(d);
	return n;
}

/* Processes whose arguments name a verifier's home below dir. */
static int
processes(const char *dir)
{
	char path[300], text[4096];
	struct dirent *e;
	DIR *d = opendir("/proc");
	ssize_t len;
	int fd, n = 0;

	while (d && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		len = read(fd, text, sizeof(text));
		close(fd);
		n += len > 0 && memmem(text, (size_t)len, dir, strlen(dir));
	}
	if (d)
		closedir(d);
	return n;
}

int
main(void)
{
	char tmp[] = "/tmp/autotua-sign-XXXXXX";
	struct error err;

	keys_begin();
	if (!mkdtemp(tmp))
		return 1;
	setenv("TMPDIR", tmp, 1);
	snprintf(data_file, sizeof(data_file), "%s/data", tmp);
	file_write(data_file, DATA, strlen(DATA), 0600, &err);
	now = time(NULL) + 120; /* keys and signatures are made meanwhile */
	gpg(NULL, "--quick-gen-key", "ed@x", "ed25519", "sign", "never", NULL);
	gpg(NULL, "--quick-gen-key", "rsa@x", "rsa2048", "sign", "never", NULL);
	test_good();
	test_tampered_signature();
	test_notation();
	test_count();
	test_list();
	test_hash();
	test_other_key();
	test_subkeys();
	test_expired();
	test_signature_expiry();
	test_revoked();
	test_weak_keys();
	test_bad_keys();
	test_signing_trouble();
	is_int(leftovers(tmp), 0, "no verifier's folder is left");
	is_int(processes(tmp), 0, "no process of a verifier is left");
	keys_end();
	(void)file_remove_tree(AT_FDCWD, tmp, &err);
	return tap_done();
}
