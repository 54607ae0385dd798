/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/superfluous.h"
#include "base/arena.h"
#include "base/error.h"
#include "cli/tree/wants.h"

#include <string.h>

/* Note the names of what the jobuilds of a package use; -1: one is broken. */
static int
add_used(struct tree *t, struct arena *a, const struct tree_package *p,
    struct map *used)
{
	struct recipe_id id = {p->user, p->name, {0, 0}};
	const struct tree_recipe *r;
	struct diags ignored;
	size_t i, k;

	for (i = 0; i < p->nversions; i++) {
		id.ver = p->versions[i];
		diags_init(&ignored, a);
		r = tree_recipe(t, &id, RECIPE_JOBUILD, &ignored);
		if (!r)
			return -1;
		for (k = 0; k < r->ndist; k++)
			*map_puts(used, r->dist[k]->name) = (void *)r;
	}
	return 0;
}

static size_t
count_unused(const struct manifest *m, const struct map *used)
{
	size_t i, n = 0;

	for (i = 0; i < m->n; i++)
		n += m->entries[i].tag == MANIFEST_DIST &&
		    !map_gets(used, m->entries[i].name);
	return n;
}

/* What the templates of the package need themselves. */
static int
add_wanted(struct tree *t, struct arena *a, const struct tree_package *p,
    struct map *used)
{
	struct diags ignored;
	struct wants w = {.arena = a, .tree = t, .diags = &ignored};
	size_t i;

	diags_init(&ignored, a);
	if (wants_package(&w, p) < 0)
		return -1;
	for (i = 0; i < w.sources.n; i++)
		*map_puts(used, w.sources.items[i].key) = &used;
	return 0;
}

/* Children elsewhere may have their file in the Manifest of the parent. */
static int
add_children(struct tree *t, struct arena *a, struct map *used)
{
	const struct tree_package *p;
	size_t i, n;

	p = tree_packages(t, &n);
	for (i = 0; i < n; i++) {
		if (add_used(t, a, &p[i], used) < 0)
			return -1;
	}
	return 0;
}

static void
warn(const struct tree_package *p, const struct manifest *m,
    const struct map *used, struct diags *d)
{
	const struct manifest_entry *e;
	struct diag *g;
	size_t i;

	for (i = 0; i < m->n; i++) {
		e = &m->entries[i];
		if (e->tag != MANIFEST_DIST || map_gets(used, e->name))
			continue;
		g = diag_warning(d, e->at, "superfluous-dist",
		    "no recipe needs \"%s\"", e->name);
		diag_hint(d, g, "\"jobuild manifest %s/%s\" removes the line",
		    p->user, p->name);
	}
}

void
superfluous_find(struct arena *a, struct tree *t, const struct tree_package *p,
    struct diags *d)
{
	const struct tree_file *file;
	struct diags ignored;
	const struct manifest *m;
	struct error err;
	struct map used;

	file = tree_file(
	    t, arena_printf(a, "%s/%s/Manifest", p->user, p->name), &err);
	if (!file)
		return;
	diags_init(&ignored, a);
	m = manifest_parse(a, file->path, file->text, file->len, &ignored);
	map_init(&used, a);
	if (!m || add_used(t, a, p, &used) < 0)
		return;
	if (p->ntemplates > 0 && count_unused(m, &used) > 0 &&
	    (add_wanted(t, a, p, &used) < 0 || add_children(t, a, &used) < 0))
		return;
	warn(p, m, &used, d);
}
