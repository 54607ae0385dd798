/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our values against bash's: makes random assignments in the subset that is
 * evaluated and near it, evaluates each with value_eval(), and lets one bash
 * assign all that were accepted. What bash gives must be the same byte for
 * byte; what we refused does not matter, but is counted.
 *
 *	valuetest SEED COUNT          random cases
 *	valuetest FILE...             the lines of files, one case each
 *
 * Prints TAP. A case is the text after "_v=".
 */
#include "recipe/value.h"
#include "recipe/recipe.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/proc.h"
#include "tests/parse/mutate.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

/* What the cases refer to, set alike on both sides. */
static const struct {
	const char *name, *value;
} given[] = {
    {"e", ""},
    {"a", "abcABC"},
    {"b", "x/y/z-1.2.3.tar.gz"},
    {"c", "  two  words "},
    {"d", "*?[a-c]"},
    {"q", "it's \"q\" \\ $a `b`"},
    {"n", "2"},
    {"m", "-1"},
    {"l", "one\ntwo\n"},
    {"u", "gr\303\274n"},
    {"s", "/"},
    {"t", "&\\&"},
    {"h", "#%ab"},
    {"p", "a*"},
    {"k", "a]b[c"},
    {"w", "\303\274\303\266\303\274\342\202\254"},
    {"z", "a\tb\rc\n\nd"},
    {"i", "\\*\\"},
    {"j", "aaaaabaaaab"},
};

#define NGIVEN (sizeof(given) / sizeof(*given))

struct test_case {
	const char *text;
	const char *value; /* NULL: refused */
	size_t len;
};

static struct mutate mutate;

static unsigned
pick(unsigned n)
{
	return (unsigned)mutate_pick(&mutate, n);
}

#define CHOICE(list) (list)[pick(sizeof(list) / sizeof(*(list)))]

static void word(struct buf *b, int depth, int dquote);

static void
name(struct buf *b)
{
	static const char *const odd[] = {"x", "unset", "1", "@", "_v"};

	buf_adds(b, pick(40) ? given[pick(NGIVEN)].name : CHOICE(odd));
}

static void
pattern(struct buf *b, int depth)
{
	static const char *const bits[] = {"*", "?", "[a-c]", "[!a]", "a", "b",
	    "/", "\\/", ".", "[[:alpha:]]", "[[:space:]x]", "\\*", "'*'",
	    "\"*\"", "[]a]", "[", "]", "-", "#", "%", "x", "1", "\\\\", " ",
	    "[a-]", "[^0-9]", "@(a|b)", "\"a\"", "\\[", "''", "\"\"", "$'\\n'",
	    "[[:upper:]a-c]", "\\]", "[\\]]", "&", "$", "B", "z", "\303\274",
	    "[\303\274]", "[a-\303\274]", "[[.a.]]", "[[=a=]]",
	    "[[:alpha:", "[!]a]", "\t", "$'\\r'", "\\\n", "[a\\-c]",
	    "[\"a-c\"]", "[c-a]", "[$a]", "[[:digit:]-z]", "[--a]", "**", "*a*",
	    "a*b*c", "[!!a]", "[^^]", "[\\\\]", "[[]", "[/]", "[]-a]", "[a/b]",
	    "{", "(", "|", "$'\\\\'", "\"$d\"", "$i", "[']']", "[\"]\"a]"};
	unsigned n = pick(4);

	do {
		if (pick(6) == 0)
			word(b, depth - 1, 0);
		else
			buf_adds(b, CHOICE(bits));
	} while (n-- > 0);
}

static void
number(struct buf *b)
{
	static const char *const bits[] = {"0", "1", "2", "3", " -1", " -2",
	    "7", "40", "$n", "(-3)", " 1 ", "", "1+1", "n", "${n}", "08", " +1",
	    "a", "-1", "-30", "0x1", "--1", "( 2 )", " $m", "${m}", "${#a}",
	    "${e:-1}", "99999999999", " -0", "+", "1 1", "\t1", "\n2", "'1'",
	    "\"1\"", "1,2", "!0", "2#1", "(1", "1)", " - 1", "-(1)"};

	buf_adds(b, CHOICE(bits));
}

