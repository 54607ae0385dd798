/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recipe/recipe.h"
#include "base/arena.h"
#include "base/error.h"
#include "tests/unit/tap.h"

static struct arena arena;

static void
test_names(void)
{
	static const struct {
		const char *text;
		bool user, name;
	} t[] = {
	    {"", false, false},
	    {"a", true, true},
	    {"a-b_1", true, true},
	    {"A", false, true},
	    {"1a", false, true},
	    {"-a", false, false},
	    {"_a", false, false},
	    {"a+b", false, true},
	    {"gtk+-", false, true},
	    {"a.b", false, false},
	    {"a/b", false, false},
	    {"a-1.0", false, false},
	    {"a-1", true, true},
	    {"a-01.0", false, false},
	    {"a1.0", false, false},
	    {"a b", false, false},
	    {"\303\251", false, false},
	    {"abcdefghijklmnopqrstuvwxyz012345", true, true},
	    {"abcdefghijklmnopqrstuvwxyz0123456", false, true},
	};
	char longest[66];
	size_t i, n;

	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		n = strlen(t[i].text);
		ok(user_valid(t[i].text, n) == t[i].user, "user \"%s\"",
		    t[i].text);
		ok(name_valid(t[i].text, n) == t[i].name, "name \"%s\"",
		    t[i].text);
	}
	memset(longest, 'x', sizeof(longest));
	ok(name_valid(longest, 64), "64 bytes are a name");
	ok(!name_valid(longest, 65), "65 are not");
	ok(name_valid("zlib-1x", 7), "-1x is no version");
	ok(!name_valid("zlib-1.0", 8), "a name with a version is none");
	ok(name_valid("zlib-1.0", 5), "only len bytes are looked at");
}

static void
test_versions(void)
{
	static const char *const good[] = {
	    "0.0", "1.0", "10.20", "999999999.999999999", "0.1"};
	static const char *const bad[] = {"", "1", "1.", ".1", "01.0", "1.00",
	    "1.0.0", "1000000000.0", "1.1000000000", "1.0a", "a.0", "-1.0",
	    " 1.0", "1 .0", "1..0"};
	char out[VERSION_MAX];
	struct version v, w;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ok(version_parse(good[i], strlen(good[i]), &v),
		    "%s is a version", good[i]);
		version_format(v, out);
		is(out, good[i], "and comes back");
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!version_parse(bad[i], strlen(bad[i]), &v), "\"%s\" is none",
		    bad[i]);
	version_parse("1.10", 4, &v);
	version_parse("1.9", 3, &w);
	ok(version_compare(v, w) > 0, "1.10 is newer than 1.9");
	ok(version_compare(w, v) < 0, "and the other way");
	ok(version_compare(v, v) == 0, "and equal to itself");
	version_parse("2.0", 3, &w);
	ok(version_compare(v, w) < 0, "2.0 is newer than 1.10");
}

static void
test_atoms(void)
{
	static const struct {
		const char *text;
		enum atom_op op;
	} good[] = {
	    {"a/b", ATOM_ANY},
	    {"=a/b-1.0", ATOM_EQ},
	    {">=a/b-1.0", ATOM_GE},
	    {"<=a/b-1.0", ATOM_LE},
	    {">a/b-c-1.0", ATOM_GT},
	    {"<a/b+-0.10", ATOM_LT},
	};
	static const char *const bad[] = {"", "a", "/b", "a/", "a/b/c", "=a/b",
	    "a/b-1.0", "==a/b-1.0", "= a/b-1.0", "=>a/b-1.0", "A/b", "a/.b",
	    ">=a/-1.0", "a/b ", "~a/b", "!a/b", "a/b-1.0-1.0", "=a/b-1.0-1.0"};
	struct error err;
	struct atom atom;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		is_int(atom_parse(&arena, good[i].text, strlen(good[i].text),
			   &atom, &err),
		    0, good[i].text);
		is_int(atom.op, good[i].op, "its operator");
		is(atom_format(&arena, &atom), good[i].text, "comes back");
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.msg[0] = '\0';
		ok(atom_parse(&arena, bad[i], strlen(bad[i]), &atom, &err) <
			    0 &&
			err.msg[0],
		    "\"%s\" is refused with a reason", bad[i]);
	}
}

