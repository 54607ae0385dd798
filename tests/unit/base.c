/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The base library, one function of tests a module. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/diag.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"
#include "base/proc.h"
#include "base/utf8.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
test_error(void)
{
	struct error err;

	is_int(fail(&err, "no %s", "bread"), -1, "fail returns -1");
	is(err.msg, "no bread", "and has the text");
	errno = ENOENT;
	fail_errno(&err, "open %s", "x");
	is(err.msg, "open x: No such file or directory", "errno's text");
	is_int(err.code, ENOENT, "errno's number");
	fail_in(&err, "stage %d", 3);
	is(err.msg, "stage 3: open x: No such file or directory", "context");
	is_int(err.code, ENOENT, "context keeps the number");
}

static void
test_arena(void)
{
	struct arena a = {0};
	size_t *list = NULL, i;
	bool same = true;
	char *p;

	p = arena_alloc(&a, 3, 1000000);
	ok(p[0] == 0 && p[2999999] == 0, "large and zeroed");
	for (i = 0; i < 1000; i++) {
		list = arena_grow(&a, list, i, sizeof(*list));
		list[i] = i;
	}
	for (i = 0; i < 1000; i++)
		same = same && list[i] == i;
	ok(same, "a growing array keeps its elements");
	is(arena_printf(&a, "%s-%d", "x", 7), "x-7", "printf");
	is(arena_strndup(&a, "abcdef", 3), "abc", "strndup");
	arena_release(&a);
	ok(a.blocks == NULL, "released");
}

static void
test_arena_reserve(void)
{
	struct arena a = {0};
	const char *p, *q;
	size_t held;

	arena_reserve(&a, arena_room(10) + arena_room(5000));
	held = arena_size(&a);
	p = arena_alloc(&a, 10, 1);
	q = arena_alloc(&a, 5000, 1);
	ok(q == p + arena_room(10), "what was reserved is one piece");
	is_int((long long)(arena_size(&a) - held),
	    (long long)(arena_room(10) + arena_room(5000)),
	    "and all of it is used");
	arena_alloc(&a, 1, 1);
	ok(arena_size(&a) < held + 6000, "what comes after takes little");
	arena_release(&a);
}

static void
test_buf(void)
{
	struct buf b;

	buf_init(&b, 8);
	is_int(buf_adds(&b, "1234"), 0, "add");
	is_int(buf_addf(&b, "%d", 5678), 0, "up to the limit");
	is_int(buf_addc(&b, '9'), -1, "not above it");
	is(b.data, "12345678", "what was there stays");
	buf_release(&b);
	ok(b.data == NULL && b.max == 8, "released, the limit stays");
}

static void
test_map(void)
{
	struct arena a = {0};
	struct map m;
	bool all = true;
	int i, values[500];

	map_init(&m, &a);
	ok(map_gets(&m, "x") == NULL, "nothing in an empty map");
	for (i = 0; i < 500; i++)
		*map_puts(&m, arena_printf(&a, "key %d", i)) = &values[i];
	for (i = 0; i < 500; i++)
		all = all &&
		    map_gets(&m, arena_printf(&a, "key %d", i)) == &values[i];
	ok(all, "all 500 are found");
	is(m.items[7].key, "key 7", "in order of insertion");
	*map_put(&m, "key 7", 5) = &values[0];
	ok(m.n == 500 && map_gets(&m, "key 7") == &values[0], "replaced");
	arena_release(&a);
}

static void
test_controls(void)
{
	static const struct {
		const char *s;
		bool control;
	} cases[] = {
	    {"\x1f", true},
	    {" ", false},
	    {"\x7f", true},
	    {"\xc2\x80", true},
	    {"\xc2\xa0", false},
	    {"\xd8\x9b", false},
	    {"\xd8\x9c", true}, /* U+061C */
	    {"\xe2\x80\x8d", false},
	    {"\xe2\x80\x8e", true}, /* U+200E */
	    {"\xe2\x80\x8f", true},
	    {"\xe2\x80\x90", false},
	    {"\xe2\x80\xa9", false},
	    {"\xe2\x80\xaa", true}, /* U+202A */
	    {"\xe2\x80\xae", true},
	    {"\xe2\x80\xaf", false},
	    {"\xe2\x81\xa5", false},
	    {"\xe2\x81\xa6", true}, /* U+2066 */
	    {"\xe2\x81\xa9", true},
	    {"\xe2\x81\xaa", false},
	    {"\xe3\x80\xae", false},
	    {"\xf0\x9f\x98\x80", false},
	};
	struct arena a = {0};
	size_t i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = strlen(cases[i].s);
		ok(utf8_is_control(cases[i].s, n) == cases[i].control,
		    "%s is %s control", show(&a, cases[i].s, n),
		    cases[i].control ? "a" : "no");
	}
	is(show(&a,
	       "a\xe2\x80\xae"
	       "b",
	       5),
	    "a\\xe2\\x80\\xaeb", "they are shown as bytes");
	arena_release(&a);
}