static void
operation(struct buf *b, int depth, int dquote)
{
	static const char *const alt[] = {"-", ":-", "+", ":+", "=", ":?"};
	static const char *const trim[] = {"#", "##", "%", "%%"};
	static const char *const sub[] = {"/", "//", "/#", "/%"};
	static const char *const form[] = {
	    "^", "^^", ",", ",,", "@Q", "~", "^^[a]"};
	unsigned n;

	switch (pick(6)) {
	case 0:
	case 1:
		n = pick(40);
		buf_adds(b, alt[n < 4 ? n : n % 40 > 37 ? 4 + n % 2 : n % 4]);
		word(b, depth - 1, dquote ? 2 : 0);
		break;
	case 2:
		buf_adds(b, CHOICE(trim));
		pattern(b, depth);
		break;
	case 3:
		buf_adds(b, CHOICE(sub));
		pattern(b, depth);
		if (pick(4)) {
			buf_adds(b, "/");
			word(b, depth - 1, 0);
		}
		break;
	case 4:
		buf_adds(b, ":");
		number(b);
		if (pick(2)) {
			buf_adds(b, ":");
			number(b);
		}
		break;
	default:
		buf_adds(b, form[pick(30) ? pick(4) : pick(7)]);
	}
}

static void
expansion(struct buf *b, int depth, int dquote)
{
	if (depth <= 0 || pick(4) == 0) {
		buf_adds(b, pick(2) ? "$" : "${");
		if (b->data[b->len - 1] == '{') {
			if (pick(6) == 0)
				buf_adds(b, "#");
			name(b);
			buf_adds(b, "}");
		} else {
			name(b);
		}
		return;
	}
	buf_adds(b, "${");
	name(b);
	operation(b, depth, dquote);
	buf_adds(b, "}");
}

/* dquote: 0 outside, 1 in "...", 2 in the word of "${x:-word}". */
static void
word(struct buf *b, int depth, int dquote)
{
	static const char *const plain[] = {"a", "Zz", "0", "-", ".", "/", "=",
	    "+", ":", ",", "%", "@", "^", "\\a", "\\ ", "\\$", "\\\\", "\\\"",
	    "\\'", "{", "[", "]", "*", "?", "!", "#x", "$", "\\}", "\\\n", "~",
	    "\r", "\\\t", "\\\r", "$\\\na", "\303", "\\\303\274", "%s", "~a",
	    ":~", "&", "\\&", "gr\303\274n", "_", "\\`", "{a,b}", "\\n", "}"};
	static const char *const between[] = {"a b", "  ", "'", "it's", "\\a",
	    "\\$", "\\\"", "\\\\", "\\`", "*", "$", "~", "&", "#", "\\}", "{",
	    "\n", "\\\n", "\\&", "(", ")", ";", "|", "<", ">", "\\'", "[a]",
	    "''", "\t", "!", "}", "\\n", "\r", "$'a'", "$'\\n'", "\\\r", "\\\t",
	    "$\\\na", "\303\274", "%", "//", "@", "^", "$'", "''\"", "\\/"};
	static const char *const quoted[] = {"'a b'", "''", "'\\'", "'$a'",
	    "'\"'", "$'\\n'", "$'\\x41\\102'", "$'it\\'s'", "$'a\\tb'",
	    "$'\\u41'", "$'\\e'", "'*'", "$'\\cA'", "'}'", "'/'", "'&'",
	    "$'\\q'", "\"\"", "$\"x\"", "'~'", "$'\\''", "$'\\\n'", "'\\\n'",
	    "$'\\303\\274'", "$'\\xc3\\xbc'", "$'\\c?'", "$'\\c\\\\'", "$'\\u'",
	    "$'\\x'", "$'\\x{41}'", "$'\\08'", "$'\"'", "$'}'", "$'/'", "$'$a'",
	    "\"'\"", "'\r'"};
	unsigned n = pick(4);

	do {
		unsigned r = pick(10);

		if (r < 4) {
			expansion(b, depth, dquote);
		} else if (dquote) {
			if (dquote == 2 && pick(8) == 0) {
				buf_adds(b, "\"");
				word(b, depth - 1, 1);
				buf_adds(b, "\"");
			} else {
				buf_adds(b, CHOICE(between));
			}
		} else if (r < 6) {
			buf_adds(b, "\"");
			word(b, depth - 1, 1);
			buf_adds(b, "\"");
		} else if (r < 7) {
			buf_adds(b, CHOICE(quoted));
		} else {
			buf_adds(b, CHOICE(plain));
		}
	} while (n-- > 0 && depth > -3);
}

