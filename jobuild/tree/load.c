/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "private.h"

#include <errno.h>
#include <string.h>

static bool
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
is_told(const struct diag *g, const struct diags *d)
{
	const struct diag *o;
	size_t i;

	for (i = d->n; i-- > 0;) {
		o = &d->list[i];
		if (o->at.line == g->at.line && o->at.col == g->at.col &&
		    same(o->rule, g->rule) && same(o->text, g->text) &&
		    same(o->at.file, g->at.file))
			return true;
	}
	return false;
}

void
tell(const struct diags *list, struct diags *d)
{
	const struct diag *g;
	struct diag *new;
	size_t i;

	for (i = 0; i < list->n; i++) {
		g = &list->list[i];
		if (is_told(g, d))
			continue;
		new = g->level == DIAG_ERROR
		    ? diag_error(d, g->at, g->rule, "%s", g->text)
		    : diag_warning(d, g->at, g->rule, "%s", g->text);
		if (g->hint)
			diag_hint(d, new, "%s", g->hint);
		if (g->source)
			new->source = arena_strdup(d->arena, g->source);
	}
}

const char *
recipe_path(struct arena *a, const struct recipe_id *id, enum recipe_kind kind)
{
	char ver[VERSION_MAX];

	version_format(id->ver, ver);
	return arena_printf(a, "%s/%s/%s-%s.%s", id->user, id->name, id->name,
	    ver, kind == RECIPE_JOBUILD ? "jobuild" : "template");
}

static struct node *
node_or_trouble(struct tree *t, const char *path, size_t max, struct diags *d)
{
	struct error err;
	struct node *n = node_get(t, path, max, &err);

	if (!n)
		diag_error(d, (struct place){path, 0, 0},
		    err.code == ENOENT ? "no-file" : "unreadable", "%s",
		    err.msg);
	return n;
}

struct node *
node_recipe(struct tree *t, const char *path, struct diags *d)
{
	struct node *n = node_or_trouble(t, path, RECIPE_FILE_MAX, d);

	if (!n)
		return NULL;
	if (!n->parsed)
		n->recipe = recipe_parse(&t->arena, n->file.path, n->file.text,
		    n->file.len, &n->trouble);
	n->parsed = true;
	tell(&n->trouble, d);
	return n->recipe ? n : NULL;
}

struct node *
node_manifest(struct tree *t, const char *path, struct diags *d)
{
	struct node *n = node_or_trouble(t, path, MANIFEST_MAX, d);

	if (!n)
		return NULL;
	if (!n->parsed)
		n->manifest = manifest_parse(&t->arena, n->file.path,
		    n->file.text, n->file.len, &n->trouble);
	n->parsed = true;
	tell(&n->trouble, d);
	return n->manifest ? n : NULL;
}

/* A chain while it is followed: leaf first. */
struct climb {
	struct node *list[RECIPE_CHAIN_MAX];
	size_t n;
	struct place at; /* of the last one's EXTENDS */
};

static struct diag *
wrong_parent(struct climb *c, struct diags *d, const char *text)
{
	const struct tree_file *f = &c->list[c->n - 1]->file;
	struct diag *g = diag_error(d, c->at, "extends", "%s", text);

	diag_source(d, g, f->text, f->len);
	return g;
}

/* "a -> b -> c" from the leaf on, and what the last one extends. */
static const char *
chain_text(struct arena *a, const struct climb *c, const char *last)
{
	const char *text = "";
	size_t i;

	for (i = 0; i < c->n; i++)
		text = arena_printf(a, "%s%s -> ", text, c->list[i]->file.path);
	return arena_printf(a, "%s%s", text, last);
}

/* The names of all templates. */
static const char **
template_names(struct tree *t, size_t *count)
{
	const struct tree_package *p;
	const char **list = NULL;
	struct recipe_id id;
	size_t i, k, n;

	*count = 0;
	p = tree_packages(t, &n);
	for (i = 0; i < n; i++) {
		for (k = 0; k < p[i].ntemplates; k++) {
			id = (struct recipe_id){
			    p[i].user, p[i].name, p[i].templates[k]};
			list =
			    arena_grow(&t->arena, list, *count, sizeof(*list));
			list[(*count)++] = id_format(&t->arena, &id);
		}
	}
	return list;
}

static int
missing_parent(struct tree *t, struct climb *c, const struct recipe_id *id,
    struct diags *d)
{
	const struct tree_package *p = tree_package(t, id->user, id->name);
	const char *name = id_format(&t->arena, id), *near;
	const char **names;
	char ver[VERSION_MAX];
	struct diag *g;
	size_t n;