static void
test_matches(void)
{
	static const struct {
		const char *atom;
		bool older, same, newer;
	} t[] = {
	    {"a/b", true, true, true},
	    {"=a/b-1.5", false, true, false},
	    {">=a/b-1.5", false, true, true},
	    {"<=a/b-1.5", true, true, false},
	    {">a/b-1.5", false, false, true},
	    {"<a/b-1.5", true, false, false},
	};
	const struct version older = {1, 4}, same = {1, 5}, newer = {1, 10};
	struct error err;
	struct atom a;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		atom_parse(&arena, t[i].atom, strlen(t[i].atom), &a, &err);
		ok(atom_matches(&a, older) == t[i].older &&
			atom_matches(&a, same) == t[i].same &&
			atom_matches(&a, newer) == t[i].newer,
		    "%s against 1.4, 1.5 and 1.10", t[i].atom);
	}
}

static void
test_ids(void)
{
	struct recipe_id a, b;

	ok(id_parse(&arena, "u/n-1.0", 7, &a), "user/name-version");
	is(id_format(&arena, &a), "u/n-1.0", "comes back");
	ok(!id_parse(&arena, "u/n", 3, &b), "not without a version");
	ok(!id_parse(&arena, "=u/n-1.0", 8, &b), "not with an operator");
	id_parse(&arena, "u/n-1.1", 7, &b);
	ok(id_compare(&a, &b) < 0 && id_compare(&b, &a) > 0 &&
		id_compare(&a, &a) == 0,
	    "versions order");
	id_parse(&arena, "u/m-2.0", 7, &b);
	ok(id_compare(&a, &b) > 0, "names order before versions");
}

/* The list as "a/b || [c/d [e/f]]", or NULL with diagnostics. */
static void
format_list(struct dep *const items, size_t n, char *out, size_t size)
{
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = strlen(out);
		if (items[i].kind == DEP_ATOM) {
			snprintf(out + len, size - len, "%s ",
			    atom_format(&arena, &items[i].atom));
			continue;
		}
		snprintf(out + len, size - len, "%s",
		    items[i].kind == DEP_ANYOF ? "any[" : "all[");
		format_list(items[i].items, items[i].n, out, size);
		len = strlen(out);
		snprintf(out + len, size - len, "]");
	}
}

static void
test_lists(void)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} t[] = {
	    {"", ""},
	    {" \t\n", ""},
	    {"a/b", "a/b "},
	    {"a/b  >=c/d-1.0\n", "a/b >=c/d-1.0 "},
	    {"|| ( a/b c/d )", "any[a/b c/d ]"},
	    {"( a/b )", "all[a/b ]"},
	    {"|| ( a/b ( c/d || ( e/f ) ) ) g/h",
		"any[a/b all[c/d any[e/f ]]]g/h "},
	    {"||", NULL},
	    {"|| a/b", NULL},
	    {"|| || ( a/b )", NULL},
	    {"( )", NULL},
	    {"|| ( )", NULL},
	    {"(", NULL},
	    {")", NULL},
	    {"( a/b", NULL},
	    {"a/b )", NULL},
	    {"||( a/b )", NULL},
	    {"(a/b)", NULL},
	    {"a/b a/b", NULL},
	    {"|| ( a/b a/b )", NULL},
	    {"a/b || ( a/b c/d )", "a/b any[a/b c/d ]"},
	};
	struct place at = {"f", 3, 1};
	struct dep_list list;
	struct diags d;
	char out[200];
	size_t i;
	int rc;

	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		diags_init(&d, &arena);
		rc = dep_list_parse(&arena, t[i].text, at, "DEPEND", &list, &d);
		out[0] = '\0';
		if (rc == 0)
			format_list(list.items, list.n, out, sizeof(out));
		is(rc == 0 ? out : NULL, t[i].want, t[i].text);
		ok((d.errors > 0) == (rc < 0),
		    "and says something only when refused");
	}
}

static void
test_depth(void)
{
	struct place at = {"f", 1, 1};
	struct dep_list list;
	struct diags d;
	char text[600];
	int depth, i;

	for (depth = 64; depth <= 65; depth++) {
		text[0] = '\0';
		for (i = 0; i < depth; i++)
			memcpy(text + i * 2, "( ", 3);
		memcpy(text + depth * 2, "a/b", 4);
		for (i = 0; i < depth; i++)
			memcpy(text + depth * 2 + 3 + i * 2, " )", 3);
		diags_init(&d, &arena);
		is_int(dep_list_parse(&arena, text, at, "DEPEND", &list, &d),
		    depth == 64 ? 0 : -1, "64 levels but not 65");
	}
}

