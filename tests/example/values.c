/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library in one page: read a recipe from a file, print its values. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "recipe/recipe.h"

int
main(int argc, char *argv[])
{
	struct recipe_id id = {"user", "name", {1, 0}};
	struct arena arena = {0};
	struct metadata *m = NULL;
	struct recipe *recipe;
	struct diags diags;
	struct error err;
	struct buf text;
	size_t i;

	buf_init(&text, RECIPE_FILE_MAX);
	if (argc != 2 || file_read(argv[1], &text, &err) < 0) {
		fprintf(stderr, "%s\n", argc == 2 ? err.msg : "values FILE");
		return 2;
	}
	diags_init(&diags, &arena);
	recipe = recipe_parse(&arena, argv[1], text.data, text.len, &diags);
	if (recipe)
		m = recipe_eval(
		    &arena, &recipe, 1, &id, RECIPE_JOBUILD, &diags);
	diags_print(&diags, stderr);
	for (i = 0; m && i < m->nvars; i++)
		printf("%s=%s\n", m->vars[i].name, m->vars[i].value);
	arena_release(&arena);
	buf_release(&text);
	return m ? 0 : 1;
}
