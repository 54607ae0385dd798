/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a dependency list: what is one can be written out and read
 * again, and is the same then.
 */
#include "recipe/recipe.h"
#include "base/arena.h"
#include "base/buf.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_list(struct arena *a, struct buf *b, const struct dep *items, size_t n);

static void
write_dep(struct arena *a, struct buf *b, const struct dep *dep)
{
	if (dep->kind == DEP_ATOM) {
		buf_addf(b, "%s ", atom_format(a, &dep->atom));
		return;
	}
	buf_adds(b, dep->kind == DEP_ANYOF ? "|| ( " : "( ");
	write_list(a, b, dep->items, dep->n);
	buf_adds(b, ") ");
}

static void
write_list(struct arena *a, struct buf *b, const struct dep *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		write_dep(a, b, &items[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct place at = {"fuzz", 1, 1};
	struct arena a = {0};
	struct dep_list list;
	struct buf one, two;
	struct diags d;

	diags_init(&d, &a);
	buf_init(&one, SIZE_MAX / 4);
	buf_init(&two, SIZE_MAX / 4);
	dep_list_parse(&a, arena_strndup(&a, (const char *)data, size), at,
	    "DEPEND", &list, &d);
	if (d.errors == 0) {
		buf_adds(&one, "");
		buf_adds(&two, "");
		write_list(&a, &one, list.items, list.n);
		dep_list_parse(&a, one.data, at, "DEPEND", &list, &d);
		write_list(&a, &two, list.items, list.n);
		if (d.errors > 0 || strcmp(one.data, two.data) != 0)
			__builtin_trap();
	}
	buf_release(&one);
	buf_release(&two);
	arena_release(&a);
	return 0;
}
