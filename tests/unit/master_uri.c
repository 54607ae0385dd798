/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tap.h"
#include "master/http/httpd.h"
#include "master/http/request.h"
#include "master/store/state.h"

static struct request r;

static bool
parse(const char *uri)
{
	arena_release(&r.arena);
	memset(&r, 0, sizeof(r));
	return request_parse_uri(&r, uri) == NULL;
}

static void
test_path(void)
{
	ok(parse("/api/v1/jobs/12") && r.npath == 4, "four parts");
	is(r.path[3], "12", "the last one");
	ok(parse("/") && r.npath == 0, "the root has none");
	ok(parse("/a/") && r.npath == 2 && !*r.path[1], "a slash at the end");
	ok(parse("/a%2Fb/c") && r.npath == 2, "an escaped slash cuts nothing");
	is(r.path[0], "a/b", "it is in the part");
	ok(parse("/a/../b") && r.npath == 3, "dots are parts like others");
	ok(!parse("a"), "no slash in front");
	ok(!parse("*"), "no star");
	ok(!parse("/%00"), "an escaped NUL");
	ok(!parse("/a%0d%0aX"), "escaped line ends");
	ok(!parse("/%4"), "half an escape");
	ok(!parse("/%zz"), "no hex");
	ok(!parse("/a b"), "a blank");
	ok(!parse("/a\tb"), "a tab");
	ok(!parse("/1/2/3/4/5/6/7/8/9"), "too many parts");
}

static void
test_query(void)
{
	ok(parse("/x?a=1&b=%41b&c&&d=") && r.nquery == 4, "four parameters");
	is(request_query(&r, "a"), "1", "a number");
	is(request_query(&r, "b"), "Ab", "decoded");
	is(request_query(&r, "c"), "", "without a value");
	is(request_query(&r, "d"), "", "with an empty one");
	is(request_query(&r, "e"), NULL, "absent");
	ok(!parse("/x?a=%00"), "an escaped NUL");
	ok(!parse("/x?1&2&3&4&5&6&7&8&9"), "too many");
}

static void
splits(const char *listen, const char *host, const char *port)
{
	char h[64], p[8];
	bool good = httpd_split(listen, h, sizeof(h), p) == 0;

	if (!host) {
		ok(!good, "%s is refused", listen);
		return;
	}
	ok(good && strcmp(h, host) == 0 && strcmp(p, port) == 0, "%s", listen);
}

static void
test_listen(void)
{
	splits("0.0.0.0:8443", "0.0.0.0", "8443");
	splits("[::1]:0", "::1", "0");
	splits("host.example:65535", "host.example", "65535");
	splits("host.example:65536", NULL, NULL);
	splits("::1:80", NULL, NULL);
	splits("host", NULL, NULL);
	splits(":80", NULL, NULL);
	splits("host:", NULL, NULL);
	splits("host:8x", NULL, NULL);
	splits("[]:80", NULL, NULL);
}

static void
test_names(void)
{
	ok(plain_name("box-1.example_a"), "a plain name");
	ok(!plain_name("") && !plain_name("."), "empty, a dot");
	ok(!plain_name("..") && !plain_name("-x"), "dots, an option");
	ok(!plain_name("a/b") && !plain_name("a b"), "a slash, a blank");
	ok(!plain_name("a\n"), "a line end");
}

int
main(void)
{
	test_path();
	test_query();
	test_listen();
	test_names();
	arena_release(&r.arena);
	return tap_done();
}