static void
test_utf8(void)
{
	is_int((long long)utf8_char("\xc3\xa4", 2), 2, "two bytes");
	is_int((long long)utf8_char("\xc0\xaf", 2), 0, "overlong");
	is_int((long long)utf8_char("\xed\xa0\x80", 3), 0, "surrogate");
	is_int((long long)utf8_char("\xf4\x90\x80\x80", 4), 0, "too high");
	is_int((long long)utf8_char("\xe2\x82", 2), 0, "cut off");
	is_int((long long)utf8_valid("ab\xff", 3), 2, "first bad byte");
	test_controls();
}

/* Lines under diagnostics: shared when it is the same, left out when long. */
static void
test_diag_lines(void)
{
	static const char text[] = "first\nsecond\n";
	struct arena a = {0};
	struct diag *g;
	struct diags d;
	char longest[DIAG_LINE_MAX + 2];

	diags_init(&d, &a);
	g = diag_error(&d, (struct place){"f", 2, 1}, "one", "one");
	diag_source(&d, g, text, sizeof(text) - 1);
	g = diag_error(&d, (struct place){"f", 2, 3}, "two", "two");
	diag_line(&d, g, text + 6, sizeof(text) - 7);
	ok(d.list[0].source && strcmp(d.list[0].source, "second") == 0 &&
		d.list[1].source == d.list[0].source,
	    "two errors in a line keep it once");
	g = diag_error(&d, (struct place){"g", 2, 1}, "three", "three");
	diag_line(&d, g, text, sizeof(text) - 1);
	ok(g->source && strcmp(g->source, "first") == 0,
	    "but not that of another file");
	memset(longest, 'x', sizeof(longest));
	g = diag_error(&d, (struct place){"h", 1, 1}, "four", "four");
	diag_line(&d, g, longest, DIAG_LINE_MAX + 1);
	ok(!g->source, "a line that is too long isn't kept");
	diag_line(&d, g, longest, DIAG_LINE_MAX);
	ok(g->source && strlen(g->source) == DIAG_LINE_MAX,
	    "the longest that is");
	ok(!diags_full(&d) && d.errors == 4, "there is room");
	arena_release(&a);
}

static void
test_diag(void)
{
	static const char source[] = "A=1\n\tB=$(x)\n";
	struct place at = {"a/b/b-1.0.jobuild", 2, 4};
	struct arena a = {0};
	struct diags d, again;
	struct diag *g;
	json_t *array;
	char *out, brief[100];
	size_t n;
	FILE *f;

	diags_init(&d, &a);
	g = diag_error(&d, at, "command", "command %s", "substitution\033[1m");
	diag_hint(&d, g, "write the value");
	diag_source(&d, g, source, sizeof(source) - 1);
	f = open_memstream(&out, &n);
	diags_print(&d, f);
	fclose(f);
	is(out,
	    "a/b/b-1.0.jobuild:2:4: error: command substitution\\x1b[1m "
	    "[command]\n\t\tB=$(x)\n\t\t  ^\n"
	    "a/b/b-1.0.jobuild:2:4: note: write the value\n",
	    "text form with caret; escapes are shown");
	free(out);
	array = diags_json(&d);
	diags_init(&again, &a);
	is_int(diags_from_json(&again, array), 0, "through JSON and back");
	ok(again.n == 1 && again.errors == 1 && again.list[0].at.col == 4,
	    "nothing lost");
	json_decref(array);
	diag_error(&again, (struct place){0}, "second", "another one");
	diags_brief(&again, "no", brief, sizeof(brief));
	is(brief,
	    "no: a/b/b-1.0.jobuild: command substitution\\x1b[1m; another one",
	    "in a line");
	diags_brief(&again, "no", brief, 8);
	is(brief, "no: a/b", "cut to size");
	arena_release(&a);
}

static void
test_digest(void)
{
	char hex[DIGEST_HEX_MAX];

	digest_of(DIGEST_KEY, "", 0, hex);
	is(hex,
	    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
	    "BLAKE2b-256 of nothing");
	digest_of(DIGEST_SHA256, "abc", 3, hex);
	is(hex,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "SHA-256 of abc (FIPS 180-2)");
	digest_of(DIGEST_BLAKE2B, "abc", 3, hex);
	is(hex,
	    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
	    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
	    "BLAKE2b-512 of abc (RFC 7693)");
	digest_sha1("a", 1, "bc", 2, hex);
	ok(memcmp(hex,
	       "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71"
	       "\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d",
	       SHA1_SIZE) == 0,
	    "SHA-1 of abc, in two pieces (FIPS 180-2)");
	ok(is_hex("0f", 2) && !is_hex("0F", 2) && !is_hex("0", 2), "is_hex");
}

struct settings {
	const char *name;
	struct conf_list mirrors;
	int64_t size, time;
	bool network;
};

