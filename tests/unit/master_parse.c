/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "master/http/parse.h"

static void
test_number(void)
{
	is_int(parse_number("0"), 0, "nothing");
	is_int(parse_number("0042"), 42, "noughts in front");
	is_int(parse_number("9007199254740992"), PARSE_NUMBER_MAX, "the last");
	is_int(parse_number("9007199254740993"), -1, "one more");
	is_int(parse_number("99999999999999999999999999"), -1, "far too much");
	is_int(parse_number(""), -1, "no digit");
	is_int(parse_number("-1"), -1, "a sign");
	is_int(parse_number(" 1"), -1, "a blank");
	is_int(parse_number("1x"), -1, "a letter behind");
}

/* What is asked for of a file of 10 bytes: "FROM-TO", or the kind. */
static const char *
part(const char *s)
{
	static char text[64];
	int64_t from, to;
	int kind = parse_range(s, 10, &from, &to);

	snprintf(text, sizeof(text), "%s%lld-%lld", kind == 0 ? "all " : "",
	    (long long)from, (long long)to);
	return kind < 0 ? "beyond" : text;
}

static void
test_range(void)
{
	is(part(NULL), "all 0-9", "no range");
	is(part("bytes=3-5"), "3-5", "a part");
	is(part("bytes=3-"), "3-9", "the rest");
	is(part("bytes=3-99"), "3-9", "an end behind the file's");
	is(part("bytes=9-9"), "9-9", "the last byte");
	is(part("bytes=10-"), "beyond", "behind it");
	is(part("bytes=5-3"), "all 0-9", "backwards");
	is(part("bytes=-3"), "all 0-9", "from the end");
	is(part("bytes=1-2,4-5"), "all 0-9", "two parts");
	is(part("lines=1-2"), "all 0-9", "another unit");
	is(part("bytes=99999999999999999999-"), "all 0-9", "no number");
}

static void
test_event(void)
{
	is_int(parse_event("1f-20", 0x1f), 20, "one of ours");
	is_int(parse_event("1f-20", 0x20), -1, "of another epoch");
	is_int(parse_event("ffffffffffffffff-1", UINT64_MAX), 1, "the largest");
	is_int(parse_event("1ffffffffffffffff-1", UINT64_MAX), -1, "too long");
	is_int(parse_event("-20", 0), -1, "no epoch");
	is_int(parse_event("0x1f-20", 0x1f), -1, "a prefix");
	is_int(parse_event("1F-20", 0x1f), -1, "capitals");
	is_int(parse_event("1f-", 0x1f), -1, "no number");
	is_int(parse_event("1f--2", 0x1f), -1, "a negative one");
	is_int(parse_event("1f-20 ", 0x1f), -1, "something behind");
	is_int(parse_event("", 0), -1, "nothing");
}

static void
test_field(void)
{
	ok(parse_is_field("Content-Length", 14), "a field's name");
	ok(parse_is_field("x!#$%&'*+-.^_`|~9", 17), "all marks that may be");
	ok(!parse_is_field("", 0), "no name");
	ok(!parse_is_field("Content-Length ", 15), "a blank behind");
	ok(!parse_is_field("\tHost", 5), "a tab in front");
	ok(!parse_is_field("a(b)", 4), "brackets");
	ok(!parse_is_field("a\0b", 3), "a NUL");
	ok(!parse_is_field("\xc3\xa4", 2), "no ASCII");
	ok(parse_is_value("", 0), "an empty value");
	ok(parse_is_value("a, b\t\"c\" \xc3\xa4", 11), "a value");
	ok(!parse_is_value("a\rb", 3), "a CR");
	ok(!parse_is_value("a\0b", 3), "a NUL in it");
	ok(!parse_is_value("\x7f", 1), "a DEL");
}

static void
test_host(void)
{
	ok(parse_is_host("ci.example.org"), "a name");
	ok(parse_is_host("127.0.0.1:8443"), "with a port");
	ok(parse_is_host("[::1%eth0]:8443"), "an IPv6 address");
	ok(!parse_is_host(""), "none");
	ok(!parse_is_host("a, b"), "two");
	ok(!parse_is_host("user@a"), "with a user");
	ok(!parse_is_host("a/b"), "with a path");
}

int
main(void)
{
	test_field();
	test_host();
	test_number();
	test_range();
	test_event();
	return tap_done();
}
