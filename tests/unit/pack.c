/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packs of recipes and their hostile sisters. */
#include "tap.h"
#include "packs.h"

#include <arpa/inet.h>
#include <gcrypt.h>
#include <zlib.h>

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

/* Pack this recipe of the tree; the bytes go to out. */
static bool
pack_of(struct tree *t, const char *id, struct buf *out)
{
	const char *path = below("out.pack");
	const struct tree_recipe *r;
	struct error err = {0};
	struct diags d;
	bool good;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = recipe_of(t, id, &d);
	good = r && tree_pack(t, &r, 1, fd, &err) == 0;
	close(fd);
	out->len = 0;
	if (!good || file_read(path, out, &err) < 0)
		printf("# pack: %s\n", err.msg);
	return good;
}

/* The same of HEAD, in a tree that has packed nothing yet. */
static bool
pack(const char *id, struct buf *out)
{
	struct tree *t = open_tree(repo_path, "HEAD");
	bool good = pack_of(t, id, out);

	tree_close(t);
	return good;
}

/* What is remembered from one to the next changes none of them. */
static void
test_many(void)
{
	static const char *const ids[] = {
	    "kde/p0-1.0", "zlib/test-1.0", "kde/p1-1.0", "kde/p0-1.0"};
	struct tree *t = open_tree(repo_path, "HEAD");
	struct buf b, alone;
	size_t i;

	buf_init(&b, 1 << 20);
	buf_init(&alone, 1 << 20);
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		ok(pack_of(t, ids[i], &b) && pack(ids[i], &alone) &&
			b.len == alone.len &&
			memcmp(b.data, alone.data, b.len) == 0,
		    "%s of a tree that packs several", ids[i]);
	buf_release(&alone);
	buf_release(&b);
	tree_close(t);
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
	t = open_pack(head, "zlib/test-1.0", &b, &err);
	ok(t, "it can be opened %s", err.msg);
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
	ok(pack("kde/p1-1.0", &again) && b.len != again.len,
	    "another recipe makes another");
	t = open_pack(head, "kde/p1-1.0", &again, &err);
	ok(t && recipe_of(t, "kde/p1-1.0", &d) &&
		!recipe_of(t, "zlib/test-1.0", &d),
	    "with that recipe and no other %s", err.msg);
	tree_close(t);
	buf_release(&again);
	buf_release(&b);
}

static void
bad(const struct buf *b, const char *commit_, const char *want,
    const char *name)
{
	refused(commit_, "zlib/test-1.0", b, want, name);
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
	bad(&b, "g123456789012345678901234567890123456789", "is not the id",
	    "no hex digits");
	b.data[b.len - 1] ^= 1;
	bad(&b, head, "another sum", "a wrong sum");
	b.data[b.len - 1] ^= 1;
	b.data[60] ^= 1;
	bad(&b, head, "another sum", "a changed byte");
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
	buf_add(&b, good.data, good.len);
	buf_adds(&b, "more");
	bad(&b, head, "another sum", "bytes after the end");
	b.len = 0;
	buf_add(&b, good.data, good.len - 20);
	buf_adds(&b, "more");
	buf_add(&b, good.data + good.len - 20, 20);
	seal(&b);
	bad(&b, head, "more than its objects", "bytes before the sum");
	b.len = 0;
	buf_add(&b, good.data, good.len / 2);
	bad(&b, head, "another sum", "half a pack");
	b.len = 0;
	buf_adds(&b, "");
	bad(&b, head, "is cut off", "nothing");
	buf_adds(&b, "this is no pack at all, but longer than one must be");
	bad(&b, head, "is not a git pack", "no pack");
	buf_release(&good);
	buf_release(&b);
}

/* One object more, which is there already. */
static void
test_twice(struct buf *b, const struct buf *good)
{
	unsigned char blob[64], head_ = 0x30 | 12;
	uLongf n = sizeof(blob);

	compress2(blob, &n, (const Bytef *)"key of base\n", 12, 9);
	buf_add(b, good->data, good->len - 20);
	buf_add(b, &head_, 1);
	buf_add(b, blob, n);
	buf_add(b, good->data, 20);
	set_count(b, 18);
	bad(b, head, "an object twice", "an object twice");
}

/* A blob that says 10 bytes and inflates to 64 MiB. */
static void
test_bomb(struct buf *b)
{
	size_t size = 64 << 20;
	uLongf n = compressBound(size);
	unsigned char *zero = calloc(1, size), *out = malloc(n);
	unsigned char first[12] = {'P', 'A', 'C', 'K', 0, 0, 0, 2, 0, 0, 0, 1};
	unsigned char head_ = 0x30 | 10;

	compress2(out, &n, zero, size, 9);
	b->len = 0;
	buf_add(b, first, sizeof(first));
	buf_add(b, &head_, 1);
	buf_add(b, out, n);
	buf_add(b, first, 12);
	buf_add(b, first, 8);
	seal(b);
	bad(b, head, "has a broken object", "an inflate bomb");
	free(out);
	free(zero);
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
	b.len = 0;
	test_twice(&b, &good);
	test_bomb(&b);
	buf_release(&good);
	buf_release(&b);
}

