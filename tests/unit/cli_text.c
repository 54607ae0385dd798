/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "cli/text.h"
#include "tests/unit/tap.h"

#include <stdlib.h>

/* s through the filter, in pieces of n bytes. */
static char *
filtered(const char *s, size_t len, size_t n)
{
	struct filter f = {0};
	char *out = NULL;
	size_t size, i;
	FILE *m = open_memstream(&out, &size);

	for (i = 0; i < len; i += n)
		filter_write(&f, s + i, len - i < n ? len - i : n, m);
	filter_end(&f, m);
	fclose(m);
	return out;
}

static void
test_filter(void)
{
	static const struct {
		const char *in, *out, *name;
	} cases[] = {
	    {"plain\ttext\n", "plain\ttext\n", "plain text stays"},
	    {"\033[2Jx", "\\x1b[2Jx", "escape"},
	    {"a\r\nb\rc\n", "a\nb\nc\n", "carriage returns"},
	    {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		"UTF-8 stays"},
	    {"\xc2\x9b", "\\xc2\\x9b", "a C1 control in UTF-8"},
	    {"\xe2\x80\xae.", "\\xe2\\x80\\xae.", "another direction"},
	    {"\xff\xc3", "\\xff\\xc3", "no UTF-8, and a cut character"},
	    {"\xc3(\xe2\x82(", "\\xc3(\\xe2\\x82(", "broken characters"},
	    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "a surrogate"},
	    {"\x7f\b", "\\x7f\\x08", "delete and backspace"},
	};
	size_t i, n;
	char *got;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (n = 1; n <= 3; n++) {
			got = filtered(cases[i].in, strlen(cases[i].in), n);
			is(got, cases[i].out, cases[i].name);
			free(got);
		}
	}
	got = filtered("a\0b", 3, 2);
	is(got, "a\\x00b", "a NUL");
	free(got);
}

static void
test_figures(void)
{
	struct arena a = {0};

	is(text_duration(&a, 0.123), "0.12s", "a tenth of a second");
	is(text_duration(&a, 12.4), "12s", "seconds");
	is(text_duration(&a, 59.7), "1m00s", "rounded up to a minute");
	is(text_duration(&a, 125), "2m05s", "minutes");
	is(text_duration(&a, 3720), "1h02m", "hours");
	is(text_duration(&a, -1), "", "no duration");
	is(text_size(&a, 512), "512 B", "bytes");
	is(text_size(&a, 1434), "1.4 KiB", "KiB");
	is(text_size(&a, (int64_t)2 << 30), "2.0 GiB", "GiB");
	setenv("TZ", "UTC", 1);
	is(text_time(&a, 1706745599.9), "2024-01-31 23:59:59", "a time");
	is(text_time(&a, 0), "", "no time");
	is(text_color("nothing of ours"), "", "no colour for other words");
	arena_release(&a);
}

static void
test_table(void)
{
	static const char *const headings[] = {"NAME", "STATE"};
	struct arena a = {0};
	struct table t;
	char *out = NULL;
	size_t size;
	FILE *m = open_memstream(&out, &size);

	table_init(&t, &a, headings, 2);
	table_print(&t, false, m);
	fflush(m);
	is(out, "", "no rows, no table");
	table_add(&t, (const char *[]){"gr\xc3\xbcn", "passed"});
	table_add(&t, (const char *[]){"\xe6\x97\xa5\xe6\x9c\xac", "failed"});
	table_add(&t, (const char *[]){"\033x", NULL});
	table_print(&t, false, m);
	fclose(m);
	is(out,
	    "NAME   STATE\n"
	    "gr\xc3\xbcn   passed\n"
	    "\xe6\x97\xa5\xe6\x9c\xac   failed\n"
	    "\\x1bx\n",
	    "columns are aligned, controls are shown");
	free(out);
	arena_release(&a);
}

#define WIDE "\xe6\x97\xa5" /* two columns */
#define OVER "\xcc\x81"     /* none: an accent on what is before */

static void
test_columns(void)
{
	static const struct {
		const char *s;
		size_t room, bytes, columns;
		const char *name;
	} cases[] = {
	    {"", 4, 0, 0, "nothing"},
	    {"abc", 4, 3, 3, "all of a short text"},
	    {"abcde", 4, 4, 5, "some of a long one"},
	    {"a\xc3\xbc\xc3\xb6", 2, 3, 3, "characters, not bytes"},
	    {WIDE WIDE WIDE, 4, 6, 6, "wide characters have two columns"},
	    {WIDE WIDE WIDE, 5, 6, 6, "and none is halved"},
	    {"a" WIDE, 2, 1, 3, "as the first one"},
	    {"\xf0\x9f\x98\x80x", 2, 4, 3, "one of four bytes"},
	    {"e" OVER "e" OVER "x", 2, 6, 3, "accents have none"},
	    {"ee" OVER "x", 2, 4, 3, "and stay with their character"},
	    {"x", 0, 0, 1, "no room"},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ok((size_t)text_fitting(cases[i].s, cases[i].room) ==
			cases[i].bytes,
		    "%s: what fits", cases[i].name);
		ok(text_columns(cases[i].s) == cases[i].columns, "%s: columns",
		    cases[i].name);
	}
}

int
main(void)
{
	test_filter();
	test_figures();
	test_table();
	test_columns();
	return tap_done();
}
