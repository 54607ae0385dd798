/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packs of recipes, their hostile sisters, and mirrors. */
#include "tap.h"
#include "repo.h"

#include <arpa/inet.h>
#include <gcrypt.h>

#define LEAF   "zlib/test/test-1.0.jobuild"
#define PARENT "base/flow/flow-1.0.template"

static char head[OBJECT_HEX];

static void
set_up(void)
{
	struct buf b;
	int i;

	put("base/base.asc", "key of base\n");
	put("zlib/zlib.asc", "key of zlib\n");
	put("kde/kde.asc", "key of kde\n");
	put(PARENT, "DESCRIPTION=\"flow\"\njob_run() { :; }\n");
	put(PARENT ".asc", "signature 1\n");
	put(LEAF,
	    "EXTENDS=\"base/flow-1.0\"\nDESCRIPTION=\"test\"\n"
	    "SRC_URI=\"https://example.org/z.tar.gz\"\n");
	put(LEAF ".asc", "signature 2\n");
	put("zlib/test/test-0.9.jobuild", "DESCRIPTION=\"old\"\n");
	put("zlib/test/Manifest",
	    arena_printf(&repo_arena, "%s%s", line_of("DIST", "z.tar.gz", "z"),
		line_of("AUX", "a/b", "x")));
	put("zlib/test/Manifest.asc", "signature 3\n");
	put("zlib/test/files/a/b", "x");
	put("README", "not packed\n");
	for (i = 0; i < 5; i++)
		put(arena_printf(&repo_arena, "kde/p%d/p%d-1.0.jobuild", i, i),
		    "DESCRIPTION=\"kde\"\n");
	commit();
	buf_init(&b, 1 << 20);
	git(&b, "rev-parse", "HEAD", NULL);
	snprintf(head, sizeof(head), "%.40s", b.data);
	buf_release(&b);
}

/* Pack this recipe of HEAD; the bytes go to out. */
static bool
pack(const char *id, struct buf *out)
{
	const char *path = below("out.pack");
	struct tree *t = open_tree(repo_path, "HEAD");
	const struct tree_recipe *r;
	struct error err = {0};
	struct diags d;
	bool good;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = recipe_of(t, id, &d);
	good = r && tree_pack(t, &r, 1, fd, &err) == 0;
	close(fd);
	tree_close(t);
	out->len = 0;
	if (!good || file_read(path, out, &err) < 0)
		printf("# pack: %s\n", err.msg);
	return good;
}

static int
unpack(const char *path, const char *commit_, const struct buf *b,
    struct error *err)
{
	const char *file = below("in.pack");
	int fd, rc;

	err->msg[0] = '\0';
	(void)file_write(file, b->data, b->len, 0600, err);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	rc = tree_unpack(path, commit_, fd, err);
	close(fd);
	return rc;
}

static void
test_good(void)
{
	const struct tree_recipe *r;
	const struct tree_package *p;
	struct buf b, again;
	struct error err;
	struct tree *t;
	struct diags d;
	size_t n;

	buf_init(&b, 1 << 20);
	buf_init(&again, 1 << 20);
	ok(pack("zlib/test-1.0", &b) && pack("zlib/test-1.0", &again) &&
		b.len == again.len && memcmp(b.data, again.data, b.len) == 0,
	    "the same recipes make the same pack");
	is_int((long long)ntohl(((uint32_t *)(void *)b.data)[2]), 17,
	    "17 objects: 1 commit, 7 folders, 9 files");
	ok(unpack(below("part.git"), head, &b, &err) == 0, "unpacked %s",
	    err.msg);
	ok(unpack(below("part.git"), head, &b, &err) == 0, "and again %s",
	    err.msg);
	t = open_tree(below("part.git"), head);
	r = recipe_of(t, "zlib/test-1.0", &d);
	if (!ok(r && r->nchain == 2 && r->ndist == 1 && r->naux == 1 &&
		    r->nmanifests == 1,
		"the recipe works from it"))
		diags_print(&d, stdout);
	ok(tree_file(t, LEAF ".asc", &err) &&
		tree_file(t, PARENT ".asc", &err) &&
		tree_file(t, "zlib/test/Manifest.asc", &err) &&
		tree_file(t, "zlib/zlib.asc", &err) &&
		tree_file(t, "base/base.asc", &err),
	    "with signatures and keys");
	p = tree_packages(t, &n);
	ok(n == 2 && p[1].nversions == 1, "all else is absent");
	ok(!tree_file(t, "README", &err) &&
		strstr(err.msg, "is not in this part"),
	    "and told so");
	ok(!recipe_of(t, "zlib/test-0.9", &d) &&
		!recipe_of(t, "kde/p1-1.0", &d),
	    "other recipes as well");
	diags_init(&d, &repo_arena);
	tree_check_layout(t, &d);
	is_int((long long)d.n, 0, "the layout is right as far as it goes");
	tree_close(t);
	ok(pack("kde/p1-1.0", &again) &&
		unpack(below("part.git"), head, &again, &err) == 0,
	    "a second pack of the same commit %s", err.msg);
	t = open_tree(below("part.git"), head);
	ok(recipe_of(t, "kde/p1-1.0", &d) && recipe_of(t, "zlib/test-1.0", &d),
	    "adds to the first");
	tree_close(t);
	ok(unpack(repo_path, head, &b, &err) < 0 &&
		strstr(err.msg, "whole repository"),
	    "a whole repository takes none");
	buf_release(&again);
	buf_release(&b);
}

