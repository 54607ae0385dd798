/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree_verify() over a real repository with real keys. */
#include "tap.h"
#include "keys.h"
#include "repo.h"
#include "tree/sign/keyring.h"
#include "tree/sign/sign.h"

#include <time.h>

#define LEAF   "zlib/test/test-1.0.jobuild"
#define PARENT "base/flow/flow-1.0.template"

static struct keyring ring;
static time_t now;

static void
put_signature(const char *path, const char *key, const char *as)
{
	const char *full = arena_printf(&repo_arena, "%s/%s", repo_path, path);
	struct error err = {0};
	struct buf data, sig;

	buf_init(&data, 1 << 20);
	buf_init(&sig, 1 << 20);
	if (file_read(full, &data, &err) < 0 ||
	    sign_detached(
		key, data.data, data.len, NOTATION_PATH, as, &sig, &err) < 0)
		printf("# %s\n", err.msg);
	put(arena_printf(&repo_arena, "%s.asc", path),
	    sig.data ? sig.data : "");
	buf_release(&sig);
	buf_release(&data);
}

static void
put_key(const char *path, const char *name)
{
	struct buf key;

	buf_init(&key, 1 << 20);
	keys_export(name, &key);
	put(path, key.data);
	buf_release(&key);
}

static void
set_up(void)
{
	char fingerprint[65];
	struct error err;

	keyring_init(&ring, &repo_arena);
	gpg(NULL, "--quick-gen-key", "base@x", "ed25519", "sign", "never",
	    NULL);
	gpg(NULL, "--quick-gen-key", "zlib@x", "ed25519", "sign", "never",
	    NULL);
	gpg(NULL, "--quick-gen-key", "short@x", "ed25519", "sign", "5d", NULL);
	keys_fingerprint("base@x", fingerprint);
	keyring_add(&ring, "base", fingerprint, &err);
	keys_fingerprint("zlib@x", fingerprint);
	keyring_add(&ring, "zlib", fingerprint, &err);
	put_key("base/base.asc", "base@x");
	put_key("zlib/zlib.asc", "zlib@x");
	put(PARENT, "DESCRIPTION=\"flow\"\njob_run() { :; }\n");
	put(LEAF,
	    "EXTENDS=\"base/flow-1.0\"\nDESCRIPTION=\"test\"\n"
	    "SRC_URI=\"https://example.org/z.tar.gz\"\n");
	put("zlib/test/Manifest", line_of("DIST", "z.tar.gz", "z"));
	put_signature(PARENT, "base@x", PARENT);
	put_signature(LEAF, "zlib@x", LEAF);
	put_signature("zlib/test/Manifest", "zlib@x", "zlib/test/Manifest");
	commit();
}

/* What tree_verify() says about the work tree; NULL rule: nothing. */
static void
verdict(const char *rule, const char *file, const char *text, const char *name)
{
	struct tree *t = open_tree(repo_path, NULL);
	const struct tree_recipe *r;
	struct diags d;
	int rc;

	r = recipe_of(t, "zlib/test-1.0", &d);
	if (!r) {
		ok(false, "%s: the recipe is broken", name);
		diags_print(&d, stdout);
		tree_close(t);
		return;
	}
	rc = tree_verify(t, &r, 1, &ring, now, &d);
	if (rule)
		ok(rc < 0 && d.errors == 1 && has(&d, rule, file, text), "%s",
		    name);
	else
		ok(rc == 0 && d.n == 0, "%s", name);
	diags_print(&d, stdout);
	tree_close(t);
	git(NULL, "checkout", "-q", ".", NULL);
	git(NULL, "clean", "-qfd", NULL);
}

static void
test_files(void)
{
	verdict(NULL, NULL, NULL, "all is good");
	put(LEAF, "EXTENDS=\"base/flow-1.0\"\nDESCRIPTION=\"other\"\n");
	verdict("bad-signature", LEAF ".asc", "changed after signing",
	    "tampered jobuild");
	put(PARENT, "DESCRIPTION=\"flow\"\njob_run() { die; }\n");
	verdict("bad-signature", PARENT ".asc", "changed after signing",
	    "tampered template of another maintainer");
	put("zlib/test/Manifest", line_of("DIST", "z.tar.gz", "zz"));
	verdict("bad-signature", "zlib/test/Manifest.asc",
	    "changed after signing", "tampered Manifest");
	drop(LEAF ".asc");
	verdict("unsigned", LEAF, "is not signed", "absent signature");
	put_signature(LEAF, "zlib@x", "zlib/test/test-2.0.jobuild");
	verdict("bad-signature", LEAF ".asc", "renamed or moved",
	    "signed for another name");
	put_signature(LEAF, "base@x", LEAF);
	verdict("bad-signature", LEAF ".asc", "signed by another key",
	    "signed by another maintainer");
	put(LEAF ".asc", "");
	verdict("bad-signature", LEAF ".asc", "is empty", "empty signature");
}

static void
test_keys(void)
{
	struct keyring whole = ring;
	char fingerprint[65];
	struct error err;

	drop("zlib/zlib.asc");
	verdict("no-key", "zlib/zlib.asc", "is missing",
	    "no key in the tree: one message, not one a file");
	put("zlib/zlib.asc", "nonsense\n");
	verdict("bad-key", "zlib/zlib.asc", "is not an armoured block",
	    "a key that is none");
	put_key("zlib/zlib.asc", "base@x");
	verdict("untrusted-key", "zlib/zlib.asc", "but the keyring trusts",
	    "another key in the tree");
	ring.n = 1;
	verdict("untrusted-key", "zlib/zlib.asc",
	    "trusts no key for the maintainer zlib", "not in the keyring");
	keyring_init(&ring, &repo_arena);
	keyring_add(&ring, "base", whole.entries[0].fingerprint, &err);
	keyring_add(&ring, "zlib", whole.entries[0].fingerprint, &err);
	verdict("untrusted-key", "zlib/zlib.asc", "but the keyring trusts",
	    "another key in the keyring");
	ring = whole;
	put_key("zlib/zlib.asc", "short@x");
	keys_fingerprint("short@x", fingerprint);
	keyring_add(&ring, "zlib", fingerprint, &err);
	now += 10 * 24 * 3600;
	verdict("bad-key", "zlib/zlib.asc", "expired on",
	    "an expired key: one message, not one a file");
	now -= 10 * 24 * 3600;
	ring = whole;
	now -= 24 * 3600;
	drop("zlib/test/Manifest.asc");
	put(LEAF, "EXTENDS=\"base/flow-1.0\"\nDESCRIPTION=\"test\"\n");
	put_signature(LEAF, "zlib@x", LEAF);
	put_signature(PARENT, "base@x", PARENT);
	struct tree *t = open_tree(repo_path, NULL);
	struct diags d;
	const struct tree_recipe *r = recipe_of(t, "zlib/test-1.0", &d);

	ok(r && tree_verify(t, &r, 1, &ring, now, &d) < 0 && d.errors == 2 &&
		has(&d, "bad-signature", LEAF ".asc", "in the future") &&
		has(&d, "bad-signature", PARENT ".asc", "in the future"),
	    "made in the future");
	tree_close(t);
	now += 24 * 3600;
}

int
main(void)
{
	keys_begin();
	repo_begin();
	now = time(NULL) + 60;
	set_up();
	test_files();
	test_keys();
	repo_end();
	keys_end();
	return tap_done();
}
