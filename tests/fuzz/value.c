/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as the global scope of a file, with names that they can refer to:
 * no crash, bounded time, and values that keep what is promised of them.
 */
#include "recipe/globals.h"
#include "base/arena.h"
#include "base/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		__builtin_trap();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};
	struct variable v;
	struct globals *g;
	struct diags d;
	size_t i = 0, len;
	int rc;

	diags_init(&d, &a);
	g = globals_new(&a, "fuzz", (const char *)data, size, &d);
	check(g || d.errors > 0);
	if (g) {
		globals_set(g, "a", "abcABC");
		globals_set(g, "b", "x/y/z-1.2.3.tar.gz");
		globals_set(g, "d", "*?[a-c]\\");
		globals_set(g, "e", "");
		rc = globals_eval(g);
		check((rc < 0) == (d.errors > 0));
		while (globals_next(g, &i, &v)) {
			len = strlen(v.value);
			check(len <= RECIPE_VALUE_MAX);
			check(utf8_valid(v.value, len) == len);
			check(v.at.line > 0);
		}
	}
	arena_release(&a);
	return 0;
}