/* Number of entries in the repository's pack folder. */
static int
packs(const char *path)
{
	const char *argv[] = {"ls", NULL, NULL};
	struct error err;
	struct buf b;
	int n = 0;

	buf_init(&b, 1 << 20);
	argv[1] = arena_printf(&repo_arena, "%s/objects/pack", path);
	if (proc_run(argv, &b, &err) == 0) {
		for (size_t i = 0; i < b.len; i++)
			n += b.data[i] == '\n';
	}
	buf_release(&b);
	return n;
}

static void
bad(const struct buf *b, const char *commit_, const char *want,
    const char *name)
{
	const char *path = below("bad.git");
	struct error err;
	int rc = unpack(path, commit_, b, &err);

	if (!ok(rc < 0 && strstr(err.msg, want) && packs(path) == 0, "%s",
		name))
		printf("# %d %s (%d files), wanted: %s\n", rc, err.msg,
		    packs(path), want);
	else
		printf("# %s\n", err.msg);
}

/* Put the right SHA-1 at the end of the pack's first len - 20 bytes. */
static void
seal(struct buf *b)
{
	gcry_md_hash_buffer(
	    GCRY_MD_SHA1, b->data + b->len - 20, b->data, b->len - 20);
}

static void
set_count(struct buf *b, uint32_t n)
{
	n = htonl(n);
	memcpy(b->data + 8, &n, sizeof(n));
	seal(b);
}

/* A pack by git of these objects (ids on a line each). */
static void
git_pack(struct buf *out, const char *ids, const char *options)
{
	const char *script = arena_printf(&repo_arena,
	    "cd %s && printf '%%s' '%s' | git pack-objects -q --stdout %s",
	    repo_path, ids, options);
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct error err;

	out->len = 0;
	if (proc_run(argv, out, &err) < 0)
		printf("# %s\n", err.msg);
}

static const char *
rev(const char *name)
{
	struct buf b;
	const char *s;

	buf_init(&b, 1 << 20);
	git(&b, "rev-parse", name, NULL);
	s = arena_strndup(&repo_arena, b.data, 40);
	buf_release(&b);
	return s;
}

static void
test_form(void)
{
	struct buf b, good;

	buf_init(&b, 1 << 20);
	buf_init(&good, 1 << 20);
	pack("zlib/test-1.0", &good);
	buf_add(&b, good.data, good.len);
	bad(&b, "0123456789012345678901234567890123456789", "lacks the commit",
	    "another commit");
	bad(&b, "main", "is not the id", "a branch");
	b.data[b.len - 1] ^= 1;
	bad(&b, head, "", "a wrong sum");
	b.data[b.len - 1] ^= 1;
	b.data[60] ^= 1;
	bad(&b, head, "", "a changed byte");
	seal(&b);
	bad(&b, head, "", "a changed byte under a right sum");
	b.len = 0;
	buf_add(&b, good.data, good.len);
	set_count(&b, 16);
	bad(&b, head, "more than its objects", "a count too small");
	set_count(&b, 18);
	bad(&b, head, "is cut off", "a count too large");
	set_count(&b, 0xffffffff);
	bad(&b, head, "objects, more than", "a huge count");
	b.len = 0;
	buf_add(&b, good.data, good.len / 2);
	bad(&b, head, "", "half a pack");
	b.len = 0;
	buf_adds(&b, "");
	bad(&b, head, "is cut off", "nothing");
	buf_adds(&b, "this is no pack at all, but longer than one must be");
	bad(&b, head, "is not a git pack", "no pack");
	buf_release(&good);
	buf_release(&b);
}

