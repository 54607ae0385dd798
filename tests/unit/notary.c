/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many signatures at once, with remembered verdicts: each verdict must be the
 * one that gpg would give, and nobody else's file may give any.
 */
#include "tap.h"
#include "keys.h"
#include "tree/sign/notary.h"
#include "tree/sign/sign.h"
#include "tree/sign/verdicts.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#define PATH  "zlib/test/test-1.0.jobuild"
#define NOTE  NOTATION_PATH "=" PATH
#define DATA  "DESCRIPTION=\"test\"\n"
#define YEAR  (365 * 24 * 3600)
#define MANY  20
#define ZEROS "0000000000000000"

static char tmp[] = "/tmp/autotua-notary-XXXXXX";
static char cache[64], store[96], data_file[64];
static struct buf key, sig;
static time_t now;

#define SIGN(out, ...)                                                         \
	gpg((out), "--armor", __VA_ARGS__, "--output", "-", "--detach-sign",   \
	    data_file, NULL)

/* One signature by a notary of its own; how many verdicts were remembered. */
static size_t
ask(const char *folder, const char *data, const char *path, time_t when,
    bool *good, struct error *err)
{
	struct notary *n = notary_open(folder);
	struct notary_item it = {.data = data,
	    .len = strlen(data),
	    .sig = sig.data,
	    .siglen = sig.len,
	    .notation = NOTATION_PATH,
	    .value = path};
	size_t known = 0;

	*good = false;
	memset(err, 0, sizeof(*err));
	it.key = notary_key(n, key.data, key.len, when, err);
	if (it.key) {
		known = notary_check(n, &it, 1, when);
		*good = it.good;
		*err = it.err;
	}
	notary_close(n);
	return known;
}

static void
remembered(time_t when, bool want, const char *name)
{
	struct error err;
	bool good;
	size_t known = ask(cache, DATA, PATH, when, &good, &err);

	ok(good && known == want, "%s (%zu, %s)", name, known, err.msg);
}

static void
refused(const char *data, const char *path, time_t when, const char *why,
    const char *name)
{
	struct error err;
	bool good;
	size_t known = ask(cache, data, path, when, &good, &err);

	ok(!good && known == 0 && strstr(err.msg, why), "%s: %s", name,
	    err.msg);
}

static void
test_remember(void)
{
	struct stat st;

	keys_export("soon@x", &key);
	SIGN(&sig, "-N", NOTE, "-u", "soon@x", "--default-sig-expire", "20d");
	remembered(now, false, "the first time gpg is asked");
	ok(stat(store, &st) == 0 && (st.st_mode & 0777) == 0600,
	    "the file is the caller's alone");
	remembered(now, true, "the second time it is not");
	refused(DATA "x", PATH, now, "was changed", "other bytes");
	refused(DATA, "zlib/test/test-2.0.jobuild", now, "was signed as",
	    "another name");
	remembered(now + 19 * 86400, true, "until the signature's end");
	refused(DATA, PATH, now + 21 * 86400, "the signature expired",
	    "after the signature's end gpg is asked");
	refused(DATA, PATH, now + YEAR, "expired on", "after the key's end");
	refused(DATA, PATH, now - YEAR, "in the future", "before it was made");
}

static void
put(const char *text, mode_t mode)
{
	struct error err;

	file_write(store, text, strlen(text), mode, &err);
}

/* What is in the file is not believed, or the file not used at all. */
static void
unused(const char *why, const char *name)
{
	struct notary *n = notary_open(cache);
	const char *trouble = notary_trouble(n);

	ok(trouble && strstr(trouble, why), "%s: %s", name,
	    trouble ? trouble : "it is used");
	notary_close(n);
	remembered(now, false, "gpg is asked then");
}

static void
test_owner(void)
{
	struct buf b;
	struct error err;
	char other[128];

	buf_init(&b, 1 << 20);
	file_read(store, &b, &err);
	chmod(store, 0666);
	unused("can be written by others", "a file that others can write");
	chmod(store, 0600);
	chmod(cache, 0777);
	unused("can be written by others", "a folder that others can write");
	chmod(cache, 0700);
	snprintf(other, sizeof(other), "%s.link", store);
	ok(link(store, other) == 0, "a second name");
	unused("not a plain file of its own", "a file with two names");
	unlink(store);
	ok(symlink(other, store) == 0, "a link");
	unused("open", "a symbolic link");
	unlink(store);
	unlink(other);
	if (geteuid() == 0) {
		put(b.data, 0600);
		if (chown(store, 65534, 65534) < 0)
			perror("chown");
		unused("belongs to another user", "another user's file");
		unlink(store);
	}
	buf_release(&b);
}

static void
test_damage(void)
{
	struct buf b, cut;
	struct error err;

	buf_init(&b, 1 << 20);
	buf_init(&cut, 1 << 20);
	remembered(now, false, "an empty file");
	file_read(store, &b, &err);
	b.data[b.len - 20] = '\0';
	put(b.data, 0600);
	remembered(now, false, "a line that a crash has cut");
	remembered(now, true, "what comes behind it is read");
	put("s nonsense\n\n\n:\n", 0600);
	remembered(now, false, "nonsense");
	buf_release(&cut);
	buf_release(&b);
}

/* The only file of that folder; its inode, 0 if there is none. */
static ino_t
only_file(const char *folder, char *path, size_t size)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	ino_t found = 0;

	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, size, "%s/%s", folder, e->d_name);
		found = found ? 0 : e->d_ino;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* A signature that is new is checked without a further import of its key. */
