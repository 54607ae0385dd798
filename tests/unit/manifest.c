/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "base/arena.h"
#include "base/buf.h"
#include "tree/manifest.h"

#include <stdlib.h>

#define B                                                                      \
	"BLAKE2B "                                                             \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"     \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define S                                                                      \
	"SHA512 "                                                              \
	"fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"     \
	"fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static struct arena arena;

static struct manifest *
parse(const char *text, size_t len, struct diags *d)
{
	diags_init(d, &arena);
	return manifest_parse(&arena, "u/n/Manifest", text, len, d);
}

/* The one error that text makes (after warnings): its place and rule. */
static void
bad(const char *text, uint32_t line, uint32_t col, const char *rule)
{
	struct diags d;
	struct manifest *m = parse(text, strlen(text), &d);
	const struct diag *g = d.n ? &d.list[d.n - 1] : NULL;
	bool good = !m && d.errors == 1 && g->level == DIAG_ERROR &&
	    g->at.line == line && g->at.col == col &&
	    strcmp(g->rule, rule) == 0;

	ok(good, "refused: %.60s", show(&arena, text, strlen(text)));
	if (!good) {
		printf("# wanted %u:%u %s, got:\n", line, col, rule);
		diags_print(&d, stdout);
	}
}

#define MERGED                                                                 \
	"remove all lines of marks, and what both sides have for the same "    \
	"file: \"jobuild manifest u/n\" writes it anew"

/* What the one error that text makes advises. */
static void
remedy(const char *text, const char *hint)
{
	struct diags d;

	(void)parse(text, strlen(text), &d);
	is(d.n == 1 && d.list[0].hint ? d.list[0].hint : "", hint, hint);
}

static void
test_good(void)
{
	const char *text = "DIST zlib-1.3.tar.gz 1234 " B " " S "\n"
			   "\n"
			   "AUX fix%20@=!.patch 0 " S "\n"
			   "AUX sub/dir\\x20x\\u00E9 7\t" B;
	const struct manifest_entry *e;
	struct diags d;
	struct manifest *m = parse(text, strlen(text), &d);

	if (!ok(m && d.n == 0, "a good Manifest is read"))
		diags_print(&d, stdout);
	is_int((long long)m->n, 3, "three entries");
	e = manifest_find(m, MANIFEST_DIST, "zlib-1.3.tar.gz");
	ok(e && e->size == 1234 && e->at.line == 1 && e->at.col == 1,
	    "DIST is found, with size and place");
	ok(e && strncmp(e->blake2b, "0123", 4) == 0 &&
		strncmp(e->sha512, "fedc", 4) == 0,
	    "both hashes");
	e = manifest_find(m, MANIFEST_AUX, "fix%20@=!.patch");
	ok(e && e->size == 0 && !e->blake2b[0] && e->sha512[0],
	    "odd characters are just characters");
	ok(manifest_find(m, MANIFEST_AUX, "sub/dir x\xc3\xa9"),
	    "escapes are decoded");
	ok(!manifest_find(m, MANIFEST_AUX, "zlib-1.3.tar.gz"),
	    "tags are told apart");
}

static void
test_weak_beside(void)
{
	const char *text = "DIST a 1 WHIRLPOOL 00 " B "\n";
	struct diags d;

	ok(parse(text, strlen(text), &d) && d.errors == 0 && d.n == 1 &&
		d.list[0].level == DIAG_WARNING && d.list[0].at.col == 10,
	    "an unknown hash beside a good one is a warning");
}