static void
test_objects(void)
{
	struct buf b, good;

	buf_init(&b, 1 << 20);
	buf_init(&good, 1 << 20);
	pack("zlib/test-1.0", &good);
	buf_add(&b, good.data, 12);
	/* a blob of 2^31 - 1 bytes */
	buf_add(&b, "\xbf\xff\xff\xff\x7f", 5);
	buf_add(&b, good.data + 13, good.len - 13);
	seal(&b);
	bad(&b, head, "too large", "an object of 2 GiB");
	b.len = 0;
	buf_add(&b, good.data, 12);
	buf_add(&b, "\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11);
	buf_add(&b, good.data + 13, good.len - 13);
	seal(&b);
	bad(&b, head, "broken object header", "an endless size");
	b.len = 0;
	buf_add(&b, good.data, good.len);
	b.data[12] ^= 1;
	seal(&b);
	bad(&b, head, "has a broken object", "an object of another size");
	b.data[12] ^= 1;
	b.data[12] = (char)(0x70 | (b.data[12] & 0x8f));
	seal(&b);
	bad(&b, head, "of type 7", "a delta");
	buf_release(&good);
	buf_release(&b);
}

static void
test_content(void)
{
	const char *base = arena_printf(&repo_arena, "%s\n%s\n%s\n%s\n%s\n%s\n",
	    head, rev("HEAD^{tree}"), rev("HEAD:kde"), rev("HEAD:kde/p1"),
	    rev("HEAD:kde/kde.asc"), rev("HEAD:kde/p1/p1-1.0.jobuild"));
	struct error err;
	struct buf b;

	buf_init(&b, 1 << 20);
	git_pack(&b, base, "--window=0");
	ok(unpack(below("git.git"), head, &b, &err) == 0,
	    "a right pack by git itself %s", err.msg);
	git_pack(&b,
	    arena_printf(&repo_arena, "%s%s\n", base, rev("HEAD:README")),
	    "--window=0");
	bad(&b, head, "doesn't belong", "a file that is no recipe's");
	git_pack(&b,
	    arena_printf(
		&repo_arena, "%s%s\n", base, rev("HEAD:zlib/zlib.asc")),
	    "--window=0");
	bad(&b, head, "doesn't belong", "a key of a maintainer without folder");
	git_pack(&b,
	    arena_printf(&repo_arena, "%s%s\n", base, rev("HEAD:zlib")),
	    "--window=0");
	bad(&b, head, "lacks the key zlib/zlib.asc", "no key");
	git_pack(&b,
	    arena_printf(&repo_arena, "%s%s\n%s\n%s\n", base, rev("HEAD:zlib"),
		rev("HEAD:zlib/zlib.asc"), rev("HEAD:zlib/test")),
	    "--window=0");
	bad(&b, head, "has no recipe of zlib/test", "no recipe");
	git_pack(&b,
	    arena_printf(&repo_arena, "%s%s\n%s\n%s\n%s\n%s\n", base,
		rev("HEAD:zlib"), rev("HEAD:zlib/zlib.asc"),
		rev("HEAD:zlib/test"), rev("HEAD:" LEAF),
		rev("HEAD:zlib/test/files")),
	    "--window=0");
	bad(&b, head, "lacks folder zlib/test/files/a", "half of files/");
	git_pack(&b, arena_printf(&repo_arena, "%s\n", head), "--window=0");
	bad(&b, head, "root folder is missing", "a commit alone");
	git_pack(&b, arena_printf(&repo_arena, "%s\n", rev("HEAD^{tree}")),
	    "--window=0");
	bad(&b, head, "lacks the commit", "no commit");
	buf_release(&b);
}

static void
test_mirror(void)
{
	const char *path = below("mirror.git");
	struct error err;
	struct tree *t;

	ok(tree_mirror(path, repo_path, &err) == 0, "a local path %s", err.msg);
	ok(tree_open(&t, path, NULL, &err) == 0 &&
		strcmp(tree_commit(t), head) == 0,
	    "its HEAD is the tree's");
	tree_close(t);
	git(NULL, "checkout", "-q", "-b", "next", NULL);
	put("kde/q/q-1.0.jobuild", "DESCRIPTION=\"q\"\n");
	commit();
	git(NULL, "tag", "v2", NULL);
	ok(tree_mirror(path, arena_printf(&repo_arena, "file://%s", repo_path),
	       &err) == 0,
	    "file:// %s", err.msg);
	t = open_tree(path, "v2");
	ok(tree_package(t, "kde", "q"), "what is new has come");
	tree_close(t);
	git(NULL, "checkout", "-q", "main", NULL);
	git(NULL, "branch", "-q", "-D", "next", NULL);
	tree_mirror(path, repo_path, &err);
	ok(tree_open(&t, path, "next", &err) < 0, "a removed branch has gone");
	ok(tree_mirror(path, "ssh://git@example.org/x", &err) < 0 &&
		strstr(err.msg, "not by \"ssh\""),
	    "%s", err.msg);
	ok(tree_mirror(path, "git@example.org:x", &err) < 0 &&
		strstr(err.msg, "not by ssh"),
	    "%s", err.msg);
	ok(tree_mirror(path, "http://example.org/x", &err) < 0 &&
		strstr(err.msg, "not by \"http\""),
	    "%s", err.msg);
	ok(tree_mirror(path, below("nowhere"), &err) < 0 &&
		strstr(err.msg, "No such file"),
	    "%s", err.msg);
	ok(tree_mirror(repo_path, path, &err) < 0 &&
		strstr(err.msg, "is no mirror"),
	    "a work tree isn't overwritten");
}

int
main(void)
{
	repo_begin();
	set_up();
	test_good();
	test_form();
	test_objects();
	test_content();
	test_mirror();
	repo_end();
	return tap_done();
}