/* Our value, if the text is one assignment that is evaluated. */
static void
evaluate(struct arena *a, struct test_case *t)
{
	struct scope scope;
	struct scope_variable *v;
	struct syntax *s;
	struct diags d;
	struct buf file;
	size_t i;

	diags_init(&d, a);
	scope_init(&scope, a, &d);
	for (i = 0; i < NGIVEN; i++) {
		v = scope_put(&scope, given[i].name, strlen(given[i].name));
		v->value = given[i].value;
		v->len = strlen(v->value);
	}
	buf_init(&file, 1 << 20);
	buf_addf(&file, "_v=%s\n", t->text);
	s = syntax_parse(a, "case", arena_strndup(a, file.data, file.len),
	    file.len, PARSE_DEPTH_RECIPE, &d);
	buf_release(&file);
	if (!s || !s->chain || s->chain->next ||
	    s->chain->kind != COMMAND_SIMPLE || s->chain->redirs ||
	    s->chain->op != OP_NEWLINE || !s->chain->words ||
	    s->chain->words->next || !(s->chain->words->flags & WORD_ASSIGN) ||
	    (s->chain->words->flags & WORD_ARRAY))
		return;
	t->value = value_eval(&scope, s,
	    (struct range){3, s->chain->words->at.to}, false, &t->len);
}

static void
quote(struct buf *b, const char *s)
{
	buf_adds(b, "'");
	for (; *s; s++)
		if (*s == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *s);
	buf_adds(b, "'");
}

/* The script that assigns each accepted case and prints its number, value. */
static void
write_script(
    struct buf *b, const struct test_case *cases, size_t n, const char *path)
{
	struct error err;
	size_t i;

