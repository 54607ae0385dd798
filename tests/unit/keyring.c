/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "tree/sign/keyring.h"

#include <stdlib.h>
#include <unistd.h>

#define F1 "0123456789ABCDEF0123456789ABCDEF01234567"
#define F2 "ABCDEF0123456789ABCDEF0123456789ABCDEF01"

static struct arena arena;
static char path[] = "/tmp/autotua-keyring-XXXXXX";

static int
read_text(struct keyring *k, const char *text, size_t len, struct error *err)
{
	keyring_init(k, &arena);
	memset(err, 0, sizeof(*err));
	if (file_write(path, text, len, 0600, err) < 0)
		return -1;
	return keyring_read(k, path, err);
}

static void
bad(const char *text, const char *want)
{
	struct keyring k;
	struct error err;
	int rc = read_text(&k, text, strlen(text), &err);

	if (!ok(rc < 0 && strstr(err.msg, want), "refused: %s", want))
		printf("# %d %s\n", rc, err.msg);
}

int
main(void)
{
	const char *good = "# who may sign\n\n  zlib\t" F1 " \nkde " F2
			   "\r\nzlib 01234567abcdef89ABCDEF0123456789ABCDEF01";
	struct keyring k;
	struct error err;
	int fd = mkstemp(path);

	ok(fd >= 0 && read_text(&k, good, strlen(good), &err) == 0,
	    "a good file is read");
	is_int((long long)k.n, 3, "three lines");
	ok(keyring_trusts(&k, "zlib", F1), "a key is trusted for its user");
	ok(keyring_trusts(
	       &k, "zlib", "01234567ABCDEF89ABCDEF0123456789ABCDEF01"),
	    "a second key, written in lower case");
	ok(!keyring_trusts(&k, "kde", F1), "but for no other user");
	ok(!keyring_trusts(&k, "nobody", F1), "nor an unknown one");
	ok(!keyring_trusts(&k, "zlib", "01234567"), "nor a part of it");
	is(keyring_first(&k, "kde"), F2, "the first one of a user");
	is(keyring_first(&k, "nobody"), NULL, "none");
	ok(keyring_add(&k, "zlib", F1, &err) == 0 && k.n == 3,
	    "the same one is entered once");
	bad("zlib\n", ":1: a line is");
	bad("\nzlib " F1 " x\n", ":2: a line is");
	bad("zlib 0123\n", ":1: \"0123\" is not a fingerprint");
	bad("zlib " F1 "0\n", "is not a fingerprint");
	bad("zlib G123456789ABCDEF0123456789ABCDEF01234567\n",
	    "is not a fingerprint");
	bad("Zlib " F1 "\n", "\"Zlib\" is not a maintainer's name");
	bad("../x " F1 "\n", "is not a maintainer's name");
	ok(read_text(&k, "a\0b", 3, &err) < 0 && strstr(err.msg, "NUL"),
	    "NUL is refused");
	ok(read_text(&k, "", 0, &err) == 0 && k.n == 0, "an empty file");
	unlink(path);
	ok(keyring_read(&k, path, &err) < 0 && strstr(err.msg, "No such file"),
	    "a missing file is told");
	close(fd);
	arena_release(&arena);
	return tap_done();
}
