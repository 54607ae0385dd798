/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dependency lists: a stack of open groups instead of recursion. */
#include "recipe/atom.h"
#include "recipe/list.h"
#include "base/arena.h"
#include "base/error.h"

#include <string.h>

#define DEPTH_MAX 64

struct group {
	struct dep *items;
	size_t n;
	enum dep_kind kind;
};

struct dep_parser {
	struct arena *arena;
	struct diags *d;
	struct place at;
	const char *variable;
	struct group stack[DEPTH_MAX + 1]; /* [0] is the list itself */
	size_t depth;
};

static struct dep *
add(struct dep_parser *p, enum dep_kind kind)
{
	struct group *g = &p->stack[p->depth];
	struct dep *dep;

	g->items = arena_grow(p->arena, g->items, g->n, sizeof(*g->items));
	dep = &g->items[g->n++];
	memset(dep, 0, sizeof(*dep));
	dep->kind = kind;
	dep->at = p->at;
	return dep;
}

static int
complain(struct dep_parser *p, const char *hint, const char *text)
{
	struct diag *g =
	    diag_error(p->d, p->at, "dependency", "%s: %s", p->variable, text);

	diag_hint(p->d, g, "%s", hint);
	return -1;
}

static int
open_group(struct dep_parser *p, bool any)
{
	if (p->depth == DEPTH_MAX)
		return complain(p, "put the inner group into a jobuild",
		    "groups are nested more than 64 deep");
	p->depth++;
	memset(&p->stack[p->depth], 0, sizeof(p->stack[0]));
	p->stack[p->depth].kind = any ? DEP_ANYOF : DEP_ALLOF;
	return 0;
}

static int
close_group(struct dep_parser *p)
{
	struct group g = p->stack[p->depth];
	struct dep *dep;

	if (p->depth == 0)
		return complain(
		    p, "every ) needs a ( before it", "a ) closes nothing");
	if (g.n == 0)
		return complain(
		    p, "leave the group out", "a group with nothing in it");
	p->depth--;
	dep = add(p, g.kind);
	dep->items = g.items;
	dep->n = g.n;
	return 0;
}

static int
word(struct dep_parser *p, struct slice w, bool any)
{
	struct error err;
	struct atom atom;
	struct dep *dep;

	if (w.len == 1 && *w.s == '(')
		return open_group(p, any);
	if (any)
		return complain(p, "write || ( this/one that/one )",
		    "|| without a group after it");
	if (w.len == 1 && *w.s == ')')
		return close_group(p);
	if (w.len > 1 && (memchr(w.s, '(', w.len) || memchr(w.s, ')', w.len)))
		return complain(p, "blanks belong around ||, ( and )",
		    arena_printf(p->arena,
			"a parenthesis without blanks in "
			"\"%s\"",
			show(p->arena, w.s, w.len > 200 ? 200 : w.len)));
	if (atom_parse(p->arena, w.s, w.len, &atom, &err) < 0)
		return complain(p,
		    "write maintainer/name or >=maintainer/name-1.0", err.msg);
	dep = add(p, DEP_ATOM);
	dep->atom = atom;
	dep->hash = id_hash(&atom.id);
	return 0;
}

int
dep_list_parse(struct arena *a, const char *value, struct place at,
    const char *variable, struct dep_list *out, struct diags *d)
{
	struct dep_parser p = {
	    .arena = a, .d = d, .at = at, .variable = variable};
	const char *s = value;
	bool any = false;
	struct slice w;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	while (rc == 0 && word_next(&s, &w)) {
		if (w.len == 2 && memcmp(w.s, "||", 2) == 0 && !any) {
			any = true;
			continue;
		}
		rc = word(&p, w, any);
		any = false;
	}
	if (rc == 0 && any)
		rc = complain(&p, "write || ( this/one that/one )",
		    "|| without a group after it");
	if (rc == 0 && p.depth > 0)
		rc = complain(
		    &p, "every ( needs a ) after it", "a ( is not closed");
	if (rc < 0)
		return -1;
	out->items = p.stack[0].items;
	out->n = p.stack[0].n;
	return dep_duplicates(a, out, at, variable, d);
}
