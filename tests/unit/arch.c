/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of architectures. */
#include "base/arch.h"
#include "base/error.h"
#include "tap.h"

static void
test_machines(void)
{
	is(arch_of_machine("x86_64"), "amd64", "x86_64");
	is(arch_of_machine("aarch64"), "arm64", "aarch64");
	is(arch_of_machine("i686"), "i386", "i686");
	is(arch_of_machine("pdp11"), NULL, "a machine that isn't known");
}

static void
test_meant(void)
{
	static const struct {
		const char *word, *name;
	} table[] = {{"x86_64", "amd64"}, {"x86", "i386"},
	    {"ppc64le", "ppc64el"}, {"adm64", "amd64"}, {"arm46", "arm64"},
	    {"AMD64", "amd64"}, {"bogus", NULL}, {"", NULL}};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		is(arch_meant(table[i].word), table[i].name, table[i].word);
}

static void
test_check(void)
{
	struct error err;
	size_t i;

	for (i = 0; arch_name(i); i++) {
		ok(arch_is_known(arch_name(i)) &&
			arch_check(arch_name(i), &err) == 0,
		    "%s is known", arch_name(i));
		ok(i == 0 || strcmp(arch_name(i - 1), arch_name(i)) < 0,
		    "and in its place");
	}
	ok(i > 5, "there are some");
	ok(arch_check("x86_64", &err) < 0, "x86_64 is no name");
	is(err.msg, "there is no architecture \"x86_64\": is amd64 meant?",
	    "what is meant is told");
	ok(arch_check("bogus", &err) < 0, "nor is bogus");
	is(err.msg,
	    "there is no architecture \"bogus\": write it as Debian does, "
	    "amd64 or arm64",
	    "what names look like is told");
}

int
main(void)
{
	test_machines();
	test_meant();
	test_check();
	return tap_done();
}
