/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/tree/links.h"
#include "base/arena.h"
#include "base/show.h"

#include <string.h>

void
links_init(struct links *l, struct arena *a)
{
	memset(l, 0, sizeof(*l));
	l->arena = a;
	map_init(&l->numbers, a);
	map_init(&l->known, a);
}

size_t
links_node(struct links *l, const struct recipe_id *id)
{
	const char *name = id_format(l->arena, id);
	size_t *number, before = l->numbers.n;
	void **known = map_puts(&l->numbers, name);

	if (l->numbers.n == before)
		return *(size_t *)*known;
	l->names = arena_grow(l->arena, l->names, l->n, sizeof(*l->names));
	l->names[l->n] = name;
	*known = number = arena_new(l->arena, size_t);
	return *number = l->n++;
}

void
links_add(
    struct links *l, size_t from, size_t to, const char *kind, struct place at)
{
	struct link *k;
	char *key;
	void **known;

	key = arena_printf(l->arena, "%zu %zu %s %s:%u", from, to, kind,
	    at.file ? at.file : "", at.line);
	known = map_puts(&l->known, key);
	if (*known)
		return;
	*known = key;
	l->list = arena_grow(l->arena, l->list, l->nlinks, sizeof(*l->list));
	k = &l->list[l->nlinks++];
	k->from = from;
	k->to = to;
	k->kind = kind;
	k->at = at;
}

void
links_add_parent(struct links *l, size_t from, const struct metadata *m)
{
	struct recipe_id parent;
	size_t i;

	for (i = 0; i < m->nvars; i++) {
		if (strcmp(m->vars[i].name, "EXTENDS") == 0 &&
		    id_parse(l->arena, m->vars[i].value,
			strlen(m->vars[i].value), &parent))
			links_add(l, from, links_node(l, &parent), "EXTENDS",
			    m->vars[i].at);
	}
}

void
links_index(const struct links *l, bool backwards, struct links_index *out)
{
	size_t *at = arena_array(l->arena, l->n + 1, size_t), i;
	const struct link *k;

	out->first = arena_array(l->arena, l->n + 1, size_t);
	out->sorted = arena_array(l->arena, l->nlinks, const struct link *);
	for (i = 0; i < l->nlinks; i++) {
		k = &l->list[i];
		out->first[(backwards ? k->to : k->from) + 1]++;
	}
	for (i = 0; i < l->n; i++) {
		out->first[i + 1] += out->first[i];
		at[i] = out->first[i];
	}
	for (i = 0; i < l->nlinks; i++) {
		k = &l->list[i];
		out->sorted[at[backwards ? k->to : k->from]++] = k;
	}
}

const char *
links_place(struct arena *a, struct place at)
{
	if (!at.file)
		return "";
	return arena_printf(
	    a, "%s:%u", show(a, at.file, strlen(at.file)), at.line);
}

json_t *
links_json(const struct links *l, const struct link *link)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "from",
	    l->names[link->from], "to", l->names[link->to], "kind", link->kind,
	    "file", link->at.file ? link->at.file : "", "line",
	    (json_int_t)link->at.line);
}