	if (node_exists(t, recipe_path(&t->arena, id, RECIPE_JOBUILD))) {
		g = wrong_parent(
		    c, d, arena_printf(&t->arena, "%s is a jobuild", name));
		diag_hint(d, g, "only templates can be extended");
		return -1;
	}
	g = wrong_parent(
	    c, d, arena_printf(&t->arena, "there is no template %s", name));
	if (p && p->ntemplates) {
		version_format(p->templates[0], ver);
		diag_hint(d, g, "the newest template %s/%s is %s", id->user,
		    id->name, ver);
		return -1;
	}
	names = template_names(t, &n);
	near = nearest(name, names, n);
	if (near)
		diag_hint(d, g, "did you mean %s?", near);
	else
		diag_hint(d, g, "the tree has %zu templates", n);
	return -1;
}

/* Is path a parent that the chain can go on with? */
static int
check_parent(struct tree *t, struct climb *c, const char *path,
    const struct recipe_id *id, struct diags *d)
{
	struct diag *g;
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (strcmp(c->list[i]->file.path, path) != 0)
			continue;
		g = wrong_parent(
		    c, d, "templates extend each other in a circle");
		diag_hint(d, g, "%s", chain_text(&t->arena, c, path));
		return -1;
	}
	if (c->n == RECIPE_CHAIN_MAX) {
		g = wrong_parent(c, d, "the chain of templates is too long");
		diag_hint(d, g, "at most %d files: %s", RECIPE_CHAIN_MAX,
		    chain_text(&t->arena, c, path));
		return -1;
	}
	if (!node_exists(t, path))
		return missing_parent(t, c, id, d);
	return 0;
}

static int
load_chain(struct tree *t, struct tree_recipe *r, struct recipe *chain[],
    struct diags *d)
{
	const char *path = recipe_path(&t->arena, &r->id, r->kind);
	struct climb c = {.n = 0};
	struct recipe_id parent;
	struct node *n;
	size_t i;

	for (;;) {
		n = node_recipe(t, path, d);
		if (!n)
			return -1;
		c.list[c.n++] = n;
		if (!recipe_extends(n->recipe, &parent, &c.at))
			break;
		path = recipe_path(&t->arena, &parent, RECIPE_TEMPLATE);
		if (check_parent(t, &c, path, &parent, d) < 0)
			return -1;
	}
	r->nchain = c.n;
	for (i = 0; i < c.n; i++) {
		r->chain[i] = &c.list[c.n - 1 - i]->file;
		chain[i] = c.list[c.n - 1 - i]->recipe;
	}
	return 0;
}

static bool
prepare(struct tree *t, struct tree_recipe *r, struct diags *d)
{
	struct recipe *chain[RECIPE_CHAIN_MAX];

	if (load_chain(t, r, chain, d) < 0)
		return false;
	r->meta = recipe_eval(&t->arena, chain, r->nchain, &r->id, r->kind, d);
	if (!r->meta)
		return false;
	/* a template's values are its children's affair */
	if (r->kind == RECIPE_TEMPLATE)
		return true;
	return recipe_sources(t, r, d) == 0;
}

void
tell_damage(struct tree *t, struct diags *d)
{
	struct diags list;

	diags_init(&list, &t->arena);
	if (t->damage.msg[0])
		diag_error(&list, (struct place){NULL, 0, 0}, "damage", "%s",
		    t->damage.msg);
	tell(&list, d);
}

const struct tree_recipe *
tree_recipe(struct tree *t, const struct recipe_id *id, enum recipe_kind kind,
    struct diags *d)
{
	const char *path = recipe_path(&t->arena, id, kind);
	struct ready *r = map_gets(&t->recipes, path);

	if (!r) {
		r = arena_new(&t->arena, struct ready);
		diags_init(&r->trouble, &t->arena);
		r->recipe.id.user = arena_strdup(&t->arena, id->user);
		r->recipe.id.name = arena_strdup(&t->arena, id->name);
		r->recipe.id.ver = id->ver;
		r->recipe.kind = kind;
		r->good = prepare(t, &r->recipe, &r->trouble);
		*map_puts(&t->recipes, path) = r;
	}
	tell(&r->trouble, d);
	tell_damage(t, d);
	return r->good && !t->damage.msg[0] ? &r->recipe : NULL;
}