/* Ids of what a pack of kde/p1-1.0 has, a line each; without: not that one. */
static const char *
objects(const char *without)
{
	static const char *const names[] = {"HEAD", "HEAD^{tree}", "HEAD:kde",
	    "HEAD:kde/kde.asc", "HEAD:kde/p1", "HEAD:kde/p1/p1-1.0.jobuild"};
	const char *text = "";
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!without || strcmp(names[i], without) != 0)
			text = arena_printf(
			    &repo_arena, "%s%s\n", text, rev(names[i]));
	}
	return text;
}

static void
bad_content(const char *ids, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	git_pack(&b, ids, "--window=0");
	refused(head, "kde/p1-1.0", &b, want, name);
	buf_release(&b);
}

static void
test_content(void)
{
	const char *all = objects(NULL), *other;
	struct error err;
	struct tree *t;
	struct buf b;

	buf_init(&b, 1 << 20);
	git_pack(&b, all, "--window=0");
	t = open_pack(head, "kde/p1-1.0", &b, &err);
	ok(t, "a right pack by git itself %s", err.msg);
	tree_close(t);
	refused(head, "kde/p2-1.0", &b, "lacks a part of kde/p2-1.0",
	    "but of another recipe");
	buf_release(&b);

	bad_content(
	    arena_printf(&repo_arena, "%s%s\n", all, rev("HEAD:README")),
	    "doesn't belong", "an extra blob");
	bad_content(arena_printf(&repo_arena, "%s%s\n", all, rev("HEAD:zlib")),
	    "doesn't belong", "an extra tree that the root lists");
	bad_content(arena_printf(&repo_arena, "%s%s\n%s\n", all,
			rev("HEAD:kde/p2"), rev("HEAD:zlib/zlib.asc")),
	    "doesn't belong", "an extra recipe's folder and key");
	git(NULL, "commit", "-q", "--allow-empty", "-m", "y", NULL);
	other = rev("HEAD");
	git(NULL, "reset", "-q", "--hard", "HEAD~1", NULL);
	bad_content(arena_printf(&repo_arena, "%s%s\n", all, other),
	    "doesn't belong", "an extra commit");
	bad_content(objects("HEAD"), "lacks the commit", "no commit");
	bad_content(
	    objects("HEAD^{tree}"), "root folder is missing", "no root");
	bad_content(objects("HEAD:kde"), "lacks a part", "no folder of a user");
	bad_content(objects("HEAD:kde/p1"), "lacks a part", "no package");
	bad_content(objects("HEAD:kde/kde.asc"), "lacks the file kde/kde.asc",
	    "no key");
	bad_content(
	    objects("HEAD:kde/p1/p1-1.0.jobuild"), "lacks a part", "no recipe");
}

/* The pack of zlib/test-1.0 without one object, or with a line more. */
static void
test_missing(void)
{
	static const struct {
		const char *path, *want;
	} lost[] = {
	    {LEAF ".asc", "lacks the file " LEAF ".asc"},
	    {PARENT, "lacks a part"},
	    {PARENT ".asc", "lacks the file " PARENT ".asc"},
	    {"zlib/test/Manifest", "lacks a part"},
	    {"zlib/test/Manifest.asc", "lacks the file zlib/test/Manifest.asc"},
	    {"zlib/test/files", "lacks a part"},
	    {"zlib/test/files/a", "lacks a part"},
	    {"zlib/test/files/a/b", "lacks a part"},
	    {"base", "lacks a part"},
	    {"base/base.asc", "lacks the file base/base.asc"},
	};
	static const char *const all[] = {"", "base", "base/base.asc",
	    "base/flow", PARENT, PARENT ".asc", "zlib", "zlib/zlib.asc",
	    "zlib/test", LEAF, LEAF ".asc", "zlib/test/Manifest",
	    "zlib/test/Manifest.asc", "zlib/test/files", "zlib/test/files/a",
	    "zlib/test/files/a/b"};
	const char *ids;
	struct buf b;
	size_t i, k;

	buf_init(&b, 1 << 20);
	for (i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		ids = arena_printf(&repo_arena, "%s\n", head);
		for (k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
			if (strcmp(all[k], lost[i].path) != 0)
				ids = arena_printf(&repo_arena, "%s%s\n", ids,
				    rev(arena_printf(
					&repo_arena, "HEAD:%s", all[k])));
		}
		git_pack(&b, ids, "--window=0");
		bad(&b, head, lost[i].want,
		    arena_printf(&repo_arena, "without %s", lost[i].path));
	}
	buf_release(&b);
}

int
main(void)
{
	repo_begin();
	set_up();
	test_good();
	test_many();
	test_form();
	test_objects();
	test_content();
	test_missing();
	repo_end();
	return tap_done();
}