static void
test_bad(void)
{
	bad("MANIFEST a 1 " B "\n", 1, 1, "manifest-tag");
	bad("DIST a 1 " B "\n  dist b 1 " B "\n", 2, 3, "manifest-tag");
	bad("-----BEGIN PGP SIGNED MESSAGE-----\n", 1, 1, "manifest-signed");
	bad("DIST\n", 1, 5, "manifest-line");
	bad("DIST a\n", 1, 7, "manifest-line");
	bad("DIST a 1\n", 1, 9, "manifest-hash");
	bad("DIST a 1 " B " SHA512\n", 1, 153, "manifest-line");
	bad("DIST a -1 " B "\n", 1, 8, "manifest-size");
	bad("DIST a 01 " B "\n", 1, 8, "manifest-size");
	bad("DIST a 0x1 " B "\n", 1, 8, "manifest-size");
	bad("DIST a 9007199254740993 " B "\n", 1, 8, "manifest-size");
	bad("DIST a 99999999999999999999999999 " B "\n", 1, 8, "manifest-size");
	bad("DIST a 1 MD5 d41d8cd98f00b204e9800998ecf8427e\n", 1, 9,
	    "manifest-hash");
	bad("DIST a 1 BLAKE2B 00\n", 1, 18, "manifest-hash");
	bad("DIST a 1 " B "0\n", 1, 18, "manifest-hash");
	bad("DIST a 1 " S " " S "\n", 1, 146, "manifest-hash");
	bad("DIST a 1 " B "\nDIST a 1 " B "\n", 2, 1, "manifest-duplicate");
	bad("DIST a 1 " B "\nDIST \\x61 2 " S "\n", 2, 1, "manifest-duplicate");
	remedy("DIST a 1 " B "\nDIST a 1 " B "\n",
	    "they say the same: remove one");
	remedy("DIST a 1 " B "\nDIST a 2 " B "\n",
	    "remove both: \"jobuild manifest u/n\" writes the right one");
	remedy("DIST a 1 " B "\n<<<<<<< HEAD\nDIST b 1 " B "\n", MERGED);
	remedy("||||||| 123\n", MERGED);
	remedy("=======\n", MERGED);
	remedy(">>>>>>> branch\n", MERGED);
	remedy("========\n", "");
	remedy("<<=====\n", "");
	bad("DIST a/b 1 " B "\n", 1, 6, "manifest-name");
	bad("DIST .. 1 " B "\n", 1, 6, "manifest-name");
	bad("DIST \\x2e 1 " B "\n", 1, 6, "manifest-name");
	bad("AUX /a 1 " B "\n", 1, 5, "manifest-name");
	bad("AUX a//b 1 " B "\n", 1, 5, "manifest-name");
	bad("AUX a/../b 1 " B "\n", 1, 5, "manifest-name");
	bad("AUX a/ 1 " B "\n", 1, 5, "manifest-name");
	bad("AUX a\\b 1 " B "\n", 1, 6, "manifest-name");
	bad("AUX a\\x0ab 1 " B "\n", 1, 5, "manifest-name");
	bad("AUX a\\x00b 1 " B "\n", 1, 5, "manifest-name");
	bad("AUX a\\uD800 1 " B "\n", 1, 6, "manifest-name");
	bad("AUX a\xc2\xa0"
	    "b 1 " B "\n",
	    1, 6, "manifest-name");
	bad("AUX a\xff 1 " B "\n", 1, 6, "manifest-name");
	bad("AUX a\xc2\x9b 1 " B "\n", 1, 5, "manifest-name");
	bad("DIST a 1 " B "\r\n", 1, 146, "manifest-line");
	bad("DIST a\001 1 " B "\n", 1, 7, "manifest-line");
	bad("# comment\n", 1, 1, "manifest-tag");
	bad("DATA a 1 " B "\n", 1, 1, "manifest-tag");
}

static void
test_limits(void)
{
	static char long_name[300];
	struct diags d;
	struct buf b;
	int i;

	ok(!parse("DIST a\0b 1 " B "\n", strlen(B) + 12, &d) && d.errors == 1,
	    "NUL is refused");
	memset(long_name, 'x', sizeof(long_name) - 1);
	is(manifest_name_problem(MANIFEST_DIST, long_name),
	    "is empty or longer than 255 bytes", "long names are refused");
	buf_init(&b, 64 << 20);
	for (i = 0; i <= MANIFEST_ENTRIES_MAX; i++)
		buf_addf(&b, "DIST %d 1 " S "\n", i);
	ok(!parse(b.data, b.len < MANIFEST_MAX ? b.len : MANIFEST_MAX, &d),
	    "too many lines are refused");
	ok(!parse(b.data, MANIFEST_MAX + 1, &d) && d.errors == 1 &&
		strcmp(d.list[0].rule, "manifest-limit") == 0,
	    "too many bytes are refused");
	buf_release(&b);
	ok(parse("", 0, &d) && d.n == 0, "an empty Manifest is one");
}

