/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a jobuild and as a shell script: no crash, bounded time. */
#include "recipe/lint.h"
#include "recipe/parse.h"
#include "recipe/recipe.h"
#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct recipe_id id = {"user", "name", {1, 0}};
	struct arena a = {0};
	struct recipe *chain[2];
	struct metadata *m;
	struct diags d;

	diags_init(&d, &a);
	syntax_valid(&a, "fuzz", (const char *)data, size, PARSE_DEPTH_MAX, &d);
	chain[0] = recipe_parse(&a, "fuzz", (const char *)data, size, &d);
	if (chain[0]) {
		/* As its own parent, so that there is something inherited. */
		chain[1] = chain[0];
		m = recipe_eval(&a, chain, 1, &id, RECIPE_TEMPLATE, &d);
		if (m)
			recipe_lint(&a, chain, 1, m, &d);
		recipe_eval(&a, chain, 2, &id, RECIPE_JOBUILD, &d);
	}
	arena_release(&a);
	return 0;
}
