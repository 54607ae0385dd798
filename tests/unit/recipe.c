/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library as its users call it, and its limits. */
#include "recipe/recipe.h"
#include "recipe/parse.h"
#include "recipe/pattern.h"
#include "base/arena.h"
#include "base/buf.h"
#include "tests/unit/tap.h"

static const struct recipe_id id = {"me", "thing", {1, 2}};

/* The rule of the first error of a jobuild, or NULL when there is none. */
static const char *
first_rule(struct arena *a, const char *text, size_t len)
{
	struct recipe *r;
	struct diags d;
	size_t i;

	diags_init(&d, a);
	r = recipe_parse(a, "f", text, len, &d);
	if (r)
		recipe_eval(a, &r, 1, &id, RECIPE_JOBUILD, &d);
	for (i = 0; i < d.n; i++)
		if (d.list[i].level == DIAG_ERROR)
			return d.list[i].rule;
	return NULL;
}

static void
check_rule(struct buf *b, const char *rule, const char *name)
{
	struct arena a = {0};

	is(first_rule(&a, b->data, b->len), rule, name);
	arena_release(&a);
	b->len = 0;
	buf_adds(b, "DESCRIPTION=x\n");
}

static void
test_values(void)
{
	static const char text[] = "DESCRIPTION=\"$P by $JOBUSER\"\n"
				   "_a=1\n_a+=2\njob_run() { :; }\n";
	struct arena a = {0};
	struct metadata *m;
	struct recipe *r;
	struct recipe_id parent;
	struct place at;
	struct diags d;

	diags_init(&d, &a);
	r = recipe_parse(&a, "f", text, strlen(text), &d);
	ok(r && !recipe_extends(r, &parent, &at), "parsed, extends nothing");
	m = recipe_eval(&a, &r, 1, &id, RECIPE_JOBUILD, &d);
	ok(m != NULL, "evaluated");
	is(m->description, "thing-1.2 by me", "predefined names");
	is(metadata_get(m, "_a"), "12", "appended");
	is(metadata_get(m, "_b"), NULL, "not assigned");
	is_int(m->vars[1].at.line, 3, "the place is the last assignment's");
	is_int(m->phases, 1 << PHASE_RUN, "phases");
	is(m->homepage, "", "what is not set is empty");
	is_int((long long)d.n, 0, "no diagnostics");
	arena_release(&a);
}

static void
test_extends(void)
{
	static const char text[] = "# x\nEXTENDS='base/kde-2.0'\n";
	struct recipe_id parent;
	struct arena a = {0};
	struct place at;
	struct recipe *r;
	struct diags d;

	diags_init(&d, &a);
	r = recipe_parse(&a, "f", text, strlen(text), &d);
	ok(r && recipe_extends(r, &parent, &at), "extends something");
	is(id_format(&a, &parent), "base/kde-2.0", "namely this");
	is_int(at.line, 2, "where");
	arena_release(&a);
}