static void
test_requirements(void)
{
	static const struct {
		const char *word;
		bool valid;
		const char *version;
		bool matches;
	} t[] = {
	    {"kvm", true, "", true},
	    {"kvm", true, "1", true},
	    {"gtk>=3.24", true, "3.24", true},
	    {"gtk>=3.24", true, "3.24.0", true},
	    {"gtk>=3.24", true, "3.9", false},
	    {"gtk>=3.24", true, "4", true},
	    {"gtk>=3.24", true, "", false},
	    {"gtk<3.24", true, "3.23.99", true},
	    {"gtk=3", true, "3.0.0", true},
	    {"gtk=3", true, "3.0.1", false},
	    {"gtk>3", true, "3.0", false},
	    {"gtk<=3", true, "3", true},
	    {"c++>=11", true, "17", true},
	    {"x>=99999999999999999999", true, "100000000000000000000", true},
	    {"stage:zlib1g", true, "1.2", true},
	    {"stage:sys-libs/zlib>=1.2", true, "1.2.13", true},
	    {"stage:", false, "", false},
	    {"stage:/zlib", false, "", false},
	    {"stage:a:b", false, "", false},
	    {"sys-libs/zlib", false, "", false},
	    {"gtk>=", false, "", false},
	    {"gtk>=3.", false, "", false},
	    {"gtk>=a", false, "", false},
	    {"gtk=>3", false, "", false},
	    {">=3", false, "", false},
	    {"", false, "", false},
	    {"gtk >=3", false, "", false},
	};
	struct requirement r;
	bool valid;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(*t); i++) {
		valid = requirement_parse(&arena, t[i].word, &r);
		ok(valid == t[i].valid, "\"%s\" is %s", t[i].word,
		    t[i].valid ? "a requirement" : "none");
		if (valid)
			ok(requirement_matches(&r, t[i].version) ==
				t[i].matches,
			    "%s against \"%s\"", t[i].word, t[i].version);
	}
}

static void
test_nearest(void)
{
	static const char *const list[] = {
	    "job_run", "job_setup", "DEPEND", "SIDEPEND", "x"};
	size_t n = sizeof(list) / sizeof(*list);

	is(nearest("job_rnu", list, n), "job_run", "two letters swapped");
	is(nearest("job_setpu", list, n), "job_setup", "near the end");
	is(nearest("DEPENDS", list, n), "DEPEND", "one too many");
	is(nearest("depend", list, n), "DEPEND", "another case");
	is(nearest("nothing", list, n), NULL, "nothing near");
	is(nearest("y", list, n), "x", "short names");
	is(nearest("", list, n), NULL, "nothing at all");
	is(nearest("job_run", list, 1), NULL, "not the name itself");
}

static void
test_packages(void)
{
	static const struct {
		const char *word, *version;
		bool matches;
	} t[] = {
	    {"stage:z>=1.2.13", "1:1.2.13.dfsg-1", true},
	    {"stage:z=1.2.13", "1:1.2.13.dfsg-1", true},
	    {"stage:z>1.2.13", "1:1.2.13.dfsg-1", false},
	    {"stage:z>=12", "12.2.0-14+deb12u1", true},
	    {"stage:z<1.3", "1.2.13-r1", true},
	    {"stage:z>=9", "9:1.0", false},
	    {"stage:z>=0", "unknown", false},
	    {"stage:z", "unknown", true},
	    {"stage:z>=1", "1.", true},
	};
	struct requirement r;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		ok(requirement_parse(&arena, t[i].word, &r) &&
			requirement_matches_package(&r, t[i].version) ==
			    t[i].matches,
		    "%s, version \"%s\"", t[i].word, t[i].version);
	}
}

int
main(void)
{
	test_names();
	test_versions();
	test_atoms();
	test_matches();
	test_ids();
	test_lists();
	test_depth();
	test_requirements();
	test_packages();
	test_nearest();
	arena_release(&arena);
	return tap_done();
}
