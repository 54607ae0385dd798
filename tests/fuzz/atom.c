/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as an atom, a list, a requirement; what is one comes back. */
#include "recipe/recipe.h"
#include "base/arena.h"
#include "base/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"job_run", "DEPEND"};
	struct place at = {"fuzz", 1, 1};
	struct requirement r;
	struct arena a = {0};
	struct dep_list list;
	struct error err;
	struct diags d;
	struct atom atom;
	const char *text;

	diags_init(&d, &a);
	text = arena_strndup(&a, (const char *)data, size);
	if (atom_parse(&a, text, size, &atom, &err) == 0 &&
	    (strlen(atom_format(&a, &atom)) != size ||
		memcmp(atom_format(&a, &atom), text, size) != 0))
		__builtin_trap();
	dep_list_parse(&a, text, at, "DEPEND", &list, &d);
	if (requirement_parse(&a, text, &r))
		requirement_matches(&r, "1.2.3");
	nearest(text, names, 2);
	arena_release(&a);
	return 0;
}