static void
test_write(void)
{
	const char *sorted = "AUX b\\x20c\\x5C 2 " S "\n"
			     "AUX z\\u2003z 1 " B "\n"
			     "DIST a 3 " B " " S "\n"
			     "DIST b 4 " B "\n";
	const char *mixed = "DIST b 4 " B "\n"
			    "AUX z\\u2003z 1 " B "\n"
			    "DIST a 3 " S "  " B "\n"
			    "AUX b\\u0020c\\x5c 2 " S "\n";
	struct manifest_entry e = {
	    .tag = MANIFEST_DIST, .name = "a/b", .size = 1};
	struct manifest made = {.entries = &e, .n = 1};
	struct manifest *m;
	struct diags d;
	struct buf b;

	m = parse(mixed, strlen(mixed), &d);
	buf_init(&b, 1 << 20);
	is_int(manifest_write(m, &b), 0, "written");
	is(b.data, sorted, "sorted, with escapes");
	m = parse(b.data, b.len, &d);
	b.len = 0;
	manifest_write(m, &b);
	is(b.data, sorted, "writing what was read gives the same bytes");
	is_int(manifest_write(&made, &b), -1, "a bad name isn't written");
	e.name = "a b";
	ok(manifest_find(&made, MANIFEST_DIST, "a b") == &e,
	    "a Manifest made by hand can be searched");
	buf_release(&b);
	buf_init(&b, 20);
	is_int(manifest_write(m, &b), -1, "a full buffer is told");
	buf_release(&b);
}

static void
test_keep(void)
{
	const char *odd = "DIST\tb  4 WHIRLPOOL 00 " B,
		   *text = "  DIST\tb  4 WHIRLPOOL 00 " B "  \n"
			   "AUX a 1 " S "\n";
	struct manifest_entry more = {
	    .tag = MANIFEST_DIST, .name = "a", .size = 5};
	struct manifest made = {0};
	struct manifest *m;
	struct diags d;
	struct buf b;

	m = parse(text, strlen(text), &d);
	if (!ok(m && m->n == 2, "two lines to keep"))
		return;
	made.entries = arena_array(&arena, 3, struct manifest_entry);
	memcpy(made.entries, m->entries, 2 * sizeof(more));
	made.entries[2] = more;
	made.n = 3;
	buf_init(&b, 1 << 20);
	is_int(manifest_write_kept(&made, &b), 0, "written");
	is(b.data, arena_printf(&arena, "AUX a 1 " S "\nDIST a 5\n%s\n", odd),
	    "sorted; what was read stands as it stood, without outer blanks");
	buf_release(&b);
}

static void
test_same(void)
{
	struct manifest_entry a = {.size = 1, .blake2b = "1", .sha512 = "2"},
			      b = a;

	ok(manifest_same(&a, &b), "equal entries");
	b.sha512[0] = '\0';
	ok(manifest_same(&a, &b) && manifest_same(&b, &a),
	    "a hash that one lacks doesn't matter");
	a.blake2b[0] = '\0';
	ok(!manifest_same(&a, &b), "no hash in common: not the same");
	a = b;
	a.size = 2;
	ok(!manifest_same(&a, &b), "another size");
	a = b;
	a.blake2b[0] = '3';
	ok(!manifest_same(&a, &b), "another hash");
}

int
main(void)
{
	test_good();
	test_weak_beside();
	test_bad();
	test_limits();
	test_write();
	test_keep();
	test_same();
	arena_release(&arena);
	return tap_done();
}