	buf_adds(b, "shopt -u patsub_replacement\n");
	for (i = 0; i < NGIVEN; i++) {
		buf_addf(b, "%s=", given[i].name);
		quote(b, given[i].value);
		buf_adds(b, "\n");
	}
	for (i = 0; i < n; i++)
		if (cases[i].value)
			buf_addf(b,
			    "unset _v\n_v=%s\nprintf '%%s\\0%%s\\0' %zu "
			    "\"$_v\"\n",
			    cases[i].text, i);
	if (file_write(path, b->data, b->len, 0600, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
}

static const char *
skip_field(const char *p, const char *end)
{
	const char *nul = memchr(p, '\0', (size_t)(end - p));

	return nul ? nul + 1 : end;
}

/* Compare what bash printed; how many cases differ. */
static size_t
compare(const struct buf *out, struct test_case *cases, size_t n)
{
	const char *p = out->data, *end = p + out->len, *value;
	size_t bad = 0, i = 0, index;

	while (i < n) {
		if (!cases[i].value) {
			i++;
			continue;
		}
		index = p < end ? strtoul(p, NULL, 10) : SIZE_MAX;
		value = p < end ? skip_field(p, end) : "";
		if (index != i || strcmp(value, cases[i].value) != 0) {
			bad++;
			if (bad <= 20)
				printf("# case: _v=%s\n#   ours: <%s>\n#   "
				       "bash: <%s>\n",
				    cases[i].text, cases[i].value,
				    index == i ? value : "(an error)");
		}
		if (index == i)
			p = skip_field(value, end);
		i++;
	}
	return bad;
}

/* Let bash assign them; a description for the TAP line goes with it. */
static void
check(struct test_case *cases, size_t n, const char *what)
{
	char path[] = "/tmp/valuetest.XXXXXX";
	/* -r: should a case hold a command after all, none is found. */
	const char *const argv[] = {"env", "-i", "PATH=/nonexistent",
	    "LC_ALL=C", "/bin/bash", "--norc", "--noprofile", "-r", path, NULL};
	size_t accepted = 0, i, bad;
	struct buf script, out;
	struct error err;
	int fd;

	fd = mkstemp(path);
	if (fd < 0) {
		printf("Bail out! no temporary file\n");
		exit(1);
	}
	close(fd);
	buf_init(&script, SIZE_MAX / 4);
	buf_init(&out, SIZE_MAX / 4);
	for (i = 0; i < n; i++)
		accepted += cases[i].value != NULL;
	write_script(&script, cases, n, path);
	buf_adds(&out, "");
	proc_run(argv, &out, &err);
	bad = compare(&out, cases, n);
	ok(bad == 0, "%s: %zu cases, %zu evaluated, %zu differ", what, n,
	    accepted, bad);
	unlink(path);
	buf_release(&script);
	buf_release(&out);
}

static void
random_cases(uint64_t seed, size_t n)
{
	struct test_case *cases;
	struct arena a = {0}, one = {0};
	struct buf b;
	size_t i, k;

	mutate_init(&mutate, seed, 0);
	cases = arena_array(&a, n, struct test_case);
	buf_init(&b, 1 << 20);
	for (i = 0; i < n; i++) {
		b.len = 0;
		word(&b, (int)pick(5), 0);
		if (pick(2))
			for (k = pick(3); k > 0; k--)
				mutate_damage(&mutate, &b);
		cases[i].text = arena_strndup(&a, b.data, b.len);
		evaluate(&one, &cases[i]);
		if (cases[i].value)
			cases[i].value = arena_strdup(&a, cases[i].value);
		arena_release(&one);
	}
	check(cases, n, "random");
	buf_release(&b);
	mutate_release(&mutate);
	arena_release(&a);
}

/* The lines of a file, one case each; # begins a comment. */
static void
file_cases(const char *path)
{
	struct test_case *cases = NULL;
	struct arena a = {0};
	struct error err;
	struct buf b;
	char *p, *nl;
	size_t n = 0, refused = 0;

	buf_init(&b, 1 << 24);
	if (file_read(path, &b, &err) < 0) {
		ok(false, "%s", err.msg);
		return;
	}
	for (p = b.data; p && (nl = strchr(p, '\n')); p = nl + 1) {
		*nl = '\0';
		if (*p == '#' || *p == '\0')
			continue;
		cases = arena_grow(&a, cases, n, sizeof(*cases));
		cases[n] = (struct test_case){.text = p};
		evaluate(&a, &cases[n]);
		if (!cases[n].value)
			printf("# refused: %s\n", p);
		refused += !cases[n].value;
		n++;
	}
	check(cases, n, path);
	if (strstr(path, "accepted"))
		ok(refused == 0, "%s: none is refused", path);
	buf_release(&b);
	arena_release(&a);
}

int
main(int argc, char **argv)
{
	char *end = argv[0];
	uint64_t seed;
	int i;

	if (argc < 2)
		return 2;
	seed = strtoull(argv[1], &end, 10);
	if (argc == 3 && *end == '\0') {
		printf("# seed %ju\n", (uintmax_t)seed);
		random_cases(seed, strtoul(argv[2], NULL, 10));
	} else {
		for (i = 1; i < argc; i++)
			file_cases(argv[i]);
	}
	return tap_done();
}