static const struct conf_option options[] = {
    {"name", CONF_TEXT, offsetof(struct settings, name), "none"},
    {"mirror", CONF_LIST, offsetof(struct settings, mirrors), NULL},
    {"size", CONF_SIZE, offsetof(struct settings, size), "1K"},
    {"time", CONF_DURATION, offsetof(struct settings, time), "2h"},
    {"network", CONF_BOOL, offsetof(struct settings, network), "no"},
    {NULL, CONF_TEXT, 0, NULL},
};

static void
test_conf(const char *dir)
{
	static const char text[] = "# comment\n\n name = a b \nmirror = x\n"
				   "mirror=y\nsize = 2G\nnetwork = yes\n";
	struct settings s = {0};
	struct arena a = {0};
	struct error err;
	char *path = arena_printf(&a, "%s/conf", dir);

	is_int(conf_defaults(options, &s, &a, &err), 0, "defaults");
	ok(s.size == 1024 && s.time == 7200 && !s.network, "as the table says");
	file_write(path, text, sizeof(text) - 1, 0644, &err);
	is_int(conf_read(path, options, &s, &a, &err), 0, "read");
	is(s.name, "a b", "text without the blanks around it");
	ok(s.mirrors.n == 2 && strcmp(s.mirrors.items[1], "y") == 0, "list");
	ok(s.size == 2147483648 && s.network, "size and bool");
	file_write(path, "size = 1\ncolour = red\n", 22, 0644, &err);
	is_int(conf_read(path, options, &s, &a, &err), -1, "unknown name");
	ok(strstr(err.msg, "conf:2: unknown option \"colour\""), "its line");
	is_int(conf_set(options, "time", "3 weeks", &s, &a, &err), -1,
	    "bad duration");
	ok(strstr(err.msg, "20m"), "the error shows the form");
	is_int(conf_parse_size("9007199254740993"), -1, "too large");
	arena_release(&a);
}

/* A tree of this depth, with a file and a link to outside at its end. */
static void
make_deep(int at, int depth)
{
	int fd, next;

	mkdirat(at, "deep", 0755);
	fd = openat(at, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (; depth > 0; depth--) {
		mkdirat(fd, "a-folder-with-a-name-of-some-length", 0755);
		mkdirat(fd, "sister", 0500);
		next = openat(fd, "a-folder-with-a-name-of-some-length",
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	close(openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0400));
	if (symlinkat("../../../conf", fd, "link") < 0)
		perror("symlinkat");
	close(fd);
}

static void
test_file(const char *dir)
{
	struct arena a = {0};
	struct error err;
	struct stat st;
	struct buf b;
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	is_int(file_write_at(at, "f", "hello", 5, 0640, &err), 0, "write");
	buf_init(&b, 5);
	is_int(file_read_at(at, "f", &b, &err), 0, "read");
	is(b.data, "hello", "the same bytes");
	buf_release(&b);
	buf_init(&b, 4);
	is_int(file_read_at(at, "f", &b, &err), -1, "larger than the limit");
	is(err.msg, "f: is larger than 4 bytes", "with its name and the limit");
	buf_release(&b);
	ok(fstatat(at, "f", &st, 0) == 0 && (st.st_mode & 07777) == 0640,
	    "exact mode");
	is_int(file_mkdirs(arena_printf(&a, "%s/x/y/z", dir), 0755, &err), 0,
	    "folder with parents");
	is_int(file_mkdirs(arena_printf(&a, "%s/f/y", dir), 0755, &err), -1,
	    "not through a file");
	make_deep(at, 3000);
	is_int(file_remove_tree(at, "deep", &err), 0, "3000 levels deep");
	ok(fstatat(at, "deep", &st, 0) < 0 && fstatat(at, "f", &st, 0) == 0,
	    "gone, and only that");
	is_int(file_remove_tree(at, "deep", &err), 0, "nothing to remove");
	close(at);
	arena_release(&a);
}

static void
test_proc(void)
{
	const char *const echo[] = {"echo", "a  b", NULL};
	const char *const no[] = {"false", NULL};
	const char *const none[] = {"no-such-program-anywhere", NULL};
	struct error err;
	struct buf b;

	buf_init(&b, 100);
	is_int(proc_run(echo, &b, &err), 0, "run");
	is(b.data, "a  b\n", "output");
	is_int(proc_run(no, NULL, &err), -1, "failure");
	is(err.msg, "false: exit 1", "with its status");
	is_int(proc_run(none, NULL, &err), -1, "no such program");
	is_int(err.code, ENOENT, "with errno");
	buf_release(&b);
}

int
main(void)
{
	char dir[] = "/tmp/autotua-test-XXXXXX";
	struct error err;

	if (!mkdtemp(dir))
		return 1;
	test_error();
	test_arena();
	test_arena_reserve();
	test_buf();
	test_map();
	test_utf8();
	test_diag();
	test_diag_lines();
	test_digest();
	test_conf(dir);
	test_file(dir);
	test_proc();
	is_int(file_remove_tree(AT_FDCWD, dir, &err), 0, "cleaned up");
	return tap_done();
}