static void
test_import(void)
{
	char folder[128], path[512] = "";
	struct buf was, is_now;
	struct error err;
	ino_t first;

	buf_init(&was, 1 << 20);
	buf_init(&is_now, 1 << 20);
	snprintf(folder, sizeof(folder), "%s/imports", cache);
	SIGN(&sig, "-N", NOTE, "-N", "x@y=0", "-u", "soon@x");
	remembered(now, false, "a key that is looked at anew");
	first = only_file(folder, path, sizeof(path));
	ok(first && file_read(path, &was, &err) == 0, "an import is kept");
	SIGN(&sig, "-N", NOTE, "-N", "x@y=1", "-u", "soon@x");
	remembered(now, false, "a new signature by that key");
	ok(only_file(folder, path, sizeof(path)) == first, "needs no other");
	refused(DATA "x", PATH, now, "was changed", "nor one of other bytes");
	was.data[was.len / 2] ^= 1;
	file_write(path, was.data, was.len, 0600, &err);
	SIGN(&sig, "-N", NOTE, "-N", "x@y=2", "-u", "soon@x");
	remembered(now, false, "what is damaged is not used");
	/* not byte by byte: gpg's keyring has the time at which it was made */
	ok(file_read(path, &is_now, &err) == 0 && is_now.len == was.len &&
		memcmp(is_now.data, was.data, was.len) != 0,
	    "but made anew");
	buf_release(&is_now);
	buf_release(&was);
}

/* The text form alone. */
static void
test_lines(void)
{
	static const char d[] = "0123456789abcdef0123456789abcdef"
				"0123456789abcdef0123456789abcdef";
	static const char f[] = "0123456789ABCDEF0123456789ABCDEF01234567";
	const struct {
		const char *line, *name;
		bool good;
	} rows[] = {
	    {"s %s " ZEROS " " ZEROS "\n", "for ever", true},
	    {"s %s " ZEROS " 0000000000000064\n", "until 100", true},
	    {"s %s " ZEROS " 0000000000000063\n", "until 99: is over", false},
	    {"s %s 0000000000000064 " ZEROS "\n", "from 100: not yet", false},
	    {"s %s " ZEROS " " ZEROS, "without its end", false},
	    {"s %s " ZEROS " " ZEROS " \n", "a blank too many", false},
	    {"s %s " ZEROS " 000000000000\n", "too short", false},
	    {"s %s " ZEROS " 00000000000000G0\n", "no number", false},
	    {"k %s " ZEROS " " ZEROS "\n", "a key's line for it", false},
	    {"x %s " ZEROS " " ZEROS "\n", "another kind", false},
	};
	char text[256], fpr[FINGERPRINT_MAX];
	struct verdicts *v;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = strstr(rows[i].line, "%s");

		snprintf(text, sizeof(text), "%.*s%s%s",
		    (int)(at - rows[i].line), rows[i].line, d, at + 2);
		v = verdicts_of(text, strlen(text));
		ok(verdicts_signature(v, d, 99) == rows[i].good, "line %s",
		    rows[i].name);
		verdicts_close(v);
	}
	snprintf(text, sizeof(text), "k %s " ZEROS " " ZEROS " %s\n", d, f);
	v = verdicts_of(text, strlen(text));
	ok(verdicts_key(v, d, 99, fpr) && strcmp(fpr, f) == 0, "a key");
	ok(!verdicts_key(v, d, -1, fpr), "no time before 1970");
	verdicts_close(v);
}

/* Good and bad ones mixed: each gets its own verdict. */
static void
test_many(void)
{
	struct notary *n = notary_open(NULL);
	struct notary_item list[MANY];
	struct error err = {0};
	struct known_key *k;
	int i, right = 0;

	SIGN(&sig, "-N", NOTE, "-u", "soon@x");
	k = notary_key(n, key.data, key.len, now, &err);
	for (i = 0; i < MANY; i++)
		list[i] = (struct notary_item){.key = k,
		    .data = i % 3 ? DATA : "other",
		    .len = strlen(i % 3 ? DATA : "other"),
		    .sig = i % 5 ? sig.data : "junk",
		    .siglen = i % 5 ? sig.len : 4,
		    .notation = NOTATION_PATH,
		    .value = i % 7 ? PATH : "elsewhere"};
	is_int((int)notary_check(n, list, MANY, now), 0,
	    "nothing is remembered without a folder");
	for (i = 0; i < MANY; i++) {
		const char *want = i % 5 == 0 ? "is not an armoured block"
		    : i % 3 == 0              ? "was changed after signing"
		    : i % 7 == 0              ? "was signed as"
					      : "";

		right += list[i].good == !*want &&
		    strncmp(list[i].err.msg, want, 0) == 0 &&
		    strstr(list[i].err.msg, want) != NULL;
	}
	is_int(right, MANY, "each of many gets its own verdict");
	notary_close(n);
}

int
main(void)
{
	struct error err;

	keys_begin();
	if (!mkdtemp(tmp))
		return 1;
	setenv("TMPDIR", tmp, 1);
	snprintf(cache, sizeof(cache), "%s/cache", tmp);
	snprintf(store, sizeof(store), "%s/verdicts", cache);
	snprintf(data_file, sizeof(data_file), "%s/data", tmp);
	file_write(data_file, DATA, strlen(DATA), 0600, &err);
	buf_init(&key, 1 << 20);
	buf_init(&sig, 1 << 20);
	now = time(NULL) + 30;
	gpg(NULL, "--quick-gen-key", "soon@x", "ed25519", "sign", "100d", NULL);
	test_lines();
	test_remember();
	test_import();
	test_owner();
	test_damage();
	test_many();
	keys_end();
	buf_release(&sig);
	buf_release(&key);
	(void)file_remove_tree(AT_FDCWD, tmp, &err);
	return tap_done();
}