static void
test_limits(void)
{
	struct buf b;
	int i;

	buf_init(&b, 1 << 20);
	buf_adds(&b, "DESCRIPTION=x\n");
	for (i = 0; b.len < RECIPE_FILE_MAX - 10; i++)
		buf_adds(&b, "# filling\n");
	while (b.len < RECIPE_FILE_MAX)
		buf_adds(&b, "\n");
	check_rule(&b, NULL, "128 KiB");
	for (i = 0; b.len <= RECIPE_FILE_MAX; i++)
		buf_adds(&b, "# filling\n");
	check_rule(&b, "file-size", "more than 128 KiB");

	for (i = 0; i < 511; i++)
		buf_addf(&b, "_a%d=1\n", i);
	check_rule(&b, NULL, "512 assignments");
	for (i = 0; i < 512; i++)
		buf_addf(&b, "_a%d=1\n", i);
	check_rule(&b, "assignment-limit", "513 assignments");

	for (i = 0; i < 256; i++)
		buf_addf(&b, "f%d() { :; }\n", i);
	check_rule(&b, NULL, "256 functions");
	for (i = 0; i < 257; i++)
		buf_addf(&b, "f%d() { :; }\n", i);
	check_rule(&b, "function-limit", "257 functions");

	buf_adds(&b, "_a=");
	for (i = 0; i < RECIPE_VALUE_MAX; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\n");
	check_rule(&b, NULL, "64 KiB in a value");
	buf_adds(&b, "_a=x");
	for (i = 0; i < RECIPE_VALUE_MAX; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\n");
	check_rule(&b, "value-size", "more than 64 KiB in a value");
	buf_adds(&b, "_a=");
	for (i = 0; i < RECIPE_VALUE_MAX - 1; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\n_a+=yy\n");
	check_rule(&b, "value-size", "more by appending");
	buf_release(&b);
}

/* Values that double, and patterns that are slow: both end in an error. */
static void
test_bombs(void)
{
	struct buf b;
	int i;

	buf_init(&b, 1 << 20);
	buf_adds(&b, "DESCRIPTION=x\n_a0=xxxxxxxxxxxxxxxx\n");
	for (i = 1; i < 40; i++)
		buf_addf(&b, "_a%d=$_a%d$_a%d\n", i, i - 1, i - 1);
	check_rule(&b, "value-size", "doubling");
	buf_adds(&b, "_a=");
	for (i = 0; i < 60000; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\n_b=${_a//*x*x*x*x*x*x*y/z}\n");
	check_rule(&b, "work-limit", "a pattern that backtracks");
	buf_adds(&b, "_a=");
	for (i = 0; i < 60000; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\n");
	for (i = 0; i < 200; i++)
		buf_addf(&b, "_b%d=${_a#y}\n", i);
	check_rule(&b, "work-limit", "many copies");
	buf_adds(&b, "job_run() { ");
	for (i = 0; i < 20000; i++)
		buf_adds(&b, "( ");
	check_rule(&b, "too-deep", "parentheses");
	buf_adds(&b, "_a=");
	for (i = 0; i < 20000; i++)
		buf_adds(&b, "${_b:-");
	check_rule(&b, "too-deep", "expansions");
	buf_adds(&b, "job_run() { ");
	for (i = 0; i < 20000; i++)
		buf_adds(&b, "$(");
	check_rule(&b, "too-deep", "substitutions");
	buf_adds(&b, "job_run() { ");
	for (i = 0; i < 60000; i++)
		buf_adds(&b, "((");
	check_rule(&b, "unclosed", "arithmetic");
	buf_adds(&b, "job_run() { ");
	for (i = 0; i < 60000; i++)
		buf_adds(&b, "! ");
	buf_adds(&b, ":; }\n");
	check_rule(&b, NULL, "many ! are no nesting");
	buf_adds(&b, "_a=${");
	for (i = 0; i < 60000; i++)
		buf_addc(&b, 'a');
	buf_adds(&b, "}\n");
	check_rule(&b, "unset-variable", "a long name");
	buf_adds(&b, "job_run() { [[ a");
	for (i = 0; i < 10000; i++)
		buf_adds(&b, " && ! ( a )");
	buf_adds(&b, " ]]; }\n");
	check_rule(&b, NULL, "nor are many terms");
	buf_release(&b);
}

/* What a parse takes, in bytes for one of the text. */
static void
test_memory(void)
{
	static const char *const parts[] = {"a\n", "a;", "<a\n", "a|a\n",
	    "x=$(a)\n", "f()(a)\n", "a <<E\n\nE\n", "if a\nthen a\nfi\n",
	    "x[1]=2\n"};
	const size_t len = 100000;
	struct arena a = {0};
	struct diags d;
	struct buf b;
	size_t i, size;
	bool valid;

	buf_init(&b, 1 << 20);
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		b.len = 0;
		while (b.len < len)
			buf_adds(&b, parts[i]);
		diags_init(&d, &a);
		valid = syntax_parse(&a, "x", b.data, b.len, 64, &d);
		size = arena_size(&a);
		ok(valid && size <= 40 * b.len + 40960,
		    "%zu bytes of memory for each of %.*s", size / b.len,
		    (int)strcspn(parts[i], "\n"), parts[i]);
		arena_release(&a);
	}
	buf_release(&b);
}

/* Thousands of errors: a thousand are kept, a line is kept once. */
static void
test_many_errors(void)
{
	struct arena a = {0};
	struct diags d;
	struct buf b;
	size_t i;

	buf_init(&b, 1 << 20);
	for (i = 0; i < 3000; i++)
		buf_adds(&b, i % 100 == 99 ? "a\n" : "a; ");
	diags_init(&d, &a);
	ok(!recipe_parse(&a, "x", b.data, b.len, &d) && d.n < DIAGS_MAX,
	    "one error for each line of commands");
	b.len = 0;
	for (i = 0; i < 3000; i++)
		buf_adds(&b, "a\n");
	diags_init(&d, &a);
	ok(!recipe_parse(&a, "x", b.data, b.len, &d) && d.n == DIAGS_MAX &&
		d.errors == 3000 &&
		strcmp(d.list[DIAGS_MAX - 1].rule, "too-many") == 0,
	    "all are counted, a thousand kept");
	ok(d.list[998].at.line == 999 && d.list[998].at.col == 1 &&
		d.list[998].source && strcmp(d.list[998].source, "a") == 0,
	    "the place of the last one");
	buf_release(&b);
	arena_release(&a);
}

static void
test_chain(void)
{
	static const char root[] = "BLOCKS=\"b\"\n_a=root\n_$x";
	static const char parent[] = "_a=root\nDEPEND=\"a/b\"\n"
				     "BLOCKS=check\njob_run() { check; }\n";
	static const char leaf[] = "EXTENDS=u/t-1.0\nDESCRIPTION=\"$_a\"\n"
				   "DEPEND+=\" c/d\"\ncheck() { :; }\n";
	struct recipe *chain[RECIPE_CHAIN_MAX + 1];
	struct arena a = {0};
	struct metadata *m;
	struct diags d;
	size_t i;

	diags_init(&d, &a);
	ok(!recipe_parse(&a, "f", root, strlen(root), &d), "a bad file");
	diags_init(&d, &a);
	chain[0] = recipe_parse(&a, "p", parent, strlen(parent), &d);
	chain[1] = recipe_parse(&a, "l", leaf, strlen(leaf), &d);
	m = recipe_eval(&a, chain, 2, &id, RECIPE_JOBUILD, &d);
	ok(m != NULL, "a chain of two");
	is(m->description, "root", "values are inherited");
	is_int((long long)m->depend.n, 2, "lists are added to");
	is_int((long long)m->nfunctions, 2, "functions of both");
	is_int((long long)m->functions[1].link, 1, "and whose they are");
	m = recipe_eval(&a, chain, 1, &id, RECIPE_TEMPLATE, &d);
	ok(m && m->phases != 0, "a template alone");
	for (i = 1; i <= RECIPE_CHAIN_MAX; i++)
		chain[i] = chain[0];
	chain[0] = NULL;
	diags_init(&d, &a);
	ok(!recipe_eval(
	       &a, chain, RECIPE_CHAIN_MAX + 1, &id, RECIPE_TEMPLATE, &d),
	    "nine files are too many");
	is(d.list[0].rule, "chain-length", "and that is said");
	arena_release(&a);
}

/* Each pattern against a text: the ends of its matches from the start. */
static void
test_patterns(void)
{
	static const struct {
		const char *pattern, *text;
		int shortest, longest, suffix; /* -1: none */
	} t[] = {
	    {"a", "aab", 1, 1, -1},
	    {"a*", "aab", 1, 3, 0},
	    {"*", "aab", 0, 3, 0},
	    {"*b", "abab", 2, 4, 0},
	    {"?b", "abab", 2, 2, 2},
	    {"[a-b]", "abab", 1, 1, 3},
	    {"[!a]", "abab", -1, -1, 3},
	    {"\\*", "*a*", 1, 1, 2},
	    {"**a**", "bab", 2, 3, 0},
	    {"[]]", "]", 1, 1, 0},
	    {"[a]b", "ab", 2, 2, 0},
	    {"abc", "ab", -1, -1, -1},
	    {"[[:digit:]]*", "1a", 1, 2, 0},
	};
	struct arena a = {0};
	struct pattern p;
	size_t i, work = 100000, n;

	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		n = strlen(t[i].text);
		is(pattern_compile(&a, t[i].pattern, strlen(t[i].pattern), &p),
		    NULL, t[i].pattern);
		is_int((int)pattern_prefix(
			   &p, t[i].text, n, PATTERN_SHORTEST, &work),
		    t[i].shortest, "shortest prefix");
		is_int((int)pattern_prefix(
			   &p, t[i].text, n, PATTERN_LONGEST, &work),
		    t[i].longest, "longest prefix");
		is_int((int)pattern_suffix(
			   &p, t[i].text, n, PATTERN_LONGEST, &work),
		    t[i].suffix, "longest suffix");
	}
	ok(pattern_compile(&a, "[a", 2, &p) != NULL, "[ without end");
	ok(pattern_compile(&a, "+(a)", 4, &p) != NULL, "extended pattern");
	ok(pattern_compile(&a, "a\\", 2, &p) != NULL, "lone backslash");
	arena_release(&a);
}

int
main(void)
{
	test_values();
	test_extends();
	test_limits();
	test_bombs();
	test_memory();
	test_many_errors();
	test_chain();
	test_patterns();
	return tap_done();
}
